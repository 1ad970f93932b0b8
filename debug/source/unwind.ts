/**
 * The chain of calls. A caller's registers come from call frame information where the code has it (all that the
 * compiler made: `-g` leaves .debug_frame), else from the frame pointer and the prologue's pushes, for assembly. Places
 * where the chain goes on by a way of its own are known by name: a domain's call of the kernel leaves no frame
 * (nooks/xpc.S), behind a trap are the interrupted registers (kernel/arch/entry.S), behind the double fault is a TSS.
 *
 * Left out: functions that ended in a jump to the next one (tail calls), which gdb infers.
 */

import { type ExpressionContext, expressionValue } from '../../guest/dwarf/expression.ts';
import {
  EBP,
  EIP,
  ESP,
  type FrameRules,
  REGISTER_NAMES,
  type RegisterRule,
} from '../../guest/dwarf/frames.ts';
import { GuestError } from '../../guest/error.ts';
import { disassemble } from '../disassembly.ts';
import type { Target } from '../target.ts';
import { readNumber } from './memory.ts';

/** The registers of one call, by DWARF's numbers, with where the guest keeps those that it saved. */
export class Registers {
  private readonly values: readonly (number | undefined)[];
  /** Linear address of the saved register; undefined while it is in the processor, or nowhere. */
  private readonly places: readonly (number | undefined)[];

  constructor(values: readonly (number | undefined)[], places: readonly (number | undefined)[] = []) {
    this.values = values;
    this.places = places;
  }

  /** Unsigned. */
  get(n: number): number | undefined {
    const value = this.values[n];
    return value === undefined ? undefined : value >>> 0;
  }

  place(n: number): number | undefined {
    return this.places[n];
  }

  /** The same with some replaced. */
  with(values: Readonly<Record<number, number | undefined>>, places: Readonly<Record<number, number>> = {}) {
    const [all, where] = [[...this.values], [...this.places]];
    for (const [n, value] of Object.entries(values)) {
      all[Number(n)] = value;
      where[Number(n)] = places[Number(n)];
    }
    return new Registers(all, where);
  }

  get pc(): number {
    return this.get(EIP) ?? 0;
  }
}

/** One call whose code runs, inlined functions not told apart. */
export interface Activation {
  registers: Registers;
  /** The instruction at `pc` comes next; else it follows a call, which may be the last of its line. */
  exact: boolean;
  /** What lies between it and the one inside. */
  border?: string;
  /** It runs in the processor now: its registers are the processor's. */
  innermost: boolean;
  /** Of the process whose program it may be; undefined: the current one. */
  comm?: string;
}

/** An address in the instruction that the activation is at: the next one, or its call. */
export function codeAddress({ registers, exact }: Activation): number {
  return exact ? registers.pc : (registers.pc - 1) >>> 0;
}

const MAX_FRAMES = 128;
const EBX = 3;
const ESI = 6;
const EDI = 7;
/** struct pt_regs: bytes of each register, and what follows. */
const PT_REGS = {
  ebx: 0,
  ecx: 4,
  edx: 8,
  esi: 12,
  edi: 16,
  ebp: 20,
  eax: 24,
  vector: 36,
  eip: 44,
  cs: 48,
  esp: 56,
};
/** A 32-bit TSS (SDM vol. 3, 7.2.1). */
const TSS = { eip: 32, eax: 40, ecx: 44, edx: 48, ebx: 52, esp: 56, ebp: 60, esi: 64, edi: 68 };
const TR = 7;

/** The registers that the processor has now. */
export function currentRegisters(target: Target): Registers {
  const general = Array.from({ length: 8 }, (_, n) => target.machine.cpu.r32[n] >>> 0);
  general[ESP] = target.esp();
  return new Registers([...general, target.pc()]);
}

/** All calls from one on, the innermost first. Bounded, whatever the guest's stack holds. */
export function activations(target: Target, start: Activation, limit = MAX_FRAMES): Activation[] {
  const list = [start];
  const seen = new Set<string>();
  for (let at = start; list.length < Math.min(limit, MAX_FRAMES); ) {
    const next = callerOf(target, at);
    if (!next || next.registers.pc === 0) break;
    const key = `${next.registers.pc}:${next.registers.get(ESP)}:${next.registers.get(EBP)}`;
    if (seen.has(key)) break;
    seen.add(key);
    list.push(next);
    at = next;
  }
  return list;
}

/** The activation that an activation returns to. */
export function callerOf(target: Target, activation: Activation): Activation | undefined {
  const name = symbolName(target, activation);
  const special = !activation.exact && name !== undefined ? SPECIAL[name] : undefined;
  if (special) return special(target, activation);
  const image = target.images.at(target.linked(codeAddress(activation)), activation.comm);
  try {
    const rules = image?.frames()?.rulesAt(target.linked(codeAddress(activation)));
    if (rules) return byRules(target, activation, rules);
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
  }
  return byFramePointer(target, activation);
}

function symbolName(target: Target, activation: Activation): string | undefined {
  const at = target.linked(codeAddress(activation));
  const image = target.images.at(at, activation.comm);
  return (target.symbols.lookup(at) ?? image?.symbols().lookup(at))?.symbol.name;
}

function word(target: Target, address: number): number | undefined {
  const value = readNumber(target, address, 4);
  return value === undefined ? undefined : Number(value);
}

// ---- call frame information --------------------------------------------------------------------------------------------

function byRules(target: Target, activation: Activation, rules: FrameRules): Activation | undefined {
  const { registers } = activation;
  const context = frameContext(target, registers);
  const cfa = cfaBy(rules, registers, context);
  if (cfa === undefined) return undefined;
  const values: Record<number, number | undefined> = {};
  const places: Record<number, number> = {};
  for (let n = 0; n < REGISTER_NAMES.length; n++) {
    const rule = rules.registers.get(n) ?? conventional(n);
    const restored = restore(target, rule, n, cfa, registers, context);
    values[n] = restored.value;
    if (restored.place !== undefined) places[n] = restored.place;
  }
  if (!rules.registers.has(ESP)) values[ESP] = cfa;
  const pc = values[rules.returnColumn];
  if (pc === undefined) return undefined;
  values[EIP] = pc;
  return { registers: registers.with(values, places), exact: false, innermost: false, comm: activation.comm };
}

function cfaBy(rules: FrameRules, registers: Registers, context: ExpressionContext): number | undefined {
  return 'register' in rules.cfa
    ? plus(registers.get(rules.cfa.register), rules.cfa.offset)
    : asNumber(expressionValue(rules.cfa.expression, context));
}

/** The canonical frame address: ESP before the call, where call frame information says it. Throws a GuestError. */
export function canonicalFrameAddress(target: Target, activation: Activation): number | undefined {
  const at = target.linked(codeAddress(activation));
  const rules = target.images.at(at, activation.comm)?.frames()?.rulesAt(at);
  return rules && cfaBy(rules, activation.registers, frameContext(target, activation.registers));
}

/** What the ABI says of a register that nobody mentions: %ebx, %esi, %edi and %ebp are the callee's to keep. */
function conventional(n: number): RegisterRule {
  return { kind: n === EBX || n === EBP || n === ESI || n === EDI ? 'same' : 'undefined' };
}

function restore(
  target: Target,
  rule: RegisterRule,
  n: number,
  cfa: number,
  registers: Registers,
  context: ExpressionContext,
): { value: number | undefined; place?: number } {
  const saved = (place: number) => ({ value: word(target, place), place });
  switch (rule.kind) {
    case 'same':
      return { value: registers.get(n), place: registers.place(n) };
    case 'offset':
      return saved((cfa + rule.offset) >>> 0);
    case 'value':
      return { value: (cfa + rule.offset) >>> 0 };
    case 'register':
      return { value: registers.get(rule.register), place: registers.place(rule.register) };
    case 'valueExpression':
      return { value: asNumber(expressionValue(rule.expression, context, cfa)) };
    case 'expression': {
      const place = asNumber(expressionValue(rule.expression, context, cfa));
      return place === undefined ? { value: undefined } : saved(place);
    }
    case 'undefined':
      return { value: undefined };
  }
}

function frameContext(target: Target, registers: Registers): ExpressionContext {
  const nothing = () => undefined;
  return {
    unit: undefined,
    register: n => registers.get(n),
    memory: (address, size) => readNumber(target, address, size),
    frameBase: nothing,
    cfa: nothing,
    entryValue: nothing,
  };
}

const plus = (a: number | undefined, b: number) => (a === undefined ? undefined : (a + b) >>> 0);
const asNumber = (v: bigint | undefined) => (v === undefined ? undefined : Number(BigInt.asUintN(32, v)));

// ---- frame pointers ----------------------------------------------------------------------------------------------------

/** PUSH of the callee's registers, which assembly does right behind its prologue. */
const PUSHES: Readonly<Record<number, number>> = { 83: EBX, 86: ESI, 87: EDI };
const PUSH_EBP = 0x55;
/** MOV EBP, ESP in its two encodings. */
const MOV_EBP_ESP = [0xe589, 0xec8b];

function byFramePointer(target: Target, activation: Activation): Activation | undefined {
  const { registers, exact } = activation;
  const { pc } = registers;
  const esp = registers.get(ESP);
  const ebp = registers.get(EBP);
  const here = target.symbols.lookup(target.linked(pc));
  const pushes = here?.symbol.code && target.byte(pc - here.offset) === PUSH_EBP;
  // Before its frame is built and after it is taken down, the return address is at ESP.
  if (exact && esp !== undefined && here?.symbol.code) {
    if (here.offset === 0 || disassemble(target, pc)?.leaves) return returnBy(target, activation, esp, ebp);
    if (pushes && here.offset === 1)
      return returnBy(target, activation, (esp + 4) >>> 0, word(target, esp), { [EBP]: esp });
  }
  const left = exact && esp !== undefined ? leaving(target, pc, esp, ebp) : undefined;
  if (left) return returnBy(target, activation, left.slot, left.ebp, left.places);
  if (ebp === undefined || ebp === 0) return undefined;
  const kept = pushes ? pushed(target, pc - here.offset, pc, ebp) : {};
  return returnBy(target, activation, (ebp + 4) >>> 0, word(target, ebp), { ...kept, [EBP]: ebp });
}

const POP = 0x58;
const RET = 0xc3;

/** What the POPs before a RET will restore, where nothing but these is to come: EBP need be no frame pointer then. */
function leaving(target: Target, pc: number, esp: number, ebp: number | undefined) {
  const places: Record<number, number> = {};
  for (let n = 0; n <= 8; n++) {
    const byte = target.byte((pc + n) >>> 0);
    const slot = (esp + 4 * n) >>> 0;
    if (byte === RET && n > 0) return { slot, ebp: EBP in places ? word(target, places[EBP]) : ebp, places };
    if (byte < POP || byte >= POP + 8 || byte === POP + ESP) return undefined;
    places[byte - POP] = slot;
  }
  return undefined;
}

/** Where the prologue at `start` has pushed registers by the time that `pc` is reached. */
function pushed(target: Target, start: number, pc: number, ebp: number): Record<number, number> {
  const places: Record<number, number> = {};
  if (!MOV_EBP_ESP.includes(target.value(start + 1, 2))) return places;
  let slot = ebp;
  for (let at = start + 3; at < pc; at++) {
    const register = PUSHES[target.byte(at)];
    if (register === undefined) break;
    slot = (slot - 4) >>> 0;
    places[register] = slot;
  }
  return places;
}

/** The return address lies at `slot`, the caller's EBP is `ebp`; `places` say where its registers were saved. */
function returnBy(
  target: Target,
  activation: Activation,
  slot: number,
  ebp: number | undefined,
  places: Record<number, number> = {},
): Activation | undefined {
  const pc = word(target, slot);
  if (pc === undefined || ebp === undefined) return undefined;
  const values: Record<number, number | undefined> = { 0: undefined, 1: undefined, 2: undefined };
  for (const [n, place] of Object.entries(places)) values[Number(n)] = word(target, place);
  Object.assign(values, { [ESP]: (slot + 4) >>> 0, [EBP]: ebp, [EIP]: pc });
  const registers = activation.registers.with(values, { ...places, [EIP]: slot });
  return { registers, exact: false, innermost: false, comm: activation.comm };
}

// ---- where the chain goes on by a way of its own -----------------------------------------------------------------------

type Special = (target: Target, at: Activation) => Activation | undefined;

/** The trap's registers lie at the address that is at ESP: the handler's argument. */
const trapped: Special = (target, at) => {
  const esp = at.registers.get(ESP);
  const regs = esp === undefined ? undefined : word(target, esp);
  return regs === undefined ? undefined : interrupted(target, at, regs);
};

/** By the symbol of the code that a return leads to. */
const SPECIAL: Readonly<Record<string, Special>> = {
  trap_common: trapped,
  trap_from_domain: trapped,
  trap_2: trapped,
  bad_system_call: trapped,
  ring3_exit: trapped,
  // Six arguments lie before the registers.
  system_call: (target, at) => interrupted(target, at, ((at.registers.get(ESP) ?? 0) + 24) >>> 0),
  ret_from_fork: (target, at) => interrupted(target, at, at.registers.get(ESP) ?? 0),
  kernel_thread_start: () => undefined,
  nooks_kernel_call: fromDomain,
  double_fault_entry: fromTss,
};

/** Behind a trap: what it interrupted, by struct pt_regs at `regs`. */
function interrupted(target: Target, at: Activation, regs: number): Activation | undefined {
  const field = (offset: number) => word(target, (regs + offset) >>> 0);
  const [vector, cs] = [field(PT_REGS.vector), field(PT_REGS.cs)];
  const pc = field(PT_REGS.eip);
  if (pc === undefined || vector === undefined || cs === undefined) return undefined;
  const values: Record<number, number | undefined> = { [EIP]: pc };
  const places: Record<number, number> = { [EIP]: regs + PT_REGS.eip };
  REGISTER_NAMES.forEach((name, n) => {
    if (n === ESP || n === EIP) return;
    places[n] = (regs + PT_REGS[name as keyof typeof PT_REGS]) >>> 0;
    values[n] = word(target, places[n]);
  });
  // Ring 0 pushes no stack pointer: it is behind what was pushed.
  values[ESP] = cs & 3 ? field(PT_REGS.esp) : (regs + PT_REGS.esp) >>> 0;
  const border = vector === 0x80 && cs & 3 ? 'system call' : `trap 0x${vector.toString(16)}`;
  return {
    registers: at.registers.with(values, places),
    exact: true,
    border,
    innermost: false,
    comm: at.comm,
  };
}

/** nooks_dispatch(wrapper, domain_esp): flags and the return address are on the extension's stack. */
function fromDomain(target: Target, at: Activation): Activation | undefined {
  const esp = at.registers.get(ESP);
  const domainEsp = esp === undefined ? undefined : word(target, (esp + 4) >>> 0);
  const pc = domainEsp === undefined ? undefined : word(target, (domainEsp + 4) >>> 0);
  if (domainEsp === undefined || pc === undefined) return undefined;
  const registers = at.registers.with({ [ESP]: (domainEsp + 8) >>> 0, [EIP]: pc }, { [EIP]: domainEsp + 4 });
  return { registers, exact: false, border: 'called from a domain', innermost: false, comm: at.comm };
}

/** The double fault's task names the TSS of the task that it interrupted (SDM vol. 3, 7.4). */
function fromTss(target: Target, at: Activation): Activation | undefined {
  const { cpu } = target.machine;
  const selector = word(target, cpu.segmentBase(TR) >>> 0);
  if (selector === undefined) return undefined;
  const descriptor = (cpu.gdtBase + (selector & 0xfff8)) >>> 0;
  const [low, high] = [word(target, descriptor), word(target, (descriptor + 4) >>> 0)];
  if (low === undefined || high === undefined) return undefined;
  const tss = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
  const values: Record<number, number | undefined> = {};
  const places: Record<number, number> = {};
  REGISTER_NAMES.forEach((name, n) => {
    places[n] = (tss + TSS[name]) >>> 0;
    values[n] = word(target, places[n]);
  });
  if (!values[EIP]) return undefined;
  return {
    registers: at.registers.with(values, places),
    exact: true,
    border: 'double fault',
    innermost: false,
    comm: at.comm,
  };
}
