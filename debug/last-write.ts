/**
 * Who wrote some bytes of RAM last: the pages that hold them now are watched while the past is replayed. What counts is
 * the bytes' place in RAM: whoever wrote there, by whatever linear address, a device or the page walker too.
 */
import { CommandError } from './error.ts';
import { type History, later } from './history.ts';
import type { Position } from './model.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';

/** A write that was found. */
export interface Written {
  /** Before the instruction, or at the device's moment. */
  at: Position;
  /** As the clock stood when it was done. */
  cycles: number;
  who: 'instruction' | 'device' | 'walker' | 'debugger';
  /** Linear address of the instruction, unsigned. */
  by?: number;
}

export const MAX_LENGTH = 65_536;
const PAGE = 4096;

interface Range {
  from: number;
  length: number;
}

export interface LastAccess {
  begin(): void;
  latest(before: Position): Written | undefined;
  /** The debugger's own last write to the bytes. */
  byHand(before: Position): Written | undefined;
  /** Takes the watch off again. */
  end(): void;
}

/** Watches from now on. Throws a CommandError where there is no RAM. */
export function lastAccess(
  target: Target,
  history: History,
  address: number,
  length: number,
  physical: boolean,
): LastAccess {
  const { machine } = target;
  const { mmu } = machine.cpu;
  const ranges = rangesOf(target, address, length, physical);
  const covers = (pa: number) => ranges.some(r => pa >= r.from && pa < r.from + r.length);
  let notes: Written[] = [];
  const written = (lin: number) => {
    const at = history.position();
    const running = !Number.isNaN(lin);
    const who = running ? 'instruction' : machine.engine.isRunning ? 'walker' : 'device';
    const by = who === 'device' ? {} : { by: machine.engine.currentLin() >>> 0 };
    const last = notes[notes.length - 1];
    // Only the last before the end counts; what a run past the end does is not one.
    if (last && last.at.step === at.step) notes.pop();
    if (notes.length > 2 * MAX_LENGTH) notes = notes.slice(MAX_LENGTH);
    notes.push({ at, cycles: machine.cycles(), who, ...by });
  };
  const ends = ranges.map(({ from, length: size }) =>
    mmu.watches.add({ address: from, length: size, physical: true, written }),
  );
  return {
    begin: () => {
      notes = [];
    },
    latest: before => notes.findLast(note => later(before, note.at)),
    byHand: before => {
      for (const { at, write } of history.writesBefore(before))
        if (write.what === 'memory' && overlaps(target, write.address, write.bytes.length, covers))
          return { at, cycles: at.cycles, who: 'debugger' };
      return undefined;
    },
    end: () => {
      for (const end of ends) end();
    },
  };
}

/** By today's page tables. */
function overlaps(target: Target, address: number, length: number, covers: (pa: number) => boolean): boolean {
  for (let n = 0; n < length; n++) {
    const pa = target.machine.cpu.mmu.peekTranslate((address + n) | 0);
    if (pa >= 0 && covers(pa)) return true;
  }
  return false;
}

/** The bytes in RAM, page by page. */
function rangesOf(target: Target, address: number, length: number, physical: boolean): Range[] {
  const { machine } = target;
  if (!(length >= 1 && length <= MAX_LENGTH)) throw new CommandError(`length ${length}: 1 to ${MAX_LENGTH}`);
  const ranges: Range[] = [];
  for (let at = 0; at < length; ) {
    const here = address + at;
    const size = Math.min(length - at, PAGE - (here & (PAGE - 1)));
    const from = physical ? here : machine.cpu.mmu.peekTranslate(here | 0);
    if (!(from >= 0 && from + size <= machine.ramSize))
      throw new CommandError(`no RAM at ${physical ? 'physical ' : ''}0x${hex8(here >>> 0)}`);
    ranges.push({ from, length: size });
    at += size;
  }
  return ranges;
}
