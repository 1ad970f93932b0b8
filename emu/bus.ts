/**
 * How a device meets the rest of the machine: ports, memory-mapped registers, an interrupt line and DMA.
 * A device gets these interfaces and the clock, never the machine.
 */

export type AccessSize = 1 | 2 | 4;

/**
 * Which bus a port or MMIO range sits on; it decides what an access costs (profile: io.isa, io.pci). 'cpu' is the
 * processor's own die: the local APIC (profile: system.apic).
 */
export type BusKind = 'isa' | 'pci' | 'cpu';

/** Registers behind I/O ports. `port` is the absolute port number. Values are unsigned, in the low `size` bytes. */
export interface PortHandler {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
}

/** Registers behind physical memory. `offset` is in bytes from the start of the range. Values are unsigned. */
export interface MmioHandler {
  readMmio(offset: number, size: AccessSize): number;
  writeMmio(offset: number, size: AccessSize, value: number): void;
  /** The byte at `offset` for an instruction fetch, without side effects; ranges without it hold no code. */
  fetchMmio?(offset: number): number;
}

/** A level on a wire to the interrupt controller. */
export interface IrqLine {
  /** `true` raises the line, `false` lowers it. The same level twice is no event. */
  set(level: boolean): void;
}

/**
 * A bus master's view of RAM, by physical address. Reads clean cached lines, writes invalidate them (the cache
 * model does both); neither costs CPU time. Outside RAM, reads give 0xFF and writes vanish.
 */
export interface Dma {
  read(physical: number, into: Uint8Array): void;
  write(physical: number, from: Uint8Array): void;
}

/** A mapped range of I/O ports. */
export interface PortRange {
  first: number;
  count: number;
  bus: BusKind;
  name: string;
  handler: PortHandler;
}

/** A mapped range of physical addresses. */
export interface MmioRange {
  base: number;
  length: number;
  bus: BusKind;
  name: string;
  handler: MmioHandler;
}

/** The two address maps that devices are put into. Ranges never overlap; a PCI BAR moves by unmap and map. */
export interface AddressMap {
  mapPorts(range: PortRange): void;
  unmapPorts(range: PortRange): void;
  mapMmio(range: MmioRange): void;
  unmapMmio(range: MmioRange): void;
}

/** What every device offers to snapshots: its state as plain data (numbers, strings, arrays, typed arrays). */
export interface Saved {
  save(): unknown;
  load(state: unknown): void;
}
