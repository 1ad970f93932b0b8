/** Boots the kernel with given command line and modules, on our machine or on QEMU, and keeps what it printed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Machine } from '../../emu/machine.ts';
import { findProfile } from '../../emu/profile/index.ts';
import { artefact, buildGuest, type GuestBuild } from '../../guest/build.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

export interface Boot {
  /** Kernel command line. */
  options?: string;
  /** Multiboot modules: "name arguments" of something built, or with bytes of the test's own. */
  modules: readonly (string | { line: string; bytes: Uint8Array })[];
  /** MiB, default 64. */
  memory?: number;
  profile?: string;
  /** Typed, one line each time the guest asks with "? "; on our machine only. */
  typed?: readonly string[];
}

export interface Booted {
  /** All that came from the serial port. */
  console: string;
  /** What was written to the exit port, or why the run ended without. */
  end: number | string;
}

const MIB = 1024 * 1024;
/** Tests that wait or spin for a time take a tenth of the instructions on a slow processor. */
const CLOCK_HZ = 100_000_000;
const MAX_CYCLES = 60e9;
const QEMU = 'qemu-system-i386';
const QEMU_TIME_LIMIT = 100_000;

export const hasQemu = spawnSync(QEMU, ['--version']).status === 0;
if (!hasQemu) console.log(`${QEMU} is not installed: the kernel's tests on QEMU are skipped`);

const NAMES = ['kernel.elf', 'init', 'hello', 'usertests', 'kerneltest.ko'];
let build: Promise<GuestBuild> | undefined;

/** The bytes of something built. */
export async function image(name: string): Promise<Uint8Array> {
  build ??= buildGuest({ only: NAMES });
  return new Uint8Array(readFileSync(artefact(await build, name)));
}

async function contents(boot: Boot): Promise<{ line: string; bytes: Uint8Array }[]> {
  return Promise.all(
    boot.modules.map(async m =>
      typeof m === 'string' ? { line: m, bytes: await image(m.split(' ', 1)[0]) } : m,
    ),
  );
}

const flat = findProfile('flat');
const slow = { ...flat, clockHz: { ...flat.clockHz, value: CLOCK_HZ } };

/** On our machine, by default one instruction a cycle at 100 MHz. */
export async function bootHere(boot: Boot): Promise<Booted> {
  let console = '';
  const typed = [...(boot.typed ?? [])];
  const machine: Machine = new Machine({
    profile: boot.profile ? findProfile(boot.profile) : slow,
    memoryBytes: (boot.memory ?? 64) * MIB,
    onSerial: byte => {
      console += String.fromCharCode(byte);
      if (console.endsWith('? ')) for (const c of typed.shift() ?? '') machine.uart.receive(c.charCodeAt(0));
    },
  });
  const modules = (await contents(boot)).map(({ line, bytes }) => ({ commandLine: line, bytes }));
  const commandLine = `kernel.elf ${boot.options ?? ''}`;
  machine.setEntry(
    loadMultiboot(machine, { name: 'kernel.elf', bytes: await image('kernel.elf'), commandLine, modules }),
  );
  const end = machine.run(MAX_CYCLES);
  return { console, end: end.reason === 'exit' ? end.code : end.reason };
}

/** On QEMU; its isa-debug-exit makes (value << 1) | 1 of what the guest writes. */
export async function bootQemu(boot: Boot): Promise<Booted> {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-kernel-'));
  try {
    const kernel = join(directory, 'kernel.elf');
    writeFileSync(kernel, await image('kernel.elf'));
    const modules = (await contents(boot)).map(({ line, bytes }) => {
      const [name] = line.split(' ', 1);
      writeFileSync(join(directory, name), bytes);
      return join(directory, line.replaceAll(',', ',,'));
    });
    const machine = ['-M', 'pc', '-m', String(boot.memory ?? 64), '-display', 'none', '-monitor', 'none'];
    const ports = ['-serial', 'stdio', '-no-reboot', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
    const initrd = modules.length > 0 ? ['-initrd', modules.join(',')] : [];
    const ran = spawnSync(
      QEMU,
      [...machine, ...ports, '-kernel', kernel, '-append', boot.options ?? '', ...initrd],
      { timeout: QEMU_TIME_LIMIT, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'latin1' },
    );
    const { status } = ran;
    const end =
      status !== null && status & 1 ? status >> 1 : `QEMU ended by ${ran.signal ?? status}: ${ran.stderr}`;
    return { console: ran.stdout, end };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Both machines, for tests that run on each. */
export const machines: { name: string; boot: (boot: Boot) => Promise<Booted>; skip: boolean }[] = [
  { name: 'our machine', boot: bootHere, skip: false },
  { name: 'QEMU', boot: bootQemu, skip: !hasQemu },
];
