/**
 * QEMU's devices without a processor, through its own test port (-qtest): each access is made on ours at once and
 * kept for QEMU, and the answers are compared at the end, so that a difference comes with the accesses before it.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { PortRange } from '../../../emu/bus.ts';
import { io } from './board.ts';

const QEMU = 'qemu-system-i386';
const QEMU_ARGS = '-S -display none -nodefaults -qtest stdio -qtest-log none'.split(' ');
const STORY = 24;

export const installed = spawnSync(QEMU, ['--version']).status === 0;

/** A small generator of repeatable numbers below `n` (xorshift32). */
export function random(seed: number): (n: number) => number {
  let x = seed;
  return n => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

export class Qtest {
  readonly script: string[] = [];
  private readonly answers: { ours: number; seen: number }[] = [];
  private readonly bus: ReturnType<typeof io>;

  constructor(device: { ports(): PortRange[] }) {
    this.bus = io(device);
  }

  out(port: number, ...values: number[]): void {
    for (const value of values) {
      this.bus.out(port, value);
      this.say(`outb 0x${port.toString(16)} 0x${value.toString(16)}`);
    }
  }

  /** Reads on both; only the bits of `seen` are compared. Gives ours. */
  in(port: number, seen = 0xff): number {
    const ours = this.bus.in(port);
    this.say(`inb 0x${port.toString(16)}`, ours, seen);
    return ours;
  }

  /** A command for QEMU of which our side has done its part already; its answer is `ours`. */
  say(command: string, ours = 0, seen = 0): void {
    this.script.push(command);
    this.answers.push({ ours, seen });
  }

  /** Runs QEMU; throws at the first answer that differs. Gives the number of answers compared. */
  async compare(...args: string[]): Promise<number> {
    const lines = await ask([...QEMU_ARGS, ...args], this.script);
    let compared = 0;
    this.answers.forEach(({ ours, seen }, i) => {
      if (seen === 0) return;
      const theirs = Number.parseInt(lines[i]?.split(' ')[1] ?? 'NaN', 16);
      const story = this.script.slice(Math.max(0, i - STORY), i + 1).join('; ');
      if (Number.isNaN(theirs) || (ours & seen) !== (theirs & seen))
        throw new Error(`ours 0x${ours.toString(16)}, QEMU 0x${theirs.toString(16)}: ${story}`);
      compared++;
    });
    return compared;
  }
}

/** What QEMU answers, a line for each command. It does not end by itself, so it is ended after the last answer. */
function ask(args: string[], script: string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const qemu = spawn(QEMU, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    let errors = '';
    let answered = 0;
    qemu.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    qemu.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      answered += chunk.split('\n').length - 1;
      if (answered >= script.length) qemu.kill();
    });
    qemu.on('error', reject).on('close', () => {
      if (answered >= script.length) resolve(text.split('\n'));
      else reject(new Error(`QEMU ended early: ${errors}`));
    });
    qemu.stdin.on('error', () => {}).write(`${script.join('\n')}\n`);
  });
}
