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
export async function buildDisk(name: 'services' | 'echo' | 'lba48'): Promise<Uint8Array> {
  const file = await build(name, 'image.ld');
  const disk = new Uint8Array(DISK);
  for (const { physicalAddress, data } of loadSegments(readElf(file, name), name))
    disk.set(data, physicalAddress - 0x7c00);
  return disk;
}

/** The kernel of vmlinux.S: the ELF file, and a bzImage of the same code. */
export async function buildKernel(): Promise<{ vmlinux: Uint8Array; bzImage: Uint8Array }> {
  const vmlinux = await build('vmlinux', 'vmlinux.ld');
  const [{ data }] = loadSegments(readElf(vmlinux, 'vmlinux'), 'vmlinux');
  const bzImage = new Uint8Array(1024 + data.length);
  const view = new DataView(bzImage.buffer);
  view.setUint8(0x1f1, 1);
  view.setUint32(0x1f4, Math.ceil(data.length / 16), true);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x20c, true);
  view.setUint8(0x211, 1);
  view.setUint32(0x214, 1 << 20, true);
  view.setUint32(0x22c, 0x7fffffff, true);
  view.setUint32(0x238, 255, true);
  bzImage.set(data, 1024);
  return { vmlinux, bzImage };
}

/** `NAME.S` as an ELF file. */
async function build(name: string, script: string): Promise<Uint8Array> {
  const file = `${name}.elf`;
  const target = { name: file, kind: 'kernel' as const, sources: [`${name}.S`], library: [], flags: [] };
  const built = await buildTargets([{ ...target, script }], [], { root: import.meta.dirname });
  return readFileSync(artefact(built, file));
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
