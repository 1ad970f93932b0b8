/**
 * Recipes for stacks, selectors and control transfers: targets that exist in the segment that they are in, returns
 * that lead somewhere, selectors of the GDT and the LDT.
 */
import { type Draft, ECX, ESP, le, SS } from './draft.ts';
import { DATA, DATA_SIZE, USER_CS } from './format.ts';
import { LDT_LIMIT, LOCAL_NAMES, local, segmentOf } from './ldt.ts';

export type Recipe = (d: Draft) => void;

/** Selectors of the harness's world (Linux's GDT): user code and data, kernel's, null, empty, past the limit. */
const DATA_SELECTORS = [
  0, 1, 3, 0x2b, 0x2b, 0x28, 0x29, 0x23, 0x20, 0x33, 0x08, 0x10, 0x18, 0x1b, 0x0f, 0x63, 0x83, 0xfff3,
];
const CODE_SELECTORS = [
  0x23, 0x23, 0x23, 0x23, 0x20, 0x21, 0, 3, 0x2b, 0x10, 0x13, 0x18, 0x0f, 0x63, 0x83, 0xfff3,
];
const PAST_LDT = LDT_LIMIT + 1;
/** Entries of the LDT, some of them with another RPL, and the first selector behind it. */
const LOCAL_SELECTORS = [
  ...LOCAL_NAMES.map(local),
  local('page') & ~3,
  local('stack16') & ~2,
  local('code16') & ~1,
  PAST_LDT | 7,
  (PAST_LDT - 8) | 4,
];
const LOCAL_CODE = LOCAL_NAMES.filter(n => /code|hidden|short/i.test(n)).map(local);
export const dataSelector = (d: Draft) =>
  d.random.pick(d.random.chance(55) ? LOCAL_SELECTORS : DATA_SELECTORS);
/** A selector for a far transfer, and an offset that suits it. */
function farTarget(d: Draft): { selector: number; offset: number } {
  const r = d.random;
  const selector = r.chance(45)
    ? r.pick(CODE_SELECTORS)
    : r.pick(r.chance(90) ? LOCAL_CODE : LOCAL_SELECTORS);
  const known = LOCAL_CODE.includes(selector) || selector === USER_CS;
  return { selector, offset: known ? d.landing(segmentOf(selector)) : d.landing() };
}
/** Points ESP at stack words `words` (4 or 2 bytes each by operand size); now and then at a guard page. */
export function stack(d: Draft, words: readonly number[] = []): void {
  const r = d.random;
  if (d.addressRegs.has(ESP)) return;
  if (!d.segments[SS].flat) {
    if (r.chance(60)) d.setStack(d.inside(SS, d.operandBytes * r.pick([0, 1, 1, 1, 2, 3, 8])));
  } else if (r.chance(10)) d.setStack(r.chance(50) ? DATA + r.below(40) : DATA + DATA_SIZE - r.below(40));
  else if (r.chance(3)) d.setStack(r.pick([0x30000000, 0x20005000]));
  else if (r.chance(30)) d.setStack(DATA + 0xff0 + r.below(32));
  if (d.address < 0 && words.length > 0) fillStack(d, words);
}

function fillStack(d: Draft, words: readonly number[]): void {
  const bytes = words.flatMap(w => le(w, d.operandBytes));
  d.fill(d.stackAt, bytes);
}

/** POPF and IRET images: any flags but NT (a task return, or #GP in long mode) and reserved ones at random. */
export function flagsImage(d: Draft): number {
  return d.random.word() & (d.random.chance(90) ? ~0x4100 : ~0x4000);
}

export const relative: Recipe = d => {
  d.target = d.landing();
  stack(d);
};
/** rel8: within reach, but never back into the instruction itself. */
export const short: Recipe = d => {
  const v = d.random.pick([
    0,
    1,
    2,
    5,
    0x7f,
    -0x80,
    -0x7f,
    -20,
    -32,
    d.random.between(0, 127),
    d.random.between(-128, -20),
  ]);
  d.immediates = [v];
  if (d.codeOffset < 0x40 && !(d.o32 && d.big)) d.codeOffset = 0x800;
};
export const loop: Recipe = d => {
  short(d);
  if (d.random.chance(30)) d.a32 = !d.a32;
  const count = d.random.pick([0, 1, 2, 3, 0xffff, 0x10000, 0x10001, -1]);
  d.regs[ECX] = count;
};

/** Near and far indirect: the pointer lies in memory or a register. */
export const indirect: Recipe = d => {
  stack(d);
  const target = d.landing();
  if (d.address >= 0) d.fill(d.address, le(target, d.operandBytes));
  else {
    if ((d.modrm[0] & 7) === ESP) d.modrm[0] ^= ESP;
    d.regs[d.modrm[0] & 7] = target;
  }
};
export const farIndirect: Recipe = d => {
  stack(d);
  const { selector, offset } = farTarget(d);
  d.fill(d.address, [...le(offset, d.operandBytes), ...le(selector, 2)]);
};
export const farDirect: Recipe = d => {
  stack(d);
  const { selector, offset } = farTarget(d);
  d.immediates = [offset, selector];
};
export const nearReturn: Recipe = d => {
  stack(d, [d.landing()]);
  d.immediates = [d.random.pick([0, 4, 8, 2, 1, 0x100, 0x8000, 0xffff])];
};
/**
 * The code selector on the stack, and where to return to. AMD reads the outer ring's SS:ESP before it refuses a
 * selector of an inner ring, so where that could fault only selectors of this ring are used.
 */
function returnTarget(d: Draft): { selector: number; offset: number } {
  const near = !d.segments[SS].flat || (d.stackAt | 0) > DATA + DATA_SIZE - 0x200;
  if (!near) return farTarget(d);
  const selector = d.random.chance(50) ? USER_CS : d.random.pick(LOCAL_CODE);
  return { selector, offset: d.landing(segmentOf(selector)) };
}
export const farReturn: Recipe = d => {
  stack(d);
  const { selector, offset } = returnTarget(d);
  fillStack(d, [offset, selector]);
  d.immediates = [d.random.pick([0, 4, 8, 2, 0x100])];
};
export const interruptReturn: Recipe = d => {
  stack(d);
  const { selector, offset } = returnTarget(d);
  fillStack(d, [offset, selector, flagsImage(d)]);
};

export const loadSegment: Recipe = d => {
  const selector = dataSelector(d);
  if (d.address >= 0) d.fill(d.address, le(selector, 2));
  else if ((d.modrm[0] & 7) !== ESP) d.set16(d.modrm[0] & 7, selector);
};
/** VERW with LOCK is #UD by the manuals, and runs on the AMD CPU that was asked. */
export const verifyWrite: Recipe = d => {
  loadSegment(d);
  d.lock = false;
};
export const loadPointer: Recipe = d => {
  d.fill(d.address, [...le(d.random.value(4), d.operandBytes), ...le(dataSelector(d), 2)]);
};
export const popSegment: Recipe = d => stack(d, [dataSelector(d) | (d.o32 ? d.random.value(2) << 16 : 0), 0]);
