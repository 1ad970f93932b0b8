/**
 * A guest that works both APICs (guest.c) on our machine and on QEMU: their logs must be equal. Without QEMU, ours is
 * compared with the log that QEMU gave (qemu.log); with it, the log is checked to be QEMU's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Machine } from '../../../../emu/machine.ts';
import { findProfile } from '../../../../emu/profile/index.ts';
import { artefact, buildTargets, type GuestBuild } from '../../../../guest/build.ts';
import { loadMultiboot } from '../../../../guest/multiboot.ts';

const HERE = 'test/emu/devices/apic';
const NAME = 'apic.elf';
const QEMU = 'qemu-system-i386';
const LOG = new URL('./qemu.log', import.meta.url).pathname;
const MAX_CYCLES = 2e9;

const hasQemu = spawnSync(QEMU, ['--version']).status === 0;
if (!hasQemu) console.log(`${QEMU} is not installed: the APICs are compared with its recorded log only`);

let build: GuestBuild;

beforeAll(async () => {
  const sources = ['bench/guest/boot.S', `${HERE}/guest.c`, `${HERE}/stubs.S`];
  const flags = ['-Ibench/guest'];
  const script = 'bench/guest/link.ld';
  build = await buildTargets(
    [{ name: NAME, kind: 'kernel', sources, library: [], flags, script }],
    ['bench/guest'],
  );
}, 120_000);

function onOurs(profile: string): string {
  let log = '';
  const machine = new Machine({
    profile: findProfile(profile),
    memoryBytes: 16 << 20,
    onSerial: byte => {
      log += String.fromCharCode(byte);
    },
  });
  const bytes = readFileSync(artefact(build, NAME));
  machine.setEntry(loadMultiboot(machine, { name: NAME, bytes }));
  const end = machine.run(MAX_CYCLES);
  return `${log}${end.reason === 'exit' ? '' : `ended by ${end.reason}`}`;
}

function onQemu(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-apic-'));
  try {
    const machine = '-M pc,hpet=off -cpu pentium3 -m 16 -display none -monitor none -no-reboot -serial stdio';
    const exit = '-device isa-debug-exit,iobase=0xf4,iosize=4 -kernel'.split(' ');
    const ran = spawnSync(QEMU, [...machine.split(' '), ...exit, artefact(build, NAME)], {
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'latin1',
    });
    return ran.status === 1 ? ran.stdout : `${ran.stdout}ended by ${ran.signal ?? ran.status}: ${ran.stderr}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('a guest that works both APICs', () => {
  // `npx vitest run test/emu/devices/apic -u` records it again.
  it.skipIf(!hasQemu)('QEMU logs what was recorded (skipped without QEMU)', async () => {
    await expect(onQemu()).toMatchFileSnapshot(LOG);
  });

  it.each(['p3-1000', 'p4-1700'])('logs on %s what QEMU logs', profile => {
    expect(onOurs(profile).split('\n')).toEqual(readFileSync(LOG, 'latin1').split('\n'));
  });
});
