/**
 * The VGA's memory: four planes of 64 KiB behind the graphics controller, as the CPU reaches them from 0xA0000 to
 * 0xBFFFF. IBM VGA Technical Reference (PS/2 Hardware Interface, "Video subsystem"), "Graphics controller".
 *
 * Odd/even addressing puts even bytes into planes 0 and 2, odd ones into 1 and 3, with address bit 0 taken for the
 * plane; chain-4 takes two bits. All write modes, both read modes and the latches. So a font that is loaded through the
 * map mask into plane 2 does not touch the text in planes 0 and 1. Left out: the odd/even page select.
 */

import type { AccessSize, MmioHandler } from '../bus.ts';

export const PLANE_BYTES = 0x1_0000;
const WINDOW = 0x2_0000;

/** Base and length of the window in the 128 KiB, by the memory map field. */
const MAPS = [
  [0x0_0000, 0x2_0000],
  [0x0_0000, 0x1_0000],
  [0x1_0000, 0x0_8000],
  [0x1_8000, 0x0_8000],
] as const;

/** Graphics controller registers. */
const SET_RESET = 0;
const ENABLE_SET_RESET = 1;
const COLOR_COMPARE = 2;
const DATA_ROTATE = 3;
const READ_MAP = 4;
const MODE = 5;
const MISCELLANEOUS = 6;
const COLOR_DONT_CARE = 7;
const BIT_MASK = 8;
const MODE_READ_COMPARE = 1 << 3;
const MODE_ODD_EVEN = 1 << 4;
/** Sequencer registers. */
const MAP_MASK = 2;
const MEMORY_MODE = 4;
const MEMORY_SEQUENTIAL = 1 << 2; // odd/even off
const MEMORY_CHAIN_4 = 1 << 3;

const NOWHERE = -1;
const FLOATING = 0xff;

/** Each of four bits as a byte of ones. */
const EXPANDED = Int32Array.from({ length: 16 }, (_, n) =>
  [0, 1, 2, 3].reduce((all, plane) => all | (n & (1 << plane) ? 0xff << (8 * plane) : 0), 0),
);

function everyPlane(byte: number): number {
  return byte | (byte << 8) | (byte << 16) | (byte << 24);
}

export class VgaMemory implements MmioHandler {
  /** A dword for each offset, plane 0 in its low byte. */
  private readonly planes = new Int32Array(PLANE_BYTES);
  private latch = 0;
  private readonly graphics: Uint8Array;
  private readonly sequencer: Uint8Array;
  private readonly enabled: () => boolean;

  /** The registers that steer it: graphics controller, sequencer, and whether the CPU sees the memory at all. */
  constructor(graphics: Uint8Array, sequencer: Uint8Array, enabled: () => boolean) {
    this.graphics = graphics;
    this.sequencer = sequencer;
    this.enabled = enabled;
  }

  readMmio(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.read(offset + i) << (8 * i);
    return value >>> 0;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) this.write(offset + i, (value >>> (8 * i)) & 0xff);
  }

  fetchMmio(offset: number): number {
    const address = this.decode(offset);
    return address === NOWHERE ? FLOATING : this.select(address, this.planes[this.readOffset(address)]);
  }

  /** A byte of a plane (0..3), as the display reads it. */
  peek(plane: number, offset: number): number {
    return (this.planes[offset & (PLANE_BYTES - 1)] >>> (8 * plane)) & 0xff;
  }

  poke(plane: number, offset: number, value: number): void {
    const lanes = 0xff << (8 * plane);
    this.planes[offset] = (this.planes[offset] & ~lanes) | (value << (8 * plane));
  }

  save(): { planes: Int32Array; latch: number } {
    return { planes: this.planes.slice(), latch: this.latch };
  }

  load(state: { planes: Int32Array; latch: number }): void {
    this.planes.set(state.planes);
    this.latch = state.latch;
  }

  /** Address within the window that the memory map field opens, or NOWHERE. */
  private decode(offset: number): number {
    if (offset >= WINDOW || !this.enabled()) return NOWHERE;
    const [base, length] = MAPS[(this.graphics[MISCELLANEOUS] >> 2) & 3];
    return offset >= base && offset < base + length ? offset - base : NOWHERE;
  }

  private readOffset(address: number): number {
    const at = address & (PLANE_BYTES - 1);
    if (this.sequencer[MEMORY_MODE] & MEMORY_CHAIN_4) return at & ~3;
    return this.graphics[MODE] & MODE_ODD_EVEN ? at & ~1 : at;
  }

  private read(offset: number): number {
    const address = this.decode(offset);
    if (address === NOWHERE) return FLOATING;
    this.latch = this.planes[this.readOffset(address)];
    return this.select(address, this.latch);
  }

  /** The byte that a read gives of the four that it latches. */
  private select(address: number, latch: number): number {
    const { graphics } = this;
    if (this.sequencer[MEMORY_MODE] & MEMORY_CHAIN_4) return (latch >>> (8 * (address & 3))) & 0xff;
    if (graphics[MODE] & MODE_READ_COMPARE) {
      const differs =
        (latch ^ EXPANDED[graphics[COLOR_COMPARE] & 15]) & EXPANDED[graphics[COLOR_DONT_CARE] & 15];
      return ~(differs | (differs >>> 8) | (differs >>> 16) | (differs >>> 24)) & 0xff;
    }
    let plane = graphics[READ_MAP] & 3;
    if (graphics[MODE] & MODE_ODD_EVEN) plane = (plane & 2) | (address & 1);
    return (latch >>> (8 * plane)) & 0xff;
  }

  private write(offset: number, value: number): void {
    const address = this.decode(offset);
    if (address === NOWHERE) return;
    const mode = this.sequencer[MEMORY_MODE];
    let at = address & (PLANE_BYTES - 1);
    let mask = this.sequencer[MAP_MASK] & 15;
    if (mode & MEMORY_CHAIN_4) {
      mask &= 1 << (at & 3);
      at &= ~3;
    } else if ((mode & MEMORY_SEQUENTIAL) === 0) {
      mask &= at & 1 ? 0b1010 : 0b0101;
      at &= ~1;
    }
    const lanes = EXPANDED[mask];
    this.planes[at] = (this.planes[at] & ~lanes) | (this.combine(value) & lanes);
  }

  /** What the graphics controller makes of a byte of the CPU and the latches, for all four planes. */
  private combine(value: number): number {
    const { graphics, latch } = this;
    const mode = graphics[MODE] & 3;
    if (mode === 1) return latch;
    const count = graphics[DATA_ROTATE] & 7;
    const rotated = ((value >>> count) | (value << (8 - count))) & 0xff;
    const setReset = EXPANDED[graphics[SET_RESET] & 15];
    let bits = everyPlane(graphics[BIT_MASK]);
    let data: number;
    if (mode === 0) {
      const enabled = EXPANDED[graphics[ENABLE_SET_RESET] & 15];
      data = (setReset & enabled) | (everyPlane(rotated) & ~enabled);
    } else if (mode === 2) data = EXPANDED[value & 15];
    else {
      data = setReset;
      bits &= everyPlane(rotated);
    }
    const logic = (graphics[DATA_ROTATE] >> 3) & 3;
    if (logic === 1) data &= latch;
    else if (logic === 2) data |= latch;
    else if (logic === 3) data ^= latch;
    return (data & bits) | (latch & ~bits);
  }
}
