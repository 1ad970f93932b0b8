/**
 * Opcodes that the P6 sets aside for hints: they decode an operand and do nothing, PREFETCHW, PREFETCHh and the
 * multi-byte NOP among them. And those that are set aside for nothing: UD0 and UD1, which decode an operand before
 * they raise #UD. SDM vol. 2, NOP, UD and appendix A.
 */
import { ud } from '../exec/system.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const nop = () => {};
const HINTS = ['0D', '18', '19', '1A', '1B', '1C', '1D', '1E', '1F'];
const ends = { ends: true, user: false } as const;

export const hintRows: Row[] = [
  ...HINTS.flatMap(opcode => both(`0F ${opcode} /r`, 'NOP r/mv', 'mov', nop)),
  row('0F FF /r', 'UD0 r32, r/m32', 'undefined', ud, ends),
  row('0F B9 /r', 'UD1 r32, r/m32', 'undefined', ud, ends),
];
