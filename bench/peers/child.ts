/**
 * One guest on one emulator that lives in Node, as a process of its own, so that each run begins cold like the other
 * peers': `nooks86 PROFILE ENGINE NAME FILE`, or `v86 jit|interpreter NAME FILE`. Writes the guest's lines to stdout as
 * they come, and before the last one, of ours, how many instructions the timed part had.
 */
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { profiles } from '../../emu/profile/index.ts';
import { runGuest } from '../speed/guest-run.ts';

const STDOUT = 1;
const MIB = 1 << 20;

async function runOurs([profile, engine, name, file]: string[]): Promise<void> {
  // As the command does; v86 brings no hints, and gets V8 as it is.
  await import('../../guest/host.ts');
  const kept: string[] = [];
  const onLine = (line: string) => {
    if (line.startsWith('TSC')) kept.push(line);
    else writeSync(STDOUT, `${line}\n`);
  };
  const onDone = () => writeSync(STDOUT, `DONE ${name}\n`);
  const kind = engine === 'interpreter' ? 'interpreter' : 'compiled';
  const run = runGuest(name, readFileSync(file), profiles[profile], kind, { onLine, onDone });
  writeSync(STDOUT, `INSTRUCTIONS ${run.instructions}\n${kept.join('\n')}\n`);
}

async function runV86([mode, , file]: string[]): Promise<void> {
  const { V86 } = await import('v86');
  const image = readFileSync(file);
  const emulator = new V86({
    wasm_path: join(dirname(createRequire(import.meta.url).resolve('v86')), 'v86.wasm'),
    memory_size: 64 * MIB,
    vga_memory_size: 2 * MIB,
    multiboot: { buffer: new Uint8Array(image).buffer },
    disable_jit: mode === 'interpreter',
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    autostart: true,
  });
  emulator.add_listener('serial0-output-byte', (byte: number) => writeSync(STDOUT, Buffer.of(byte)));
}

const [kind, ...rest] = process.argv.slice(2);
if (kind === 'v86') await runV86(rest);
else await runOurs(rest);
