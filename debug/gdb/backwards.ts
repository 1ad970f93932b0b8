/**
 * Running backwards for gdb (bs and bc). What gdb wants of a watchpoint met backwards, reverse.ts does: the guest stands
 * before the access, so that the old value is seen. As forwards, a step does not end in the handler of an interrupt
 * from outside.
 */
import type { Stop } from '../model.ts';
import type { Reverse } from '../reverse.ts';
import type { Stub } from './stub.ts';

const IRET = 0xcf;
const NMI = 2;
const FIRST_EXTERNAL = 0x20;
const SYSTEM_CALL = 0x80;
/** Below what IRET takes lie the words that it has popped last: vector and error code (kernel/arch/entry.S). */
const VECTOR_BELOW = 8;

export async function backwards(stub: Stub, how: 'continue' | 'step'): Promise<Stop> {
  const { reverse } = stub.served.debugger;
  return how === 'step' ? stepBack(stub, reverse) : reverse.continue();
}

async function stepBack(stub: Stub, reverse: Reverse): Promise<Stop> {
  const { target } = stub;
  for (;;) {
    const [pc, esp] = [target.pc(), target.esp()];
    let stop = await reverse.stepi(1);
    const vector = stop.kind === 'done' ? endedInterrupt(stub) : undefined;
    if (vector === undefined) return stop;
    stop = await backTo(stub, reverse, vector, () => target.pc() === pc && target.esp() === esp);
    if (stop.kind !== 'done') return stop;
    if (stub.served.interrupt.wanted) return { kind: 'interrupted' };
  }
}

/** Of the interrupt from outside that ends with the IRET that comes next. Only our kernel's are known. */
function endedInterrupt({ target }: Stub): number | undefined {
  if (!target.session || target.byte(target.pc()) !== IRET) return undefined;
  const vector = target.value((target.esp() - VECTOR_BELOW) >>> 0, 4);
  return vector === NMI || (vector >= FIRST_EXTERNAL && vector !== SYSTEM_CALL) ? vector : undefined;
}

/** Back to right before the delivery that interrupted where `here` holds. */
async function backTo(stub: Stub, reverse: Reverse, vector: number, here: () => boolean): Promise<Stop> {
  const { points } = stub.served.debugger.control;
  const text = 'interrupt (gdb)';
  const delivery = points.add({ kind: 'catchpoint', event: 'interrupt', filter: String(vector), text });
  try {
    for (;;) {
      let stop = await reverse.continue();
      if (stop.kind !== 'points') return stop;
      const others = stop.hits.filter(hit => hit.point.id !== delivery.id);
      if (others.length > 0) return { kind: 'points', hits: others };
      // The history may have us stand behind a delivery.
      if (here()) return { kind: 'done' };
      stop = await reverse.stepi(1);
      if (stop.kind !== 'done' || here()) return stop;
    }
  } finally {
    points.remove(delivery.id);
  }
}
