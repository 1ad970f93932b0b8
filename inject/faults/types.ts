/**
 * The fault types, one row each: what bug it mimics, what is done, which failure of the lecture notes (II.f.v: timing,
 * output, omission, crash, Byzantine) it aims at, and where it acts. The first nineteen are the paper's table; the rest
 * are bugs that studies of drivers name. What a fault leads to may be any failure: `model` is the likeliest intent.
 */
import type { FailureModel, FaultTypeName } from '../model.ts';
import { fieldWeight } from './distribution.ts';
import { byRule, type Draw, heapBit, textBit } from './draw.ts';
import * as bug from './driver-rules.ts';
import type { Rule } from './rule.ts';
import * as runtime from './runtime-rules.ts';
import * as text from './text-rules.ts';

export interface FaultType {
  name: FaultTypeName;
  /** The programmer's error or the upset that it stands for. */
  mimics: string;
  /** What is done, in the table's words. */
  mutation: string;
  model: FailureModel;
  where: 'text' | 'stack' | 'heap' | 'call' | 'device';
  /** `bytes`: guest memory is changed at the injection; `moment`: the driver's instruction is, when it runs. */
  by: 'bytes' | 'moment';
  draw: Draw;
  /** Share in the field distribution, 0 to 1. */
  weight: number;
}

type Words = [mimics: string, mutation: string, model: FailureModel];

function row(
  name: FaultTypeName,
  where: FaultType['where'],
  by: FaultType['by'],
  draw: Draw | Rule,
  [mimics, mutation, model]: Words,
): FaultType {
  const isDraw = draw === textBit || draw === heapBit;
  return {
    name,
    mimics,
    mutation,
    model,
    where,
    by,
    draw: isDraw ? (draw as Draw) : byRule(name, draw as Rule),
    weight: fieldWeight(name),
  };
}

export const FAULT_TYPES: readonly FaultType[] = [
  row('TEXT', 'text', 'bytes', textBit, [
    'a bit of code that turned over',
    'flip one random bit of a 32-bit word',
    'byzantine',
  ]),
  row('NOP', 'text', 'bytes', text.nop, ['a missing statement', 'an instruction becomes NOPs', 'byzantine']),
  row('INIT', 'text', 'bytes', text.init, [
    'a local without its first value',
    'mov $imm,-Y(%ebp) becomes NOPs',
    'output',
  ]),
  row('SRC', 'text', 'bytes', text.src, [
    'a wrong source in an assignment',
    'flip one bit after the opcode, of what is read',
    'output',
  ]),
  row('DST', 'text', 'bytes', text.dst, [
    'a wrong destination of an assignment',
    'flip one bit after the opcode, of what is written',
    'byzantine',
  ]),
  row('PTR', 'text', 'bytes', text.ptr, [
    'a wrong address computation',
    'ModRM memory operand, not based on ebp: flip a low ModRM bit or a later byte',
    'crash',
  ]),
  row('INTERFACE', 'text', 'bytes', text.interfaceFault, [
    'an argument that is wrong',
    'mov +X(%ebp),reg becomes NOPs, each candidate with probability 3/4',
    'crash',
  ]),
  row('BRANCH', 'text', 'bytes', text.branch, [
    'a missing condition',
    'a Jcc, loop or rep prefix becomes NOPs',
    'output',
  ]),
  row('LOOP', 'text', 'bytes', text.loop, [
    'a loop that ends wrongly',
    "swap F3 and F2; invert a Jcc's condition",
    'timing',
  ]),
  row('IRQ', 'text', 'bytes', text.irq, [
    'interrupt state that is not restored',
    'push … popf becomes NOPs',
    'timing',
  ]),
  row('ALLOC', 'call', 'moment', runtime.alloc, [
    'no memory, and nobody is prepared',
    'an allocation returns NULL after 8192 + rand(0..4095) calls',
    'crash',
  ]),
  row('FREE', 'call', 'moment', runtime.free, [
    'memory freed too early',
    'premature free alternating with none',
    'byzantine',
  ]),
  row('LEAK', 'call', 'moment', runtime.leak, ['memory that is not freed', 'leak only', 'omission']),
  row('BCOPY', 'call', 'moment', runtime.bcopy, [
    'a copy that is too long',
    'overrun a length: half by 1, 44 % up to about 1 KB, 6 % more',
    'byzantine',
  ]),
  row('STACK', 'stack', 'moment', runtime.stack, [
    'a stack that something wrote into',
    "flip one bit in the driver's live frames",
    'crash',
  ]),
  row('HEAP', 'heap', 'bytes', heapBit, [
    'an object that something wrote into',
    "flip one bit in a live object of the driver's heap",
    'byzantine',
  ]),
  row('WHILE1', 'text', 'bytes', text.while1, [
    'an endless loop',
    'an instruction becomes a jump to itself',
    'timing',
  ]),
  row('PANIC', 'text', 'bytes', text.panic, [
    'the driver gives up',
    'a function calls panic as the first thing it does',
    'crash',
  ]),
  row('DIRECT', 'call', 'moment', runtime.direct, [
    'a wild pointer',
    'a store is done once more, to a wild address',
    'byzantine',
  ]),
  row('NULL-CHECK', 'text', 'bytes', bug.nullCheck, [
    'a missing NULL check',
    'the je after test r,r of a result or a load becomes NOPs',
    'crash',
  ]),
  row('UNINITIALISED', 'text', 'bytes', bug.uninitialised, [
    'an uninitialised variable or field',
    'a store that initialises becomes NOPs',
    'output',
  ]),
  row('USE-AFTER-FREE', 'call', 'moment', runtime.useAfterFree, [
    'a pointer used after free',
    'a store after a free is done once more, into the freed object',
    'byzantine',
  ]),
  row('DOUBLE-FREE', 'call', 'moment', runtime.doubleFree, [
    'an object freed twice',
    'the call that frees is made twice',
    'crash',
  ]),
  row('OFF-BY-ONE', 'text', 'bytes', bug.offByOne, [
    'a bound that is one off',
    "a Jcc with or without equality, or a comparison's immediate plus or minus one",
    'output',
  ]),
  row('LOCK-HELD', 'text', 'bytes', bug.lockHeld, [
    'a lock left held',
    'the call that releases a lock becomes NOPs',
    'timing',
  ]),
  row('LOCK-ORDER', 'text', 'bytes', bug.lockOrder, [
    'locks taken in the wrong order',
    'the cli before the lock becomes a NOP',
    'timing',
  ]),
  row('IRQ-OFF', 'text', 'bytes', bug.irqOff, [
    'interrupts left off',
    'sti becomes a NOP, push r; popf becomes push r; pop r',
    'timing',
  ]),
  row('DMA', 'device', 'moment', runtime.dma, [
    'a descriptor with a wild address',
    'the mapped address is stored as one of kernel memory',
    'byzantine',
  ]),
  row('BAD-DATA', 'device', 'moment', runtime.badData, [
    'bad data sent to the device',
    'one bit of what is stored to a register or descriptor is wrong',
    'output',
  ]),
];

export const FAULT_TYPE_NAMES: readonly FaultTypeName[] = FAULT_TYPES.map(t => t.name);

/** The row of a type. Throws a RangeError for a name that is none. */
export function faultType(name: string): FaultType {
  const found = FAULT_TYPES.find(t => t.name === name);
  if (!found) throw new RangeError(`no fault type ${name}: ${FAULT_TYPE_NAMES.join(', ')}`);
  return found;
}
