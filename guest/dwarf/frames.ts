/**
 * Call frame information (DWARF 5, 6.4): how to find a caller's registers, from .debug_frame, or .eh_frame with its
 * differences (System V ABI of the AMD64, 3.7; Linux Standard Base, 10.6).
 *
 * Left out: segments, personality routines, DW_EH_PE_indirect and bases other than the pointer's own place.
 */
import { ByteReader } from '../bytes.ts';
import { Cursor } from './cursor.ts';
import { type DebugSections, NOWHERE } from './sections.ts';

/** Numbers of registers in the i386's debug information (System V ABI, Intel386 supplement, table 2.14). */
export const ESP = 4;
export const EBP = 5;
export const EIP = 8;
export const REGISTER_NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'] as const;

/** Where a caller's register is. */
export type RegisterRule =
  | { kind: 'undefined' }
  | { kind: 'same' }
  /** In memory at the canonical frame address plus that. */
  | { kind: 'offset'; offset: number }
  /** Is the canonical frame address plus that. */
  | { kind: 'value'; offset: number }
  | { kind: 'register'; register: number }
  /** In memory at, or is, what the expression gives with the canonical frame address on its stack. */
  | { kind: 'expression' | 'valueExpression'; expression: Uint8Array };

export type CfaRule = { register: number; offset: number } | { expression: Uint8Array };

/** What holds at one address. */
export interface FrameRules {
  cfa: CfaRule;
  /** By number; what is absent is as the calling convention has it. */
  registers: ReadonlyMap<number, RegisterRule>;
  returnColumn: number;
}

interface Cie {
  codeFactor: number;
  dataFactor: number;
  returnColumn: number;
  /** How .eh_frame writes pointers. */
  encoding: number;
  augmented: boolean;
  program: Uint8Array;
}

interface Fde {
  low: number;
  high: number;
  cie: Cie;
  program: Uint8Array;
}

const MAX_ENTRIES = 1 << 18;
/** DW_CFA_remember_state nests that deep, at most. */
const MAX_REMEMBERED = 64;
const ABSOLUTE = 0;
/** DW_EH_PE_*: the low nibble is a format, the next three bits a base. */
const PE_OMIT = 0xff;
const PE_PCREL = 0x10;

export class FrameTable {
  private readonly fdes: Fde[] = [];

  /** Throws a GuestError. */
  constructor(sections: DebugSections) {
    this.read(sections.reader('.debug_frame'), undefined);
    this.read(sections.reader('.eh_frame'), sections.address('.eh_frame'));
    this.fdes.sort((a, b) => a.low - b.low);
  }

  /** The rules at an address; undefined where nothing is said. Throws a GuestError. */
  rulesAt(pc: number): FrameRules | undefined {
    pc >>>= 0;
    let [low, high] = [0, this.fdes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.fdes[middle].low <= pc) low = middle + 1;
      else high = middle;
    }
    const fde = this.fdes[low - 1];
    return fde && pc < fde.high ? run(fde, pc) : undefined;
  }

  /** `ehAddress`: where .eh_frame was loaded; undefined for .debug_frame. */
  private read(reader: ByteReader, ehAddress: number | undefined): void {
    const eh = ehAddress !== undefined;
    const cies = new Map<number, Cie>();
    for (let at = 0; at < reader.length; ) {
      const length = reader.u32(at, 'frame entry');
      if (length >= 0xffff_fff0) reader.fail('64-bit DWARF is not read');
      if (length === 0) {
        if (eh) return; // its terminator
        at += 4;
        continue;
      }
      if (length < 4) reader.fail(`a frame entry of ${length} bytes`);
      reader.slice(at + 4, length, 'frame entry');
      const id = reader.u32(at + 4, 'frame entry');
      if (id !== (eh ? 0 : 0xffff_ffff)) {
        const home = eh ? at + 4 - id : id;
        let cie = cies.get(home);
        if (!cie) cies.set(home, (cie = readCie(reader, home)));
        if (this.fdes.length >= MAX_ENTRIES) reader.fail('too many frame entries');
        const fde = readFde(reader, at, length, cie, ehAddress);
        if (fde.low !== NOWHERE && fde.high > fde.low) this.fdes.push(fde);
      }
      at += 4 + length;
    }
  }
}

function readCie(reader: ByteReader, at: number): Cie {
  const length = reader.u32(at, 'CIE');
  const end = at + 4 + length;
  const cursor = new Cursor(reader, at + 8);
  const version = cursor.u8();
  if (version !== 1 && version !== 3 && version !== 4) reader.fail(`CIE version ${version} is not read`);
  const augmentation = cursor.string();
  if (version === 4 && (cursor.u8() !== 4 || cursor.u8() !== 0)) reader.fail('addresses are not 32 bits');
  const codeFactor = cursor.uleb();
  const dataFactor = cursor.sleb();
  const returnColumn = version === 1 ? cursor.u8() : cursor.uleb();
  const augmented = augmentation.startsWith('z');
  let encoding = ABSOLUTE;
  if (augmented) {
    const size = cursor.uleb();
    const next = cursor.at + size;
    for (const letter of augmentation.slice(1)) {
      if (letter === 'R') encoding = cursor.u8();
      else if (letter === 'L') cursor.u8();
      else if (letter === 'P') encoded(cursor, cursor.u8(), 0);
    }
    cursor.at = next;
  } else if (augmentation !== '') reader.fail(`CIE augmentation ${JSON.stringify(augmentation)} is not read`);
  const program = cursor.block(Math.max(0, end - cursor.at));
  return { codeFactor, dataFactor, returnColumn, encoding, augmented, program };
}

function readFde(
  reader: ByteReader,
  at: number,
  length: number,
  cie: Cie,
  ehAddress: number | undefined,
): Fde {
  const cursor = new Cursor(reader, at + 8);
  const low = encoded(cursor, cie.encoding, ehAddress ?? 0);
  const size = encoded(cursor, cie.encoding & 0x0f, 0);
  if (cie.augmented) cursor.skip(cursor.uleb());
  const program = cursor.block(Math.max(0, at + 4 + length - cursor.at));
  return { low, high: low + size, cie, program };
}

/** A pointer in one of .eh_frame's encodings; `section` is where the section was loaded. */
function encoded(cursor: Cursor, encoding: number, section: number): number {
  if (encoding === PE_OMIT) return 0;
  const place = section + cursor.at;
  const value = encodedNumber(cursor, encoding & 0x0f);
  const base = encoding & 0x70;
  if (base !== 0 && base !== PE_PCREL)
    cursor.reader.fail(`pointer encoding 0x${encoding.toString(16)} is not read`);
  return (base === PE_PCREL ? place + value : value) >>> 0;
}

function encodedNumber(cursor: Cursor, format: number): number {
  switch (format) {
    case 0x0:
    case 0x3:
    case 0xb:
      return cursor.u32();
    case 0x1:
      return cursor.uleb();
    case 0x2:
      return cursor.u16();
    case 0x9:
      return cursor.sleb();
    case 0xa:
      return (cursor.u16() << 16) >> 16;
    default:
      return cursor.reader.fail(`pointer format 0x${format.toString(16)} is not read`);
  }
}

// ---- the machine (6.4.2) -----------------------------------------------------------------------------------------------

interface State {
  cfa: CfaRule;
  registers: Map<number, RegisterRule>;
}

const UNDEFINED: RegisterRule = { kind: 'undefined' };
const SAME: RegisterRule = { kind: 'same' };

function run({ low, cie, program }: Fde, pc: number): FrameRules {
  const state: State = { cfa: { register: ESP, offset: 4 }, registers: new Map() };
  execute(cie.program, cie, state, 0, Number.POSITIVE_INFINITY, new Map());
  const initial = new Map(state.registers);
  execute(program, cie, state, low, pc, initial);
  return { cfa: state.cfa, registers: state.registers, returnColumn: cie.returnColumn };
}

/** Runs instructions while the location that they reach is not behind `pc`; every one takes at least a byte. */
function execute(
  program: Uint8Array,
  cie: Cie,
  state: State,
  location: number,
  pc: number,
  initial: ReadonlyMap<number, RegisterRule>,
): void {
  const cursor = new Cursor(new ByteReader(program, 'frame instructions'));
  const remembered: State[] = [];
  const set = (register: number, rule: RegisterRule) => state.registers.set(register, rule);
  const offset = (register: number, value: number) =>
    set(register, { kind: 'offset', offset: value * cie.dataFactor });
  const restore = (register: number) => {
    const rule = initial.get(register);
    if (rule) state.registers.set(register, rule);
    else state.registers.delete(register);
  };
  const cfaOffset = (value: number) => {
    if ('register' in state.cfa) state.cfa = { register: state.cfa.register, offset: value };
  };
  /** By opcode, the DW_CFA_* of table 7.29. */
  const rows: Readonly<Record<number, () => void>> = {
    0: () => {},
    1: () => (location = cursor.u32()),
    2: () => (location += cursor.u8() * cie.codeFactor),
    3: () => (location += cursor.u16() * cie.codeFactor),
    4: () => (location += cursor.u32() * cie.codeFactor),
    5: () => offset(cursor.uleb(), cursor.uleb()),
    6: () => restore(cursor.uleb()),
    7: () => set(cursor.uleb(), UNDEFINED),
    8: () => set(cursor.uleb(), SAME),
    9: () => set(cursor.uleb(), { kind: 'register', register: cursor.uleb() }),
    10: () => {
      if (remembered.length >= MAX_REMEMBERED) cursor.reader.fail('too many remembered states');
      remembered.push({ cfa: state.cfa, registers: new Map(state.registers) });
    },
    11: () => {
      const last = remembered.pop();
      if (last) Object.assign(state, last);
    },
    12: () => (state.cfa = { register: cursor.uleb(), offset: cursor.uleb() }),
    13: () => {
      const register = cursor.uleb();
      state.cfa = { register, offset: 'register' in state.cfa ? state.cfa.offset : 0 };
    },
    14: () => cfaOffset(cursor.uleb()),
    15: () => (state.cfa = { expression: cursor.block(cursor.uleb()) }),
    16: () => set(cursor.uleb(), { kind: 'expression', expression: cursor.block(cursor.uleb()) }),
    17: () => offset(cursor.uleb(), cursor.sleb()),
    18: () => (state.cfa = { register: cursor.uleb(), offset: cursor.sleb() * cie.dataFactor }),
    19: () => cfaOffset(cursor.sleb() * cie.dataFactor),
    20: () => set(cursor.uleb(), { kind: 'value', offset: cursor.uleb() * cie.dataFactor }),
    21: () => set(cursor.uleb(), { kind: 'value', offset: cursor.sleb() * cie.dataFactor }),
    22: () => set(cursor.uleb(), { kind: 'valueExpression', expression: cursor.block(cursor.uleb()) }),
    46: () => cursor.uleb(), // DW_CFA_GNU_args_size
  };
  while (cursor.at < program.length) {
    const opcode = cursor.u8();
    const low = opcode & 0x3f;
    if (opcode >>> 6 === 1) location += low * cie.codeFactor;
    else if (opcode >>> 6 === 2) offset(low, cursor.uleb());
    else if (opcode >>> 6 === 3) restore(low);
    else if (rows[opcode]) rows[opcode]();
    else cursor.reader.fail(`frame instruction 0x${opcode.toString(16)} is not read`);
    if (location > pc) return;
  }
}
