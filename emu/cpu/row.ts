/**
 * What an instruction is: one row of data. The rows (emu/cpu/rows/*.ts) feed the decoder, the timing, the
 * documentation and the vector generator of the silicon oracle. Notation: Intel SDM vol. 2, chapter 3.1.1.
 */

import type { CostClass } from '../profile/profile.ts';
import type { Cpu } from './cpu.ts';
import type { Insn } from './insn.ts';

/** Performs one decoded instruction; a fault is thrown before any architectural effect. */
export type Exec = (c: Cpu, i: Insn) => void;

/** How the operands are encoded, as far as the decoder must know it. */
export type Immediate = 'none' | 'ib' | 'ibs' | 'iw' | 'iz' | 'iw+ib' | 'moffs' | 'far' | 'rel8' | 'relz';

export interface Row {
  /**
   * The encoding: opcode bytes in hex, then `/r`, `/0`…`/7` (ModRM.reg digit), `+r` (register in the opcode's
   * low bits), and the immediates `ib ibs iw iz moffs far rel8 relz` (z: 2 or 4 bytes by operand size, ibs: a
   * byte that is sign-extended to the operand size). A leading `o16` or `o32` binds the row to that operand
   * size; without it the row serves both. `m` or `r` at the end binds a ModRM row to memory or register operands;
   * with `R` ModRM.rm names a register whatever mod says (MOV CR and DR).
   * An escape opcode (D8 to DF) may be followed by its second byte, C0 to FF, or by `C0+i` for the eight that name
   * a stack register.
   */
  enc: string;
  /** The manual's form, e.g. `ADD r/m32, r32`. */
  form: string;
  /** EFLAGS read, written and left undefined, as letters of OSZAPCDIT. A shift's by-count rules are in `note`. */
  reads: string;
  writes: string;
  undef: string;
  /** The profile's issue-cost class. */
  cost: CostClass;
  exec: Exec;
  /** Small parameter for the executor (the ALU operation, the condition code, the register). */
  op: number;
  /** LOCK is allowed with a memory operand. */
  lock?: boolean;
  /** May run at CPL 3 (with IOPL 0 and no I/O bitmap): such rows are checked on silicon. */
  user: boolean;
  /** #UD in real-address and virtual-8086 mode, whatever its operands. */
  protectedOnly?: boolean;
  /** Ends a decoded block: the next instruction is a head (branches, serialising, IF-changing, HLT). */
  ends?: boolean;
  /** A string instruction that REP prefixes apply to ('rep' or the 'repz/repnz' pair). */
  rep?: 'rep' | 'repcc';
  note?: string;
}
