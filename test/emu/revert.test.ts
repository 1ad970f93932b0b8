/** What a way back to a checkpoint costs, counted: the bytes that it copies, and what of the decoded code it keeps. */
import { describe, expect, it } from 'vitest';
import type { EngineKind } from '../../emu/board.ts';
import { Machine } from '../../emu/machine.ts';
import { findProfile } from '../../emu/profile/index.ts';
import { figures } from './engine/world.ts';

const PAGE = 4096;
const CODE = 0x1_0000;
const DATA = 0x2_0000;
const MIB = 1 << 20;
const ENGINES: EngineKind[] = ['interpreter', 'compiled'];

/**
 * Increments a dword in each of `pages` pages from DATA on, then halts:
 * MOV ECX, pages; MOV EDI, DATA; L: INC dword [EDI]; ADD EDI, 4096; LOOP L; HLT.
 */
function writerOf(pages: number, memoryBytes: number, engine: EngineKind = 'interpreter'): Machine {
  const machine = new Machine({ profile: findProfile('p4-1700'), memoryBytes, engine });
  if (machine.engine.jit) machine.engine.jit.hot = 3;
  const code = Uint8Array.of(
    ...[0xb9, ...le(pages), 0xbf, ...le(DATA), 0xff, 0x07, 0x81, 0xc7, ...le(PAGE), 0xe2, 0xf6, 0xf4],
  );
  machine.writePhysical(CODE, code);
  machine.setEntry({ eip: CODE, eax: 0, ebx: 0 });
  return machine;
}

const le = (v: number) => [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, v >>> 24];

function runToHalt(machine: Machine): void {
  expect(machine.run(machine.cycles() + 1e6).reason).toBe('halted');
}

describe('a revert', () => {
  it.each([1, 64, 128])('copies the pages that were written and no others, of %i MiB', size => {
    const machine = writerOf(7, size * MIB);
    const { memory } = machine.snapshot();
    const checkpoint = machine.checkpoint();
    // It holds the page of the code, and no zeros.
    expect(checkpoint.bytes).toBe(machine.state.used + PAGE + size * 1024);
    const { used } = machine.state;
    expect(used).toBeLessThan(256 << 10);
    runToHalt(machine);
    expect(machine.revert(checkpoint)).toBe(used + 7 * PAGE);
    expect(machine.revert(checkpoint)).toBe(used);
    runToHalt(machine);
    // The host's writes count too: here of two pages more, and of one that the guest has written.
    machine.writePhysical(DATA + 8 * PAGE - 2, new Uint8Array(4));
    machine.writePhysical(DATA + 5, new Uint8Array(4));
    expect(machine.revert(checkpoint)).toBe(used + 9 * PAGE);
    expect(Buffer.compare(machine.snapshot().memory, memory)).toBe(0);
  });

  it('to another checkpoint than the last copies everything', () => {
    const machine = writerOf(3, MIB);
    const first = machine.checkpoint();
    runToHalt(machine);
    const second = machine.checkpoint();
    const { memory } = machine.snapshot();
    expect(machine.revert(first)).toBe(machine.state.used + MIB);
    expect(machine.revert(first)).toBe(machine.state.used);
    expect(machine.revert(second)).toBe(machine.state.used + MIB);
    expect(Buffer.compare(machine.snapshot().memory, memory)).toBe(0);
  });
});

describe.each(ENGINES)('decoded code of the %s', engine => {
  it('stays over a revert, with the regions it was asked for', () => {
    const machine = writerOf(50, MIB, engine);
    let asked = 0;
    machine.setRegions(() => {
      asked++;
      return 3;
    });
    const checkpoint = machine.checkpoint();
    runToHalt(machine);
    const first = { asked, units: machine.engine.jit?.units, figures: figures(machine) };
    expect(asked).toBeGreaterThan(0);
    if (engine === 'compiled') expect(first.units).toBeGreaterThan(0);
    for (let n = 0; n < 3; n++) {
      machine.revert(checkpoint);
      runToHalt(machine);
      expect(figures(machine)).toEqual(first.figures);
      expect([asked, machine.engine.jit?.units]).toEqual([first.asked, first.units]);
    }
    // The code's own page changes: now it is decoded again. 9 pages instead of 50.
    machine.revert(checkpoint);
    machine.writePhysical(CODE + 1, Uint8Array.of(9));
    runToHalt(machine);
    expect(asked).toBeGreaterThan(first.asked);
    machine.revert(checkpoint);
    runToHalt(machine);
    expect(figures(machine)).toEqual(first.figures);
  });

  it('is charged to other regions when these change, and is not decoded again when they do not', () => {
    const machine = writerOf(50, MIB, engine);
    const checkpoint = machine.checkpoint();
    const spent = (region: number) => {
      machine.revert(checkpoint);
      runToHalt(machine);
      return machine.accounting.cell(region, 0);
    };
    let region = 3;
    let asked = 0;
    const regionOf = () => {
      asked++;
      return region;
    };
    machine.setRegions(regionOf);
    const inThree = spent(3);
    expect(inThree).toBeGreaterThan(100);
    machine.setRegions(regionOf);
    const again = asked;
    expect(spent(3)).toBe(inThree);
    expect(asked).toBe(again);
    region = 5;
    machine.setRegions(regionOf);
    expect(spent(5)).toBe(inThree);
  });
});
