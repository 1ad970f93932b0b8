/** The locals of a unit's function, by number. */
// Locals. The parameter is the block to begin with.
export const NEXT = 0;
export const REGISTERS = 1;
export const RESULT = 9;
export const X = 10;
export const Y = 11;
export const N = 12;
export const M = 13;
export const PENDING = 14;
export const FETCHES = 15;
export const LINE = 16;
export const KIND = 18;
export const AT = 19;
/** Operands of the last subtraction. */
export const A = 20;
export const B = 21;
export const OFFSET = 22;
export const VALUE = 23;
export const T = 24;
export const LIN = 25;
export const SLOT = 26;
export const ENTRY = 28;
export const EIP_LOCAL = 29;
/** CF before an instruction that keeps it. */
export const CARRY = 30;
export const I32_LOCALS = 30;
export const COUNTS = 31;
