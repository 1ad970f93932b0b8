/** The locals of a unit's function, by number. The parameter is the block to begin with. */
export const NEXT = 0;
export const REGISTERS = 1;
/** Flags (flags.ts). */
export const RESULT = 9;
export const X = 10;
export const Y = 11;
export const K = 12;
/** Operands of the last operation; of a subtraction, those that conditions compare. */
export const A = 13;
export const B = 14;
/** CF before an instruction that keeps it. */
export const CARRY = 15;
/** An access: offset, linear address, value, set of the line filter or place of a target, TLB entry. */
export const OFFSET = 16;
export const LIN = 17;
export const VALUE = 18;
export const SLOT = 19;
export const ENTRY = 20;
export const T = 21;
/** Issue ticks that are due behind a block. */
export const PENDING = 22;
/** At an exit: EIP, the last line, what kind of exit, where it stands. */
export const EIP_LOCAL = 23;
export const LINE = 24;
export const KIND = 25;
export const AT = 26;
export const I32_LOCALS = 26;
