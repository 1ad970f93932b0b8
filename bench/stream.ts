/** One run of a stream on a fresh machine: boot, warm up, measure a window, verify every byte, end. */
import type { EngineKind } from '../emu/board.ts';
import type { Profile } from '../emu/profile/profile.ts';
import type { GuestBuild } from '../guest/build.ts';
import { GuestError } from '../guest/error.ts';
import { Session } from '../guest/session.ts';
import { readCount } from '../guest/u64.ts';
import { type Counters, difference, readCounters } from './counters.ts';
import { MESSAGE_BYTES } from './farend/message.ts';
import { GUEST_IP, type StreamPlan, type Workload } from './workloads.ts';

export type Isolation = 'none' | 'nooks';

export interface StreamOptions {
  build: GuestBuild;
  profile: Profile;
  engine?: EngineKind;
  workload: Workload;
  isolation: Isolation;
  plan: StreamPlan;
  /** Further words for the kernel's command line (`globalpages=off`, `deferred=off`). */
  extra?: string;
}

/** Crossings in the window; see nooks/include/nooks/stats.h. */
export interface XpcCounts {
  toKernel: number;
  toDriver: number;
  deferred: number;
  copiedBytes: number;
}

export interface StreamResult {
  counters: Counters;
  xpc: XpcCounts;
  /** Guest seconds and payload bytes of the window. */
  seconds: number;
  bytes: number;
  /** What went wrong with the data; empty when each byte arrived once, in order. */
  faults: string[];
}

const MEMORY = 64 << 20;
/** Guest seconds after which a run is given up. */
const PATIENCE = 60;
const DOMAINS = 16;
const STATS_BYTES = 48;

export function runStream(options: StreamOptions): StreamResult {
  const { workload, plan, isolation } = options;
  let line = '';
  let far: { console(line: string): void; faults(): string[] } | null = null;
  let log = '';
  const session = new Session({
    build: options.build,
    profile: options.profile,
    engine: options.engine,
    memoryBytes: MEMORY,
    commandLine: `isolation=${isolation} poison=off ip=${GUEST_IP}/24 ${options.extra ?? ''}`.trim(),
    modules: workload.modules(plan),
    onSerial: byte => {
      if (byte !== 0x0a) {
        line += String.fromCharCode(byte);
        return;
      }
      log += `${line}\n`;
      far?.console(line);
      line = '';
    },
  });
  const { machine } = session;
  const readings: { counters: Counters; xpc: XpcCounts }[] = [];
  const read = () => {
    readings.push({ counters: readCounters(machine), xpc: readXpc(session) });
  };
  far = workload.attach(session, plan, read, read);
  const end = machine.run(PATIENCE * options.profile.clockHz.value);
  if (end.reason !== 'exit' || end.code !== 0 || readings.length !== 2) {
    const how = end.reason === 'exit' ? `exit code ${end.code}` : end.reason;
    const where = session.symbols.describe(machine.cpu.eip);
    const why = [lastLine(log + line), ...far.faults()].join('; ');
    throw new GuestError(
      `${workload.name} with isolation ${isolation} ended with ${how} at ${where}: ${why}`,
    );
  }
  const counters = difference(readings[0].counters, readings[1].counters);
  return {
    counters,
    xpc: xpcDifference(readings[0].xpc, readings[1].xpc),
    seconds: counters.ticks / machine.clock.ticksPerSecond,
    bytes: plan.measured * MESSAGE_BYTES,
    faults: far.faults(),
  };
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

/** Sums the domains' records. */
function readXpc(session: Session): XpcCounts {
  const counts = { toKernel: 0, toDriver: 0, deferred: 0, copiedBytes: 0 };
  if (session.symbols.address('nooks_stats') === undefined) return counts;
  const stats = session.readBytes('nooks_stats', DOMAINS * STATS_BYTES);
  const field = (domain: number, n: number) => readCount(stats.subarray(domain * STATS_BYTES + n * 8));
  for (let d = 0; d < DOMAINS; d++) {
    counts.toKernel += field(d, 0);
    counts.toDriver += field(d, 1);
    counts.deferred += field(d, 2);
    counts.copiedBytes += field(d, 3);
  }
  return counts;
}

function xpcDifference(a: XpcCounts, b: XpcCounts): XpcCounts {
  return {
    toKernel: b.toKernel - a.toKernel,
    toDriver: b.toDriver - a.toDriver,
    deferred: b.deferred - a.deferred,
    copiedBytes: b.copiedBytes - a.copiedBytes,
  };
}
