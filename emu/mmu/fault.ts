/**
 * An exception on its way to its handler (SDM vol. 3, 6.15). One object per machine is thrown again and again,
 * so that a fault allocates nothing; it is caught in the engine and nowhere else.
 */
export const DE = 0;
export const DB = 1;
export const NMI = 2;
export const BP = 3;
export const OF = 4;
export const BR = 5;
export const UD = 6;
export const NM = 7;
export const DF = 8;
export const TS = 10;
export const NP = 11;
export const SS = 12;
export const GP = 13;
export const PF = 14;
export const MF = 16;
export const AC = 17;

/** Bits of a page fault's error code. */
export const PF_PRESENT = 1;
export const PF_WRITE = 2;
export const PF_USER = 4;
export const PF_RESERVED = 8;

/** Thrown by an instruction that FERR# holds up: it has done nothing, and an interrupt comes before it. */
export const FROZEN = { frozen: true };

export class CpuFault {
  vector = 0;
  /** Error code, or -1 for vectors that push none. */
  error = -1;
  /** Linear address of a page fault, int32. */
  address = 0;

  set(vector: number, error: number): this {
    this.vector = vector;
    this.error = error;
    return this;
  }
}
