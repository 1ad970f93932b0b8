/**
 * Call frame information for the kernel's borders, which are in assembly and have none (nooks/xpc.S,
 * kernel/arch/entry.S): where a call crosses into a domain or back and where a trap or system call interrupted. With
 * it gdb's backtraces go on across stacks. It comes as an ELF file with nothing but a .debug_frame (DWARF 4, 6.4), made for
 * the kernel at hand: its calls are found in its code.
 *
 * Each border is a signal frame, for gdb takes any other that leads to a lower stack for broken; it shows one as
 * `<signal handler called>`.
 *
 * Left out: the instructions of a border before and after its call.
 */
import { Buffer } from 'node:buffer';
import type { ElfFile } from '../../guest/elf.ts';
import type { Session } from '../../guest/session.ts';

/** A section of one byte, for a file must lie somewhere: behind all that the kernel maps. */
const FRAMES_ADDRESS = 0xf800_0000;

// DWARF's numbers of registers (i386 ABI, 2.5).
const [EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI, EIP, EFLAGS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

// Of DWARF 4, 7.7.1 and 7.23.
const BREG = 0x70;
const DEREF = 0x06;
const DUP = 0x12;
const AND = 0x1a;
const PLUS_UCONST = 0x23;
const BRA = 0x28;
const SKIP = 0x2f;
const LIT3 = 0x33;
const CFA_DEF_CFA = 0x0c;
const CFA_DEF_CFA_EXPRESSION = 0x0f;
const CFA_EXPRESSION = 0x10;
const CFA_SAME_VALUE = 0x08;
const CFA_OFFSET = 0x80;

/** All operands here are small: one byte of LEB128. */
const block = (op: number[], expression: number[]) => [...op, expression.length, ...expression];
const offset = (register: number, words: number) => [CFA_OFFSET | register, words];

/** Offsets in struct pt_regs (asm/ptrace.h). */
const REGS = [
  [EBX, 0],
  [ECX, 4],
  [EDX, 8],
  [ESI, 12],
  [EDI, 16],
  [EBP, 20],
  [EAX, 24],
  [EIP, 44],
  [EFLAGS, 52],
] as const;
const REGS_CS = 48;
const REGS_ESP = 56;

/** What was interrupted; `regs` computes the address of its pt_regs. In ring 0 its stack goes on behind them. */
function trap(regs: number[]): number[] {
  const inRing3 = [...regs, DUP, PLUS_UCONST, REGS_CS, DEREF, LIT3, AND, BRA, 5, 0];
  const cfa = [...inRing3, PLUS_UCONST, REGS_ESP, SKIP, 3, 0, PLUS_UCONST, REGS_ESP, DEREF];
  const saved = REGS.map(([register, at]) => block([CFA_EXPRESSION, register], [...regs, PLUS_UCONST, at]));
  return [...block([CFA_DEF_CFA_EXPRESSION], cfa), ...saved.flat()];
}

interface Border {
  /** The functions that it is in. */
  within: readonly string[];
  /** What is called there: a function, or through a register or table. */
  calls: string | 'register' | 'table';
  /** Rules of the frame while the call is under way; ESP is where it will be behind the call. */
  rules: readonly number[];
}

const BORDERS: readonly Border[] = [
  {
    within: ['nooks_enter_domain'],
    calls: 'register',
    rules: [
      ...[CFA_DEF_CFA, EBP, 8, ...offset(EIP, 1), ...offset(EBP, 2)],
      ...[...offset(EBX, 3), ...offset(ESI, 4), ...offset(EDI, 5)],
    ],
  },
  {
    // nooks_dispatch(wrapper, domain_esp): flags and return address lie at domain_esp.
    within: ['nooks_kernel_call'],
    calls: 'nooks_dispatch',
    rules: [
      ...block([CFA_DEF_CFA_EXPRESSION], [BREG + ESP, 4, DEREF, PLUS_UCONST, 8]),
      ...[...offset(EIP, 1), CFA_SAME_VALUE, EBP],
    ],
  },
  {
    within: ['trap_2', 'trap_common', 'trap_from_domain', 'bad_system_call'],
    calls: 'do_trap',
    rules: trap([BREG + ESP, 0, DEREF]),
  },
  { within: ['ring3_exit'], calls: 'return_to_user', rules: trap([BREG + ESP, 0, DEREF]) },
  // Six arguments lie before the frame.
  { within: ['system_call'], calls: 'table', rules: trap([BREG + ESP, 24]) },
];

/** The file, or undefined if this kernel has no such borders. */
export function framesElf(session: Session): Uint8Array | undefined {
  const entries = BORDERS.flatMap(border =>
    returnAddresses(session, border).map(address => ({ address, rules: border.rules })),
  );
  return entries.length === 0 ? undefined : elf(debugFrame(entries));
}

/** Behind each of the border's calls. */
function returnAddresses(session: Session, { within, calls }: Border): number[] {
  const target = session.symbols.address(calls);
  return within.flatMap(name => {
    const symbol = session.symbols.find(name)[0];
    if (!symbol) return [];
    const code = bytesAt(session.kernel, symbol.start, symbol.end);
    const found: number[] = [];
    for (let n = 0; n < code.byteLength; n++) {
      const length = callLength(code, n, symbol.start, calls, target);
      if (length > 0) found.push(symbol.start + n + length);
    }
    return found;
  });
}

/** Bytes of the call at `n`, 0 if none is there: E8 rel32, FF /2 with a register, FF /2 with table(,%eax,4). */
function callLength(
  code: DataView,
  n: number,
  base: number,
  calls: string,
  target: number | undefined,
): number {
  const [first, second] = [code.getUint8(n), n + 1 < code.byteLength ? code.getUint8(n + 1) : 0];
  if (calls === 'register') return first === 0xff && (second & 0xf8) === 0xd0 ? 2 : 0;
  if (calls === 'table')
    return first === 0xff && second === 0x14 && n + 7 <= code.byteLength && code.getUint8(n + 2) === 0x85
      ? 7
      : 0;
  if (first !== 0xe8 || n + 5 > code.byteLength) return 0;
  return (base + n + 5 + code.getInt32(n + 1, true)) >>> 0 === target ? 5 : 0;
}

function bytesAt(file: ElfFile, start: number, end: number): DataView {
  const home = file.segments.find(s => start >= s.virtualAddress && end <= s.virtualAddress + s.data.length);
  const bytes =
    home?.data.subarray(start - home.virtualAddress, end - home.virtualAddress) ?? new Uint8Array(0);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

// ---- the file -------------------------------------------------------------------------------------------------------

const word = (v: number) => [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, v >>> 24];
const half = (v: number) => [v & 0xff, v >>> 8];
const text = (s: string) => [...Buffer.from(`${s}\0`, 'latin1')];

/** A length before, DW_CFA_nop behind, to a multiple of four. */
function entry(bytes: readonly number[]): number[] {
  const padded = [...bytes, ...Array(-bytes.length & 3).fill(0)];
  return [...word(padded.length), ...padded];
}

function debugFrame(entries: readonly { address: number; rules: readonly number[] }[]): number[] {
  // Version 1, "S": signal frames, code in bytes, data in -4 bytes, the return address is EIP's.
  const common = entry([...word(0xffff_ffff), 1, ...text('zS'), 1, 0x7c, EIP, 0]);
  // A return address is looked up by the byte before.
  const frames = entries.map(({ address, rules }) =>
    entry([...word(0), ...word(address - 1), ...word(2), 0, ...rules]),
  );
  return [...common, ...frames.flat()];
}

const HEADER = 52;

function elf(frames: readonly number[]): Uint8Array {
  const names = ['', '.text', '.debug_frame', '.shstrtab'];
  const strings = names.flatMap(text);
  const nameAt = (n: number) => names.slice(0, n).reduce((sum, name) => sum + name.length + 1, 0);
  const [framesAt, stringsAt] = [HEADER, HEADER + frames.length];
  const sectionsAt = (stringsAt + strings.length + 3) & ~3;
  // Type, flags, address, offset, size; the rest is 0. NOBITS that is loaded and executable; PROGBITS; STRTAB.
  const sections = [
    [0, 0, 0, 0, 0],
    [8, 6, FRAMES_ADDRESS, HEADER, 1],
    [1, 0, 0, framesAt, frames.length],
    [3, 0, 0, stringsAt, strings.length],
  ];
  const header = [
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[...half(2), ...half(3), ...word(1), ...word(0), ...word(0), ...word(sectionsAt), ...word(0)],
    ...[...half(HEADER), ...half(0), ...half(0), ...half(40), ...half(sections.length), ...half(3)],
  ];
  const rows = sections.flatMap(([type, flags, address, at, size], n) =>
    [nameAt(n), type, flags, address, at, size, 0, 0, 1, 0].flatMap(word),
  );
  const padding = Array(sectionsAt - stringsAt - strings.length).fill(0);
  return Uint8Array.from([...header, ...frames, ...strings, ...padding, ...rows]);
}
