/** The boot disks of this directory, and what a BIOS answers to services.S under QEMU. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { artefact, buildTargets } from '../../../guest/build.ts';
import { loadSegments, readElf } from '../../../guest/elf.ts';

/** Two cylinders of 16 heads and 63 sectors. */
const DISK = 2 * 16 * 63 * 512;
/** AX, BX, CX, DX, flags. */
const ANSWER = /( [0-9A-F]{4}){4} [-C][-Z]$/;
const QEMU = 'qemu-system-i386';

/** A disk that begins with the sectors of `NAME.S`. */
export async function buildDisk(name: 'services' | 'echo'): Promise<Uint8Array> {
  const root = import.meta.dirname;
  const file = `${name}.elf`;
  const target = { name: file, kind: 'kernel' as const, sources: [`${name}.S`], library: [], flags: [] };
  const build = await buildTargets([{ ...target, script: 'image.ld' }], [], { root });
  const elf = readElf(readFileSync(artefact(build, file)), file);
  const disk = new Uint8Array(DISK);
  for (const { physicalAddress, data } of loadSegments(elf, file)) disk.set(data, physicalAddress - 0x7c00);
  return disk;
}

/** True when there is a QEMU to ask. */
export function haveQemu(): boolean {
  return spawnSync(QEMU, ['--version']).status === 0;
}

/** What the disk prints on port E9 under QEMU, with this ROM or QEMU's own BIOS. */
export function underQemu(disk: Uint8Array, bios?: Uint8Array): string {
  const dir = mkdtempSync(join(tmpdir(), 'nooks86-bios-'));
  try {
    const path = (name: string) => join(dir, name);
    writeFileSync(path('disk'), disk);
    if (bios) writeFileSync(path('bios'), bios);
    const args = [
      ...(bios ? ['-bios', path('bios')] : []),
      ...[
        '-machine',
        'pc',
        '-accel',
        'tcg',
        '-m',
        '32',
        '-display',
        'none',
        '-net',
        'none',
        '-serial',
        'null',
      ],
      ...['-drive', `file=${path('disk')},format=raw`, '-debugcon', `file:${path('out')}`],
      ...['-device', 'isa-debug-exit,iobase=0xf4'],
    ];
    try {
      execFileSync(QEMU, args, { timeout: 60_000 });
    } catch (error) {
      // isa-debug-exit makes a 1 of the guest's 0.
      if ((error as { status?: number }).status !== 1) throw error;
    }
    return readFileSync(path('out'), 'latin1');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The lines of services.S in a BIOS's output, by name; what POST said before is left out. */
export function answersOf(output: string): string[] {
  return output.split('\n').filter(line => ANSWER.test(line));
}

/** `name` of an answer. */
export function nameOf(line: string): string {
  return line.replace(ANSWER, '');
}
