/**
 * Running backwards for gdb (bs and bc). What gdb wants of a watchpoint met backwards, reverse.ts does: the guest stands
 * before the access, so that the old value is seen. As forwards, a step does not end in the handler of an interrupt
 * from outside.
 */
import { CommandError } from '../error.ts';
import type { Stop } from '../model.ts';
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
  return how === 'step' ? stepBack(stub, reverse) : reverse.continue();
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
