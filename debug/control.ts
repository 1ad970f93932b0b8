/**
 * Running forwards under control: in slices, between which the host may look at the clock of its own, until a point is
 * met or a place is reached. What a step by line is, stepper.ts says.
 */
import type { RunResult } from '../emu/machine.ts';
import { caller } from './backtrace.ts';
import { CommandError } from './error.ts';
import type { Hit, Stop } from './model.ts';
import { Points, type When } from './points.ts';
import { type Goal, returning, Stepper } from './stepper.ts';
import type { Target } from './target.ts';
import { type Direction, xpcPlaces } from './xpc-places.ts';

/** Called between slices of a run; true to stop. */
export type Pause = () => Promise<boolean>;

/** Cycles between two looks at whether the user wants to stop. */
const SLICE = 2_000_000;
const STEPS_PER_LOOK = 4096;

export class Control {
  readonly points: Points;
  /** Called between slices and after each stop, while the guest stands. */
  onProgress: () => void = () => {};
  private readonly target: Target;
  private readonly pause: Pause;
  private readonly stepper: Stepper;
  private hits: Hit[] = [];
  private reached: Goal | undefined;
  /** The machine runs: a hit must stop it. */
  private running = false;
  private steps = 0;

  constructor(target: Target, pause: Pause) {
    this.target = target;
    this.pause = pause;
    this.points = new Points(target);
    this.points.onHit = (hit, when) => this.onHit(hit, when);
    this.stepper = new Stepper(target, this);
  }

  private onHit(hit: Hit, when: When): void {
    this.hits.push(hit);
    if (!this.running) return;
    if (when === 'before') this.target.machine.engine.stop();
    else this.target.machine.engine.stopAfter();
  }

  // ---- what the user may ask for; each for at most `cycles` ------------------------------------------------------------

  /** Until something stops the guest. */
  continue(cycles?: number): Promise<Stop> {
    return this.whole(cycles, async until => (await this.runUntil([], until)).stop);
  }

  /** `count` instructions; a delivery of an interrupt or a fault counts as one. */
  stepi(count = 1, cycles?: number): Promise<Stop> {
    return this.repeated(count, cycles, until => this.stepOnce(until));
  }

  /** The same, but over what an instruction calls (CALL, INT n) or repeats (REP). */
  nexti(count = 1, cycles?: number): Promise<Stop> {
    return this.repeated(count, cycles, until => this.stepper.nexti(until));
  }

  /** To the beginning of another source line, into functions that have lines. */
  step(count = 1, cycles?: number): Promise<Stop> {
    return this.repeated(count, cycles, until => this.stepper.line('into', until));
  }

  /** The same, over all that the line calls. */
  next(count = 1, cycles?: number): Promise<Stop> {
    return this.repeated(count, cycles, until => this.stepper.line('over', until));
  }

  /** The same, but not back to an earlier line of the function: out of a loop. */
  until(cycles?: number): Promise<Stop> {
    return this.repeated(1, cycles, until => this.stepper.line('onward', until));
  }

  /** Until the function that runs now has returned. Throws a CommandError when its caller is unknown. */
  finish(cycles?: number): Promise<Stop> {
    const back = caller(this.target);
    if (!back) throw new CommandError('no caller: the frame pointer leads nowhere');
    const goals = [returning(this.target, back.pc, back.esp), ...this.stepper.outer()];
    return this.whole(cycles, async until => (await this.runUntil(goals, until)).stop);
  }

  /** Until `address` is reached and `when` holds there. */
  runTo(address: number, cycles?: number, when: () => boolean = () => true): Promise<Stop> {
    return this.runToAny([address], cycles, when);
  }

  /** The same for whichever of several addresses comes first. */
  runToAny(addresses: readonly number[], cycles?: number, when: () => boolean = () => true): Promise<Stop> {
    const goals = addresses.map(address => ({ address: address >>> 0, when }));
    return this.whole(cycles, async until => (await this.runUntil(goals, until)).stop);
  }

  /** Until the next crossing between kernel and domain, calls and returns alike. Throws a CommandError without our kernel. */
  untilXpc(direction: Direction | 'any' = 'any', cycles?: number): Promise<Stop> {
    const places = xpcPlaces(this.target).filter(p => direction === 'any' || p.direction === direction);
    if (places.length === 0) throw new CommandError('there are no crossings without our kernel');
    return this.runToAny(
      places.map(p => p.address),
      cycles,
    );
  }

  // ---- how ---------------------------------------------------------------------------------------------------------------

  private async whole(cycles: number | undefined, run: (until: number) => Promise<Stop>): Promise<Stop> {
    const until = this.target.machine.cycles() + (cycles ?? Number.POSITIVE_INFINITY);
    const stop = await run(until);
    this.onProgress();
    return stop;
  }

  private repeated(
    count: number,
    cycles: number | undefined,
    once: (until: number) => Promise<Stop | undefined>,
  ): Promise<Stop> {
    return this.whole(cycles, async until => {
      for (let n = 0; n < count; n++) {
        const stop = await once(until);
        if (stop && stop.kind !== 'done') return stop;
      }
      return { kind: 'done' };
    });
  }

  /** Runs to the first of `goals` (`goal` says which), or what stops the guest before; `until` is a cycle. */
  async runUntil(goals: readonly Goal[], until: number): Promise<{ stop: Stop; goal?: Goal }> {
    const { machine } = this.target;
    const pc = this.target.pc();
    // Leaves a place that stops: it was told of, or the user put a point where the guest stands.
    if (this.points.at(pc) || goals.some(g => g.address === pc)) {
      const stop = await this.stepOnce(until);
      if (stop) return { stop };
    }
    const removes = goals.map(goal =>
      machine.engine.addHook(goal.address, () => {
        if (this.points.leaving === goal.address || !goal.when()) return;
        this.reached ??= goal;
        machine.engine.stop();
      }),
    );
    try {
      for (;;) {
        const result = this.going(() => machine.run(Math.min(until, machine.cycles() + SLICE)));
        const goal = this.reached;
        const stop = this.stopOf(result);
        if (stop) return { stop, goal: stop.kind === 'done' ? goal : undefined };
        if (machine.cycles() >= until) return { stop: { kind: 'limit' } };
        if (await this.look()) return { stop: { kind: 'interrupted' } };
      }
    } finally {
      for (const remove of removes) remove();
    }
  }

  /** One instruction or delivery. Undefined when it was done and nothing else is to be said. */
  async stepOnce(until: number): Promise<Stop | undefined> {
    const { machine } = this.target;
    if (++this.steps % STEPS_PER_LOOK === 0 && (await this.look())) return { kind: 'interrupted' };
    for (;;) {
      this.points.leaving = this.target.pc();
      let result: RunResult;
      try {
        result = this.going(() => machine.step(Math.min(until, machine.cycles() + SLICE)));
      } finally {
        this.points.leaving = undefined;
      }
      const stop = this.stopOf(result);
      if (stop) return stop;
      if (result.reason !== 'limit') return this.arrival();
      if (machine.cycles() >= until) return { kind: 'limit' };
      if (await this.look()) return { kind: 'interrupted' };
    }
  }

  private going(run: () => RunResult): RunResult {
    this.running = true;
    try {
      return run();
    } finally {
      this.running = false;
    }
  }

  private look(): Promise<boolean> {
    this.onProgress();
    return this.pause();
  }

  /** A step that ends at a point has met it. */
  private arrival(): Stop | undefined {
    this.points.arrive(this.target.pc());
    return this.pointsMet();
  }

  private pointsMet(): Stop | undefined {
    const { hits } = this;
    this.hits = [];
    for (const { point } of hits) if (point.temporary) this.points.remove(point.id);
    return hits.length ? { kind: 'points', hits } : undefined;
  }

  /** What a run's end means; undefined when it only came to its limit or did a step. */
  private stopOf(result: RunResult): Stop | undefined {
    const { reached } = this;
    this.reached = undefined;
    const met = this.pointsMet();
    if (result.reason === 'exit')
      return { kind: 'end', text: `the guest exits with code ${result.code}`, code: result.code };
    if (result.reason === 'triple-fault' || this.target.machine.cpu.shutdown)
      return { kind: 'end', text: 'triple fault (or reset): the machine is at its end' };
    if (result.reason === 'halted')
      return { kind: 'end', text: 'halted with interrupts off: nothing can wake it' };
    return met ?? (reached ? { kind: 'done' } : undefined);
  }
}
