/**
 * Running for gdb: what vCont asks for. The machine has one processor, so one thread runs, and the others do when the
 * kernel lets them: a thread that is to be stepped is waited for.
 *
 * A step does not follow an interrupt from outside into its handler: it is over when the handler has come back. QEMU
 * holds interrupts off instead; here they come, for a guest that is stepped must not differ from one that is not.
 * Faults are followed.
 *
 * Left out: holding threads back (`set scheduler-locking on`), which would change what the guest does; signals.
 */

import type { Stop } from '../model.ts';
import type { Stub } from './stub.ts';

/** What a thread is to do; without a thread: each that no earlier action names. */
export interface Action {
  thread?: number;
  kind: 'continue' | 'step' | 'stop';
  /** Step on while EIP is in [from, to). */
  range?: { from: number; to: number };
}

/** The first action that names a thread, or none, is its. */
export function forwards(stub: Stub, actions: readonly Action[]): Promise<Stop> {
  const running = stub.running();
  const stepped = actions.find(a => a.kind === 'step' && a.thread !== undefined && a.thread !== running);
  const own = actions.find(a => a.thread === undefined || a.thread === running);
  if (own?.kind === 'step') return step(stub, own.range);
  if (stepped) return stepOther(stub, stepped.thread as number, stepped.range);
  if (own?.kind === 'stop') return Promise.resolve({ kind: 'interrupted' });
  return stub.served.debugger.control.continue(stub.served.limit);
}

/** Waits until the thread goes on where it stands, then steps it. */
async function stepOther(stub: Stub, id: number, range: Action['range']): Promise<Stop> {
  const { saved } = stub.existing(id);
  if (saved) {
    const here = () => stub.target.esp() === saved.esp && stub.running() === id;
    const stop = await stub.served.debugger.control.runTo(saved.eip, stub.served.limit, here);
    if (stop.kind !== 'done') return stop;
  }
  return step(stub, range);
}

async function step(stub: Stub, range: Action['range']): Promise<Stop> {
  const { target } = stub;
  const { control } = stub.served.debugger;
  const { cpu } = target.machine;
  let interrupted = false;
  const unlisten = cpu.probes.add({
    delivered(_vector, _error, kind) {
      if (kind === 'external') interrupted = true;
    },
  });
  try {
    for (;;) {
      const [pc, esp, thread] = [target.pc(), target.esp(), stub.running()];
      interrupted = false;
      let stop = await control.stepi(1, stub.served.limit);
      if (stop.kind !== 'done') return stop;
      if (interrupted) {
        // The handler comes back to where the step was to begin.
        const back = () => target.esp() === esp && stub.running() === thread;
        stop = await control.runTo(pc, stub.served.limit, back);
        if (stop.kind !== 'done') return stop;
      } else if (!range || cpu.eip >>> 0 < range.from || cpu.eip >>> 0 >= range.to) return stop;
      if (stub.served.interrupt.wanted) return { kind: 'interrupted' };
    }
  } finally {
    unlisten();
  }
}
