/**
 * Runs trials on one machine: boots once to a warm point (driver loaded, streams in full flow), then restores that
 * point before each trial by copying what the last one wrote. The same plan gives the same observation, to the cycle.
 *
 * The default minimum, DEFAULT_MINIMUM, is 80 ms of guest time at 1.7 GHz: it holds one planned time of the
 * interface going down and up, so that a driver's open and close run in each trial, all questions of trialctl at least
 * once, and well over a thousand packets.
 */
import type { EngineKind } from '../../emu/board.ts';
import type { Saved } from '../../emu/bus.ts';
import type { Checkpoint } from '../../emu/checkpoint.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import type { GuestBuild } from '../../guest/build.ts';
import { GuestError } from '../../guest/error.ts';
import { Session } from '../../guest/session.ts';
import { Injector } from '../faults/inject.ts';
import { GuestEvents } from '../guest-events.ts';
import { type Configuration, configurationName, type Observation, type TrialPlan } from '../model.ts';
import { Oracle } from '../oracle/oracle.ts';
import { commandLineOf, modulesOf, RECEIVE_RATE, SEED } from './configuration.ts';
import { Console } from './console.ts';
import { FarEnd } from './farend.ts';
import { hostError, Recorder, type Usual, usualOf } from './recorder.ts';
import { Reports } from './report.ts';
import { Watch, type Watched } from './watch.ts';

export interface BenchOptions {
  build: GuestBuild;
  profile: Profile;
  configuration: Configuration;
  engine?: EngineKind;
  /** Name of the module. */
  driver: string;
  minimumPackets: number;
  /** From the injection on. */
  minimumCycles: number;
  /** RAM in bytes; default 32 MiB. */
  memoryBytes?: number;
}

export const DEFAULT_MINIMUM = { minimumPackets: 400, minimumCycles: 136_000_000 };

const MEMORY = 32 << 20;
/** Seconds of guest time from reset to the warm point, at most. */
const PATIENCE_SECONDS = 5;
/** Between the streams' first messages and the warm point. */
const SETTLE_SECONDS = 0.03;
const STEP_SECONDS = 0.005;

interface Warm {
  machine: Checkpoint;
  far: unknown;
  console: unknown;
}

const NO_FAULTS: Omit<TrialPlan, 'driver'> = {
  ...{ trial: 0, seed: 0, persistence: 'transient', delay: 0 },
  faults: [],
};

/** What a trial has in hand until it ends. */
interface Running {
  injector: Injector;
  /** Null where nobody judges. */
  oracle: Oracle | null;
}

export class Bench {
  readonly session: Session;
  private readonly options: BenchOptions;
  private readonly far: FarEnd;
  private readonly reports: Reports;
  private readonly console: Console;
  private readonly events: GuestEvents;
  private readonly spent: Record<string, number> = { restore: 0, run: 0, oracle: 0 };
  /** Bytes of the machine's state that the last way back to the warm point copied. */
  copied = 0;
  private warmPoint: Warm | null = null;
  /** What a trial without faults comes to in its closing part. */
  private usual: Usual | null = null;
  private running: Running | null = null;
  private reset = false;
  private modulesChanged = false;

  /** Builds the machine; nothing has run yet. */
  constructor(options: BenchOptions) {
    this.options = options;
    const { build, profile, configuration, engine, driver } = options;
    this.console = new Console(line => this.hear(line));
    this.session = new Session({
      ...{ build, profile, engine, memoryBytes: options.memoryBytes ?? MEMORY },
      commandLine: commandLineOf(configuration, driver),
      modules: modulesOf(configuration, driver, profile.clockHz.value),
      onSerial: byte => this.console.take(byte),
      onReset: () => {
        this.reset = true;
      },
    });
    const { machine } = this.session;
    const { wire } = machine.cards[0];
    this.far = new FarEnd(machine.clock, wire, { seed: SEED, messagesPerSecond: RECEIVE_RATE });
    this.reports = new Reports(machine);
    this.events = new GuestEvents(this.session);
    machine.engine.addHook(this.session.address('dev_deactivate'), () => this.far.hold(true));
    machine.engine.addHook(this.session.address('dev_activate'), () => this.far.hold(false));
    machine.engine.addHook(this.session.address('module_event'), () => {
      this.modulesChanged = true;
    });
  }

  /** Boots to the warm point. Throws a GuestError that says where the boot ended. Again: does nothing. */
  warm(): void {
    if (this.warmPoint) return;
    const { machine } = this.session;
    const hz = this.options.profile.clockHz.value;
    const flows = () =>
      this.reports.find() && this.reports.read('trialrecv').done > 0 && this.far.read().good > 0;
    while (!flows()) this.bootOn(STEP_SECONDS * hz, PATIENCE_SECONDS * hz);
    this.bootOn(SETTLE_SECONDS * hz, Number.POSITIVE_INFINITY);
    if (this.reports.complaints() > 0) throw this.notWarm('a program complains');
    this.console.forgetLines();
    const console = this.console.save();
    this.warmPoint = { machine: machine.checkpoint(), far: this.far.save(), console };
    this.modulesChanged = false;
  }

  /**
   * One trial, from the warm point. An exception of the host ends it as 'host-error'. Throws a GuestError before warm(),
   * and whatever warm() throws.
   */
  run(plan: TrialPlan): Observation {
    this.warm();
    this.usual ??= usualOf(this.runOnce({ ...NO_FAULTS, driver: plan.driver }));
    return this.runOnce(plan);
  }

  private runOnce(plan: TrialPlan): Observation {
    const recorder = new Recorder(this.watched(), this.usual ?? undefined);
    try {
      this.begin(plan);
      recorder.begin();
      this.finish(recorder);
    } catch (error) {
      return hostError(plan, this.session.machine, error, this.console.text());
    } finally {
      this.end();
    }
    return recorder.observation(this.console.text());
  }

  /** The same for a debugger, who goes on from here, and may go back; nobody judges what he does. */
  beginUnjudged(plan: TrialPlan): void {
    this.end();
    this.restore();
    const { machine } = this.session;
    machine.run(machine.cycles() + plan.delay);
    const injector = new Injector(this.session, plan);
    this.running = { injector, oracle: null };
    injector.inject();
  }

  /** When the faults of the trial that was begun had their first effect; null: not yet. */
  executed(): (number | null)[] {
    return this.running?.injector.executedAt() ?? [];
  }

  /** What of a begun trial lies outside the machine, for who goes back in it. */
  hostState(): Saved {
    const { far, console, running } = this;
    const parts = [far, console, ...(running ? [running.injector] : [])];
    return {
      save: () => parts.map(part => part.save()),
      load: state => {
        parts.forEach((part, n) => {
          part.load((state as unknown[])[n]);
        });
      },
    };
  }

  /**
   * Forks a trial off the warm point: restores it, runs to the injection and through it, and watches from there on. Until
   * end() or the next trial. Throws a GuestError before warm().
   */
  begin(plan: TrialPlan): void {
    this.end();
    this.timed('restore', () => this.restore());
    const { machine } = this.session;
    this.timed('run', () => machine.run(machine.cycles() + plan.delay));
    const oracle = this.timed('oracle', () => new Oracle(this.session, plan.driver));
    const injector = new Injector(this.session, plan);
    this.running = { injector, oracle };
    injector.inject();
    this.timed('oracle', () => oracle.arm());
  }

  /** Seconds of the host since the bench was made, by what it did. */
  timings(): Record<string, number> {
    return { ...this.spent };
  }

  private finish(recorder: Recorder): void {
    const { injector, oracle } = this.running!;
    const { minimumPackets, minimumCycles } = this.options;
    const minimum = { packets: minimumPackets, cycles: minimumCycles };
    this.timed('run', () => {
      const watch = new Watch(this.watched());
      const look = () => recorder.look();
      recorder.ended(
        watch.toClosing(minimum, look) ??
          watch.closing(
            minimum,
            {
              begin: () => recorder.closing(),
              probe: () => recorder.probe(),
              served: () => recorder.served(),
            },
            look,
          ) ??
          'complete',
        watch,
      );
    });
    recorder.injected(injector.executedAt(), injector.notInjected());
    if (oracle) recorder.judged(this.timed('oracle', () => oracle.finish()));
  }

  /** Takes away what the last trial hooked in. */
  end(): void {
    this.running?.injector.dispose();
    this.running?.oracle?.dispose();
    this.running = null;
  }

  /** Goes back to the warm point. Throws a GuestError before warm(). */
  restore(): void {
    const warm = this.warmPoint;
    if (!warm) throw new GuestError('the machine is not warm yet');
    this.copied = this.session.machine.revert(warm.machine);
    this.far.load(warm.far);
    this.console.load(warm.console);
    this.events.clear();
    this.reset = false;
    if (this.modulesChanged) this.session.refreshModules();
    this.modulesChanged = false;
  }

  private watched(): Watched {
    const { far, reports, events } = this;
    return {
      ...{ machine: this.session.machine, far, reports, events },
      jiffies: () => this.session.read('jiffies'),
      wasReset: () => this.reset,
    };
  }

  private bootOn(cycles: number, limit: number): void {
    const { machine } = this.session;
    const end = machine.run(machine.cycles() + cycles);
    if (end.reason === 'exit') throw this.notWarm(`exit code ${end.code}`);
    if (end.reason !== 'limit') throw this.notWarm(end.reason);
    if (machine.cycles() > limit) throw this.notWarm('the streams do not flow');
  }

  private notWarm(why: string): GuestError {
    const name = configurationName(this.options.configuration);
    const last = this.console.text().at(-1) ?? '';
    return new GuestError(`${name}: the machine does not come to its warm point: ${why}; last line: ${last}`);
  }

  private hear(line: string): void {
    if (this.warmPoint) return;
    if (line.startsWith('ip: eth0 is')) this.far.greet();
    else if (line.startsWith('trialrecv: ready')) this.far.start();
  }

  private timed<T>(what: string, work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.spent[what] += (performance.now() - start) / 1000;
    }
  }
}
