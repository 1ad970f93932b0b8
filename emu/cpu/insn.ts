/**
 * One decoded instruction: what the executor needs, with every decision that bytes can decide already taken.
 * Registers are indices into the view of the operand's size (see registers in cpu.ts): dwords 0–7, words as
 * `reg * 2`, bytes as the byte's offset; index 8 of the dword view always reads 0 and stands for "no register".
 */
import type { Exec, Row } from './row.ts';

/** Index in the dword view that always reads zero. */
export const NO_REGISTER = 8;

/** Bits of `Insn.pre`: work the engine does before the executor. */
export const PRE_LINE = 1; // first byte is in another cache line than the previous instruction's last byte
export const PRE_LINE2 = 2; // last byte is in another line than the first
export const PRE_HOOK = 4; // the host asked to be called before this address

export class Insn {
  // What the inner loop reads comes first, to lie in as few cache lines of the host as can be.
  /** Case of the inner loop (exec/hot.ts); 0 calls `exec`. */
  kind = 0;
  /** The case's destination and source registers, and what is added to the source: an immediate, or 0. */
  dst = NO_REGISTER;
  src = NO_REGISTER;
  value = 0;
  /** Segment register index 0–5 (ES CS SS DS FS GS) of the memory operand, overrides applied. */
  seg = 3;
  base = NO_REGISTER;
  index = NO_REGISTER;
  scale = 0;
  disp = 0;
  exec: Exec;
  row: Row;
  /** Linear address offset in its code segment (EIP) and that of the next instruction. */
  eip = 0;
  next = 0;
  /** Length in bytes, 1 to 15. */
  length = 0;
  /** Operand size in bytes (1, 2, 4), and 32 less its bits: values are shifted up by it to share one ALU. */
  size = 4;
  shift = 0;
  /** ModRM.reg as an index into the row's register view; raw digit in `digit`. */
  reg = 0;
  digit = 0;
  /** Register operand (ModRM.mod = 3)? Then `rm` is its index into the view; otherwise seg to disp hold the address. */
  isReg = true;
  rm = 0;
  /**
   * Immediate (sign-extended to int32), branch displacement or moffs, or what the FPU keeps of an opcode; second
   * immediate or selector of a far pointer.
   */
  imm = 0;
  imm2 = 0;
  op = 0;
  /** Operand size is 32 (else 16) and address size is 32 (else 16). */
  o32 = true;
  a32 = true;
  /** 0 none, 1 REP/REPE (F3), 2 REPNE (F2). */
  rep = 0;
  lock = false;
  pre = 0;
  /** The case that the form has, whatever `pre` says: for the compiled engine. */
  form = 0;
  /** With REP, alone in its block and in one line: what is left of its rounds is the same block again (runs.ts). */
  alone = false;
  /** Issue cost in ticks. */
  cost = 0;

  constructor(row: Row) {
    this.row = row;
    this.exec = row.exec;
    this.op = row.op;
  }
}
