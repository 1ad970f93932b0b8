/**
 * A VGA on the ISA bus: its registers, 0x3B0 to 0x3DF, and the timing of its beam.
 *
 * IBM VGA Technical Reference (PS/2 Hardware Interface, "Video subsystem"). The memory is emu/devices/vga-memory.ts; a
 * front end reads the screen as text through emu/devices/vga-text.ts. Retrace and blanking follow the guest's
 * clock: the dot clock has run since reset with the mode that is set now. At construction the mode is the BIOS's
 * mode 3 (80 by 25 characters), with a blank screen.
 *
 * It is no PCI function. Left out: pixels, fonts and colours on a screen (all of it is kept, and nothing draws it), the
 * vertical retrace interrupt, monitor sense (input status 0 reads 0), light pen, and extensions by makers.
 */

import type { MmioRange, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';
import { Rate } from './rate.ts';
import { VgaMemory } from './vga-memory.ts';

const WINDOW = 0xa_0000;
const WINDOW_BYTES = 0x2_0000;

/** Ports. The CRT controller and input status 1 are at 0x3Dx or 0x3Bx. */
const MONOCHROME = 0x3b0;
const COLOR = 0x3d0;
const CRTC_INDEX = 4;
const STATUS_1 = 0xa; // written: feature control
const ATTRIBUTE = 0x3c0;
const ATTRIBUTE_READ = 0x3c1;
const MISC_WRITE = 0x3c2; // read: input status 0
const SUBSYSTEM_ENABLE = 0x3c3;
const SEQUENCER_INDEX = 0x3c4;
const SEQUENCER_DATA = 0x3c5;
const DAC_MASK = 0x3c6;
const DAC_READ_INDEX = 0x3c7; // read: state
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const FEATURE_READ = 0x3ca;
const MISC_READ = 0x3cc;
const GRAPHICS_INDEX = 0x3ce;
const GRAPHICS_DATA = 0x3cf;

/** Miscellaneous output. */
const MISC_COLOR = 1 << 0; // CRTC at 0x3Dx
const MISC_MEMORY = 1 << 1; // the CPU reaches the memory
const MISC_CLOCK = 3 << 2;
const MISC_CLOCK_28 = 1 << 2;
const DOT_HZ = 25_175_000;
const DOT_HZ_28 = 28_322_000;
/** Sequencer clocking mode. */
const CLOCKING = 1;
const CLOCKING_8_DOTS = 1 << 0;
const CLOCKING_HALF = 1 << 3;
/** CRT controller. */
const OVERFLOW = 7;
const RETRACE_END = 0x11;
const PROTECT = 1 << 7; // of registers 0 to 7
const LINE_COMPARE_8 = 1 << 4; // of the overflow register, not protected
/** Input status 1. */
const NOT_DISPLAYING = 1 << 0;
const RETRACING = 1 << 3;
/** Attribute index: the palette is in use. */
const ATTRIBUTE_INDEX = 0x3f;
const ATTRIBUTE_REGISTER = 0x1f;

/** Bits that exist. */
const SEQUENCER_BITS = [0x03, 0x3d, 0x0f, 0x3f, 0x0e];
const GRAPHICS_BITS = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];
const ATTRIBUTE_BITS = [...new Array<number>(16).fill(0x3f), 0xef, 0xff, 0x3f, 0x0f, 0x0f];
const CRTC_REGISTERS = 0x19;
const FLOATING = 0xff;

/** The BIOS's mode 3. */
const MODE_3 = {
  misc: 0x67,
  sequencer: [0x03, 0x00, 0x03, 0x00, 0x02],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c,
    0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
  ],
  graphics: [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff],
  attribute: [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c,
    0x00, 0x0f, 0x08, 0x00,
  ],
};
const TEXT_CELLS = 0x4000;
const BLANK = 0x20;
const GREY = 0x07;

interface Indexes {
  misc: number;
  feature: number;
  subsystem: number;
  crtcIndex: number;
  sequencerIndex: number;
  graphicsIndex: number;
  attributeIndex: number;
  /** The next write to 0x3C0 is data. */
  attributeData: boolean;
  dacMask: number;
  dacRead: number;
  dacWrite: number;
  dacPart: number;
  /** 3 after an index for reading, 0 after one for writing. */
  dacState: number;
}

export interface VgaState extends Indexes {
  crtc: number[];
  sequencer: number[];
  graphics: number[];
  attribute: number[];
  dac: number[];
  dacParts: number[];
  memory: { planes: Int32Array; latch: number };
}

function indexes(misc: number): Indexes {
  return {
    misc,
    feature: 0,
    subsystem: 1,
    crtcIndex: 0,
    sequencerIndex: 0,
    graphicsIndex: 0,
    attributeIndex: 0x20,
    attributeData: false,
    dacMask: 0xff,
    dacRead: 0,
    dacWrite: 0,
    dacPart: 0,
    dacState: 0,
  };
}

export class Vga {
  readonly crtc = new Uint8Array(CRTC_REGISTERS);
  readonly sequencer = new Uint8Array(SEQUENCER_BITS.length);
  readonly graphics = new Uint8Array(GRAPHICS_BITS.length);
  readonly attribute = new Uint8Array(ATTRIBUTE_BITS.length);
  /** 256 colours of three times six bits. */
  readonly dac = new Uint8Array(768);
  readonly memory: VgaMemory;
  private readonly dacParts = new Uint8Array(3);
  private readonly dots: Rate;
  private readonly dots28: Rate;
  private s = indexes(MODE_3.misc);

  constructor(clock: Clock) {
    this.dots = new Rate(clock, DOT_HZ);
    this.dots28 = new Rate(clock, DOT_HZ_28);
    this.memory = new VgaMemory(this.graphics, this.sequencer, () => (this.s.misc & MISC_MEMORY) !== 0);
    this.crtc.set(MODE_3.crtc);
    this.sequencer.set(MODE_3.sequencer);
    this.graphics.set(MODE_3.graphics);
    this.attribute.set(MODE_3.attribute);
    this.setColors();
    for (let cell = 0; cell < TEXT_CELLS; cell++) {
      this.memory.poke(0, 2 * cell, BLANK);
      this.memory.poke(1, 2 * cell, GREY);
    }
  }

  ports(): PortRange[] {
    const handler = bytePorts(this);
    const range = (first: number, count: number): PortRange => ({
      first,
      count,
      bus: 'isa',
      name: 'vga',
      handler,
    });
    return [
      range(MONOCHROME + CRTC_INDEX, 2),
      range(MONOCHROME + STATUS_1, 1),
      range(ATTRIBUTE, 16),
      range(COLOR + CRTC_INDEX, 2),
      range(COLOR + STATUS_1, 1),
    ];
  }

  /** The 128 KiB through which the CPU sees the memory. */
  mmio(): MmioRange {
    return { base: WINDOW, length: WINDOW_BYTES, bus: 'isa', name: 'vga', handler: this.memory };
  }

  /** The state after power-on: registers 0, memory out of the CPU's sight. */
  powerOn(): void {
    this.s = { ...indexes(0), subsystem: 0, attributeIndex: 0, dacMask: 0 };
    for (const file of [this.crtc, this.sequencer, this.graphics, this.attribute, this.dac]) file.fill(0);
  }

  readByte(port: number): number {
    const { s } = this;
    switch (port) {
      case ATTRIBUTE:
        return s.attributeIndex;
      case ATTRIBUTE_READ:
        return this.attribute[s.attributeIndex & ATTRIBUTE_REGISTER] ?? 0;
      case MISC_WRITE:
        return 0;
      case SUBSYSTEM_ENABLE:
        return s.subsystem;
      case SEQUENCER_INDEX:
        return s.sequencerIndex;
      case SEQUENCER_DATA:
        return this.sequencer[s.sequencerIndex] ?? 0;
      case DAC_MASK:
        return s.dacMask;
      case DAC_READ_INDEX:
        return s.dacState;
      case DAC_WRITE_INDEX:
        return s.dacWrite;
      case DAC_DATA:
        return this.readColor();
      case FEATURE_READ:
        return s.feature;
      case MISC_READ:
        return s.misc;
      case GRAPHICS_INDEX:
        return s.graphicsIndex;
      case GRAPHICS_DATA:
        return this.graphics[s.graphicsIndex] ?? 0;
    }
    const offset = this.crtcOffset(port);
    if (offset === CRTC_INDEX) return s.crtcIndex;
    if (offset === CRTC_INDEX + 1) return this.crtc[s.crtcIndex] ?? 0;
    if (offset !== STATUS_1) return FLOATING;
    s.attributeData = false;
    return this.beam();
  }

  writeByte(port: number, value: number): void {
    const { s } = this;
    switch (port) {
      case ATTRIBUTE:
        return this.writeAttribute(value);
      case MISC_WRITE:
        s.misc = value;
        return;
      case SUBSYSTEM_ENABLE:
        s.subsystem = value & 1;
        return;
      case SEQUENCER_INDEX:
        s.sequencerIndex = value & 7;
        return;
      case SEQUENCER_DATA:
        this.sequencer[s.sequencerIndex] = value & (SEQUENCER_BITS[s.sequencerIndex] ?? 0);
        return;
      case DAC_MASK:
        s.dacMask = value;
        return;
      case DAC_READ_INDEX:
        s.dacRead = value;
        s.dacPart = 0;
        s.dacState = 3;
        return;
      case DAC_WRITE_INDEX:
        s.dacWrite = value;
        s.dacPart = 0;
        s.dacState = 0;
        return;
      case DAC_DATA:
        return this.writeColor(value);
      case GRAPHICS_INDEX:
        s.graphicsIndex = value & 15;
        return;
      case GRAPHICS_DATA:
        this.graphics[s.graphicsIndex] = value & (GRAPHICS_BITS[s.graphicsIndex] ?? 0);
        return;
    }
    const offset = this.crtcOffset(port);
    if (offset === CRTC_INDEX) s.crtcIndex = value;
    else if (offset === CRTC_INDEX + 1) this.writeCrtc(s.crtcIndex, value);
    else if (offset === STATUS_1) s.feature = value & 3;
  }

  save(): VgaState {
    return {
      ...this.s,
      crtc: Array.from(this.crtc),
      sequencer: Array.from(this.sequencer),
      graphics: Array.from(this.graphics),
      attribute: Array.from(this.attribute),
      dac: Array.from(this.dac),
      dacParts: Array.from(this.dacParts),
      memory: this.memory.save(),
    };
  }

  load(state: VgaState): void {
    const { crtc, sequencer, graphics, attribute, dac, dacParts, memory, ...rest } = state;
    this.s = { ...rest };
    this.crtc.set(crtc);
    this.sequencer.set(sequencer);
    this.graphics.set(graphics);
    this.attribute.set(attribute);
    this.dac.set(dac);
    this.dacParts.set(dacParts);
    this.memory.load(memory);
  }

  // Registers

  /** Offset of a port of the CRT controller where the miscellaneous output puts it, or -1. */
  private crtcOffset(port: number): number {
    const base = this.s.misc & MISC_COLOR ? COLOR : MONOCHROME;
    return (port & ~0xf) === base ? port & 0xf : -1;
  }

  private writeCrtc(index: number, value: number): void {
    if (index >= CRTC_REGISTERS) return;
    if (index > OVERFLOW || (this.crtc[RETRACE_END] & PROTECT) === 0) this.crtc[index] = value;
    else if (index === OVERFLOW)
      this.crtc[index] = (this.crtc[index] & ~LINE_COMPARE_8) | (value & LINE_COMPARE_8);
  }

  /** Index and data in turn; a read of input status 1 begins with the index again. */
  private writeAttribute(value: number): void {
    const { s } = this;
    if (!s.attributeData) s.attributeIndex = value & ATTRIBUTE_INDEX;
    else {
      const index = s.attributeIndex & ATTRIBUTE_REGISTER;
      this.attribute[index] = value & (ATTRIBUTE_BITS[index] ?? 0);
    }
    s.attributeData = !s.attributeData;
  }

  private readColor(): number {
    const { s } = this;
    const value = this.dac[s.dacRead * 3 + s.dacPart];
    s.dacPart = (s.dacPart + 1) % 3;
    if (s.dacPart === 0) s.dacRead = (s.dacRead + 1) & 0xff;
    return value;
  }

  /** A colour takes effect with its third part. */
  private writeColor(value: number): void {
    const { s } = this;
    this.dacParts[s.dacPart] = value & 0x3f;
    s.dacPart = (s.dacPart + 1) % 3;
    if (s.dacPart !== 0) return;
    this.dac.set(this.dacParts, s.dacWrite * 3);
    s.dacWrite = (s.dacWrite + 1) & 0xff;
  }

  /** The 64 colours of an EGA: two bits a part, the bright ones in bits 0 to 2. */
  private setColors(): void {
    for (let color = 0; color < 64; color++)
      for (let part = 0; part < 3; part++) {
        const strong = color & (4 >> part) ? 0x2a : 0;
        this.dac[color * 3 + part] = strong + (color & (0x20 >> part) ? 0x15 : 0);
      }
  }

  // The beam

  /** A ten-bit vertical field: its register, and where the overflow register has bits 8 and 9. */
  private vertical(register: number, bit8: number, bit9: number): number {
    const overflow = this.crtc[OVERFLOW];
    return this.crtc[register] | (((overflow >> bit8) & 1) << 8) | (((overflow >> bit9) & 1) << 9);
  }

  /** Lines that are displayed. */
  displayedLines(): number {
    return this.vertical(0x12, 1, 6) + 1;
  }

  /** Input status 1, by where the beam is now. */
  private beam(): number {
    const { crtc } = this;
    const rate = (this.s.misc & MISC_CLOCK) === MISC_CLOCK_28 ? this.dots28 : this.dots;
    const clocking = this.sequencer[CLOCKING];
    const character = (clocking & CLOCKING_8_DOTS ? 8 : 9) * (clocking & CLOCKING_HALF ? 2 : 1);
    const width = (crtc[0] + 5) * character;
    const dot = rate.edge() % (width * (this.vertical(6, 0, 5) + 2));
    const line = Math.floor(dot / width);
    const column = Math.floor((dot % width) / character);
    const retraceStart = this.vertical(0x10, 2, 7);
    const retraceLines = (crtc[RETRACE_END] - retraceStart) & 15 || 16;
    const retracing = line >= retraceStart && line < retraceStart + retraceLines;
    const displaying = column <= crtc[1] && line < this.displayedLines();
    return (displaying ? 0 : NOT_DISPLAYING) | (retracing ? RETRACING : 0);
  }
}
