/**
 * Every key in every scan code set against QEMU's keyboard, whose keys are pressed through its monitor (QMP). Skipped
 * when QEMU is not installed. QEMU runs a ROM that halts, since it takes no keys while it is stopped.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { I8042 } from '../../../emu/devices/i8042.ts';
import { cacheRoot } from '../../../guest/project.ts';
import { IrqSpy, io, TestClock } from './board.ts';
import { installed } from './qtest.ts';

/** Our names of keys whose QEMU name is another. */
const QCODES: Record<string, string> = {
  ...{ '`': 'grave_accent', '-': 'minus', '=': 'equal', '[': 'bracket_left', ']': 'bracket_right' },
  ...{ '\\': 'backslash', ';': 'semicolon', "'": 'apostrophe', ',': 'comma', '.': 'dot', '/': 'slash' },
  ...{ intl: 'less', space: 'spc', enter: 'ret', capslock: 'caps_lock', rshift: 'shift_r', rctrl: 'ctrl_r' },
  ...{ ralt: 'alt_r', meta: 'meta_l', rmeta: 'meta_r', menu: 'compose', scrolllock: 'scroll_lock' },
  ...{
    pageup: 'pgup',
    pagedown: 'pgdn',
    numlock: 'num_lock',
    kpdivide: 'kp_divide',
    kpmultiply: 'kp_multiply',
  },
  ...{
    kpsubtract: 'kp_subtract',
    kpadd: 'kp_add',
    kpenter: 'kp_enter',
    kpdecimal: 'kp_decimal',
    printscreen: 'print',
  },
};
const SAME = [
  ...'abcdefghijklmnopqrstuvwxyz0123456789',
  ...'backspace tab esc shift ctrl alt insert home delete end up left down right pause'.split(' '),
  ...Array.from({ length: 12 }, (_, n) => `f${n + 1}`),
];
const KEYPAD = Array.from({ length: 10 }, (_, n) => [`kp${n}`, `kp_${n}`]);
const KEYS: [ours: string, theirs: string][] = [
  ...SAME.map((name): [string, string] => [name, name]),
  ...Object.entries(QCODES),
  ...(KEYPAD as [string, string][]),
];

/** Command byte and scan code set. */
const MODES: [number, number][] = [
  [0x43, 2],
  [0x03, 2],
  [0x03, 3],
  [0x03, 1],
];

/** Reads a stream by lines, one at a time. */
function lines(stream: Readable): () => Promise<string> {
  const waiting: ((line: string) => void)[] = [];
  const ready: string[] = [];
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const reader = waiting.shift();
      if (reader) reader(line);
      else ready.push(line);
    }
  });
  return () =>
    new Promise(resolve => {
      const line = ready.shift();
      if (line === undefined) waiting.push(resolve);
      else resolve(line);
    });
}

class Qemu {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly monitor: Duplex;
  private readonly answer: () => Promise<string>;
  private readonly reply: () => Promise<string>;

  constructor(rom: string) {
    const args = `-bios ${rom} -display none -nodefaults -qtest stdio -qtest-log none`.split(' ');
    const monitor = '-chardev socket,id=monitor,fd=3 -mon chardev=monitor,mode=control'.split(' ');
    const child = spawn('qemu-system-i386', [...args, ...monitor], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    this.child = child as ChildProcessWithoutNullStreams;
    this.monitor = child.stdio[3] as Duplex;
    this.monitor.on('error', () => {});
    this.answer = lines(this.child.stdout);
    this.reply = lines(this.monitor);
  }

  async out(port: number, value: number): Promise<void> {
    this.child.stdin.write(`outb ${port} ${value}\n`);
    await this.answer();
  }

  async in(port: number): Promise<number> {
    this.child.stdin.write(`inb ${port}\n`);
    return Number.parseInt((await this.answer()).split(' ')[1], 16);
  }

  async execute(command: string, args?: unknown): Promise<void> {
    this.monitor.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    for (;;) {
      const line = await this.reply();
      if (line.includes('"error"')) throw new Error(line);
      if (line.includes('"return"')) return;
    }
  }

  async bytes(): Promise<number[]> {
    const seen: number[] = [];
    while ((await this.in(0x64)) & 1) seen.push(await this.in(0x60));
    return seen;
  }

  async press(key: string): Promise<number[]> {
    const seen: number[] = [];
    for (const down of [true, false]) {
      const event = { type: 'key', data: { down, key: { type: 'qcode', data: key } } };
      await this.execute('input-send-event', { events: [event] });
      seen.push(...(await this.bytes()));
    }
    return seen;
  }

  kill(): void {
    this.child.kill();
  }
}

class Ours {
  private readonly clock = new TestClock(1e9);
  private readonly controller = new I8042(this.clock, { keyboardIrq: new IrqSpy(), mouseIrq: new IrqSpy() });
  private readonly bus = io(this.controller);

  out(port: number, value: number): void {
    this.bus.out(port, value);
    this.clock.run(4e7);
  }

  bytes(): number[] {
    const seen: number[] = [];
    for (; this.bus.in(0x64) & 1; this.clock.run(4e7)) seen.push(this.bus.in(0x60));
    return seen;
  }

  press(key: string): number[] {
    this.controller.keyboard.pressKeys([key]);
    this.clock.run(2e8);
    return this.bytes();
  }
}

it.skipIf(!installed)(
  'every key sends what QEMU has it send (skipped without QEMU)',
  async () => {
    mkdirSync(cacheRoot(), { recursive: true });
    const directory = mkdtempSync(join(cacheRoot(), 'test-keys-'));
    const rom = Buffer.alloc(0x1_0000, 0xf4);
    rom.set([0xfa, 0xf4, 0xeb, 0xfc], 0xfff0); // cli; hlt; jmp to the cli's hlt
    writeFileSync(join(directory, 'halt.rom'), rom);
    const qemu = new Qemu(join(directory, 'halt.rom'));
    const ours = new Ours();
    try {
      await qemu.execute('qmp_capabilities');
      for (const [commandByte, set] of MODES) {
        for (const [port, value] of [
          [0x64, 0x60],
          [0x60, commandByte],
          [0x60, 0xf0],
          [0x60, set],
        ]) {
          await qemu.out(port, value);
          ours.out(port, value);
          expect(ours.bytes()).toEqual(await qemu.bytes());
        }
        for (const [key, theirs] of KEYS)
          expect([key, set, ...ours.press(key)]).toEqual([key, set, ...(await qemu.press(theirs))]);
      }
    } finally {
      qemu.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);
