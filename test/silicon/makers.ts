/**
 * Where the recording's maker goes another way than Intel's manual, and ours goes the manual's: what of an outcome
 * is then not compared. The README lists these with all other differences.
 */
import type { Outcome, Vector } from './format.ts';
import { segmentOf } from './ldt.ts';

const SS = 12;
const GP = 13;
const PF = 14;
const CMPS = /^(o(16|32) )?A[67]$/;
const RF = 0x1_0000;
const MAX_LENGTH = 15;
const FAR_CALL = /^(o(16|32) )?(9A|FF \/3)/;

/**
 * AMD clears RF in the frame of a #GP for fetching beyond the limit of CS, where Intel's manual sets it for every
 * fault (vol. 3, 17.3.1.1): that bit, or 0.
 */
export function resumeFlag(v: Vector, o: Outcome): number {
  if (o.trap !== GP || o.error !== 0) return 0;
  // Only code that is the vector's own or of the LDT has a limit.
  const cs = o.segments[1] & 4 ? segmentOf(o.segments[1]) : segmentOf(v.segments[1]);
  return (o.eip >>> 0) + MAX_LENGTH > cs.limit ? RF : 0;
}

/** A far CALL whose target is beyond its segment's limit: AMD has pushed CS and EIP before it raises #GP(0). */
export function leavesCallFrame(v: Vector, o: Outcome): boolean {
  return FAR_CALL.test(v.row) && o.trap === GP && o.error === 0 && o.changes.length <= 8;
}

/** CMPS with a bad limit at one operand and a missing page at the other: no manual says which is reported. */
export function eitherOperand(v: Vector, silicon: Outcome, ours: Outcome): boolean {
  const kinds = [silicon.trap, ours.trap];
  return CMPS.test(v.row) && kinds.includes(PF) && (kinds.includes(GP) || kinds.includes(SS));
}
