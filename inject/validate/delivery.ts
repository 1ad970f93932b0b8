/**
 * What the processor writes by itself when it delivers an exception: the frame on the stack, or for a task gate the
 * outgoing TSS, the link in the incoming one, the busy bits in the GDT and the error code on the new stack
 * (SDM vol. 3, 6.12 and 7.3).
 */
import type { Cpu } from '../../emu/cpu/cpu.ts';
import type { Exception } from './memory.ts';

/** Of the processor, before the delivery. */
export interface Entry {
  esp: number;
  cr3: number;
  taskSelector: number;
  taskBase: number;
}

const TR = 7;
const BUSY = 0x02;
const DESCRIPTOR_TYPE = 5;
/** EIP to GS of a 32-bit TSS. */
const TSS_STATE = 0x20;
const TSS_STATE_BYTES = 0x40;
const LINK_BYTES = 4;
/** EFLAGS, CS, EIP and an error code; with SS and ESP from ring 3. */
const LONGEST_FRAME = 24;
const ERROR_BYTES = 4;

export function entryOf(cpu: Cpu): Entry {
  return { esp: cpu.esp, cr3: cpu.cr3, taskSelector: cpu.selector(TR), taskBase: cpu.segmentBase(TR) };
}

/** The bytes that delivery wrote; `cpu` is at the handler's first instruction. */
export function writtenByDelivery(cpu: Cpu, before: Entry): Exception[] {
  return cpu.selector(TR) === before.taskSelector ? frame(cpu, before) : taskSwitch(cpu, before);
}

function frame(cpu: Cpu, before: Entry): Exception[] {
  const length = (before.esp - cpu.esp) | 0;
  return length > 0 && length <= LONGEST_FRAME ? bytes(cpu, cpu.esp, length, before.cr3) : [];
}

function taskSwitch(cpu: Cpu, before: Entry): Exception[] {
  const busy = (selector: number) =>
    bytes(cpu, cpu.gdtBase + (selector & ~7) + DESCRIPTOR_TYPE, 1, cpu.cr3, BUSY);
  return [
    ...bytes(cpu, before.taskBase + TSS_STATE, TSS_STATE_BYTES, cpu.cr3),
    ...bytes(cpu, cpu.segmentBase(TR), LINK_BYTES, cpu.cr3),
    ...busy(before.taskSelector),
    ...busy(cpu.selector(TR)),
    ...bytes(cpu, cpu.esp, ERROR_BYTES, cpu.cr3),
  ];
}

/** Linear addresses one by one, since they may cross pages. */
function bytes(cpu: Cpu, lin: number, length: number, directory: number, mask = 0xff): Exception[] {
  const found: Exception[] = [];
  for (let at = 0; at < length; at++) {
    const pa = cpu.mmu.peekTranslate((lin + at) | 0, directory);
    if (pa >= 0) found.push({ pa, length: 1, mask });
  }
  return found;
}
