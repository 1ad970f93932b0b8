/** What the injector sets up for a fault that happens when the driver runs: one row a type. */
import { loadSegments } from '../../guest/elf.ts';
import type { Fault, FaultTypeName } from '../model.ts';
import { type CodeFunction, type DriverCode, functionAt, type Instruction, isCall } from './code.ts';
import { driverFrames, type Extent } from './frames.ts';
import {
  everyNth,
  exchangeCall,
  longerArgument,
  onResult,
  type Place,
  repeatCall,
  repeatStore,
  withRegister,
} from './moments.ts';
import { ALLOCATORS, COPIES, RELEASES } from './runtime-rules.ts';

/** The instruction that a fault waits at. */
export interface Moment {
  code: DriverCode;
  fn: CodeFunction;
  i: Instruction;
  before: Instruction | undefined;
  fault: Fault;
  /** A parameter of the fault, 0 if the plan lacks it. */
  number(name: string): number;
  /** Of the loaded module. */
  text: Extent;
  /** Says when the changed byte is first used. */
  firstUse(lin: number): void;
}

type Arm = (p: Place, m: Moment) => void;

const TWO_32 = 2 ** 32;
const KERNEL_BASE = 0xc000_0000;
const PAGE = 4096;
const EAX = 0;
const ESP = 4;
const EBP = 5;

/** A number in 0..2^32-1 as a share of `size`, in whole words. */
const scaled = (fraction: number, size: number): number => Math.floor((fraction / TWO_32) * (size / 4)) * 4;

const calls = (p: Place, m: Moment): (() => boolean) => everyNth(p, Math.max(1, m.number('calls')));

/** True once, at the n-th time. */
function atNth(p: Place, m: Moment): () => boolean {
  const left = p.cell(Math.max(1, m.number('calls')));
  return () => left.value > 0 && --left.value === 0;
}

const exchanged: Arm = (p, m) => {
  if (m.before) exchangeCall(p, m.before.offset, m.i.offset, calls(p, m));
};

/** Functions of one kind give and take the same objects. */
const isPacket = (name: string): boolean => name.includes('skb');

/** Premature free first, then none, and so on. What is freed early is what the driver allocated last. */
const free: Arm = (p, m) => {
  const early = p.cell(true);
  const last = p.cell(0);
  const sites = m.code.functions.flatMap(f => f.instructions).filter(isCall);
  for (const { offset, relocation } of sites) {
    if (isPacket(relocation) !== isPacket(m.i.relocation)) continue;
    if (ALLOCATORS.has(relocation))
      onResult(p, offset, result => {
        last.value = result;
      });
    if (RELEASES.has(relocation))
      p.hook(offset, () => {
        if (p.memory.word(p.session.machine.cpu.r32[ESP] >>> 0) === last.value) last.value = 0;
      });
  }
  const due = calls(p, m);
  const wanted = p.cell(false);
  const ask = () => (wanted.value ||= due());
  repeatCall(p, m.i.offset, () => {
    if (!early.value || last.value === 0 || !ask()) return null;
    [early.value, wanted.value] = [false, false];
    return last.value;
  });
  if (!m.before) return;
  exchangeCall(p, m.before.offset, m.i.offset, () => {
    if (early.value || !ask()) return false;
    [early.value, wanted.value] = [true, false];
    return true;
  });
};

const useAfterFree: Arm = (p, m) => {
  const store = m.fn.instructions.find(i => i.offset === m.number('store'));
  if (!store) return;
  const due = calls(p, m);
  const freed = p.cell(0);
  p.hook(m.i.offset, () => {
    const object = p.memory.word(p.session.machine.cpu.r32[ESP] >>> 0);
    if (object > 0 && due()) freed.value = object;
  });
  repeatStore(p, store, () => {
    const object = freed.value;
    freed.value = 0;
    // Somewhere in its first words: every object has those.
    return object > 0 ? object + scaled(m.number('where'), 32) : null;
  });
};

/** Anywhere in the kernel's map of RAM but page 0. */
const direct: Arm = (p, m) => {
  const due = atNth(p, m);
  const wild = KERNEL_BASE + PAGE + scaled(m.number('where'), p.session.machine.ramSize - PAGE);
  repeatStore(p, m.i, () => (due() ? wild : null));
};

/** The kernel's image: its text, data and BSS. */
const dma: Arm = (p, m) => {
  const segments = loadSegments(p.session.kernel, 'kernel.elf');
  const start = segments[0].physicalAddress;
  const end = Math.max(...segments.map(s => s.physicalAddress + s.memorySize));
  withRegister(p, m.i, EAX, atNth(p, m), () => start + scaled(m.number('where'), end - start));
};

const badData: Arm = (p, m) => {
  const register = (m.i.bytes[m.i.modrm] >> 3) & 7;
  withRegister(p, m.i, register, atNth(p, m), own => own ^ (1 << m.number('bit')));
};

const stack: Arm = (p, m) => {
  const due = atNth(p, m);
  p.hook(m.i.offset, () => {
    if (!due()) return;
    const r = p.session.machine.cpu.r32;
    const frames = driverFrames(p.memory, r[ESP], r[EBP], m.text);
    if (!frames) return;
    const at = frames.start + scaled(m.number('where'), frames.end - frames.start) + (m.number('bit') >> 3);
    const old = p.memory.byte(at);
    if (old >= 0 && p.memory.write(at, [old ^ (1 << (m.number('bit') & 7))])) m.firstUse(at);
  });
};

export const ARMS: Partial<Record<FaultTypeName, Arm>> = {
  ALLOC: exchanged,
  LEAK: exchanged,
  FREE: free,
  'DOUBLE-FREE': (p, m) => {
    const due = calls(p, m);
    repeatCall(p, m.i.offset, own => (due() ? own : null));
  },
  'USE-AFTER-FREE': useAfterFree,
  BCOPY: (p, m) =>
    longerArgument(p, m.i.offset, COPIES[m.i.relocation] ?? 0, calls(p, m), m.number('overrun')),
  DIRECT: direct,
  DMA: dma,
  'BAD-DATA': badData,
  STACK: stack,
};

/** The moment of a fault, or null if the plan names no instruction of this driver. */
export function momentOf(
  code: DriverCode,
  fault: Fault,
  text: Extent,
  firstUse: (lin: number) => void,
): Moment | null {
  const fn = functionAt(code, fault.offset ?? -1);
  const index = fn?.instructions.findIndex(i => i.offset === fault.offset) ?? -1;
  if (!fn || index < 0) return null;
  const number = (name: string) => fault.parameters?.[name] ?? 0;
  const [i, before] = [fn.instructions[index], fn.instructions[index - 1]];
  return { code, fn, i, before, fault, number, text, firstUse };
}
