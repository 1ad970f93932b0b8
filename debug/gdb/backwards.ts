/**
 * Running backwards for gdb (bs and bc). To gdb a watchpoint met backwards leaves the guest before the access, so that the
 * old value is seen; and as forwards, a step does not end in the handler of an interrupt from outside.
 */
import { CommandError } from '../error.ts';
import type { Hit, Point, Stop } from '../model.ts';
import type { Backwards, Stub } from './stub.ts';

const IRET = 0xcf;
const NMI = 2;
const FIRST_EXTERNAL = 0x20;
const SYSTEM_CALL = 0x80;
/** Below what IRET takes lie the words that it has popped last: vector and error code (kernel/arch/entry.S). */
const VECTOR_BELOW = 8;

export async function backwards(stub: Stub, how: 'continue' | 'step'): Promise<Stop> {
  const { reverse } = stub.served.debugger;
  if (!reverse) throw new CommandError('nothing is known of what was before');
  return how === 'step' ? stepBack(stub, reverse) : continueBack(stub, reverse);
}

/**
 * The first step is taken alone: to the history, a guest that stands right behind a write has met it already, but gdb
 * wants to see it undone.
 */
async function continueBack(stub: Stub, reverse: Backwards): Promise<Stop> {
  const points = [...stub.inserted.values()].flatMap(
    ({ id }) => stub.served.debugger.control.points.get(id) ?? [],
  );
  const bytes = points.map(point => watchedBytes(stub, point));
  const first = await reverse.stepi(1);
  if (first.kind !== 'done') return first;
  const pc = stub.target.pc();
  const met = points.filter((point, n) =>
    point.kind === 'breakpoint'
      ? point.addresses.includes(pc)
      : bytes[n] !== undefined && bytes[n] !== watchedBytes(stub, point),
  );
  if (met.length > 0) return { kind: 'points', hits: met.map(point => ({ point })) };
  const stop = await reverse.continue();
  if (stop.kind !== 'points' || !stop.hits.some(hit => isBehind(stub, hit))) return stop;
  const further = await reverse.stepi(1);
  return further.kind === 'done' || further.kind === 'points' ? stop : further;
}

/** Of a watchpoint for writes, so that they can be compared. */
function watchedBytes({ target }: Stub, point: Point): string | undefined {
  return point.kind === 'watchpoint' && point.access !== 'read'
    ? target.bytes(point.address, point.length, point.physical).join()
    : undefined;
}

/** Does the guest stand behind an access that a watchpoint met? */
function isBehind({ target }: Stub, { point, by, before, write }: Hit): boolean {
  if (point.kind !== 'watchpoint') return false;
  if (write && before) {
    const now = target.bytes(point.address, point.length, point.physical);
    // A REP instruction stands at one address before and behind a round.
    if (before.some((byte, n) => byte !== now[n])) return true;
  }
  return by !== target.pc();
}

async function stepBack(stub: Stub, reverse: Backwards): Promise<Stop> {
  const { target } = stub;
  for (;;) {
    const [pc, esp] = [target.pc(), target.esp()];
    let stop = await reverse.stepi(1);
    if (stop.kind !== 'done' || !endsInterrupt(stub)) return stop;
    stop = await backTo(stub, reverse, pc, esp);
    if (stop.kind !== 'done') return stop;
    if (stub.served.interrupt.wanted) return { kind: 'interrupted' };
  }
}

/** Does the IRET come next that ends an interrupt from outside? Only our kernel's are known. */
function endsInterrupt({ target }: Stub): boolean {
  if (!target.session || target.byte(target.pc()) !== IRET) return false;
  const vector = target.value((target.esp() - VECTOR_BELOW) >>> 0, 4);
  return vector === NMI || (vector >= FIRST_EXTERNAL && vector !== SYSTEM_CALL);
}

/** Back to where an interrupt came: the place and stack to which its handler has returned. */
async function backTo(stub: Stub, reverse: Backwards, pc: number, esp: number): Promise<Stop> {
  const { points } = stub.served.debugger.control;
  const place = points.add({ kind: 'breakpoint', text: 'interrupt (gdb)', addresses: [pc] });
  try {
    for (;;) {
      const stop = await reverse.continue();
      if (stop.kind !== 'points') return stop;
      const others = stop.hits.filter(hit => hit.point.id !== place.id);
      if (others.length > 0) return { kind: 'points', hits: others };
      if (stub.target.esp() === esp) return { kind: 'done' };
    }
  } finally {
    points.remove(place.id);
  }
}
