/**
 * What fault injection talks about: plain data that a results file holds and a replay needs. Planning (faults/) makes
 * a TrialPlan out of a seed, trial/ runs it and fills an Observation, outcome.ts judges that, campaign/ keeps
 * records, report/ reads them. Cycles are exact quarters since the machine's reset, unless said otherwise.
 */

/** Of nooks-facts' table and the issue's list; faults/types.ts has a row for each. */
export type FaultTypeName =
  | 'TEXT'
  | 'NOP'
  | 'INIT'
  | 'SRC'
  | 'DST'
  | 'PTR'
  | 'INTERFACE'
  | 'BRANCH'
  | 'LOOP'
  | 'IRQ'
  | 'ALLOC'
  | 'FREE'
  | 'LEAK'
  | 'BCOPY'
  | 'STACK'
  | 'HEAP'
  | 'WHILE1'
  | 'PANIC'
  | 'DIRECT'
  | 'NULL-CHECK'
  | 'UNINITIALISED'
  | 'USE-AFTER-FREE'
  | 'DOUBLE-FREE'
  | 'OFF-BY-ONE'
  | 'LOCK-HELD'
  | 'LOCK-ORDER'
  | 'IRQ-OFF'
  | 'DMA'
  | 'BAD-DATA';

/** The failure model of the lecture notes (II.f.v) that a fault type aims at. */
export type FailureModel = 'timing' | 'output' | 'omission' | 'crash' | 'byzantine';

/** Transient: gone after a reload (a Heisenbug). Deterministic: there again after each (a Bohr bug). */
export type Persistence = 'transient' | 'deterministic';

/** How types are drawn: each alike, or by published field data (faults/distribution.ts). */
export type Distribution = 'uniform' | 'field';

export type PolicyName = 'panic' | 'unload' | 'restart' | 'shadow' | 'checkpoint' | 'alternate';

/** One column of a campaign: the same faults are done in each. */
export interface Configuration {
  isolation: 'none' | 'nooks';
  /** Null without isolation. */
  policy: PolicyName | null;
}

/** `none`, `nooks/restart`. */
export function configurationName(c: Configuration): string {
  return c.policy === null ? c.isolation : `${c.isolation}/${c.policy}`;
}

/**
 * One fault. Nothing in it depends on the configuration: text and data are named by the module's section and offset,
 * what exists only at run time (stack, heap, calls) by numbers that the injector scales to what it finds.
 */
export interface Fault {
  type: FaultTypeName;
  /** Section of the module's file, for faults in text and data. */
  section?: string;
  /** Bytes from the section's start. */
  offset?: number;
  /** The function that holds it, and the instruction before and after, for people. */
  symbol?: string;
  before?: string;
  after?: string;
  /** What the bytes at `offset` become, hexadecimal. Relocated fields are written over as they are in memory. */
  patch?: FaultPatch[];
  /** Whatever else the type needs: counts, fractions in 0..2^32-1, bit numbers. */
  parameters?: Record<string, number>;
}

/**
 * Applied to the bytes in guest memory: byte = (byte & ~mask) | (value & mask), or byte ^= mask with `flip`, since a
 * field that was relocated holds in memory what the file does not know. `offset` is of the section, as the fault's.
 */
export interface FaultPatch {
  offset: number;
  mask: number;
  value: number;
  flip?: true;
}

export interface TrialPlan {
  driver: string;
  /** 0, 1, 2, … within the campaign. */
  trial: number;
  /** Of this trial, from the campaign's: 32 bits. */
  seed: number;
  persistence: Persistence;
  /** Cycles from the warm snapshot to the injection. */
  delay: number;
  faults: Fault[];
}

/** What the guest said of a failure by nooks_event (nooks/include/nooks/event.h). */
export interface GuestEvent {
  at: number;
  event: string;
  extension: string;
  detail: number;
}

/** A write (or DMA) that reached what is not the driver's. */
export interface WildWrite {
  at: number;
  /** Instruction's address; -1 for DMA. */
  eip: number;
  /** Symbol or module+offset of it. */
  where: string;
  linear: number;
  physical: number;
  bytes: number;
  /** Whose and what the target is: `kernel text`, `slab skbuff_head`, `page table`, … */
  target: string;
  by: 'driver code' | 'domain' | 'dma';
  /** Page protection could have stopped it (not so for DMA and for the domain's own pages). */
  preventable: boolean;
  /** The card read what is not the driver's: nothing changed, and wildWriteCount does not count it. */
  read?: true;
}

/** One broken invariant of a kernel structure. */
export interface Corruption {
  structure: string;
  what: string;
}

/** The programs of a trial that a user would call a stream: data out, data in. */
export const STREAMS: readonly string[] = ['trialsend', 'trialrecv'];

/** What became of the programs and their data. */
export interface ApplicationReport {
  name: string;
  /** It runs at the end (or ended as it should). */
  alive: boolean;
  /** System calls that failed though they would not have without a failure. */
  errors: number;
  /** Data that arrived wrong, at either end. */
  damaged: number;
  /** Datagrams that arrived at the far end more than once. UDP may; a shadow driver that sends again does. */
  duplicated: number;
  /** Units (messages) done between injection and end, and in the last part of the run. */
  done: number;
  doneLately: number;
  /** Datagrams that did not arrive; UDP may lose them, so this alone is no harm. */
  lost: number;
  /** What went wrong, in words; empty if nothing did. */
  notes: string[];
}

export type RunEnd =
  | 'complete'
  | 'panic'
  | 'triple-fault'
  | 'reset'
  | 'halted'
  | 'hang'
  | 'early-exit'
  | 'host-error';

/** All that was seen of one trial: the outcome is a function of this and nothing else. */
export interface Observation {
  end: RunEnd;
  /** The guest's last words, or the host's error. */
  lastLine: string;
  /** Cycle of the injection, of the end, and guest instructions run in between. */
  injectedAt: number;
  endedAt: number;
  instructions: number;
  /** Packets on the wire, both directions, after the injection. */
  packets: number;
  /** One entry a fault: cycle of its first execution or first use; null = never. Same order as the plan's. */
  executedAt: (number | null)[];
  /** Faults that could not be done (no candidate at run time), by index. */
  notInjected: number[];
  /** First difference that counts: a wild write, exception, wrong datum; null = none seen. */
  firstErrorAt: number | null;
  /** The first effect that anybody outside the driver could see; null = none seen. */
  firstFailureAt: number | null;
  /** Detections, recoveries, in order. */
  events: GuestEvent[];
  wildWrites: WildWrite[];
  /** All of them, also those beyond the kept ones. */
  wildWriteCount: number;
  corruptions: Corruption[];
  applications: ApplicationReport[];
  /** The kernel answers at the end: its clock ticks, a process is scheduled, a ping or system call is answered. */
  kernelAlive: boolean;
  /** The driver's service works at the end: packets go both ways. */
  serviceAlive: boolean;
  /** Packets the far end saw that were malformed, duplicated, or never sent by a program. */
  badPackets: number;
  /** Bytes of console, cut. */
  console: string[];
}

export type Outcome =
  | 'no effect'
  | 'not executed'
  | 'recovered'
  | 'recovered, applications harmed'
  | 'undetected failure: omission'
  | 'undetected failure: output'
  | 'undetected failure: timing'
  | 'kernel corrupted, undetected'
  | 'crash'
  | 'hang'
  | 'not classified';

/** One finished trial in one configuration, as the results file has it. */
export interface TrialRecord {
  configuration: string;
  plan: TrialPlan;
  observation: Observation;
  outcome: Outcome;
  /** Seconds of the host, for the rate; not part of what must repeat. */
  hostSeconds: number;
}

/** What decides a campaign: two files with the same one hold the same trials. */
export interface CampaignSettings {
  driver: string;
  trials: number;
  faultsPerTrial: number;
  configurations: Configuration[];
  persistence: Persistence;
  distribution: Distribution;
  /** Types that are drawn; all when empty. */
  types: FaultTypeName[];
  seed: number;
  profile: string;
  /** Every trial runs at least this long after the injection, unless the machine ends. */
  minimumPackets: number;
  minimumCycles: number;
  /** Identity of the guest's build. */
  build: string;
}
