/**
 * The machine's one memory: a WebAssembly.Memory that holds all state that a snapshot must take in and that a
 * compiled engine will share. Areas are handed out in order, so the layout is the order of the calls in
 * machine.ts; guest RAM starts at the constant RAM_OFFSET behind them.
 */

/** Where guest-physical address 0 lies, in bytes. What is below it is registers, counters, TLBs and caches. */
export const RAM_OFFSET = 1 << 20;

const PAGE = 65536;
/** How often pageBytes() may be called. */
const PAGE_AREAS = 2;

/** One named area of the state memory, for the documentation and for snapshots. */
export interface Area {
  name: string;
  offset: number;
  bytes: number;
}

export class State {
  readonly memory: WebAssembly.Memory;
  /** All of it as dwords: for what is named by its byte address. */
  readonly words: Int32Array;
  readonly areas: Area[] = [];
  /** Bytes of guest RAM. */
  readonly ramSize: number;
  private top = 64;
  /** Where scratch areas begin: they are handed out from RAM downwards. */
  private bottom = RAM_OFFSET;
  /** Where the next area behind RAM begins. */
  private tail: number;

  /** `ramSize` in bytes, a multiple of 64 KiB, 1 MiB to 2 GiB. */
  constructor(ramSize: number) {
    if (ramSize % PAGE !== 0 || ramSize < 1 << 20 || ramSize > 2 ** 31)
      throw new RangeError(`memory of ${ramSize} bytes: must be 1 MiB to 2 GiB in steps of 64 KiB`);
    this.tail = RAM_OFFSET + ramSize;
    const pages = (this.tail + Math.ceil((PAGE_AREAS * (ramSize >>> 12)) / PAGE) * PAGE) / PAGE;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.words = new Int32Array(this.memory.buffer);
    this.ramSize = ramSize;
  }

  int32(name: string, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, this.take(name, length * 4), length);
  }

  float64(name: string, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, this.take(name, length * 8), length);
  }

  bytes(name: string, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.take(name, length), length);
  }

  /**
   * An area that the compiled engine shares and that no snapshot restores: derived from the rest of the state, and to be
   * cleared whenever that is loaded.
   */
  scratch(name: string, length: number): Int32Array {
    this.bottom -= (length * 4 + 63) & ~63;
    if (this.top > this.bottom) throw new RangeError(`state memory is full at ${name}`);
    this.areas.push({ name, offset: this.bottom, bytes: length * 4 });
    return new Int32Array(this.memory.buffer, this.bottom, length);
  }

  /** An area behind RAM of one byte a page of RAM, for what scratch() is for. */
  pageBytes(name: string): Uint8Array {
    const bytes = this.ramSize >>> 12;
    const offset = this.tail;
    this.tail += bytes;
    if (this.tail > this.memory.buffer.byteLength) throw new RangeError(`no room for ${name} behind RAM`);
    this.areas.push({ name, offset, bytes });
    return new Uint8Array(this.memory.buffer, offset, bytes);
  }

  ram8(): Uint8Array {
    return new Uint8Array(this.memory.buffer, RAM_OFFSET, this.ramSize);
  }

  ramView(): DataView {
    return new DataView(this.memory.buffer, RAM_OFFSET, this.ramSize);
  }

  /** Bytes below RAM that areas take, from 0 on. */
  get used(): number {
    return this.top;
  }

  private take(name: string, bytes: number): number {
    const offset = this.top;
    this.top = (offset + bytes + 63) & ~63;
    if (this.top > this.bottom) throw new RangeError(`state memory is full at ${name}`);
    this.areas.push({ name, offset, bytes });
    return offset;
  }
}
