/**
 * One PCI function: a type 0 configuration header built from data, with the rules by which it is written.
 *
 * PCI Local Bus Specification 2.2, chapter 6. Where its base address registers (BARs) point is told here; mapping
 * them is for emu/devices/pci.ts. Left out: 64-bit and 1 MiB BARs, expansion ROMs and capabilities.
 */

import { isPowerOfTwo } from '../bits.ts';
import type { MmioHandler, PortHandler } from '../bus.ts';

/** Type 0 header. */
const VENDOR_ID = 0x00;
const DEVICE_ID = 0x02;
const COMMAND = 0x04;
const STATUS = 0x06;
const REVISION_ID = 0x08;
const CLASS_CODE = 0x09;
const CACHE_LINE_SIZE = 0x0c;
const LATENCY_TIMER = 0x0d;
const BAR_0 = 0x10;
const SUBSYSTEM_VENDOR_ID = 0x2c;
const SUBSYSTEM_ID = 0x2e;
const INTERRUPT_LINE = 0x3c;
const INTERRUPT_PIN = 0x3d;
const HEADER_SIZE = 64;
const CONFIG_SIZE = 256;

export const COMMAND_IO = 1 << 0; // I/O space enable
export const COMMAND_MEMORY = 1 << 1; // memory space enable
export const COMMAND_MASTER = 1 << 2; // bus master enable
const COMMAND_WRITABLE = 0x0140; // parity error response, SERR# enable
const STATUS_WRITE_CLEAR = 0xf900; // error bits: a one clears
const BAR_IO = 1 << 0;
const BAR_PREFETCHABLE = 1 << 3;

/** A base address register of 32 bits. `size` in bytes is a power of two; `base` is where a BIOS would put it. */
export type PciBar =
  | { kind: 'memory'; base: number; size: number; prefetchable?: boolean; handler: MmioHandler }
  /** The handler's `port` is relative to the BAR. */
  | { kind: 'io'; base: number; size: number; handler: PortHandler };

export interface PciFunctionSpec {
  name: string;
  /** 0..31 and 0..7. */
  device: number;
  function: number;
  vendorId: number;
  deviceId: number;
  /** 24 bits: base class, subclass, programming interface. */
  classCode: number;
  revision?: number;
  subsystemVendorId?: number;
  subsystemId?: number;
  /** 1 is INTA#; 0 (the default) has none. */
  interruptPin?: number;
  /** The IRQ that a BIOS would write, 0..15. */
  interruptLine?: number;
  /** Command register as a BIOS leaves it. */
  command?: number;
  status?: number;
  minGrant?: number;
  maxLatency?: number;
  /** At most six, from BAR 0 up; undefined leaves a gap. */
  bars?: (PciBar | undefined)[];
  /** Further bytes that can be written: [offset, mask of writable bits, value at reset]. */
  writable?: [number, number, number][];
  /** Called after the guest wrote configuration bytes. */
  onConfigWrite?: () => void;
}

/** One function: its 256 bytes, which of their bits can be written, and where its BARs point. */
export class PciFunction {
  readonly spec: PciFunctionSpec;
  private readonly config = new DataView(new ArrayBuffer(CONFIG_SIZE));
  private readonly mask = new Uint8Array(CONFIG_SIZE);
  private readonly writeClear = new Uint8Array(CONFIG_SIZE);

  constructor(spec: PciFunctionSpec) {
    this.spec = spec;
    this.setIdentity();
    this.setBars();
    this.setWritable();
  }

  /** Whether the function may do DMA now. */
  busMaster(): boolean {
    return (this.config.getUint16(COMMAND, true) & COMMAND_MASTER) !== 0;
  }

  /** Sets bits of the status register, as the function does on a master abort or parity error. */
  raiseStatus(bits: number): void {
    this.config.setUint16(STATUS, this.config.getUint16(STATUS, true) | (bits & STATUS_WRITE_CLEAR), true);
  }

  /** Whether there is a register at `offset`: the header, or a byte that can be written or is not 0. */
  has(offset: number): boolean {
    return offset < HEADER_SIZE || this.mask[offset] !== 0 || this.config.getUint8(offset) !== 0;
  }

  read(offset: number): number {
    return this.config.getUint8(offset);
  }

  write(offset: number, value: number): void {
    const old = this.config.getUint8(offset);
    const mask = this.mask[offset];
    this.config.setUint8(offset, ((old & ~mask) | (value & mask)) & ~(value & this.writeClear[offset]));
  }

  /** Each BAR, from 0 up. */
  bars(): (PciBar | undefined)[] {
    return this.spec.bars ?? [];
  }

  /**
   * Physical address or port to which BAR `n` points while its space is enabled. A BAR at 0 or past the end of
   * its space points nowhere.
   */
  barBase(n: number): number | undefined {
    const bar = this.bars()[n];
    const command = this.config.getUint16(COMMAND, true);
    if (!bar || (command & (bar.kind === 'io' ? COMMAND_IO : COMMAND_MEMORY)) === 0) return undefined;
    const base = (this.config.getUint32(BAR_0 + 4 * n, true) & -bar.size) >>> 0;
    const limit = bar.kind === 'io' ? 0x10000 : 0x1_0000_0000;
    return base === 0 || base + bar.size > limit ? undefined : base;
  }

  save(): number[] {
    return Array.from(new Uint8Array(this.config.buffer));
  }

  load(state: number[]): void {
    new Uint8Array(this.config.buffer).set(state);
  }

  private setIdentity(): void {
    const { config, spec } = this;
    config.setUint16(VENDOR_ID, spec.vendorId, true);
    config.setUint16(DEVICE_ID, spec.deviceId, true);
    config.setUint16(STATUS, spec.status ?? 0, true);
    config.setUint8(REVISION_ID, spec.revision ?? 0);
    config.setUint8(CLASS_CODE, spec.classCode & 0xff);
    config.setUint16(CLASS_CODE + 1, spec.classCode >> 8, true);
    config.setUint16(SUBSYSTEM_VENDOR_ID, spec.subsystemVendorId ?? 0, true);
    config.setUint16(SUBSYSTEM_ID, spec.subsystemId ?? 0, true);
    config.setUint8(INTERRUPT_LINE, spec.interruptLine ?? (spec.interruptPin ? 0xff : 0));
    config.setUint8(INTERRUPT_PIN, spec.interruptPin ?? 0);
    config.setUint8(INTERRUPT_PIN + 1, spec.minGrant ?? 0);
    config.setUint8(INTERRUPT_PIN + 2, spec.maxLatency ?? 0);
  }

  private setBars(): void {
    this.bars().forEach((bar, n) => {
      if (!bar) return;
      const smallest = bar.kind === 'io' ? 4 : 16;
      if (n > 5 || !isPowerOfTwo(bar.size) || bar.size < smallest || bar.base % bar.size !== 0)
        throw new RangeError(`${this.spec.name}: BAR ${n} of ${bar.size} bytes at ${bar.base} cannot exist`);
      const type = bar.kind === 'io' ? BAR_IO : bar.prefetchable ? BAR_PREFETCHABLE : 0;
      this.config.setUint32(BAR_0 + 4 * n, bar.base | type, true);
      const mask = -bar.size >>> 0;
      for (let i = 0; i < 4; i++) this.mask[BAR_0 + 4 * n + i] = mask >>> (8 * i);
    });
  }

  private setWritable(): void {
    const { mask, spec } = this;
    const has = (kind: PciBar['kind']): boolean => this.bars().some(bar => bar?.kind === kind);
    const command =
      COMMAND_WRITABLE | COMMAND_MASTER | (has('io') ? COMMAND_IO : 0) | (has('memory') ? COMMAND_MEMORY : 0);
    this.config.setUint16(COMMAND, spec.command ?? 0, true);
    mask[COMMAND] = command;
    mask[COMMAND + 1] = command >> 8;
    this.writeClear[STATUS + 1] = STATUS_WRITE_CLEAR >> 8;
    mask[CACHE_LINE_SIZE] = 0xff;
    mask[LATENCY_TIMER] = 0xf8;
    mask[INTERRUPT_LINE] = 0xff;
    for (const [offset, bits, value] of spec.writable ?? []) {
      mask[offset] = bits;
      this.config.setUint8(offset, value);
    }
  }
}
