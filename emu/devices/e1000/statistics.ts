/**
 * The statistics registers (manual 13.7): each counts up, sticks at its maximum and clears when it is read; a 64-bit
 * pair clears when its high half is read. Frame sizes are counted with FCS, as the manual does. The manual leaves
 * their value after a reset unknown; here it is 0.
 */

import type { RegisterFile, RegisterRow } from './registers.ts';

/** Offsets of the counters. Those that this model never counts (collisions, symbol errors, ...) read 0. */
export const STAT = {
  CRCERRS: 0x4000,
  ALGNERRC: 0x4004,
  SYMERRS: 0x4008,
  RXERRC: 0x400c,
  MPC: 0x4010,
  SCC: 0x4014,
  ECOL: 0x4018,
  MCC: 0x401c,
  LATECOL: 0x4020,
  COLC: 0x4028,
  DC: 0x4030,
  TNCRS: 0x4034,
  SEC: 0x4038,
  CEXTERR: 0x403c,
  RLEC: 0x4040,
  XONRXC: 0x4048,
  XONTXC: 0x404c,
  XOFFRXC: 0x4050,
  XOFFTXC: 0x4054,
  FCRUC: 0x4058,
  PRC64: 0x405c,
  PRC127: 0x4060,
  PRC255: 0x4064,
  PRC511: 0x4068,
  PRC1023: 0x406c,
  PRC1522: 0x4070,
  GPRC: 0x4074,
  BPRC: 0x4078,
  MPRC: 0x407c,
  GPTC: 0x4080,
  GORCL: 0x4088,
  GORCH: 0x408c,
  GOTCL: 0x4090,
  GOTCH: 0x4094,
  RNBC: 0x40a0,
  RUC: 0x40a4,
  RFC: 0x40a8,
  ROC: 0x40ac,
  RJC: 0x40b0,
  MGTPRC: 0x40b4,
  MGTPDC: 0x40b8,
  MGTPTC: 0x40bc,
  TORL: 0x40c0,
  TORH: 0x40c4,
  TOTL: 0x40c8,
  TOTH: 0x40cc,
  TPR: 0x40d0,
  TPT: 0x40d4,
  PTC64: 0x40d8,
  PTC127: 0x40dc,
  PTC255: 0x40e0,
  PTC511: 0x40e4,
  PTC1023: 0x40e8,
  PTC1522: 0x40ec,
  MPTC: 0x40f0,
  BPTC: 0x40f4,
  TSCTC: 0x40f8,
  TSCTFC: 0x40fc,
} as const;

const MAXIMUM = 0xffffffff;

/** Upper bounds of the size classes, in bytes with FCS; the last class takes the rest. */
const SIZE_CLASSES = [64, 127, 255, 511, 1023];

export class Statistics {
  private readonly registers: RegisterFile;

  constructor(registers: RegisterFile) {
    this.registers = registers;
  }

  rows(): RegisterRow[] {
    return Object.entries(STAT).map(([name, at]) => ({
      at,
      name,
      read: () => this.take(name, at),
      put() {},
    }));
  }

  /** Counts one more. */
  count(at: number): void {
    const value = this.registers.get(at);
    if (value < MAXIMUM) this.registers.set(at, value + 1);
  }

  /** Adds to a 64-bit pair, given by its low half. */
  addOctets(low: number, octets: number): void {
    const sum = this.registers.get(low) + octets;
    const high = this.registers.get(low + 4) + (sum > MAXIMUM ? 1 : 0);
    this.registers.set(low, high > MAXIMUM ? MAXIMUM : sum);
    this.registers.set(low + 4, Math.min(high, MAXIMUM));
  }

  /** A good frame that passed the filters. `size` in bytes with FCS. */
  received(size: number, destination: 'unicast' | 'multicast' | 'broadcast'): void {
    this.count(STAT.GPRC);
    if (destination === 'broadcast') this.count(STAT.BPRC);
    if (destination === 'multicast') this.count(STAT.MPRC);
    this.addOctets(STAT.GORCL, size);
    this.count(STAT.PRC64 + 4 * sizeClass(size));
  }

  /** A frame was sent. `size` in bytes with FCS. */
  sent(size: number, destination: 'unicast' | 'multicast' | 'broadcast'): void {
    this.count(STAT.TPT);
    this.addOctets(STAT.TOTL, size);
    if (destination === 'broadcast') this.count(STAT.BPTC);
    if (destination === 'multicast') this.count(STAT.MPTC);
    this.count(STAT.PTC64 + 4 * sizeClass(size));
    if (size < 64) return;
    this.count(STAT.GPTC);
    this.addOctets(STAT.GOTCL, size);
  }

  private take(name: string, at: number): number {
    const value = this.registers.get(at);
    if (name === 'GORCL' || name === 'GOTCL' || name === 'TORL' || name === 'TOTL') return value;
    this.registers.set(at, 0);
    if (name === 'GORCH' || name === 'GOTCH' || name === 'TORH' || name === 'TOTH')
      this.registers.set(at - 4, 0);
    return value;
  }
}

function sizeClass(size: number): number {
  const found = SIZE_CLASSES.findIndex(bound => size <= bound);
  return found < 0 ? SIZE_CLASSES.length : found;
}
