/**
 * The IDE controller against QEMU's: a guest program drives PIO, multiple, DMA and errors and prints what it saw (see
 * guest/ide.c for what it leaves out), on ours and on QEMU with the same images. The lines must be the same, and so
 * must the disks at the end. Skipped when QEMU is not installed; what ours prints is looked at then too.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MemoryDisk, SECTOR_BYTES } from '../../../../emu/devices/ide/block.ts';
import { Machine } from '../../../../emu/machine.ts';
import { profiles } from '../../../../emu/profile/index.ts';
import { artefact, buildTargets } from '../../../../guest/build.ts';
import { loadMultiboot } from '../../../../guest/multiboot.ts';

const QEMU = 'qemu-system-i386';
const QEMU_ARGS =
  '-M pc -m 16 -display none -monitor none -nodefaults -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4';
const TIME_LIMIT = 60_000;
const DIRECTORY = 'test/emu/devices/ide/guest';
/** Whole cylinders of 16 heads and 63 sectors: both machines then say the same geometry. */
const CYLINDER = 16 * 63;
const SECTORS = [20 * CYLINDER, 8 * CYLINDER];
/** A slow clock: the disks' milliseconds are then few instructions. */
const SLOW = { ...profiles.flat, clockHz: { ...profiles.flat.clockHz, value: 2_000_000 } };
const MOST_CYCLES = 1e9;

const installed = spawnSync(QEMU, ['--version']).status === 0;
if (!installed) console.log(`${QEMU} is not installed: the comparison of disks with it is skipped`);

/** An image whose every word tells its place. */
function image(sectors: number, seed: number): Uint8Array {
  const words = new Uint32Array((sectors * SECTOR_BYTES) / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 0x9e3779b1) ^ (i >>> 7);
  return new Uint8Array(words.buffer);
}

async function guest(): Promise<string> {
  const sources = ['start.S', 'ide.c'].map(file => `${DIRECTORY}/${file}`);
  const target = { name: 'ide.elf', kind: 'kernel' as const, sources, library: [], flags: [] };
  const build = await buildTargets([{ ...target, script: `${DIRECTORY}/link.ld` }], [DIRECTORY]);
  return artefact(build, 'ide.elf');
}

function runHere(elf: string, disks: Uint8Array[]): string {
  let text = '';
  const machine = new Machine({
    profile: SLOW,
    memoryBytes: 16 << 20,
    disks: disks.map(bytes => new MemoryDisk(bytes)),
    onSerial: byte => {
      text += String.fromCharCode(byte);
    },
  });
  machine.setEntry(loadMultiboot(machine, { name: 'ide.elf', bytes: new Uint8Array(readFileSync(elf)) }));
  const end = machine.run(MOST_CYCLES);
  expect(end, text.slice(-300)).toEqual({ reason: 'exit', code: 0 });
  return text;
}

function runQemu(elf: string, disks: Uint8Array[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-ide-'));
  try {
    const files = disks.map((bytes, n) => {
      const file = join(directory, `${n}.img`);
      writeFileSync(file, bytes);
      return file;
    });
    const drives = files.flatMap((file, index) => [
      '-drive',
      `file=${file},format=raw,if=ide,index=${index}`,
    ]);
    const args = [...QEMU_ARGS.split(' '), '-kernel', elf, ...drives];
    const ran = spawnSync(QEMU, args, { timeout: TIME_LIMIT, encoding: 'latin1' });
    expect(ran.status, `${ran.signal} ${ran.stderr} ${ran.stdout.slice(-300)}`).toBe(1);
    disks.forEach((bytes, n) => {
      bytes.set(readFileSync(files[n]));
    });
    return ran.stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const lines = (text: string): string[] => text.replaceAll('\r', '').trimEnd().split('\n');

it('does as QEMU does, command by command (skipped without QEMU)', { timeout: 180_000 }, async () => {
  const elf = await guest();
  const [ours, theirs] = [0, 1].map(() => SECTORS.map((sectors, n) => image(sectors, n * 77)));
  const here = lines(runHere(elf, ours));
  expect(here.at(-1)).toBe('end');
  expect(here.length).toBeGreaterThan(240);
  if (!installed) return;
  expect(here).toEqual(lines(runQemu(elf, theirs)));
  ours.forEach((bytes, n) => {
    expect(Buffer.compare(bytes, theirs[n])).toBe(0);
  });
});
