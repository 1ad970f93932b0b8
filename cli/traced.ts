/** What `nooks86 trace` can trace: an image, our kernel, a stream of the bench, a trial of a fault campaign. */

import type { WorkloadName } from '../bench/workloads.ts';
import type { Target as DebugTarget } from '../debug/target.ts';
import type { EngineKind } from '../emu/board.ts';
import type { Session } from '../guest/session.ts';
import { bootDebuggee, type Console } from './commands/debug.ts';
import { type CommandContext, UsageError } from './context.ts';
import { openProgress } from './progress.ts';

export interface TraceSource {
  isolation: 'none' | 'nooks';
  workload?: WorkloadName;
  messages: number;
  fault?: string;
  trial?: string;
  profile: string;
  engine: EngineKind;
  memory: number;
}

export interface Traced {
  target: DebugTarget;
  /** Whether a window of its own has begun and ended; absent where it has none. */
  opened?(): boolean;
  closed?(): boolean;
  /** The cycle that ends it. */
  last?: number;
}

/** Messages before the window, so that the stream is in full flow. */
const WARM_UP = 8;
const SEED = 1;

/** Boots what the options name. Throws a UsageError for options that do not go together. */
export async function bootTraced(
  image: string | undefined,
  source: TraceSource,
  console: Console,
  context: CommandContext,
): Promise<Traced> {
  const kinds = [image, source.workload, source.fault].filter(kind => kind !== undefined);
  if (kinds.length > 1) throw new UsageError('an image, --workload and --fault exclude each other');
  if ((source.fault === undefined) !== (source.trial === undefined))
    throw new UsageError('--fault and --trial go together');
  if (source.workload !== undefined) return stream(source.workload, source, console);
  if (source.fault !== undefined && source.trial !== undefined)
    return trial(source.fault, source.trial, source.engine, context);
  return { target: await bootDebuggee(image, source, byte => console.serial(byte)) };
}

async function build() {
  const { buildGuest } = await import('../guest/build.ts');
  const building = openProgress('building', 'files');
  return buildGuest({ onProgress: building.update }).finally(building.close);
}

async function targetOf(session: Session): Promise<DebugTarget> {
  const { Target } = await import('../debug/target.ts');
  const image = { name: 'kernel.elf', elf: session.kernel };
  return new Target({ machine: session.machine, symbols: session.symbols, image, session });
}

/** A stream as the bench runs it; the window is what the bench measures. */
async function stream(name: WorkloadName, source: TraceSource, console: Console): Promise<Traced> {
  const [{ workloads, GUEST_IP }, { Session }, { allocate, findProfile }] = await Promise.all([
    import('../bench/workloads.ts'),
    import('../guest/session.ts'),
    import('./pc.ts'),
  ]);
  const workload = workloads.find(w => w.name === name)!;
  const plan = { warmUp: WARM_UP, measured: source.messages, rate: 'unpaced' as const, seed: SEED };
  const memoryBytes = source.memory * 2 ** 20;
  let line = '';
  let far: { console(line: string): void } | undefined;
  const options = {
    build: await build(),
    profile: findProfile(source.profile),
    engine: source.engine,
    memoryBytes,
    commandLine: `isolation=${source.isolation} poison=off ip=${GUEST_IP}/24`,
    modules: workload.modules(plan),
    onSerial: (byte: number) => {
      console.serial(byte);
      if (byte === 0x0a) {
        far?.console(line);
        line = '';
      } else line += String.fromCharCode(byte);
    },
  };
  const session = allocate(() => new Session(options), memoryBytes);
  const { engine } = session.machine;
  let state = 0;
  const border = () => {
    state++;
    engine.stop();
  };
  far = workload.attach(session, plan, border, border);
  return { target: await targetOf(session), opened: () => state > 0, closed: () => state > 1 };
}

/** A trial of a results file, at its injection. */
async function trial(path: string, id: string, engine: EngineKind, context: CommandContext): Promise<Traced> {
  const [{ reopen }, { loadMachinery }] = await Promise.all([
    import('./commands/replay.ts'),
    import('./commands/inject.ts'),
  ]);
  const { bench, recorded } = await reopen(path, id, { engine }, context, loadMachinery);
  bench.beginUnjudged(recorded.plan);
  return { target: await targetOf(bench.session), last: recorded.observation.endedAt };
}
