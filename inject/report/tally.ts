/**
 * One configuration's counts, filled record by record: everything that a summary needs in a size that does not grow
 * with the number of trials. Type names and triggers come from a file, so their number is bounded too.
 */
import {
  type FaultTypeName,
  type Observation,
  type Outcome,
  type Persistence,
  STREAMS,
  type TrialRecord,
} from '../model.ts';
import { firstExecution, PHASES, type Phase, type Recovery, timelineOf } from './milestones.ts';
import { CONSEQUENCES, type Consequence, consequenceOf, isCrash, isNonFatal, OUTCOMES } from './outcomes.ts';
import { Sample } from './sample.ts';

export type Counts = Record<Outcome, number>;

const noReloads = (): Reloads => ({
  detected: 0,
  failures: 0,
  recovered: 0,
  failedAgain: 0,
  gaveUp: 0,
  served: 0,
});

export function noCounts(): Counts {
  return Object.fromEntries(OUTCOMES.map(o => [o, 0])) as Counts;
}

/** Rows of a matrix by name; beyond MOST names, all others share one row. */
class Rows {
  readonly rows = new Map<string, Counts>();

  add(name: string, outcome: Outcome): void {
    const key = this.rows.has(name) || this.rows.size < MOST ? name : OTHERS;
    let counts = this.rows.get(key);
    if (!counts) this.rows.set(key, (counts = noCounts()));
    counts[outcome]++;
  }
}

const MOST = 100;
const OTHERS = 'others';
/** Trials by name, kept of each kind that somebody should look at. */
export const FOLLOW_UPS = 50;

/** Why a trial should be looked at. */
export type Concern =
  | 'crash in spite of isolation'
  | 'write that page protection could have stopped'
  | 'kernel corrupted, undetected'
  | 'not classified'
  | 'shorter than stated';

export interface FollowUp {
  concern: Concern;
  configuration: string;
  trial: number;
  persistence: Persistence;
  outcome: Outcome;
  /** The guest's last words: whatever a guest may say. */
  lastLine: string;
}

/** Whether loading the driver again helps. */
export interface Reloads {
  /** Trials in which a failure was detected. */
  detected: number;
  /** Failures detected in them, and those that ended in RECOVERED. */
  failures: number;
  recovered: number;
  /** Trials in which it failed again after it had recovered. */
  failedAgain: number;
  /** Trials that ended with a recovery given up. */
  gaveUp: number;
  /** Trials at whose end the system lived and the service was there. */
  served: number;
}

/** Nothing that a program of the streams can see went wrong. */
function streamsGoOn({ applications }: Observation): boolean {
  const streams = applications.filter(a => STREAMS.includes(a.name));
  return (
    streams.length > 0 && streams.every(a => a.alive && a.errors === 0 && a.damaged === 0 && a.doneLately > 0)
  );
}

export class Tally {
  trials = 0;
  readonly outcomes = noCounts();
  readonly consequences = Object.fromEntries(CONSEQUENCES.map(c => [c, 0])) as Record<Consequence, number>;
  crashes = 0;
  nonFatal = 0;
  /** By the type of the fault that was executed first; null's row is where none was. */
  readonly byFirst = new Rows();
  /** By every type that the trial contains. */
  readonly byContained = new Rows();
  readonly byPersistence = new Rows();
  readonly reloads: Record<Persistence, Reloads> = { transient: noReloads(), deterministic: noReloads() };
  readonly phases = new Map<Phase, Sample>(PHASES.map(p => [p, new Sample()]));
  /** By trigger: latency from the first execution, and time to recover. */
  readonly triggers = new Map<string, { count: number; latency: Sample; recovery: Sample }>();
  /** Cycles without service in trials that recovered. */
  readonly outage = new Sample();
  detections = 0;
  /** Detected before anybody outside the driver saw anything. */
  detectedFirst = 0;
  recoveries = 0;
  recovered = 0;
  gaveUp = 0;
  /** Trials with a failure detected whose streams met no error, got no wrong data, and went on to the end. */
  streamsGoOn = 0;
  /** Trials with a failure detected after which no program had anything to complain of. */
  concealed = 0;
  readonly hidden = {
    execution: { came: new Sample(), ended: new Sample() },
    error: { came: new Sample(), ended: new Sample() },
    failure: { came: new Sample(), ended: new Sample() },
  };
  faults = 0;
  notInjected = 0;
  readonly wild = { trials: 0, writes: 0, preventableTrials: 0, dmaTrials: 0 };
  corrupted = 0;
  /** Of them with a write that page protection could have stopped. */
  corruptedPreventable = 0;
  hostSeconds = 0;
  readonly instructions = new Sample();
  readonly packets = new Sample();
  readonly cycles = new Sample();
  readonly concerns = new Map<Concern, { count: number; kept: FollowUp[] }>();

  private readonly isolated: boolean;
  private readonly minimum: { packets: number; cycles: number };

  constructor(isolated: boolean, minimum: { packets: number; cycles: number }) {
    this.isolated = isolated;
    this.minimum = minimum;
  }

  add(record: TrialRecord, outcome: Outcome): void {
    const { observation: o, plan } = record;
    this.trials++;
    this.outcomes[outcome]++;
    this.consequences[consequenceOf(outcome, o)]++;
    if (isCrash(outcome)) this.crashes++;
    if (isNonFatal(outcome, o)) this.nonFatal++;
    const first = firstExecution(o);
    this.byFirst.add(first ? typeName(plan.faults[first.fault]?.type) : NONE, outcome);
    for (const type of new Set(plan.faults.map(f => f.type))) this.byContained.add(typeName(type), outcome);
    this.byPersistence.add(plan.persistence, outcome);
    this.addTimes(record, outcome);
    this.addHidden(o);
    this.addEffort(record);
    this.addWild(o, outcome);
    this.addConcerns(record, outcome);
  }

  private addTimes({ observation: o, plan }: TrialRecord, outcome: Outcome): void {
    const timeline = timelineOf(o);
    this.addReloads(plan.persistence, timeline.recoveries, o.serviceAlive && !isCrash(outcome));
    for (const [phase, cycles] of timeline.before) this.phases.get(phase)?.add(cycles);
    if (timeline.detectedAt !== null) {
      this.detections++;
      if (o.firstFailureAt === null || o.firstFailureAt >= timeline.detectedAt) this.detectedFirst++;
    }
    timeline.recoveries.forEach((r, n) => {
      this.recoveries++;
      if (r.recoveredAt !== null) this.recovered++;
      if (r.gaveUp) this.gaveUp++;
      for (const [phase, cycles] of r.phases) this.phases.get(phase)?.add(cycles);
      const row = this.trigger(r.trigger);
      row.count++;
      // A later failure of the same trial has no execution of its own to count from.
      if (n === 0 && timeline.executedAt !== null && r.failedAt >= timeline.executedAt)
        row.latency.add(r.failedAt - timeline.executedAt);
      if (r.recoveredAt !== null) row.recovery.add(r.recoveredAt - r.failedAt);
    });
    if (timeline.recoveries.length > 0 && !isCrash(outcome) && streamsGoOn(o)) this.streamsGoOn++;
    if (timeline.recoveries.length > 0 && consequenceOf(outcome, o) === 'recovered') this.concealed++;
    const consequence = consequenceOf(outcome, o);
    if (consequence === 'recovered' || consequence === 'harmed') this.outage.add(timeline.outage);
  }

  private addReloads(persistence: Persistence, recoveries: readonly Recovery[], served: boolean): void {
    if (recoveries.length === 0) return;
    const r = persistence === 'deterministic' ? this.reloads.deterministic : this.reloads.transient;
    r.detected++;
    r.failures += recoveries.length;
    r.recovered += recoveries.filter(x => x.recoveredAt !== null).length;
    if (recoveries.slice(0, -1).some(x => x.recoveredAt !== null)) r.failedAgain++;
    if (recoveries.some(x => x.gaveUp)) r.gaveUp++;
    if (served) r.served++;
  }

  private trigger(name: string) {
    const key = this.triggers.has(name) || this.triggers.size < MOST ? name : OTHERS;
    let row = this.triggers.get(key);
    if (!row) this.triggers.set(key, (row = { count: 0, latency: new Sample(), recovery: new Sample() }));
    return row;
  }

  private addHidden(o: Observation): void {
    const skipped = new Set(o.notInjected);
    o.executedAt.forEach((at, fault) => {
      this.faults++;
      if (skipped.has(fault)) this.notInjected++;
      else put(this.hidden.execution, o.injectedAt, at, o.endedAt);
    });
    const executed = firstExecution(o)?.at ?? null;
    if (executed === null) return;
    const failed = o.events.find(e => e.event.toUpperCase() === 'FAILED' && e.at >= o.injectedAt)?.at ?? null;
    put(this.hidden.error, executed, earlier(o.firstErrorAt, failed), o.endedAt);
    put(this.hidden.failure, executed, earlier(o.firstFailureAt, failed), o.endedAt);
  }

  private addEffort({ observation: o, hostSeconds }: TrialRecord): void {
    if (Number.isFinite(hostSeconds)) this.hostSeconds += hostSeconds;
    this.instructions.add(o.instructions);
    this.packets.add(o.packets);
    this.cycles.add(o.endedAt - o.injectedAt);
  }

  private addWild(o: Observation, outcome: Outcome): void {
    const preventable = o.wildWrites.some(w => w.preventable);
    if (o.wildWriteCount > 0) this.wild.trials++;
    this.wild.writes += o.wildWriteCount;
    if (preventable) this.wild.preventableTrials++;
    if (o.wildWrites.some(w => w.by === 'dma' && !w.read)) this.wild.dmaTrials++;
    if (outcome !== 'kernel corrupted, undetected') return;
    this.corrupted++;
    if (preventable) this.corruptedPreventable++;
  }

  private addConcerns(record: TrialRecord, outcome: Outcome): void {
    const { observation: o } = record;
    const short = o.packets < this.minimum.packets || o.endedAt - o.injectedAt < this.minimum.cycles;
    if (o.end === 'complete' && short) this.note('shorter than stated', record, outcome);
    if (outcome === 'not classified') this.note('not classified', record, outcome);
    if (!this.isolated) return;
    if (isCrash(outcome)) this.note('crash in spite of isolation', record, outcome);
    if (outcome === 'kernel corrupted, undetected') this.note(outcome, record, outcome);
    if (o.wildWrites.some(w => w.preventable))
      this.note('write that page protection could have stopped', record, outcome);
  }

  private note(concern: Concern, { configuration, plan, observation }: TrialRecord, outcome: Outcome): void {
    let row = this.concerns.get(concern);
    if (!row) this.concerns.set(concern, (row = { count: 0, kept: [] }));
    row.count++;
    if (row.kept.length === FOLLOW_UPS) return;
    const { trial, persistence } = plan;
    const lastLine = observation.lastLine.slice(0, 200);
    row.kept.push({ concern, configuration, trial, persistence, outcome, lastLine });
  }
}

/** The row of trials in which no fault was executed. */
export const NONE = 'none executed';

const typeName = (type: FaultTypeName | undefined) => String(type ?? 'unknown').slice(0, 40);

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** One wait: it came, or the trial ended first. */
function put(wait: { came: Sample; ended: Sample }, from: number, at: number | null, end: number): void {
  if (at !== null) wait.came.add(Math.max(0, at - from));
  else wait.ended.add(Math.max(0, end - from));
}
