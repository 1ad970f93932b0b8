/**
 * Faults of the wire, put in front of one of its ends: `insert(wire, side, end => new Dropper(end, rule))` makes frames
 * for that side pass through it. Which frames are hit is a rule: every n-th, or by probability from a seed.
 */

import type { Saved } from '../../emu/bus.ts';
import type { LinkEnd, Side, Wire } from '../../emu/devices/wire.ts';
import { Random } from './random.ts';

/** Every n-th frame (the n-th, the 2n-th, ...), or each with a probability; of those that `only` lets through. */
export type FaultRule = ({ everyNth: number } | { probability: number; seed: number }) & {
  only?: (frame: Uint8Array) => boolean;
};

/** Puts something between the wire and what is connected at `side`. */
export function insert<T extends LinkEnd>(wire: Wire, side: Side, make: (end: LinkEnd) => T): T {
  const inserted = make(wire.end(side));
  wire.connect(side, inserted);
  return inserted;
}

/** Decides frame by frame, and counts. */
class Chooser {
  seen = 0;
  hit = 0;
  private readonly rule: FaultRule;
  private readonly random: Random;

  constructor(rule: FaultRule) {
    if ('everyNth' in rule && !(Number.isInteger(rule.everyNth) && rule.everyNth >= 1))
      throw new RangeError(`every ${rule.everyNth}th frame: not a whole number from 1`);
    if ('probability' in rule && !(rule.probability >= 0 && rule.probability <= 1))
      throw new RangeError(`a probability of ${rule.probability} is not from 0 to 1`);
    this.rule = rule;
    this.random = new Random('seed' in rule ? rule.seed : 1);
  }

  chooses(frame: Uint8Array): boolean {
    if (this.rule.only && !this.rule.only(frame)) return false;
    this.seen++;
    const hit =
      'everyNth' in this.rule
        ? this.seen % this.rule.everyNth === 0
        : this.random.chance(this.rule.probability);
    if (hit) this.hit++;
    return hit;
  }

  save(): unknown {
    return { seen: this.seen, hit: this.hit, random: this.random.save() };
  }

  load(state: unknown): void {
    const saved = state as { seen: number; hit: number; random: number };
    this.seen = saved.seen;
    this.hit = saved.hit;
    this.random.load(saved.random);
  }
}

abstract class Fault implements LinkEnd, Saved {
  protected readonly end: LinkEnd;
  protected readonly chooser: Chooser;

  constructor(end: LinkEnd, rule: FaultRule) {
    this.end = end;
    this.chooser = new Chooser(rule);
  }

  /** Frames that the rule looked at, and frames that it hit. */
  counts(): { seen: number; hit: number } {
    return { seen: this.chooser.seen, hit: this.chooser.hit };
  }

  abstract deliver(frame: Uint8Array, at: number, badFcs: boolean): void;

  linkChanged(up: boolean, at: number): void {
    this.end.linkChanged?.(up, at);
  }

  save(): unknown {
    return this.chooser.save();
  }

  load(state: unknown): void {
    this.chooser.load(state);
  }
}

/** Loses frames. */
export class Dropper extends Fault {
  override deliver(frame: Uint8Array, at: number, badFcs: boolean): void {
    if (!this.chooser.chooses(frame)) this.end.deliver(frame, at, badFcs);
  }
}

/** First byte behind Ethernet, IPv4 and UDP headers. */
const PAYLOAD = 42;

/**
 * Turns one bit of a frame. With `fcs: 'bad'` the MAC sees it (CRCERRS); with 'good' the frame was damaged where its
 * FCS is made anew, as in a switch, and only a checksum above can tell: then the bit is behind the headers.
 */
export class Damager extends Fault {
  private readonly fcs: 'bad' | 'good';
  private readonly random: Random;

  constructor(end: LinkEnd, rule: FaultRule, fcs: 'bad' | 'good', seed = 1) {
    super(end, rule);
    this.fcs = fcs;
    this.random = new Random(seed);
  }

  override deliver(frame: Uint8Array, at: number, badFcs: boolean): void {
    if (!this.chooser.chooses(frame)) {
      this.end.deliver(frame, at, badFcs);
      return;
    }
    const first = this.fcs === 'good' && frame.length > PAYLOAD ? PAYLOAD : 0;
    const damaged = frame.slice();
    damaged[first + this.random.below(frame.length - first)] ^= 1 << this.random.below(8);
    this.end.deliver(damaged, at, badFcs || this.fcs === 'bad');
  }

  override save(): unknown {
    return { chooser: super.save(), random: this.random.save() };
  }

  override load(state: unknown): void {
    const saved = state as { chooser: unknown; random: number };
    super.load(saved.chooser);
    this.random.load(saved.random);
  }
}
