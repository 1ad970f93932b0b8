/**
 * What others measured on the machines that the profiles are named after, beside which calibrate prints its plateaus.
 * Sources by letter: docs/profiles.md. They judge nothing: a profile may knowingly differ (see docs/calibration.md).
 */

export interface Published {
  /** In the curve's own unit, low to high. */
  low: number;
  high: number;
  source: string;
}

const at = (low: number, high: number, source: string): Published => ({ low, high, source });

const p4: Record<string, Published> = {
  'latency.random.128 L1': at(2, 2, 'I'),
  'latency.random.128 L2': at(18, 18, 'I'),
  'latency.random.128 memory': at(350, 370, 'I'),
  'latency.stride.128 memory': at(250, 250, 'I: in sequence; the profile takes the bus’s rate'),
  'tlb.4k walk': at(28, 55, 'D: 26–53 more than a hit, the PTE in L2'),
  'tlb.walk PTE in L2': at(28, 55, 'D: 26–53 more than a hit'),
  'tlb.walk PTE in memory': at(28, 107, 'D: up to 105 more; other loads hid part of it'),
  'cr3.global bare': at(350, 516, 'T: 516 with three reloads, about 350 bare'),
  'trap.int there and back': at(2271, 2271, 'T: 1348 in, 923 out'),
  'trap.sysenter there and back': at(140, 250, 'M'),
  'entry.int entry': at(1348, 1348, 'T'),
  'return.iret return': at(923, 923, 'T'),
  'entry.fault entry': at(1100, 1350, 'M'),
  'invlpg INVLPG': at(300, 500, 'M'),
  'copy.rep L1': at(7.4, 7.4, 'I'),
  'branch.indirect alternating': at(20, 24, 'M'),
};

const p3: Record<string, Published> = {
  'latency.random.128 L1': at(3, 3, 'I: the profile takes the throughput, 1 a cycle'),
  'latency.random.128 L2': at(13, 13, 'I: with the 3 of L1'),
  'latency.random.128 memory': at(86, 125, 'I'),
  'tlb.4k walk': at(6, 10, 'D: 5–7 more than a hit'),
  'tlb.walk PTE in L2': at(6, 10, 'D: 5–7 more than a hit'),
  'cr3.global bare': at(150, 177, 'T: 177 with reloads, about 150 bare'),
  'trap.int there and back': at(407, 407, 'T: a Pentium II, 227 in, 180 out'),
  'trap.sysenter there and back': at(60, 80, 'M'),
  'entry.int entry': at(227, 227, 'T: a Pentium II'),
  'return.iret return': at(180, 180, 'T: a Pentium II'),
  'entry.fault entry': at(250, 250, 'M'),
  'invlpg INVLPG': at(100, 100, 'M'),
  'copy.rep L1': at(9, 9, 'I'),
  'branch.indirect alternating': at(10, 15, 'M'),
};

const all: Readonly<Record<string, Record<string, Published>>> = { 'p4-1700': p4, 'p3-1000': p3 };

/** The published figure for a plateau of a profile, or null. */
export function published(profile: string, curve: string, region: string): Published | null {
  return all[profile]?.[`${curve} ${region}`] ?? null;
}

/** For a test: every name must be that of a plateau. */
export function publishedNames(profile: string): string[] {
  return Object.keys(all[profile] ?? {});
}
