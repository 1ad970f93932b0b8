/**
 * A snapshot to go back to time and again, kept small: of RAM only the pages that are not all zero, which are few in a
 * machine that has just booted. Machine.checkpoint() makes it, and revert() goes back.
 */
import type { SnapshotParts } from './machine.ts';

const PAGE = 4096;

export class Checkpoint {
  readonly parts: SnapshotParts;
  /** The state below RAM. */
  private readonly low: Uint8Array;
  /** The pages that are not zero, one behind the other, and by page of RAM which of them it is; -1: zero. */
  private readonly pages: Uint8Array;
  private readonly places: Int32Array;

  constructor(low: Uint8Array, ram: Uint8Array, parts: SnapshotParts) {
    this.parts = parts;
    this.low = low.slice();
    this.places = new Int32Array(ram.length / PAGE).fill(-1);
    let count = 0;
    for (let page = 0; page < this.places.length; page++) if (!isZero(ram, page)) this.places[page] = count++;
    this.pages = new Uint8Array(count * PAGE);
    this.places.forEach((place, page) => {
      if (place >= 0) this.pages.set(ram.subarray(page * PAGE, (page + 1) * PAGE), place * PAGE);
    });
  }

  /** Bytes that it holds. */
  get bytes(): number {
    return this.low.length + this.pages.length + this.places.byteLength;
  }

  /** Writes the state below RAM and these pages of it back; default all. Returns the bytes written. */
  copyTo(low: Uint8Array, ram: Uint8Array, wanted?: readonly number[]): number {
    low.set(this.low);
    const count = wanted ? wanted.length : this.places.length;
    for (let n = 0; n < count; n++) this.copyPage(ram, wanted ? wanted[n] : n);
    return this.low.length + count * PAGE;
  }

  private copyPage(ram: Uint8Array, page: number): void {
    const place = this.places[page];
    if (place < 0) ram.fill(0, page * PAGE, (page + 1) * PAGE);
    else ram.set(this.pages.subarray(place * PAGE, (place + 1) * PAGE), page * PAGE);
  }
}

function isZero(ram: Uint8Array, page: number): boolean {
  const words = new Int32Array(ram.buffer, ram.byteOffset + page * PAGE, PAGE >> 2);
  for (let n = 0; n < words.length; n++) if (words[n] !== 0) return false;
  return true;
}
