/**
 * The PC/AT's DMA: two 8237As and the page registers that give addresses their upper bits.
 *
 * IBM PC/AT Technical Reference, "Direct memory access". Channels 0 to 3 (ports 0x00 to 0x0F) move bytes within
 * 64 KiB, channels 5 to 7 (0xC0 to 0xDF, registers at even ports and again at the odd ones) words within 128 KiB;
 * channel 4 cascades the first controller. Page registers at 0x80 to 0x8F; those without a channel are plain
 * memory, 0x80 among them, to which POST codes go and which Linux's outb_p writes to wait one bus cycle.
 * Left out: the refresh page (0x8F) refreshes nothing.
 */

import type { Dma, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';
import { Dma8237, type Dma8237State, type DmaChannel, type DmaDevice } from './dma8237.ts';

const FIRST = 0x00;
const SECOND = 0xc0;
const PAGES = 0x80;
/** Page register of each channel; 4 has none and takes the refresh page. */
const PAGE_OF = [0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa];

export interface IsaDmaState {
  chips: Dma8237State[];
  pages: number[];
}

export class IsaDma {
  private readonly chips: readonly [Dma8237, Dma8237];
  private readonly pages = new Uint8Array(16);
  private readonly memory: Dma;
  private readonly unit = new Uint8Array(2);

  constructor(clock: Clock, memory: Dma) {
    this.memory = memory;
    this.chips = [
      new Dma8237(clock, 'dma 0', {
        read: (channel, address) => this.readMemory(this.byteAddress(channel, address), 1),
        write: (channel, address, value) => this.writeMemory(this.byteAddress(channel, address), 1, value),
      }),
      new Dma8237(clock, 'dma 1', {
        read: (channel, address) => this.readMemory(this.wordAddress(channel, address), 2),
        write: (channel, address, value) => this.writeMemory(this.wordAddress(channel, address), 2, value),
      }),
    ];
    // As a BIOS leaves it: the second controller on, its channel 0 in cascade mode and open.
    this.chips[1].write(11, 0xc0);
    this.chips[1].write(10, 0);
  }

  ports(): PortRange[] {
    const handler = bytePorts(this);
    return [
      { first: FIRST, count: 16, bus: 'isa', name: 'dma 0', handler },
      { first: PAGES, count: 16, bus: 'isa', name: 'dma pages', handler },
      { first: SECOND, count: 32, bus: 'isa', name: 'dma 1', handler },
    ];
  }

  /** Puts a device on a channel: 0 to 3 for bytes, 5 to 7 for words. */
  connect(channel: number, device: DmaDevice): DmaChannel {
    if (!(channel >= 0 && channel < 8 && channel !== 4)) throw new RangeError(`no DMA channel ${channel}`);
    return this.chips[channel >> 2].connect(channel & 3, device);
  }

  /** The state after power-on. */
  powerOn(): void {
    for (const chip of this.chips) chip.masterClear();
    this.pages.fill(0);
  }

  readByte(port: number): number {
    if (port >= SECOND) return this.chips[1].read((port - SECOND) >> 1);
    return port >= PAGES ? this.pages[port - PAGES] : this.chips[0].read(port);
  }

  writeByte(port: number, value: number): void {
    if (port >= SECOND) this.chips[1].write((port - SECOND) >> 1, value);
    else if (port >= PAGES) this.pages[port - PAGES] = value;
    else this.chips[0].write(port, value);
  }

  save(): IsaDmaState {
    return { chips: this.chips.map(c => c.save()), pages: Array.from(this.pages) };
  }

  load(state: IsaDmaState): void {
    state.chips.forEach((c, n) => {
      this.chips[n].load(c);
    });
    this.pages.set(state.pages);
  }

  private byteAddress(channel: number, address: number): number {
    return (this.pages[PAGE_OF[channel]] << 16) | address;
  }

  /** The page's lowest bit is not used: the chip's address is in words. */
  private wordAddress(channel: number, address: number): number {
    return ((this.pages[PAGE_OF[channel + 4]] & 0xfe) << 16) | (address << 1);
  }

  private readMemory(physical: number, size: number): number {
    const unit = this.unit.subarray(0, size);
    this.memory.read(physical, unit);
    return size === 1 ? unit[0] : unit[0] | (unit[1] << 8);
  }

  private writeMemory(physical: number, size: number, value: number): void {
    this.unit[0] = value;
    this.unit[1] = value >> 8;
    this.memory.write(physical, this.unit.subarray(0, size));
  }
}
