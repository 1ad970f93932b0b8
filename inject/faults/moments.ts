/**
 * Faults at the moment when the driver executes an instruction. The host changes what a buggy driver would have
 * different: a register that the instruction is about to use, an argument on the stack, or for one execution the
 * driver's code itself. The processor then executes the driver's code; protection, wrappers and kernel do the rest.
 *
 * Two means change code for one execution. *Exchange*: while the instruction before a call runs, the call becomes
 * `mov $0,%eax`; behind it the call is put back. *Repeat*: while an instruction runs, a short jump back to it is put
 * behind it; when it runs for the second time, what was there is put back. An execution nested in an interrupt between
 * the two is told apart by its stack pointer.
 *
 * What is remembered between two executions lies in cells, so that who goes back in the run can put it back too.
 */
import { Register } from 'iced-x86';
import type { Session } from '../../guest/session.ts';
import type { Instruction } from './code.ts';
import type { GuestMemory } from './guest-memory.ts';

const EAX = 0;
const ESP = 4;
const CALL = 0xe8;
const CALL_LENGTH = 5;
const JMP_SHORT = 0xeb;
const JMP_LENGTH = 2;
/** Number of EAX among iced's registers; the eight follow in the processor's order. */
const ICED_EAX: number = Register.EAX;

/** A value that belongs to the run: plain data, replaced and never changed. */
export interface Cell<T> {
  value: T;
}

/** Where a driver is loaded, and what an injected fault may do there. */
export interface Place {
  session: Session;
  memory: GuestMemory;
  /** Linear address of an offset in the driver's text. */
  linear(offset: number): number;
  /** Calls `fn` before each execution of the instruction at an offset, as long as the driver is loaded. */
  hook(offset: number, fn: () => void): void;
  cell<T>(first: T): Cell<T>;
  /** The fault has had its first effect. */
  executed(): void;
}

const registers = (p: Place): Int32Array => p.session.machine.cpu.r32;

/** Linear address of the n-th argument of the call that comes next. */
const argument = (p: Place, n: number): number => (registers(p)[ESP] + 4 * n) >>> 0;

/** True at every n-th time. */
export function everyNth(p: Place, n: number): () => boolean {
  const count = p.cell(0);
  return () => ++count.value % n === 0;
}

/** The call at `call` returns 0 without being made, whenever `wanted` says so; `before` is the instruction before. */
export function exchangeCall(p: Place, before: number, call: number, wanted: () => boolean): void {
  const old = p.cell<number[] | null>(null);
  p.hook(before, () => {
    if (old.value !== null || !wanted()) return;
    const bytes = p.memory.bytes(p.linear(call), CALL_LENGTH);
    // Another fault of the trial may have changed the call.
    if (bytes?.[0] !== CALL || !p.memory.write(p.linear(call), [0xb8, 0, 0, 0, 0])) return;
    old.value = bytes;
  });
  p.hook(call, () => {
    if (old.value !== null) p.executed();
  });
  p.hook(call + CALL_LENGTH, () => {
    if (old.value !== null) p.memory.write(p.linear(call), old.value);
    old.value = null;
  });
}

/**
 * Executes the instruction at `offset` twice: `first` prepares the first execution (false: not now) and `second` the
 * one that was to be.
 */
export function repeat(
  p: Place,
  { offset, length }: { offset: number; length: number },
  first: () => boolean,
  second: () => void,
): void {
  const waiting = p.cell<{ old: number[]; esp: number } | null>(null);
  const behind = offset + length;
  p.hook(offset, () => {
    const esp = registers(p)[ESP];
    if (waiting.value) {
      if (waiting.value.esp !== esp) return;
      p.memory.write(p.linear(behind), waiting.value.old);
      waiting.value = null;
      second();
      return;
    }
    const old = p.memory.bytes(p.linear(behind), JMP_LENGTH);
    if (!old || !first()) return;
    p.memory.write(p.linear(behind), [JMP_SHORT, -(length + JMP_LENGTH) & 0xff]);
    waiting.value = { old, esp };
    p.executed();
  });
}

/** The call is made twice, first with `argumentOf()` in place of its first argument (null: not now). */
export function repeatCall(p: Place, call: number, argumentOf: (own: number) => number | null): void {
  const own = p.cell(0);
  repeat(
    p,
    { offset: call, length: CALL_LENGTH },
    () => {
      own.value = p.memory.word(argument(p, 0));
      const other = p.memory.byte(p.linear(call)) === CALL && own.value > 0 ? argumentOf(own.value) : null;
      return other !== null && p.memory.writeWord(argument(p, 0), other);
    },
    () => {
      p.memory.writeWord(argument(p, 0), own.value);
    },
  );
}

/** A store is done once more, before its own, to the address that `target` says (null: not now). */
export function repeatStore(p: Place, store: Instruction, target: () => number | null): void {
  const base = (store.memory?.base ?? ICED_EAX) - ICED_EAX;
  const own = p.cell(0);
  repeat(
    p,
    store,
    () => {
      const wanted = target();
      if (wanted === null) return false;
      own.value = registers(p)[base];
      registers(p)[base] = own.value + ((wanted - effectiveAddress(p, store)) | 0);
      return true;
    },
    () => {
      registers(p)[base] = own.value;
    },
  );
}

function effectiveAddress(p: Place, { memory }: Instruction): number {
  if (!memory) return 0;
  const r = registers(p);
  const index = memory.index ? Math.imul(r[memory.index - ICED_EAX], memory.scale) : 0;
  return (r[memory.base - ICED_EAX] + index + memory.displacement) | 0;
}

/** The instruction finds another value in a register, which has its own again behind it. */
export function withRegister(
  p: Place,
  { offset, length }: { offset: number; length: number },
  register: number,
  wanted: () => boolean,
  change: (own: number) => number,
): void {
  const own = p.cell<number | null>(null);
  p.hook(offset, () => {
    if (own.value !== null || !wanted()) return;
    own.value = registers(p)[register];
    registers(p)[register] = change(own.value);
    p.executed();
  });
  p.hook(offset + length, () => {
    if (own.value !== null) registers(p)[register] = own.value;
    own.value = null;
  });
}

/** The call's n-th argument is greater. */
export function longerArgument(p: Place, call: number, n: number, wanted: () => boolean, more: number): void {
  p.hook(call, () => {
    if (!wanted()) return;
    const at = argument(p, n);
    if (p.memory.writeWord(at, p.memory.word(at) + more)) p.executed();
  });
}

/** What the call at `call` returned, told behind it. */
export function onResult(p: Place, call: number, tell: (result: number) => void): void {
  p.hook(call + CALL_LENGTH, () => tell(registers(p)[EAX] >>> 0));
}
