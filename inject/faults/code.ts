/**
 * A driver's code as its object file has it: functions, instructions, their fields and what relocations say of them.
 * Faults in text are named by section and offset, so nothing here knows where the module will be loaded.
 */
import {
  Decoder,
  DecoderOptions,
  FlowControl,
  Formatter,
  FormatterSyntax,
  type Instruction as IcedInstruction,
  InstructionInfoFactory,
  Mnemonic,
  OpAccess,
  OpCodeOperandKind,
  OpKind,
  Register,
} from 'iced-x86';
import { type ElfFile, type ElfSection, relocationsOf, STT_FUNC } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';

/** The driver that faults are planned for. */
export interface FaultTarget {
  /** Name of the module, `e1000`. */
  driver: string;
  /** Its object file. */
  elf: ElfFile;
}

/** A run of bytes of an instruction. */
export interface Field {
  at: number;
  size: number;
}

export interface Operand {
  /** `rm`: named by ModRM's mod and r/m, SIB and displacement; `reg`: by its reg field; `moffs`: by a displacement. */
  kind: 'rm' | 'reg' | 'immediate' | 'moffs' | 'implied';
  written: boolean;
  read: boolean;
}

export interface Instruction {
  /** Bytes from the section's start. */
  offset: number;
  bytes: Uint8Array;
  length: number;
  /** Index of the first opcode byte (behind prefixes) and of the first byte behind the opcode. */
  opcode: number;
  body: number;
  /** Index of ModRM, or -1. */
  modrm: number;
  displacement: Field | null;
  immediate: Field | null;
  mnemonic: Mnemonic;
  flow: FlowControl;
  operands: Operand[];
  /** Memory operand; registers by iced's numbers, Register.None = 0. */
  memory: { base: number; index: number; scale: number; displacement: number; size: number } | null;
  /** Offset that a near branch leads to, unless a relocation decides; -1: no branch. */
  target: number;
  /** Symbol that a relocation inside the instruction names, or empty. */
  relocation: string;
  text: string;
}

export interface CodeFunction {
  name: string;
  start: number;
  end: number;
  instructions: Instruction[];
}

export interface DriverCode {
  section: ElfSection;
  functions: CodeFunction[];
  /** Offsets that some near branch or jump leads to. */
  targets: ReadonlySet<number>;
}

const TEXT = '.text';
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const READS: readonly number[] = [
  OpAccess.Read,
  OpAccess.CondRead,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
];
const WRITES: readonly number[] = [
  OpAccess.Write,
  OpAccess.CondWrite,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
];

const formatter = new Formatter(FormatterSyntax.Nasm);
formatter.hexPrefix = '0x';
formatter.hexSuffix = '';
formatter.uppercaseHex = false;
formatter.spaceAfterOperandSeparator = true;
formatter.branchLeadingZeros = false;
formatter.showBranchSize = false;

const cache = new WeakMap<ElfFile, DriverCode>();

/** The code of a driver's `.text`. Throws a GuestError if it has none. */
export function driverCode(target: FaultTarget): DriverCode {
  let code = cache.get(target.elf);
  if (!code) cache.set(target.elf, (code = readCode(target)));
  return code;
}

function readCode({ driver, elf }: FaultTarget): DriverCode {
  const section = elf.sections.find(s => s.name === TEXT);
  if (!section || section.data.length === 0) throw new GuestError(`${driver} has no ${TEXT}`);
  const names = new Map<number, string>();
  for (const r of relocationsOf(elf, section, driver)) {
    const symbol = elf.symbols[r.symbol];
    names.set(r.offset, symbol.name || elf.sections[symbol.section]?.name || '?');
  }
  const starts = elf.symbols
    .filter(s => s.section === section.index && s.type === STT_FUNC && s.size > 0)
    .map(s => ({ name: s.name, start: s.value, end: Math.min(s.value + s.size, section.data.length) }))
    .sort((a, b) => a.start - b.start || a.end - b.end);
  const functions: CodeFunction[] = [];
  let last = 0;
  for (const f of starts) {
    // Aliases and functions within functions count once.
    if (f.start < last || f.end <= f.start) continue;
    last = f.end;
    functions.push({ ...f, instructions: decode(section.data, f.start, f.end, names) });
  }
  const targets = new Set(functions.flatMap(f => f.instructions).map(i => i.target));
  targets.delete(-1);
  return { section, functions, targets };
}

/** The instructions of `data` from offset `start` up to `end`; a byte that is no instruction is left out. */
export function decode(
  data: Uint8Array,
  start: number,
  end: number,
  names: ReadonlyMap<number, string> = new Map(),
): Instruction[] {
  const decoder = new Decoder(32, data.subarray(start, end), DecoderOptions.None);
  const factory = new InstructionInfoFactory();
  decoder.ip = BigInt(start);
  const list: Instruction[] = [];
  while (decoder.canDecode) {
    const i = decoder.decode();
    if (!i.isInvalid) list.push(describe(decoder, factory, i, data, names));
    i.free();
  }
  factory.free();
  decoder.free();
  return list;
}

function describe(
  decoder: Decoder,
  factory: InstructionInfoFactory,
  i: IcedInstruction,
  data: Uint8Array,
  names: ReadonlyMap<number, string>,
): Instruction {
  const offset = Number(i.ip);
  const bytes = data.slice(offset, offset + i.length);
  const constants = decoder.getConstantOffsets(i);
  const displacement = constants.hasDisplacement
    ? { at: constants.displacementOffset, size: constants.displacementSize }
    : null;
  const immediate = constants.hasImmediate
    ? { at: constants.immediateOffset, size: constants.immediateSize }
    : null;
  constants.free();
  let opcode = 0;
  while (PREFIXES.has(bytes[opcode])) opcode++;
  const two = bytes[opcode] === 0x0f;
  const body = opcode + (two ? (bytes[opcode + 1] === 0x38 || bytes[opcode + 1] === 0x3a ? 3 : 2) : 1);
  const hasModrm = body < i.length && displacement?.at !== body && immediate?.at !== body;
  let relocation = '';
  for (let n = 0; n < i.length; n++) relocation ||= names.get(offset + n) ?? '';
  const near = i.opCount > 0 && i.opKind(0) === OpKind.NearBranch32;
  const hasMemory = operandKinds(i).includes(OpKind.Memory);
  return {
    offset,
    bytes,
    length: i.length,
    opcode,
    body,
    modrm: hasModrm ? body : -1,
    displacement,
    immediate,
    mnemonic: i.mnemonic,
    flow: i.flowControl,
    operands: operandsOf(factory, i),
    memory: hasMemory
      ? {
          base: i.memoryBase,
          index: i.memoryIndex,
          scale: i.memoryIndexScale,
          displacement: Number(BigInt.asIntN(32, i.memoryDisplacement)),
          size: displacement?.size ?? 0,
        }
      : null,
    target: near && !relocation ? Number(i.nearBranchTarget) : -1,
    relocation,
    text: named(formatter.format(i), relocation, near),
  };
}

function operandKinds(i: IcedInstruction): OpKind[] {
  return Array.from({ length: i.opCount }, (_, n) => i.opKind(n));
}

function operandsOf(factory: InstructionInfoFactory, i: IcedInstruction): Operand[] {
  const info = factory.info(i);
  const form = i.opCode;
  const operands = Array.from({ length: i.opCount }, (_, n): Operand => {
    const access = info.opAccess(n);
    return {
      kind: fieldOf(OpCodeOperandKind[form.opKind(n)]),
      read: READS.includes(access),
      written: WRITES.includes(access),
    };
  });
  form.free();
  info.free();
  return operands;
}

/** Which field of the encoding names an operand, from iced's name of its kind (`r32_or_mem`, `imm8sex32`). */
function fieldOf(kind: string): Operand['kind'] {
  if (kind === 'mem_offs') return 'moffs';
  if (kind.includes('_or_mem') || kind.startsWith('mem') || kind.endsWith('_rm')) return 'rm';
  if (kind.endsWith('_reg')) return 'reg';
  return kind.startsWith('imm') || kind.startsWith('br') ? 'immediate' : 'implied';
}

/** `call 0x17bb` is `call dev_alloc_skb` once it is linked. */
function named(text: string, relocation: string, near: boolean): string {
  if (!relocation) return text;
  return near ? `${text.split(' ', 1)[0]} ${relocation}` : `${text}  <${relocation}>`;
}

/** The function whose bytes hold an offset. */
export function functionAt(code: DriverCode, offset: number): CodeFunction | undefined {
  return code.functions.find(f => offset >= f.start && offset < f.end);
}

/** `e1000_xmit_frame+0x1f`. */
export function placeName(fn: CodeFunction, offset: number): string {
  return offset === fn.start ? fn.name : `${fn.name}+0x${(offset - fn.start).toString(16)}`;
}

export const isJcc = (i: Instruction): boolean =>
  i.flow === FlowControl.ConditionalBranch && (isShortJcc(i) || isNearJcc(i));
export const isShortJcc = (i: Instruction): boolean => (i.bytes[i.opcode] & 0xf0) === 0x70;
export const isNearJcc = (i: Instruction): boolean =>
  i.bytes[i.opcode] === 0x0f && (i.bytes[i.opcode + 1] & 0xf0) === 0x80;
/** Index of the opcode byte whose low four bits are the condition of a Jcc. */
export const conditionByte = (i: Instruction): number => (isShortJcc(i) ? i.opcode : i.opcode + 1);
/** LOOP, LOOPE, LOOPNE and JECXZ. */
export const isLoop = (i: Instruction): boolean => i.bytes[i.opcode] >= 0xe0 && i.bytes[i.opcode] <= 0xe3;
/** Index of a REP prefix before a string instruction (not PAUSE), or -1. */
export function repPrefix(i: Instruction): number {
  const opcode = i.bytes[i.opcode];
  const string = (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);
  return string ? i.bytes.subarray(0, i.opcode).findIndex(b => b === 0xf2 || b === 0xf3) : -1;
}
/** A direct near call of five bytes. */
export const isCall = (i: Instruction): boolean => i.length === 5 && i.bytes[0] === 0xe8;
export const EBP: number = Register.EBP;
export const ESP: number = Register.ESP;
export const NONE: number = Register.None;
/** MOV to memory: from a register (88, 89) or an immediate (C6, C7). */
export const isStore = (i: Instruction): boolean =>
  i.mnemonic === Mnemonic.Mov && i.memory !== null && i.operands[0].kind === 'rm';
