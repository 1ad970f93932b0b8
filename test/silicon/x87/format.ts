/**
 * Vectors of the x87 oracle, their outcomes, and the bytes in which they pass to and from the harness (harness.c).
 * An FPU state is the image of FRSTOR and FNSAVE in 32-bit protected mode, taken apart.
 */

export const IMAGE = 108;
const VECTOR_BYTES = 280;
const RESULT_BYTES = 160;
/** FNSAVE with an address follows the instruction. */
const FNSAVE_LENGTH = 6;
const BP = 3;

export interface FpuState {
  control: number;
  status: number;
  tags: number;
  fip: number;
  fcs: number;
  fop: number;
  fdp: number;
  fds: number;
  /** ST(0) to ST(7), each as 20 hexadecimal digits: sign and exponent, significand. */
  st: readonly string[];
}

export interface Vector {
  /** `enc` of the row. */
  row: string;
  code: readonly number[];
  codeOffset: number;
  /** eax ecx edx ebx esp ebp esi edi, int32. */
  regs: readonly number[];
  eflags: number;
  memory: readonly number[];
  memoryOffset: number;
  state: FpuState;
}

export interface Outcome {
  regs: readonly number[];
  /** As the exception pushed it: one past the landing when nothing faulted. */
  eip: number;
  eflags: number;
  trap: number;
  error: number;
  cr2: number;
  state: FpuState;
  /** Bytes of DATA that changed: offset << 8 | new value, ascending. */
  changes: readonly number[];
}

export interface Corpus {
  cpu: string;
  seed: number;
  vectors: Vector[];
  outcomes: Outcome[];
}

function hexOf(b: Uint8Array, at: number): string {
  let s = '';
  for (let n = 9; n >= 0; n--) s += b[at + n].toString(16).padStart(2, '0');
  return s;
}

/** The 108 bytes at `at`. */
export function unpackState(b: Buffer, at: number): FpuState {
  return {
    control: b.readUInt16LE(at),
    status: b.readUInt16LE(at + 4),
    tags: b.readUInt16LE(at + 8),
    fip: b.readInt32LE(at + 12),
    fcs: b.readUInt16LE(at + 16),
    fop: b.readUInt16LE(at + 18) & 0x7ff,
    fdp: b.readInt32LE(at + 20),
    fds: b.readUInt16LE(at + 24),
    st: Array.from({ length: 8 }, (_, n) => hexOf(b, at + 28 + 10 * n)),
  };
}

export function packState(s: FpuState, b: Buffer, at: number): void {
  b.writeInt32LE(s.control | -0x10000, at);
  b.writeInt32LE(s.status | -0x10000, at + 4);
  b.writeInt32LE(s.tags | -0x10000, at + 8);
  b.writeInt32LE(s.fip | 0, at + 12);
  b.writeInt32LE(s.fcs | (s.fop << 16), at + 16);
  b.writeInt32LE(s.fdp | 0, at + 20);
  b.writeInt32LE(s.fds | -0x10000, at + 24);
  s.st.forEach((hex, n) => {
    for (let k = 0; k < 10; k++)
      b[at + 28 + 10 * n + 9 - k] = Number.parseInt(hex.slice(2 * k, 2 * k + 2), 16);
  });
}

/** struct vector of the harness, one after another. */
export function packVectors(vectors: readonly Vector[]): Buffer {
  const b = Buffer.alloc(vectors.length * VECTOR_BYTES);
  vectors.forEach((v, n) => {
    const at = n * VECTOR_BYTES;
    b[at] = v.code.length;
    b[at + 1] = v.memory.length;
    b.writeUInt16LE(v.codeOffset, at + 2);
    b.set(v.code, at + 4);
    v.regs.forEach((r, i) => {
      b.writeInt32LE(r | 0, at + 20 + i * 4);
    });
    b.writeInt32LE(v.eflags | 0, at + 52);
    b.writeUInt16LE(v.memoryOffset, at + 56);
    b.set(v.memory, at + 60);
    packState(v.state, b, at + 172);
  });
  return b;
}

/** struct result of the harness, one after another. */
export function unpackResults(b: Buffer, count: number): Outcome[] {
  const outcomes: Outcome[] = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    const trap = b[at + 46];
    const changed = b.readInt32LE(at + 156);
    outcomes.push({
      regs: Array.from({ length: 8 }, (_, i) => b.readInt32LE(at + i * 4)),
      eip: (b.readInt32LE(at + 32) - (trap === BP ? FNSAVE_LENGTH : 0)) | 0,
      eflags: b.readInt32LE(at + 36),
      cr2: b.readInt32LE(at + 40),
      error: b.readUInt16LE(at + 44),
      trap,
      state: unpackState(b, at + 48),
      changes: Array.from({ length: changed }, (_, i) => b.readInt32LE(at + RESULT_BYTES + i * 4)),
    });
    at += RESULT_BYTES + changed * 4;
  }
  if (at !== b.length) throw new Error(`the harness wrote ${b.length} bytes, ${at} expected`);
  return outcomes;
}
