/**
 * The VGA's screen as text, for a front end: what the CRT controller would fetch in a text mode, as Unicode.
 *
 * The character is in plane 0, the attribute in plane 1, at the address that the CRT controller counts in bytes,
 * words or dwords. Code page 437 is taken for the font, whatever font is loaded. Looking changes nothing.
 */

import type { Vga } from './vga.ts';

/** CRT controller. */
const HORIZONTAL_DISPLAY_END = 0x01;
const MAXIMUM_SCAN_LINE = 0x09;
const CURSOR_START = 0x0a;
const CURSOR_END = 0x0b;
const START_ADDRESS = 0x0c; // high byte first, as the cursor's
const CURSOR_LOCATION = 0x0e;
const OFFSET = 0x13;
const UNDERLINE = 0x14;
const MODE_CONTROL = 0x17;
const SCAN_LINES = 0x1f;
const DOUBLE_SCAN = 1 << 7;
const CURSOR_OFF = 1 << 5;
const DOUBLEWORDS = 1 << 6; // of UNDERLINE
const BYTES = 1 << 6; // of MODE_CONTROL
/** Attribute controller's mode and graphics controller's miscellaneous register: a graphics mode. */
const ATTRIBUTE_MODE = 0x10;
const GRAPHICS_MISCELLANEOUS = 6;
const GRAPHICS = 1 << 0;

const CODE_PAGE_437 = Array.from(
  ' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼' +
    ' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~⌂' +
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀' +
    'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
);

export interface TextCursor {
  row: number;
  column: number;
  visible: boolean;
}

export class VgaText {
  private readonly vga: Vga;

  constructor(vga: Vga) {
    this.vga = vga;
  }

  /** False in a graphics mode, of which there is nothing to read. */
  isText(): boolean {
    const { attribute, graphics } = this.vga;
    return ((attribute[ATTRIBUTE_MODE] | graphics[GRAPHICS_MISCELLANEOUS]) & GRAPHICS) === 0;
  }

  /** 1 to 256. */
  columns(): number {
    return this.vga.crtc[HORIZONTAL_DISPLAY_END] + 1;
  }

  /** 0 to 1024; the usual 400 lines of 16 give 25. */
  rows(): number {
    const scan = this.vga.crtc[MAXIMUM_SCAN_LINE];
    const height = ((scan & SCAN_LINES) + 1) * (scan & DOUBLE_SCAN ? 2 : 1);
    return Math.floor(this.vga.displayedLines() / height);
  }

  /** A string for each row, spaces at its end kept; nothing in a graphics mode. */
  screen(): string[] {
    if (!this.isText()) return [];
    const columns = this.columns();
    return Array.from({ length: this.rows() }, (_, row) => {
      let line = '';
      for (let column = 0; column < columns; column++) line += CODE_PAGE_437[this.byte(0, row, column)];
      return line;
    });
  }

  /** The attribute byte of a cell: foreground in bits 0 to 3, background above. */
  attributeAt(row: number, column: number): number {
    return this.byte(1, row, column);
  }

  /** Where the cursor is, or null when it is off the screen. */
  cursor(): TextCursor | null {
    const { crtc } = this.vga;
    const distance = (this.word(CURSOR_LOCATION) - this.word(START_ADDRESS)) & 0xffff;
    const pitch = this.pitch();
    if (pitch === 0) return null;
    const row = Math.floor(distance / pitch);
    const column = distance % pitch;
    if (row >= this.rows() || column >= this.columns()) return null;
    const shape = crtc[CURSOR_START];
    const visible = (shape & CURSOR_OFF) === 0 && (shape & SCAN_LINES) <= (crtc[CURSOR_END] & SCAN_LINES);
    return { row, column, visible };
  }

  private word(register: number): number {
    return (this.vga.crtc[register] << 8) | this.vga.crtc[register + 1];
  }

  /** Characters from one row to the next. */
  private pitch(): number {
    return this.vga.crtc[OFFSET] * 2;
  }

  private byte(plane: number, row: number, column: number): number {
    const { crtc, memory } = this.vga;
    const unit = crtc[UNDERLINE] & DOUBLEWORDS ? 4 : crtc[MODE_CONTROL] & BYTES ? 1 : 2;
    return memory.peek(plane, (this.word(START_ADDRESS) + row * this.pitch() + column) * unit);
  }
}
