/**
 * Chrome's trace event format ("Trace Event Format", Google, JSON object form), which Perfetto and chrome://tracing
 * open. A track (thread) for user code, for the kernel, for each domain, for a driver without one, for interrupts, and
 * for the recovery of each extension. Slices are pairs of B and E:
 *
 * | track      | slices                                                                                        |
 * | user       | what a task runs in ring 3                                                                    |
 * | kernel     | system calls, exceptions; crossings into a domain (nooks_enter_domain); bodies of wrappers    |
 * | a domain   | calls of the driver, and in them its calls of the kernel (stubs of nooks/wrappers/table.def)  |
 * | interrupts | interrupts from outside and NMIs, from delivery to IRET                                       |
 * | recovery   | from one milestone (nooks/include/nooks/event.h) to the next                                  |
 *
 * When the kernel switches tasks, the slices of the one that stops end, and go on when it goes on: a track shows what
 * the processor does. Times are guest microseconds since reset, `args.cycles` the exact cycles. Counters are by
 * interval: misses, and cycles by cause. The file is written as the run goes; when `most` events are written, all
 * slices are closed and no more is taken.
 *
 * Left out: flow arrows.
 */
import { CAUSES } from '../../emu/accounting.ts';
import { TICKS_PER_CYCLE } from '../../emu/clock.ts';
import { REGIONS } from '../../guest/regions.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { NMI } from './events.ts';
import type { Names } from './names.ts';
import type { Code, Delivery, Place, Recorder, Sink } from './recorder.ts';
import type { Frame, Stack } from './stacks.ts';

const PROCESS = 1;
const DRIVER = REGIONS.indexOf('driver');
const PF = 14;
const STUB = 'nooks_stub_';
const WRAPPER = 'wrap_';
/** A recovery ends with one of these. */
const ENDS: readonly string[] = ['RECOVERED', 'GAVE_UP'];
const ENTER = 'nooks_enter_domain';

/** Tracks that are always shown in this order; domains come behind the kernel. */
const ORDER = ['user', 'kernel', 'domain', 'driver', 'interrupts', 'recovery'];

interface Slice {
  track: string;
  category: string;
  name: string;
  args?: Record<string, string | number>;
}

export class ChromeRecorder implements Recorder {
  full = false;
  private readonly target: Target;
  private readonly names: Names;
  private readonly sink: Sink;
  private readonly counters: Counters;
  /** Ticks between two readings of the counters, and when the next is due. */
  private readonly interval: number;
  private due: number;
  private left: number;
  private latest = 0;
  private first = true;
  /** By name of a track: its number, and the slices open on it, the innermost last. */
  private readonly tracks = new Map<string, { id: number; open: Slice[] }>();
  private readonly slices = new WeakMap<Frame, Slice>();
  private user: Slice | undefined;

  /** `interval` in cycles; `most` events, metadata and the ends of what is open not counted. */
  constructor(target: Target, names: Names, sink: Sink, most: number, interval: number) {
    this.target = target;
    this.names = names;
    this.sink = sink;
    this.left = most;
    this.interval = interval * TICKS_PER_CYCLE;
    this.due = this.now() + this.interval;
    this.counters = new Counters(target);
    const hz = target.machine.clock.ticksPerSecond / TICKS_PER_CYCLE;
    sink.write(`{"displayTimeUnit":"ns","otherData":{"program":"nooks86","hz":${hz}},"traceEvents":[`);
    this.metadata('process_name', 0, { name: 'nooks86' });
  }

  // ---- what happens --------------------------------------------------------------------------------------------------

  begins(_code: Code, mode: string): void {
    if (this.full) return;
    if (mode === 'user' && !this.user) {
      this.user = { track: 'user', category: 'user', name: this.names.task() ?? 'user code' };
      this.open(this.user);
    } else if (mode !== 'user') this.leaveUser();
    if (this.now() >= this.due) this.count();
  }

  delivered(): void {
    this.leaveUser();
  }

  pushed(frame: Frame, below: Frame | undefined, mode: string): void {
    const slice = frame.delivery
      ? this.event(frame.delivery)
      : frame.place && this.code(frame, frame.place, below, mode);
    if (!slice || this.full) return;
    this.slices.set(frame, slice);
    this.open(slice);
  }

  popped(frame: Frame): void {
    const slice = this.slices.get(frame);
    if (slice) this.close(slice);
  }

  switched(from: Stack, to: Stack): void {
    for (const frame of [...from.frames].reverse()) this.popped(frame);
    for (const frame of to.frames) {
      const slice = this.slices.get(frame);
      if (slice) this.open(slice);
    }
  }

  recovery(event: string, extension: string, detail: number): void {
    if (this.full) return;
    const track = `recovery of ${extension}`;
    const name = event.toLowerCase().replaceAll('_', ' ');
    const args = { detail };
    const open = this.tracks.get(track)?.open ?? [];
    if (event === 'FAILED' && open.length === 0)
      this.open({ track, category: 'recovery', name: 'failure and recovery', args });
    else if (open.length > 1) this.close(open[open.length - 1]);
    this.emit({ ph: 'i', s: 't', name, cat: 'recovery', args: { ...this.cycles(), detail } }, track);
    if (ENDS.includes(event)) this.closeAll(track);
    else if (open.length > 0 || event === 'FAILED')
      this.open({ track, category: 'recovery', name: `after: ${name}`, args });
  }

  end(): void {
    if (!this.full) {
      this.count();
      this.finish();
    }
    this.sink.write('\n]}\n');
  }

  // ---- what is a slice -------------------------------------------------------------------------------------------------

  private event({ vector, error, kind, name, back }: Delivery): Slice {
    const args: Record<string, string | number> = { vector, from: this.names.describe(back) };
    if (error >= 0) args.error = `0x${error.toString(16)}`;
    if (vector === PF && kind === 'fault') args.address = hex8(this.target.machine.cpu.cr2);
    if (kind === 'software') return { track: 'kernel', category: 'syscall', name, args };
    if (kind === 'external' || vector === NMI)
      return { track: 'interrupts', category: 'interrupt', name, args };
    return { track: 'kernel', category: 'exception', name, args };
  }

  private code(frame: Frame, place: Place, below: Frame | undefined, mode: string): Slice | undefined {
    const { name } = place;
    const own = mode === 'kernel' ? 'driver' : mode;
    if (name === ENTER) {
      const fn = this.target.machine.peek32((frame.slot + 8) | 0);
      const callee = fn < 0 ? '' : this.names.describe(fn);
      return { track: 'kernel', category: 'xpc', name: `XPC: ${callee}` };
    }
    if (name.startsWith(STUB)) return { track: own, category: 'xpc', name: name.slice(STUB.length) };
    if (name.startsWith(WRAPPER) && frame.kind === 'call')
      return { track: 'kernel', category: 'wrapper', name };
    if (place.region === DRIVER && below?.place?.region !== DRIVER)
      return { track: own, category: 'driver', name };
    return undefined;
  }

  // ---- the file --------------------------------------------------------------------------------------------------------

  private open(slice: Slice): void {
    if (this.full) return;
    const { track, name, category, args } = slice;
    this.track(track).open.push(slice);
    this.emit({ ph: 'B', name, cat: category, args: { ...this.cycles(), ...args } }, track);
  }

  /** With whatever is still open in it. */
  private close(slice: Slice): void {
    const { open } = this.track(slice.track);
    if (!open.includes(slice)) return;
    for (let last = open.pop(); last; last = open.pop()) {
      this.emit({ ph: 'E', args: this.cycles() }, slice.track, true);
      if (last === slice) return;
    }
  }

  private closeAll(track: string): void {
    const outermost = this.tracks.get(track)?.open[0];
    if (outermost) this.close(outermost);
  }

  private leaveUser(): void {
    if (this.user) this.close(this.user);
    this.user = undefined;
  }

  private count(): void {
    this.due = this.now() + this.interval;
    for (const [name, args] of this.counters.differences()) this.emit({ ph: 'C', name, args });
  }

  private finish(): void {
    for (const track of this.tracks.keys()) this.closeAll(track);
    this.full = true;
  }

  /** Ends go out whatever was written before: each B has its E. */
  private emit(event: Record<string, unknown>, track?: string, isEnd = false): void {
    if (this.full) return;
    const tid = track === undefined ? 0 : this.track(track).id;
    this.write({ ...event, pid: PROCESS, tid, ts: this.microseconds() });
    if (!isEnd && --this.left <= 0) this.finish();
  }

  private track(name: string): { id: number; open: Slice[] } {
    let track = this.tracks.get(name);
    if (!track) {
      const id = this.tracks.size + 1;
      this.tracks.set(name, (track = { id, open: [] }));
      this.metadata('thread_name', id, { name });
      const order = ORDER.findIndex(word => name.startsWith(word));
      this.metadata('thread_sort_index', id, { sort_index: 100 * (order < 0 ? 1 : order) + id });
    }
    return track;
  }

  private metadata(name: string, tid: number, args: Record<string, unknown>): void {
    this.write({ ph: 'M', name, pid: PROCESS, tid, ts: 0, args });
  }

  private write(event: Record<string, unknown>): void {
    this.sink.write(`${this.first ? '' : ','}\n${JSON.stringify(event)}`);
    this.first = false;
  }

  /** Ticks. The last moment that was seen, if the guest was taken back. */
  private now(): number {
    return (this.latest = Math.max(this.latest, this.target.machine.clock.now()));
  }

  /** To the picosecond: several ticks lie in a nanosecond. */
  private microseconds(): number {
    return Math.round((this.now() / this.target.machine.clock.ticksPerSecond) * 1e12) / 1e6;
  }

  private cycles(): { cycles: number } {
    return { cycles: this.now() / TICKS_PER_CYCLE };
  }
}

/** What counts in the machine; each look gives what was added since the last. */
class Counters {
  private readonly target: Target;
  private last: number[];

  constructor(target: Target) {
    this.target = target;
    this.last = this.read().flatMap(([, values]) => Object.values(values));
  }

  differences(): [name: string, values: Record<string, number>][] {
    const now = this.read();
    const { last } = this;
    this.last = now.flatMap(([, values]) => Object.values(values));
    let n = 0;
    return now.map(([name, values]) => [
      name,
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value - last[n++]])),
    ]);
  }

  private read(): [name: string, values: Record<string, number>][] {
    const { cpu, accounting } = this.target.machine;
    const { l1i, l1d, l2 } = cpu.mmu.hierarchy;
    return [
      ['TLB misses', Object.fromEntries(cpu.mmu.tlbs().map(tlb => [tlb.name, tlb.misses]))],
      ['cache misses', { l1i: l1i.misses, l1d: l1d.misses, l2: l2.misses }],
      [
        'cycles by cause',
        Object.fromEntries(CAUSES.map((name, n) => [name, accounting.total(n) / TICKS_PER_CYCLE])),
      ],
    ];
  }
}
