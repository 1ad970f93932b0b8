/**
 * Segments without descriptors: real-address mode and virtual-8086 mode (SDM vol. 3, 20.1.1 and 20.2.1).
 * A selector is a paragraph number. Virtual-8086 segments are 64 KiB, writable, at privilege 3. In real mode only
 * the base follows the selector: limit and attributes stay as protected mode left them ("unreal" mode rests on it).
 */
import { GP } from '../mmu/fault.ts';
import type { Cpu } from './cpu.ts';
import { CS_, SEG_P, SEG_S } from './segments.ts';

const LIMIT = 0xffff;
/** Present, writable, accessed data, byte-granular, 16 bits. */
const REAL_DATA = 0x9300;
const RING3 = 0x6000;

/** Loads segment register `s` with paragraph `selector`; nothing can fault. */
export function loadParagraph(c: Cpu, s: number, selector: number): void {
  const base = selector << 4;
  if (c.virtual8086) return c.setSegment(s, selector, base, LIMIT, REAL_DATA | RING3);
  const attributes = c.segmentAttributes(s);
  // A register that protected mode had made null has nothing to keep.
  if (attributes === 0) c.setSegment(s, selector, base, LIMIT, REAL_DATA);
  else c.setSegment(s, selector, base, c.segmentLimit(s), attributes | SEG_P | SEG_S);
}

/** Continues at `selector`:`offset`, whose offset was checked. */
export function enterParagraph(c: Cpu, selector: number, offset: number): void {
  loadParagraph(c, CS_, selector);
  c.eip = offset;
  c.leave = true;
}

/** #GP(0) unless `offset` lies within the CS that a far transfer gives: its limit does not change in real mode. */
export function checkParagraphOffset(c: Cpu, offset: number): void {
  if (offset >>> 0 > (c.virtual8086 ? LIMIT : c.segmentLimit(CS_))) c.raise(GP, 0);
}
