/**
 * The counter as arithmetic against a counter that is clocked pulse by pulse, written from the data sheet's mode
 * definitions alone, under thousands of random commands.
 */

import { describe, expect, it } from 'vitest';
import { PitCounter } from '../../../emu/devices/pit-counter.ts';

/** One 8254 counter, one pulse at a time. Binary counts, low byte only or both. */
class Clocked {
  mode = 0;
  out = true;
  element = 0;
  loaded = false;
  nullCount = true;
  private both = false;
  private register = 0;
  private complete = false;
  low = -1;
  private loadNext = false;
  private trigger = false;
  private running = false;
  private armed = false;
  private odd = false;
  private gate: boolean;

  constructor(gate: boolean) {
    this.gate = gate;
  }

  control(mode: number, both: boolean): void {
    Object.assign(this, { mode, both, out: mode !== 0, nullCount: true, complete: false, low: -1 });
    Object.assign(this, { loadNext: false, trigger: false, running: false, armed: false, loaded: false });
  }

  write(byte: number): void {
    if (this.both && this.low < 0) {
      this.low = byte;
      if (this.mode === 0)
        Object.assign(this, { running: false, loaded: false, loadNext: false, out: false });
      return;
    }
    this.register = (this.both ? this.low | (byte << 8) : byte) || 0x10000;
    this.low = -1;
    this.complete = true;
    this.nullCount = true;
    const periodic = this.mode === 2 || this.mode === 3;
    if (this.mode === 0 || this.mode === 4 || (periodic && !this.running)) this.loadNext = true;
  }

  setGate(level: boolean): void {
    if (level && !this.gate && this.mode !== 0 && this.mode !== 4 && this.complete) this.trigger = true;
    this.gate = level;
    if (!level && (this.mode === 2 || this.mode === 3)) this.out = true;
  }

  pulse(): void {
    const load = this.loadNext || this.trigger;
    this.loadNext = false;
    this.trigger = false;
    if (load) this.load();
    else if (this.running) this.count();
    else if (this.mode >= 4) this.out = true;
  }

  private load(): void {
    this.take();
    this.running = true;
    this.loaded = true;
    this.armed = true;
    this.out = this.mode >= 2;
  }

  private take(): void {
    this.nullCount = false;
    this.element = this.register;
    this.odd = (this.element & 1) === 1;
    if (this.mode === 3) this.element &= ~1;
  }

  private count(): void {
    const strobing = this.mode >= 4 && !this.out;
    if (strobing) this.out = true;
    if (!this.gate && this.mode !== 1 && this.mode !== 5) return;
    if (this.mode === 2) this.countRate();
    else if (this.mode === 3) this.countSquare();
    else this.countDown();
  }

  private countDown(): void {
    this.element = (this.element + 0xffff) & 0xffff;
    if (this.element !== 0 || !this.armed) return;
    this.armed = false;
    this.out = this.mode < 4;
  }

  private countRate(): void {
    if (this.element === 1) {
      this.take();
      this.out = true;
    } else if (--this.element === 1) this.out = false;
  }

  private countSquare(): void {
    const extra = this.out && this.odd;
    if (extra && this.element === 0) {
      this.toggle();
      return;
    }
    this.element -= 2;
    if (this.element === 0 && !extra) this.toggle();
  }

  private toggle(): void {
    this.take();
    this.out = !this.out;
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

describe.each([0, 1, 2, 3, 4, 5])('mode %i', mode => {
  it.each([false, true])('equals the clocked counter under random commands (both bytes: %s)', both => {
    const next = random(0x2545f491 + mode * 2 + (both ? 1 : 0));
    const clocked = new Clocked(true);
    const counter = new PitCounter(true);
    let pulse = 0;
    let changes = 0;
    let log: string[] = [];

    const same = (what: string, ours: unknown, theirs: unknown): void => {
      if (ours !== theirs)
        throw new Error(`${what} is ${ours}, not ${theirs}, at pulse ${pulse}: ${log.join(', ')}`);
    };
    const check = (): void => {
      same('OUT', counter.output(pulse), clocked.out);
      counter.latchStatus(pulse);
      same('null count', (counter.readCount(pulse) & 0x40) !== 0, clocked.nullCount);
      if (!clocked.loaded) return;
      counter.latchCount(pulse);
      const low = counter.readCount(pulse);
      const seen = both ? low | (counter.readCount(pulse) << 8) : low;
      same('the count', seen, clocked.element & (both ? 0xffff : 0xff));
    };
    const step = (): void => {
      const change = counter.nextChange();
      const before = clocked.out;
      clocked.pulse();
      pulse++;
      // Nothing changes before it was announced.
      if (clocked.out !== before) {
        changes++;
        same('the next change', change, pulse);
      }
      check();
    };
    const control = (): void => {
      log = ['control'];
      clocked.control(mode, both);
      counter.writeControl((both ? 0x30 : 0x10) | (mode << 1), pulse);
    };
    const write = (): void => {
      const byte = clocked.low >= 0 ? Math.floor(next(6) / 5) : 2 + next(9);
      log.push(`${pulse} write ${byte}`);
      clocked.write(byte);
      counter.writeCount(byte, pulse);
    };
    const gate = (): void => {
      const level = next(2) === 1;
      log.push(`${pulse} gate ${level}`);
      clocked.setGate(level);
      counter.setGate(level, pulse);
    };

    control();
    for (let i = 0; i < 8000; i++) {
      const command = next(40);
      if (command === 0) control();
      else if (command < 6) write();
      else if (command < 12) gate();
      check();
      for (let n = next(6); n > 0; n--) step();
      if (next(50) === 0) for (let n = 0; n < 700; n++) step();
    }
    expect(changes).toBeGreaterThan(100);
  });
});
