/** iced-x86's reading of an instruction, in the words of ours.ts. */
import {
  Code,
  CpuidFeature,
  Decoder,
  DecoderOptions,
  Instruction,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
} from 'iced-x86';
import { memoryText, STRINGS, WITH_SOURCE } from './ours.ts';

/** CPUID features of what a Pentium III or 4 without MMX and SSE decodes; instructions of any other are #UD for us. */
const FEATURES = new Set(
  [
    'INTEL8086',
    'INTEL186',
    'INTEL286',
    'INTEL386',
    'INTEL486',
    'CPUID',
    'CX8',
    'CMOV',
    'FPU',
    'FPU287',
    'FPU387',
    'MSR',
    'MULTIBYTENOP',
    'PAUSE',
    'RDPMC',
    'SEP',
    'SMM', // RSM has a row: it is #UD outside system management mode
    'TSC',
  ].map(name => CpuidFeature[name as keyof typeof CpuidFeature] as number),
);

/** Mnemonics that differ: condition codes have two names, and iced names sizes where the manual's form does not. */
const CONDITIONS: [string, string][] = [
  ['AE', 'NB'],
  ['A', 'NBE'],
  ['GE', 'NL'],
  ['G', 'NLE'],
];
const NAMES = new Map<string, string>([
  ...['J', 'SET', 'CMOV'].flatMap(prefix =>
    CONDITIONS.map(([a, b]) => [prefix + a, prefix + b] as [string, string]),
  ),
  ['JCXZ', 'JECXZ'],
  ['PUSHAD', 'PUSHA'],
  ['POPAD', 'POPA'],
  ['PUSHFD', 'PUSHF'],
  ['POPFD', 'POPF'],
  ['IRETD', 'IRET'],
  ['CBW', 'CBW/CWDE'],
  ['CWDE', 'CBW/CWDE'],
  ['CWD', 'CWD/CDQ'],
  ['CDQ', 'CWD/CDQ'],
  ['PAUSE', 'NOP'], // F3 90: NOP on processors before the Pentium 4, and a hint to wait on it
]);

const mnemonicNames = Object.keys(Mnemonic)
  .filter(key => /^\d+$/.test(key))
  .map(key => (Mnemonic as unknown as Record<string, string>)[key].toUpperCase());
const registerNames: string[] = [];
for (const [name, n] of Object.entries(Register)) if (typeof n === 'number') registerNames[n] = name;
registerNames[Register.None] = '';

/** ARPL uses 16 bits of both its registers, of whatever size iced calls them. */
const WORDS = new Set(['ARPL']);

/** x87 instructions whose form leaves out the top of the stack that iced shows. */
const WITH_TOP = new Set(['FCOM', 'FCOMP', 'FUCOM', 'FUCOMP', 'FXCH']);

/** NOPs with an operand: iced shows the register field too, the manual's form does not. */
const HINT = 'RESERVEDNOP';

/** The manual's form gives no size to their memory operand; iced says 6 bytes. */
const UNSIZED = new Set(['SGDT', 'SIDT', 'LGDT', 'LIDT']);

interface Facts {
  beyond: boolean;
  /** The operand that iced calls r32m16: a register as wide as the operand size, of which 16 bits are used. */
  widened: number;
  operandSize: number;
  addressSize: number;
}
const facts: Facts[] = [];
function factsOf(i: Instruction): Facts {
  const { code } = i;
  const known = facts[code];
  if (known) return known;
  const info = i.opCode;
  const f = {
    beyond: [...i.cpuidFeatures()].some(feature => !FEATURES.has(feature)),
    widened: Code[code].split('_').slice(1).indexOf('r32m16'),
    operandSize: info.operandSize,
    addressSize: info.addressSize,
  };
  info.free();
  facts[code] = f;
  return f;
}

const sizes: number[] = [];
const sizeOf = (memorySize: number) => (sizes[memorySize] ??= MemorySizeExt.size(memorySize));

export interface TheirReading {
  length: number;
  text: string;
  /** Of an extension that we do not have. */
  beyond: boolean;
  /** 16, 32, or 0 where it is not part of the instruction's form. */
  operandSize: number;
  addressSize: number;
}

const hex = (v: number) => (v >>> 0).toString(16);

function operand(i: Instruction, n: number, kind: number, widened: boolean, sized: boolean): string {
  switch (kind) {
    case OpKind.Register: {
      const name = registerNames[i.opRegister(n)];
      return widened ? name.slice(1) : name;
    }
    case OpKind.NearBranch16:
      return `->${hex(i.nearBranch16)}`;
    case OpKind.NearBranch32:
      return `->${hex(i.nearBranch32)}`;
    case OpKind.FarBranch16:
      return `${hex(i.farBranchSelector)}:${hex(i.farBranch16)}`;
    case OpKind.FarBranch32:
      return `${hex(i.farBranchSelector)}:${hex(i.farBranch32)}`;
    case OpKind.Immediate8:
      return hex(i.immediate8);
    case OpKind.Immediate8_2nd:
      return hex(i.immediate8_2nd);
    case OpKind.Immediate16:
      return hex(i.immediate16);
    case OpKind.Immediate32:
      return hex(i.immediate32);
    case OpKind.Immediate8to16:
      return hex(i.immediate8to16 & 0xffff);
    case OpKind.Immediate8to32:
      return hex(i.immediate8to32);
    case OpKind.Memory: {
      const base = registerNames[i.memoryBase];
      const index = registerNames[i.memoryIndex];
      const wide = base ? base.length === 3 : index ? index.length === 3 : i.memoryDisplSize === 4;
      const displacement = Number(BigInt.asUintN(32, i.memoryDisplacement));
      return memoryText(
        registerNames[i.memorySegment],
        base,
        index,
        i.memoryIndexScale,
        wide ? displacement : displacement & 0xffff,
        sized ? sizeOf(i.memorySize) : 0,
      );
    }
    default:
      return OpKind[kind];
  }
}

const WIDE_KINDS = new Set<number>([OpKind.MemorySegESI, OpKind.MemoryESEDI]);

function textOf(i: Instruction, widened: number): string {
  const raw = mnemonicNames[i.mnemonic];
  const count = i.opCount;
  const string = raw.slice(0, -1);
  if (count > 0 && STRINGS.has(string) && raw !== 'MOVSX') {
    let wide = false;
    for (let n = 0; n < count; n++) wide ||= WIDE_KINDS.has(i.opKind(n));
    const source = WITH_SOURCE.has(string) ? ` ${registerNames[i.memorySegment]}` : '';
    return `${string}${raw.slice(-1).toLowerCase()}${source} a${wide ? 32 : 16}`;
  }
  if (raw === 'XLATB')
    return `XLATB ${registerNames[i.memorySegment]} a${i.memoryBase === Register.EBX ? 32 : 16}`;
  if (raw === HINT) return `NOP ${operand(i, 0, i.opKind(0), false, true)}`;
  const words = WORDS.has(raw) && i.opRegister(1) >= Register.EAX;
  let text = `${NAMES.get(raw) ?? raw} `;
  if (count === 2 && WITH_TOP.has(raw)) return text + operand(i, 1, i.opKind(1), false, true);
  const sized = !UNSIZED.has(raw);
  for (let n = 0; n < count; n++)
    text += (n === 0 ? '' : ', ') + operand(i, n, i.opKind(n), n === widened || (words && n === 1), sized);
  return text;
}

/** Reads instructions that start every `stride` bytes of `code`, all at address `eip`. */
export class Theirs {
  private readonly decoder: Decoder;
  private readonly instruction = new Instruction();
  private readonly eip: bigint;

  constructor(code: Uint8Array, eip: number, bits: number) {
    this.decoder = new Decoder(bits, code, DecoderOptions.None);
    this.eip = BigInt(eip);
  }

  /** Null when iced refuses the bytes. */
  read(at: number): TheirReading | null {
    const { decoder, instruction } = this;
    decoder.position = at;
    decoder.ip = this.eip;
    decoder.decodeOut(instruction);
    if (instruction.code === Code.INVALID) return null;
    const { beyond, widened, operandSize, addressSize } = factsOf(instruction);
    const text = beyond ? Code[instruction.code] : textOf(instruction, widened);
    return { length: instruction.length, text, beyond, operandSize, addressSize };
  }

  free(): void {
    this.decoder.free();
    this.instruction.free();
  }
}
