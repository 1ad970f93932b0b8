/**
 * The receive address filters (manual 10.1, 13.5): 16 exact addresses, a 4096-bit multicast hash, broadcast,
 * promiscuous modes and the VLAN filter.
 */

import { be16, destinationOf } from './frame.ts';
import { RCTL, REG, type RegisterFile, type RegisterRow } from './registers.ts';

const ADDRESSES = 16;
const RAH_VALID = 1 << 31;
const RAH_SOURCE = 1 << 16;

/** `inexact` becomes the descriptor's PIF bit: software has to look at the address itself. */
export type Verdict = 'no' | 'exact' | 'inexact';

export class ReceiveFilter {
  private readonly registers: RegisterFile;

  constructor(registers: RegisterFile) {
    this.registers = registers;
  }

  rows(): RegisterRow[] {
    return [
      { at: REG.MTA, name: 'MTA', count: 128 },
      { at: REG.RAL, name: 'RA', count: 2 * ADDRESSES },
      { at: REG.VFTA, name: 'VFTA', count: 128 },
    ];
  }

  /** After a reset the device loads its first address from the EEPROM's first three words. */
  setStationAddress(words: [number, number, number]): void {
    this.registers.set(REG.RAL, words[0] | (words[1] << 16));
    this.registers.set(REG.RAL + 4, words[2] | RAH_VALID);
  }

  accept(frame: Uint8Array): Verdict {
    const verdict = this.address(frame);
    return verdict !== 'no' && this.vlan(frame) ? verdict : 'no';
  }

  private address(frame: Uint8Array): Verdict {
    const control = this.registers.get(REG.RCTL);
    const kind = destinationOf(frame);
    if (kind === 'broadcast' && control & RCTL.BAM) return 'exact';
    if (this.matchesExactly(frame)) return 'exact';
    if (kind === 'unicast') return control & RCTL.UPE ? 'inexact' : 'no';
    return control & RCTL.MPE || this.inMulticastTable(frame, control) ? 'inexact' : 'no';
  }

  private matchesExactly(frame: Uint8Array): boolean {
    for (let i = 0; i < ADDRESSES; i++) {
      const high = this.registers.get(REG.RAL + 8 * i + 4);
      if (!(high & RAH_VALID)) continue;
      const low = this.registers.get(REG.RAL + 8 * i);
      const at = high & RAH_SOURCE ? 6 : 0;
      const frameLow =
        (frame[at] | (frame[at + 1] << 8) | (frame[at + 2] << 16) | (frame[at + 3] << 24)) >>> 0;
      if (frameLow === low && (frame[at + 4] | (frame[at + 5] << 8)) === (high & 0xffff)) return true;
    }
    return false;
  }

  /** RCTL.MO picks which 12 bits of the address index the table: 47:36, 46:35, 45:34 or 43:32. */
  private inMulticastTable(frame: Uint8Array, control: number): boolean {
    const shift = [4, 3, 2, 0][(control >> RCTL.MO_SHIFT) & 3];
    const hash = ((frame[4] | (frame[5] << 8)) >> shift) & 0xfff;
    return ((this.registers.get(REG.MTA + 4 * (hash >> 5)) >>> (hash & 31)) & 1) === 1;
  }

  private vlan(frame: Uint8Array): boolean {
    const control = this.registers.get(REG.RCTL);
    if (!(control & RCTL.VFE) || be16(frame, 12) !== this.registers.get(REG.VET)) return true;
    const tag = be16(frame, 14);
    if (control & RCTL.CFIEN && ((tag >> 12) & 1) !== (control & RCTL.CFI ? 1 : 0)) return false;
    const id = tag & 0xfff;
    return ((this.registers.get(REG.VFTA + 4 * (id >> 5)) >>> (id & 31)) & 1) === 1;
  }
}
