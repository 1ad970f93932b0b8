/**
 * The two address maps of the PC: I/O ports (64 Ki of them) and memory-mapped registers (32-bit physical
 * addresses). Every port and MMIO access goes through here.
 *
 * Ranges never overlap: mapping over another range throws an `OverlapError`, which is a mistake of composition or
 * a guest that moved a BAR badly (emu/devices/pci.ts catches it). Whatever nobody answers reads all ones and
 * swallows writes, as a PC's bus does after a master abort. An access that does not lie in one range is split
 * into bytes, low address first.
 */

import { hex32 } from '../bits.ts';
import type { AccessSize, AddressMap, MmioRange, PortRange } from '../bus.ts';

const PORTS = 0x10000;
const MEMORY_END = 0x1_0000_0000;
/** How many distinct unmapped memory pages are reported before we fall silent. */
const REPORTED_PAGES = 1024;
const NO_PORT = -1;

export class OverlapError extends Error {}

export type UnmappedKind = 'port' | 'memory';

export interface PortSpaceOptions {
  /** Called once for each unmapped port, and once for each unmapped 4 KiB page, that the guest touches. */
  onUnmapped?: (kind: UnmappedKind, address: number, access: 'read' | 'write') => void;
  /** Called after the MMIO map changed: whoever caches what lies at a physical address must forget it. */
  onMmioChange?: () => void;
}

/** All ones in `size` bytes. */
function allOnes(size: AccessSize): number {
  return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
}

export class PortSpace implements AddressMap {
  private readonly options: PortSpaceOptions;
  /** Port number -> 1 + index in `portRanges`; 0 is unmapped. */
  private readonly portIndex = new Uint16Array(PORTS);
  private readonly portRanges: (PortRange | undefined)[] = [];
  /** Sorted by base. */
  private readonly mmioRanges: MmioRange[] = [];
  private lastMmio: MmioRange | undefined;
  private readonly reportedPorts = new Uint8Array(PORTS);
  private readonly reportedPages = new Set<number>();
  private snooped = NO_PORT;
  private onSnoop: (byte: number) => void = () => {};

  constructor(options: PortSpaceOptions = {}) {
    this.options = options;
  }

  /** Throws OverlapError when another range has one of the ports, RangeError when they are not ports. */
  mapPorts(range: PortRange): void {
    const { first, count, name } = range;
    if (
      !Number.isInteger(first) ||
      !Number.isInteger(count) ||
      first < 0 ||
      count < 1 ||
      first + count > PORTS
    )
      throw new RangeError(`${name}: ports ${first} to ${first + count - 1} do not exist`);
    for (let port = first; port < first + count; port++) {
      const other = this.findPort(port);
      if (other)
        throw new OverlapError(`${name}: port 0x${port.toString(16)} already belongs to ${other.name}`);
    }
    const free = this.portRanges.indexOf(undefined);
    const index = free >= 0 ? free : this.portRanges.length;
    this.portRanges[index] = range;
    this.portIndex.fill(index + 1, first, first + count);
  }

  /** `range` must be the very object that was mapped; anything else throws. */
  unmapPorts(range: PortRange): void {
    const index = this.portRanges.indexOf(range);
    if (index < 0) throw new RangeError(`${range.name}: these ports are not mapped`);
    this.portRanges[index] = undefined;
    this.portIndex.fill(0, range.first, range.first + range.count);
  }

  /** Throws OverlapError when another range shares a byte, RangeError when it leaves the 4 GiB. */
  mapMmio(range: MmioRange): void {
    const { base, length, name } = range;
    if (
      !Number.isInteger(base) ||
      !Number.isInteger(length) ||
      base < 0 ||
      length < 1 ||
      base + length > MEMORY_END
    )
      throw new RangeError(`${name}: ${length} bytes at ${base} leave physical memory`);
    const other = this.mmioRanges.find(r => base < r.base + r.length && r.base < base + length);
    if (other)
      throw new OverlapError(`${name}: 0x${hex32(base)} overlaps ${other.name} at 0x${hex32(other.base)}`);
    this.mmioRanges.push(range);
    this.mmioRanges.sort((a, b) => a.base - b.base);
    this.mmioChanged();
  }

  /** `range` must be the very object that was mapped; anything else throws. */
  unmapMmio(range: MmioRange): void {
    const index = this.mmioRanges.indexOf(range);
    if (index < 0) throw new RangeError(`${range.name}: this memory range is not mapped`);
    this.mmioRanges.splice(index, 1);
    this.mmioChanged();
  }

  /** The range that answers at `port` (0..65535), if any; its `bus` decides what the access costs. */
  findPort(port: number): PortRange | undefined {
    const index = this.portIndex[port];
    return index ? this.portRanges[index - 1] : undefined;
  }

  /** The range that answers at physical address `pa` (unsigned), if any. */
  findMmio(pa: number): MmioRange | undefined {
    const last = this.lastMmio;
    if (last && pa >= last.base && pa < last.base + last.length) return last;
    let low = 0;
    let high = this.mmioRanges.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const range = this.mmioRanges[middle];
      if (pa < range.base) high = middle - 1;
      else if (pa >= range.base + range.length) low = middle + 1;
      else return (this.lastMmio = range);
    }
    return undefined;
  }

  /** IN: the unsigned value of `size` bytes at `port`. */
  readPort(port: number, size: AccessSize): number {
    const range = this.findPort(port);
    if (range && port + size <= range.first + range.count) return range.handler.readPort(port, size) >>> 0;
    if (size > 1) return this.split(size, i => this.readPort(port + i, 1));
    this.unmappedPort(port, 'read');
    return allOnes(size);
  }

  /**
   * Tells `onByte` of each byte that the guest writes to `port`, whatever else is there: a POST card, which only
   * listens. One port at most.
   */
  snoop(port: number, onByte: (byte: number) => void): void {
    this.snooped = port;
    this.onSnoop = onByte;
  }

  /** OUT: `value` in its low `size` bytes. */
  writePort(port: number, size: AccessSize, value: number): void {
    const range = this.findPort(port);
    const whole = range !== undefined && port + size <= range.first + range.count;
    if (!whole && size > 1) {
      for (let i = 0; i < size; i++) this.writePort(port + i, 1, (value >>> (8 * i)) & 0xff);
      return;
    }
    const lane = this.snooped - port;
    if (lane >= 0 && lane < size) this.onSnoop((value >>> (8 * lane)) & 0xff);
    if (whole) range.handler.writePort(port, size, (value & allOnes(size)) >>> 0);
    else if (lane !== 0) this.unmappedPort(port, 'write');
  }

  /** The unsigned value of `size` bytes at physical address `pa`, which may lie anywhere. */
  readMmio(pa: number, size: AccessSize): number {
    const range = this.findMmio(pa);
    if (range && pa + size <= range.base + range.length)
      return range.handler.readMmio(pa - range.base, size) >>> 0;
    if (size > 1) return this.split(size, i => this.readMmio((pa + i) % MEMORY_END, 1));
    this.unmappedMemory(pa, 'read');
    return allOnes(size);
  }

  writeMmio(pa: number, size: AccessSize, value: number): void {
    const range = this.findMmio(pa);
    if (range && pa + size <= range.base + range.length)
      range.handler.writeMmio(pa - range.base, size, (value & allOnes(size)) >>> 0);
    else if (size > 1)
      for (let i = 0; i < size; i++) this.writeMmio((pa + i) % MEMORY_END, 1, (value >>> (8 * i)) & 0xff);
    else this.unmappedMemory(pa, 'write');
  }

  /** What is mapped, in rising order, for the debugger. */
  ranges(): { ports: PortRange[]; mmio: MmioRange[] } {
    const ports = this.portRanges.filter(r => r !== undefined).sort((a, b) => a.first - b.first);
    return { ports, mmio: this.mmioRanges.slice() };
  }

  private split(size: AccessSize, readByte: (i: number) => number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= readByte(i) << (8 * i);
    return value >>> 0;
  }

  private mmioChanged(): void {
    this.lastMmio = undefined;
    this.options.onMmioChange?.();
  }

  private unmappedPort(port: number, access: 'read' | 'write'): void {
    if (port >= PORTS || this.reportedPorts[port]) return;
    this.reportedPorts[port] = 1;
    this.options.onUnmapped?.('port', port, access);
  }

  private unmappedMemory(pa: number, access: 'read' | 'write'): void {
    const page = Math.floor(pa / 0x1000);
    if (this.reportedPages.has(page) || this.reportedPages.size >= REPORTED_PAGES) return;
    this.reportedPages.add(page);
    this.options.onUnmapped?.('memory', pa, access);
  }
}
