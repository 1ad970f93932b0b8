/** Runs the guest on QEMU with a card whose wire ends in this process. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGuest, copyBuild } from '../../guest/build.ts';
import type { NetPeer } from './net-peer.ts';

const QEMU = 'qemu-system-i386';
const PROGRAMS = ['netsend', 'netrecv', 'ifconfig'];
const TIME_LIMIT = 60_000;

/** init's command to wait until QEMU's card receives: it holds frames back for a second after RCTL was written. */
export const SETTLE = 'sleep 1200';

export const hasQemu = spawnSync(QEMU, ['--version']).status === 0;

export interface NetGuest {
  directory: string;
  remove(): void;
}

/** The kernel, the driver and the programs, in a directory of their own. */
export async function buildNetGuest(): Promise<NetGuest> {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-net-'));
  copyBuild(await buildGuest({ only: ['kernel.elf', 'e1000.ko', 'init', ...PROGRAMS] }), directory);
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

export interface Run {
  /** All that has come from the serial port so far. */
  console(): string;
  /** Resolves when the console holds the text; rejects when the run ends without it. */
  prints(text: string): Promise<void>;
  /** Resolves with init's exit code. */
  done: Promise<number>;
}

/** Boots; `commands` are init's. The peer's wire is plugged into eth0. */
export function boot(guest: NetGuest, peer: NetPeer, commands: string, options = ''): Run {
  const file = (name: string) => join(guest.directory, name);
  const modules = [
    `${file('init')} ${commands.replaceAll(',', ',,')}`,
    ...['e1000.ko', ...PROGRAMS].map(file),
  ];
  const machine = [
    '-M',
    'pc',
    '-m',
    '64',
    '-display',
    'none',
    '-serial',
    'stdio',
    '-no-reboot',
    '-monitor',
    'none',
  ];
  const exitPort = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
  const kernel = ['-kernel', file('kernel.elf'), '-append', `ip=10.0.0.1/24 ${options}`];
  const child = spawn(
    QEMU,
    [...machine, ...exitPort, ...peer.qemuArguments(), ...kernel, '-initrd', modules.join(',')],
    { stdio: ['ignore', 'pipe', 'inherit'], timeout: TIME_LIMIT },
  );
  let text = '';
  let waiting: (() => void)[] = [];
  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const each of woken) each();
  };
  let ended = false;
  child.stdout.on('data', chunk => {
    text += chunk;
    wake();
  });
  const done = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ended = true;
      wake();
      // isa-debug-exit makes (value << 1) | 1 of what the guest writes.
      if (code === null || !(code & 1)) reject(new Error(`QEMU ended by ${signal ?? code}:\n${text}`));
      else resolve(code >> 1);
    });
  });
  done.catch(() => {});
  const prints = async (wanted: string) => {
    while (!text.includes(wanted)) {
      if (ended) throw new Error(`the guest ended without printing '${wanted}':\n${text}`);
      await new Promise<void>(resolve => waiting.push(resolve));
    }
  };
  return { console: () => text, prints, done };
}
