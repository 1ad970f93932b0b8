/**
 * One channel's half of the 82371SB's bus master (data sheet 290550, 2.4 and 3.6; "Programming Interface for Bus
 * Master IDE Controller", revision 1.0): command, status and descriptor table pointer, and the walk along the table.
 *
 * A physical region descriptor (PRD) is an even address and an even count, 0 for 64 KiB, with bit 31 of the second
 * dword at the end of the table (EOT). The address counts in its low 16 bits only, so a region that straddles a
 * 64-KiB boundary, which the data sheet forbids, goes on at the boundary's other end.
 *
 * After a transfer: interrupt without active is the ordinary end; both mean that the table is longer than the
 * transfer; neither, that the table was too short, and the drive still waits. Clearing the start bit loses all state.
 * A direction that is not the drive's moves nothing. Each descriptor moves at least two bytes of a transfer that the
 * drive bounds, so a table without an end is harmless.
 *
 * Left out: target aborts, for which the error bit stands; outside RAM reads are ones and writes vanish.
 */

import type { Dma, Saved } from '../../bus.ts';

/** Offsets in a channel's eight bytes. */
const BMIC = 0; // command
const BMIS = 2; // status
const BMIDTP = 4; // descriptor table pointer, 4 bytes

const BMIC_SSBM = 1 << 0; // start
const BMIC_RWCON = 1 << 3; // to memory
const BMIS_ACTIVE = 1 << 0;
const BMIS_ERROR = 1 << 1; // write one to clear
const BMIS_INTERRUPT = 1 << 2; // write one to clear
const BMIS_CAPABLE = 0x60; // drives 0 and 1 do DMA: the software's note
const PRD_BYTES = 8;
const SIXTY_FOUR_KIB = 0x1_0000;

interface BusMasterState {
  command: number;
  status: number;
  table: number;
  /** The next descriptor, and what is left of the current one. */
  next: number;
  address: number;
  count: number;
  last: boolean;
}

export class IdeBusMaster implements Saved {
  private readonly dma: Dma;
  private readonly enabled: () => boolean;
  private readonly changed: () => void;
  private readonly descriptor = new Uint8Array(PRD_BYTES);
  private s: BusMasterState;

  /** `enabled` is the PCI command register's bus master bit; `changed` hears that a transfer may go on. */
  constructor(dma: Dma, enabled: () => boolean, changed: () => void) {
    this.dma = dma;
    this.enabled = enabled;
    this.changed = changed;
    this.s = IdeBusMaster.initial();
  }

  /** Would it answer a drive's request in this direction? */
  ready(direction: 'in' | 'out'): boolean {
    const { command, status } = this.s;
    return (
      (status & BMIS_ACTIVE) !== 0 &&
      ((command & BMIC_RWCON) !== 0) === (direction === 'in') &&
      this.enabled()
    );
  }

  /** Moves bytes between the drive's buffer and memory until the buffer or the table ends; returns how many. */
  transfer(bytes: Uint8Array, direction: 'in' | 'out'): number {
    const { s } = this;
    let moved = 0;
    while (moved < bytes.length && this.ready(direction)) {
      if (s.count === 0) this.fetch();
      const low = s.address % SIXTY_FOUR_KIB;
      const length = Math.min(s.count, bytes.length - moved, SIXTY_FOUR_KIB - low);
      const part = bytes.subarray(moved, moved + length);
      if (direction === 'in') this.dma.write(s.address, part);
      else this.dma.read(s.address, part);
      moved += length;
      s.count -= length;
      s.address += ((low + length) % SIXTY_FOUR_KIB) - low;
      if (s.count === 0 && s.last) s.status &= ~BMIS_ACTIVE;
    }
    return moved;
  }

  /** INTRQ has risen. */
  interrupt(): void {
    this.s.status |= BMIS_INTERRUPT;
  }

  reset(): void {
    this.s = IdeBusMaster.initial();
  }

  readByte(offset: number): number {
    const { command, status, table } = this.s;
    if (offset === BMIC) return command;
    if (offset === BMIS) return status;
    return offset >= BMIDTP ? (table >>> (8 * (offset - BMIDTP))) & 0xff : 0;
  }

  writeByte(offset: number, value: number): void {
    if (offset === BMIC) this.writeCommand(value);
    else if (offset === BMIS) this.writeStatus(value);
    else if (offset >= BMIDTP) {
      const shift = 8 * (offset - BMIDTP);
      this.s.table = ((this.s.table & ~(0xff << shift)) | (value << shift)) & ~3;
    }
  }

  save(): BusMasterState {
    return { ...this.s };
  }

  load(state: unknown): void {
    this.s = { ...(state as BusMasterState) };
  }

  private static initial(): BusMasterState {
    return { command: 0, status: 0, table: 0, next: 0, address: 0, count: 0, last: false };
  }

  /** The direction cannot be changed while a transfer is active. */
  private writeCommand(value: number): void {
    const { s } = this;
    const rising = value & ~s.command & BMIC_SSBM;
    const direction = (s.status & BMIS_ACTIVE) !== 0 ? s.command : value;
    s.command = (direction & BMIC_RWCON) | (value & BMIC_SSBM);
    if ((value & BMIC_SSBM) === 0) s.status &= ~BMIS_ACTIVE;
    if (!rising) return;
    s.status |= BMIS_ACTIVE;
    s.next = s.table >>> 0;
    s.count = 0;
    s.last = false;
    this.changed();
  }

  private writeStatus(value: number): void {
    const { s } = this;
    const cleared = value & (BMIS_ERROR | BMIS_INTERRUPT);
    s.status = (s.status & ~BMIS_CAPABLE & ~cleared) | (value & BMIS_CAPABLE);
  }

  private fetch(): void {
    const { s, descriptor: d } = this;
    this.dma.read(s.next, d);
    s.next = (s.next + PRD_BYTES) % 2 ** 32;
    s.address = (d[0] & 0xfe) + d[1] * 0x100 + d[2] * 0x1_0000 + d[3] * 0x100_0000;
    s.count = (d[4] & 0xfe) + d[5] * 0x100 || SIXTY_FOUR_KIB;
    s.last = (d[7] & 0x80) !== 0;
  }
}
