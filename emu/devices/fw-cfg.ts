/**
 * How a test kernel asks QEMU's PC for its size: the firmware configuration device, selector at port 0x510 and data at
 * 0x511. QEMU, docs/specs/fw_cfg: a 16-bit write to the selector chooses an item, byte reads give its bytes in turn,
 * and zeros where there is no item or no more of it.
 *
 * Test kernels made for QEMU ask for the number of processors without asking first whether the device is there, and
 * would wait for as many as all ones say. Left out, by intent: the signature, so that firmware that does ask (SeaBIOS)
 * finds no QEMU; files, DMA, and whatever else describes QEMU's devices and not a PC.
 */
import type { AccessSize, PortHandler, PortRange } from '../bus.ts';

const SELECTOR = 0x510;
const RAM_SIZE = 3;
const PROCESSORS = 5;
const MOST_PROCESSORS = 15;
/** Bit 14 of the selector asks to write an item, which nothing here allows. */
const WRITE = 0x4000;

export interface FwCfgState {
  item: number;
  /** Bytes of it that were read. */
  at: number;
}

export class FwCfg implements PortHandler {
  private readonly items: ReadonlyMap<number, Uint8Array>;
  private s: FwCfgState = { item: 0, at: 0 };

  /** `memory` is RAM in bytes. */
  constructor(memory: number) {
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, BigInt(memory), true);
    const one = Uint8Array.of(1, 0);
    this.items = new Map([
      [RAM_SIZE, size],
      [PROCESSORS, one],
      [MOST_PROCESSORS, one],
    ]);
  }

  ports(): PortRange[] {
    return [{ first: SELECTOR, count: 2, bus: 'isa', name: 'fw-cfg', handler: this }];
  }

  /** Bytes only; either port gives the data. */
  readPort(_port: number, size: AccessSize): number {
    if (size !== 1) return size === 2 ? 0xffff : 0xffff_ffff;
    const bytes = this.items.get(this.s.item);
    if (!bytes || this.s.at >= bytes.length) return 0;
    return bytes[this.s.at++];
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port === SELECTOR && size === 2) this.s = { item: value & ~WRITE, at: 0 };
  }

  save(): FwCfgState {
    return { ...this.s };
  }

  load(state: FwCfgState): void {
    this.s = { ...state };
  }
}
