/**
 * The interrupt controllers against QEMU's, under random commands, through QEMU's own test port (-qtest). Skipped
 * when QEMU is not installed. Kept out, because QEMU leaves the data sheet there: the fall of an edge-triggered
 * line with its request still waiting, which QEMU keeps (so the cascade, whose line is one, stays masked), and a
 * non-specific EOI in special mask mode (QEMU ends masked levels too).
 */

import { spawn, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { Pic } from '../../../emu/devices/pic.ts';
import { io } from './board.ts';

const QEMU = 'qemu-system-i386';
const QEMU_ARGS = '-S -display none -nodefaults -qtest stdio -qtest-log none'.split(' ');
/** The two controllers in QEMU's object tree. */
const DEVICE = ['/machine/unattached/device[6]', '/machine/unattached/device[7]'];
const LEVEL_TRIGGERED = 0x0a20; // IRQ 5, 9 and 11
const CASCADE = 1 << 2;
const COMMANDS = 20_000;

const installed = spawnSync(QEMU, ['--version']).status === 0;

/** Runs each command on ours at once and keeps it for QEMU. */
class Twin {
  readonly pic = new Pic();
  readonly script: string[] = [];
  readonly read: (number | undefined)[] = [];
  private readonly bus = io(this.pic);
  private readonly lines = Array.from({ length: 16 }, (_, n) => (n === 2 ? undefined : this.pic.line(n)));

  out(port: number, ...values: number[]): void {
    for (const value of values) {
      this.bus.out(port, value);
      this.say(`outb ${port} ${value}`);
    }
  }

  in(port: number): void {
    const value = this.bus.in(port);
    this.say(`inb ${port}`, value);
  }

  set(irq: number, level: boolean): void {
    this.lines[irq]?.set(level);
    this.say(`set_irq_in ${DEVICE[irq >> 3]} unnamed-gpio-in ${irq & 7} ${level ? 1 : 0}`);
  }

  private say(command: string, answer?: number): void {
    this.script.push(command);
    this.read.push(answer);
  }
}

/** A small generator of repeatable numbers below `n` (xorshift32). */
function random(seed: number): (n: number) => number {
  let x = seed;
  return n => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

/** One random command to one of the two chips; `masking` tells of its special mask mode. */
function command(twin: Twin, next: (n: number) => number, masking: boolean[], levels: boolean[]): void {
  const chip = next(2);
  const port = chip === 0 ? 0x20 : 0xa0;
  const level = next(8);
  const kind = next(16);
  if (kind < 6) moveLine(twin, next(16), levels);
  else if (kind < 9)
    twin.out(port, 0x0c); // poll
  else if (kind === 9) twin.out(port + 1, (next(4) ? 0 : 1 << level) | (chip === 0 ? CASCADE : 0));
  else if (kind === 10) {
    masking[chip] = next(3) === 0;
    twin.out(port, masking[chip] ? 0x68 : 0x48);
  } else if (kind === 11) twin.out(port, 0xc0 | level);
  else if (kind === 12) twin.out(port, 0x60 | level);
  else if (kind === 13) twin.out(port, 0xe0 | level);
  else if (!masking[chip]) twin.out(port, kind === 14 ? 0x20 : 0xa0);
  if (kind >= 6 && kind < 9) twin.in(port);
}

function moveLine(twin: Twin, irq: number, levels: boolean[]): void {
  if (irq === 2) return;
  const view = twin.pic.view();
  const irr = irq < 8 ? view.master.irr : view.slave.irr;
  const waiting = (irr & (1 << (irq & 7))) !== 0 && (LEVEL_TRIGGERED & (1 << irq)) === 0;
  if (levels[irq] && waiting) return;
  levels[irq] = !levels[irq];
  twin.set(irq, levels[irq]);
}

/** What QEMU answers, a line for each command. It does not end by itself, so it is ended after the last answer. */
function ask(script: string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const qemu = spawn(QEMU, QEMU_ARGS, { stdio: ['pipe', 'pipe', 'ignore'] });
    let text = '';
    let answered = 0;
    qemu.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      answered += chunk.split('\n').length - 1;
      if (answered >= script.length) qemu.kill();
    });
    qemu.on('error', reject).on('close', () => resolve(text.split('\n')));
    qemu.stdin.on('error', () => {}).write(`${script.join('\n')}\n`);
  });
}

it.skipIf(!installed)('answers as QEMU does to random commands (skipped without QEMU)', async () => {
  const twin = new Twin();
  const next = random(0x1234567);
  const masking = [false, false];
  const levels: boolean[] = Array(16).fill(false);
  twin.out(0xa0, 0x11);
  twin.out(0xa1, 0x28, 0x02, 0x01, 0x00);
  twin.out(0x20, 0x11);
  twin.out(0x21, 0x20, 0x04, 0x01, CASCADE);
  twin.out(0x4d0, LEVEL_TRIGGERED & 0xff);
  twin.out(0x4d1, LEVEL_TRIGGERED >> 8);
  for (let i = 0; i < COMMANDS; i++) {
    command(twin, next, masking, levels);
    const port = next(2) ? 0x20 : 0xa0;
    twin.out(port, 0x0a | next(2));
    twin.in(port);
    twin.in(port + 1);
  }
  const answers = await ask(twin.script);
  let compared = 0;
  twin.read.forEach((ours, i) => {
    if (ours === undefined) return;
    const theirs = Number.parseInt(answers[i]?.split(' ')[1] ?? 'NaN', 16);
    const seen = twin.script[i] === `inb ${0x20}` && !polled(twin.script, i) ? ~CASCADE : ~0;
    const story = twin.script.slice(Math.max(0, i - 12), i + 1).join('; ');
    if ((ours & seen) !== (theirs & seen)) throw new Error(`ours ${ours}, QEMU ${theirs}: ${story}`);
    compared++;
  });
  expect(compared).toBeGreaterThan(2 * COMMANDS);
});

/** Whether the read before which a command stands is that of a poll. */
function polled(script: string[], i: number): boolean {
  return script[i - 1] === `outb ${0x20} ${0x0c}`;
}
