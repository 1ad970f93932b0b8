/**
 * How one trial goes on and when it ends: it looks at the guest once a slice. Times are guest cycles; limits are in
 * seconds of guest time.
 *
 * A trial is over when it has run its minimum of packets and cycles, no recovery is under way, and a closing part shows
 * whether the service still works (if not, there is some time more in which that may be detected); or the machine ends;
 * or it hangs: the heartbeat's process has not come round, nor recovery got on, for HANG_SECONDS. (It is due every
 * 20 ms. Driver code in process context may keep the CPU for 15 ms, and a Linux 2.4 driver that spins longer than a
 * tenth of a second is what its users call hung.)
 */
import type { Machine, RunResult } from '../../emu/machine.ts';
import type { GuestEvents } from '../guest-events.ts';
import type { RunEnd } from '../model.ts';
import type { FarEnd } from './farend.ts';
import type { Reports } from './report.ts';

export const SLICE_SECONDS = 0.001;
/** Longer than the interface is away when a program takes it down and up. */
export const CLOSING_SECONDS = 0.04;
const HANG_SECONDS = 0.15;
/** Without packets either way for this long, the minimum of packets is not waited for. */
const SILENCE_SECONDS = 0.1;
/** A service that does not work in the closing part is given this long to be noticed. */
const GRACE_SECONDS = 0.35;
/** From the injection on, whatever happens: a recovery that takes longer counts as not ended. */
const LIMIT_SECONDS = 1;

export const EXIT_PANIC = 99;

export interface Watched {
  machine: Machine;
  events: GuestEvents;
  far: FarEnd;
  reports: Reports;
  /** The kernel's clock. */
  jiffies(): number;
  /** The guest pulled a reset line. */
  wasReset(): boolean;
}

export interface Minimum {
  packets: number;
  cycles: number;
}

/** Called after each slice. */
export type Look = () => void;

/** The closing part begins; and a moment in it, every PROBE_SLICES, to ask the guest something. */
export interface Closing {
  begin(): void;
  probe(): void;
  /** Has the service worked in it? */
  served(): boolean;
}

/** More often than a program takes the interface down and up, and for shorter than it is away. */
const PROBE_SLICES = 8;

export class Watch {
  private readonly w: Watched;
  private readonly hz: number;
  private readonly start: number;
  private readonly packetsBefore: number;
  private beat: { rounds: number; at: number };
  private traffic: { packets: number; at: number };

  /** From now on; called at the injection. */
  constructor(watched: Watched) {
    this.w = watched;
    this.hz = watched.machine.profile.clockHz.value;
    this.start = watched.machine.cycles();
    this.packetsBefore = watched.far.packets();
    this.beat = { rounds: watched.reports.rounds('trialbeat'), at: this.start };
    this.traffic = { packets: this.packetsBefore, at: this.start };
  }

  /** Runs to where the closing part may begin. Null, or how the machine ended. */
  toClosing(minimum: Minimum, look: Look): RunEnd | null {
    const closing = CLOSING_SECONDS * this.hz;
    const enough = () =>
      this.elapsed() + closing >= minimum.cycles && (this.packets() >= minimum.packets || this.isSilent());
    for (;;) {
      if (enough() && !this.w.events.underWay) return null;
      if (this.elapsed() >= this.limit(minimum)) return null;
      const end = this.slice(look);
      if (end) return end;
    }
  }

  /** The closing part, again if a recovery begins in it. Null, or how the machine ended. */
  closing(minimum: Minimum, part: Closing, look: Look): RunEnd | null {
    let grace = GRACE_SECONDS;
    for (;;) {
      part.begin();
      const until = this.w.machine.cycles() + CLOSING_SECONDS * this.hz;
      const known = this.w.events.list.length;
      for (let n = 0; this.w.machine.cycles() < until; n++) {
        if (n % PROBE_SLICES === 0) part.probe();
        const end = this.slice(look);
        if (end) return end;
      }
      if (this.elapsed() >= this.limit(minimum)) return null;
      if (this.w.events.list.length === known) {
        if (grace <= 0 || part.served()) return null;
        const end = this.forgive(grace, look);
        grace = 0;
        if (end) return end;
        if (this.w.events.list.length === known) return null;
      }
      const end = this.toClosing(minimum, look);
      if (end) return end;
    }
  }

  /** Waits for a detection, `seconds` at most. Null, or how the machine ended. */
  private forgive(seconds: number, look: Look): RunEnd | null {
    const until = this.w.machine.cycles() + seconds * this.hz;
    const known = this.w.events.list.length;
    while (this.w.machine.cycles() < until && this.w.events.list.length === known) {
      const end = this.slice(look);
      if (end) return end;
    }
    return null;
  }

  packets(): number {
    return this.w.far.packets() - this.packetsBefore;
  }

  /** When packets last came, either way. */
  lastPacketAt(): number {
    return this.traffic.at;
  }

  private elapsed(): number {
    return this.w.machine.cycles() - this.start;
  }

  private limit(minimum: Minimum): number {
    return minimum.cycles + LIMIT_SECONDS * this.hz;
  }

  private isSilent(): boolean {
    return this.w.machine.cycles() - this.traffic.at > SILENCE_SECONDS * this.hz;
  }

  private slice(look: Look): RunEnd | null {
    const { machine } = this.w;
    const end = this.endOf(machine.run(machine.cycles() + SLICE_SECONDS * this.hz));
    look();
    return end ?? (this.hangs() ? 'hang' : null);
  }

  private endOf(result: RunResult): RunEnd | null {
    if (this.w.wasReset()) return 'reset';
    switch (result.reason) {
      case 'exit':
        return result.code === EXIT_PANIC ? 'panic' : 'early-exit';
      case 'triple-fault':
      case 'halted':
        return result.reason;
      default:
        return null;
    }
  }

  private hangs(): boolean {
    const now = this.w.machine.cycles();
    const rounds = this.w.reports.rounds('trialbeat');
    if (rounds !== this.beat.rounds) this.beat = { rounds, at: now };
    // The far end sends on whatever happens; the guest's frames are what shows that it lives.
    const packets = this.w.far.read().framesFrom;
    if (packets !== this.traffic.packets) this.traffic = { packets, at: now };
    // A recovery keeps the CPU for long, and says how it goes on.
    const event = this.w.events.list.at(-1)?.at ?? 0;
    return now - Math.max(this.beat.at, event) > HANG_SECONDS * this.hz;
  }
}
