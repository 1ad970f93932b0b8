/**
 * Gathers the Observation of one trial: counts are differences to those at the injection, and what happens in the
 * closing part is counted apart. Times of errors that programs report are those of the slice's end in which they did
 * (watch.ts: within a millisecond); those of frames, of guest events and of the oracle are exact.
 */
import { TICKS_PER_CYCLE } from '../../emu/clock.ts';
import type { Machine } from '../../emu/machine.ts';
import { type ApplicationReport, type Observation, type RunEnd, STREAMS, type TrialPlan } from '../model.ts';
import type { Findings } from '../oracle/oracle.ts';
import { unobserved } from '../unobserved.ts';
import type { FarEndCounts } from './farend.ts';
import { PROGRAMS, type ProgramName, type ProgramReport } from './report.ts';
import type { Watch, Watched } from './watch.ts';

/** Everything that counts up, at one moment. */
interface Reading {
  at: number;
  instructions: number;
  jiffies: number;
  far: FarEndCounts;
  programs: Record<ProgramName, ProgramReport>;
}

/** The kernel says so when it ends a program. */
const KILLED = /^(?:<\d>)?(\w+)\[\d+\]: .* at [0-9a-f]{8}/;
const NOTHING_FOUND: Findings = {
  wildWrites: [],
  wildWriteCount: 0,
  corruptions: [],
  firstErrorAt: null,
  ownCorruptions: 0,
};
/** Of each stream so many must pass in the closing part, or it does not serve. */
const LEAST_MESSAGES = 4;
/**
 * A stream that does less than this part of what is usual is slow, which is a timing failure. (Taking the interface
 * down and up leaves it more than half.)
 */
const SLOW = 0.4;

/** Units that each program does in the closing part of a trial without faults. */
export type Usual = Partial<Record<string, number>>;

export function usualOf(o: Observation): Usual {
  return Object.fromEntries(o.applications.map(a => [a.name, a.doneLately]));
}

export class Recorder {
  private readonly w: Watched;
  private start!: Reading;
  private last!: Reading;
  private close: Reading | null = null;
  private end: RunEnd = 'complete';
  private packets = 0;
  private lastPacketAt = 0;
  private complaintAt: number | null = null;
  private executedAt: (number | null)[] = [];
  private notInjected: number[] = [];
  private verdict: Findings = NOTHING_FOUND;
  private pingsSent = 0;
  private readonly usual: Usual;

  /** `usual`: what the streams do in the closing part of a healthy run; without it none is called slow. */
  constructor(watched: Watched, usual: Usual = {}) {
    this.w = watched;
    this.usual = usual;
  }

  /** At the injection. */
  begin(): void {
    this.start = this.read();
  }

  /** After each slice. */
  look(): void {
    if (this.complaintAt !== null) return;
    const before = PROGRAMS.reduce(
      (sum, p) => sum + this.start.programs[p].errors + this.start.programs[p].damaged,
      0,
    );
    if (this.w.reports.complaints() !== before) this.complaintAt = this.w.machine.cycles();
  }

  /** The closing part begins. */
  closing(): void {
    this.close = this.read();
  }

  /** A ping; one that meets an interface which a program has taken down is lost, and the next is not. */
  probe(): void {
    this.w.far.ping(++this.pingsSent);
  }

  ended(end: RunEnd, watch: Watch): void {
    this.end = end;
    this.packets = watch.packets();
    this.lastPacketAt = watch.lastPacketAt();
    this.last = this.read();
  }

  injected(executedAt: (number | null)[], notInjected: number[]): void {
    this.executedAt = executedAt;
    this.notInjected = notInjected;
  }

  judged(verdict: Findings): void {
    this.verdict = verdict;
  }

  observation(console: string[]): Observation {
    const { start, last, verdict } = this;
    const events = this.w.events.list.slice();
    const detectedAt = events.find(e => e.event === 'FAILED')?.at ?? null;
    const firstFailureAt = this.firstFailureAt();
    return {
      end: this.end,
      lastLine: console.findLast(line => line !== '') ?? '',
      injectedAt: start.at,
      endedAt: last.at,
      instructions: last.instructions - start.instructions,
      packets: this.packets,
      executedAt: this.executedAt,
      notInjected: this.notInjected,
      firstErrorAt: earliest(verdict.firstErrorAt, detectedAt, firstFailureAt),
      firstFailureAt,
      events,
      wildWrites: verdict.wildWrites,
      wildWriteCount: verdict.wildWriteCount,
      corruptions: verdict.corruptions,
      applications: PROGRAMS.map(name => this.application(name, console)),
      kernelAlive: this.kernelAlive(),
      serviceAlive: this.serviceAlive(),
      badPackets: this.bad(),
      console,
    };
  }

  private read(): Reading {
    const { machine, far, reports } = this.w;
    const programs = Object.fromEntries(PROGRAMS.map(name => [name, reports.read(name)]));
    return {
      at: machine.cycles(),
      instructions: machine.cpu.instructions,
      jiffies: this.w.jiffies(),
      far: far.read(),
      programs: programs as Record<ProgramName, ProgramReport>,
    };
  }

  private bad(): number {
    const count = ({ badFrames, damaged, duplicated }: FarEndCounts) => badFrames + damaged + duplicated;
    return count(this.last.far) - count(this.start.far);
  }

  /** Messages from one reading to another, by stream. */
  private flow(from: Reading, to: Reading): { sent: number; received: number } {
    return {
      sent: to.far.good - from.far.good,
      received: to.programs.trialrecv.done - from.programs.trialrecv.done,
    };
  }

  private serviceAlive(): boolean {
    return this.end === 'complete' && this.close !== null && this.works(this.close, this.last);
  }

  /** In the closing part up to now. */
  served(): boolean {
    return this.close !== null && this.works(this.close, this.read());
  }

  private works(from: Reading, to: Reading): boolean {
    const { sent, received } = this.flow(from, to);
    return sent >= LEAST_MESSAGES && received >= LEAST_MESSAGES && to.far.pings > from.far.pings;
  }

  /** Its clock ticks, a process is scheduled, and the loopback device carries a datagram. */
  private kernelAlive(): boolean {
    const { close, last } = this;
    if (!close || this.end !== 'complete') return false;
    const beat = (r: Reading) => r.programs.trialbeat;
    return (
      last.jiffies > close.jiffies &&
      beat(last).rounds > beat(close).rounds &&
      beat(last).done > beat(close).done
    );
  }

  private firstFailureAt(): number | null {
    const bad = this.last.far.firstBadAt;
    const badAt = bad >= 0 && this.bad() > 0 ? bad / TICKS_PER_CYCLE : null;
    const endAt = this.end === 'complete' ? null : this.last.at;
    // A service that is gone failed when its last packet went.
    const goneAt = this.end === 'complete' && !this.serviceAlive() ? this.lastPacketAt : null;
    return earliest(badAt, endAt, goneAt, this.complaintAt);
  }

  private application(name: ProgramName, console: string[]): ApplicationReport {
    const [before, after] = [this.start.programs[name], this.last.programs[name]];
    const close = (this.close ?? this.last).programs[name];
    const killed = console.some(line => KILLED.exec(line)?.[1] === name);
    const sender = name === 'trialsend';
    const far = { from: this.start.far, to: this.last.far };
    // What the sender has done is what arrived: the far end tells.
    const doneLately = sender ? far.to.good - (this.close ?? this.last).far.good : after.done - close.done;
    const notes = after.notes.slice(before.notes.length);
    const usual = STREAMS.includes(name) && this.close ? (this.usual[name] ?? 0) : 0;
    if (doneLately > 0 && doneLately < SLOW * usual) notes.push(`slow: ${doneLately} of ${usual}`);
    return {
      name,
      alive: after.intact && !killed,
      errors: after.errors - before.errors,
      damaged: after.damaged - before.damaged + (sender ? far.to.damaged - far.from.damaged : 0),
      duplicated: sender ? far.to.duplicated - far.from.duplicated : 0,
      done: sender ? far.to.good - far.from.good : after.done - before.done,
      doneLately,
      lost: sender ? far.to.lost - far.from.lost : after.lost - before.lost,
      notes,
    };
  }
}

/** A trial in which the host itself failed. */
export function hostError(plan: TrialPlan, machine: Machine, error: unknown, console: string[]): Observation {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return unobserved(plan, message.split('\n').slice(0, 4).join(' | '), machine.cycles(), console);
}

function earliest(...times: (number | null)[]): number | null {
  const known = times.filter(t => t !== null);
  return known.length > 0 ? Math.min(...known) : null;
}
