/**
 * One IDE channel: a cable with up to two drives, the ports by which the host reaches them, and the interrupt line.
 *
 * Both drives hear every write of a register; the DEV bit selects the one that answers, runs the command and drives
 * INTRQ (ATA-5, 7.2 and 9.16). Without drive 1, drive 0 answers for it: Status reads 0 and the other registers are
 * drive 0's. Where nobody answers, the cable floats, but for the pull-down on DD7 that keeps BSY clear: 0x7F.
 *
 * Data takes words; a dword is two of them, low word first (the 82371SB makes two cycles of it), and a byte reads
 * the low half of a word. Wider accesses to the other registers are split into bytes by the bus.
 */

import type { AccessSize, IrqLine, PortHandler, Saved } from '../../bus.ts';
import type { IdeBusMaster } from './bus-master.ts';
import type { Cable, Drive } from './drive.ts';
import { CONTROL, DATA, DEVICE, DEVICE_DEV, STATUS_COMMAND } from './registers.ts';

const FLOATING = 0x7f;
const FLOATING_WORD = 0xff7f;
const DIAGNOSTIC = 0x90;

interface ChannelState {
  /** Device Control as last written, without HOB. */
  control: number;
  hob: boolean;
  /** The selected drive, 0 or 1. */
  selected: number;
  line: boolean;
}

export class IdeChannel implements Cable, Saved {
  readonly drives: (Drive | undefined)[] = [undefined, undefined];
  private readonly irq: IrqLine;
  private readonly busMaster: IdeBusMaster;
  private s: ChannelState = { control: 0, hob: false, selected: 0, line: false };

  constructor(irq: IrqLine, busMaster: IdeBusMaster) {
    this.irq = irq;
    this.busMaster = busMaster;
  }

  // ---- the host's side ---------------------------------------------------------------------------------------------

  /** Handler of the command block, whose first port is `first`; `decoded` says whether the ports are claimed. */
  commandPorts(first: number, decoded: () => boolean): PortHandler {
    return {
      readPort: (port, size) => (decoded() ? this.readBlock(port - first, size) : -1 >>> (32 - 8 * size)),
      writePort: (port, size, value) => {
        if (decoded()) this.writeBlock(port - first, size, value);
      },
    };
  }

  /** Handler of the one port of Alternate Status and Device Control. */
  controlPort(decoded: () => boolean): PortHandler {
    return {
      readPort: () => (decoded() ? this.readRegister(STATUS_COMMAND) : 0xff),
      writePort: (_, __, value) => {
        if (decoded()) this.writeControl(value);
      },
    };
  }

  // ---- the drives' side --------------------------------------------------------------------------------------------

  changed(): void {
    const drive = this.drives[this.s.selected];
    const line = (this.s.control & CONTROL.NIEN) === 0 && (drive?.interrupting() ?? false);
    if (line !== this.s.line) {
      this.s.line = line;
      if (line) this.busMaster.interrupt();
      this.irq.set(line);
    }
    const direction = drive?.dmaRequest();
    if (direction && this.busMaster.ready(direction)) drive?.beginBurst();
  }

  transfer(bytes: Uint8Array, direction: 'in' | 'out'): number {
    return this.busMaster.transfer(bytes, direction);
  }

  /** RESET-: as after power-on. */
  reset(): void {
    this.s = { ...this.s, control: 0, hob: false, selected: 0 };
    for (const drive of this.drives) {
      drive?.beginReset();
      drive?.endReset();
    }
    this.changed();
  }

  /** Selected drive, nIEN, and the interrupt line: for inspection. */
  look(): { selected: number; interruptsOn: boolean; line: boolean } {
    const { selected, control, line } = this.s;
    return { selected, interruptsOn: (control & CONTROL.NIEN) === 0, line };
  }

  save(): unknown {
    return { ...this.s, drives: this.drives.map(drive => drive?.save()) };
  }

  load(state: unknown): void {
    const { drives, ...s } = state as ChannelState & { drives: unknown[] };
    drives.forEach((saved, unit) => {
      if ((saved === undefined) !== (this.drives[unit] === undefined))
        throw new Error('snapshot of another machine: disks differ');
      this.drives[unit]?.load(saved);
    });
    this.s = s;
  }

  // ---- registers ---------------------------------------------------------------------------------------------------

  private readBlock(register: number, size: AccessSize): number {
    if (register === DATA) {
      const word = this.readData();
      if (size === 1) return word & 0xff;
      return size === 2 ? word : word + this.readData() * 0x1_0000;
    }
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readByte(register + i) << (8 * i);
    return value >>> 0;
  }

  private writeBlock(register: number, size: AccessSize, value: number): void {
    if (register === DATA) {
      this.drives[this.s.selected]?.writeData(value & 0xffff);
      if (size === 4) this.drives[this.s.selected]?.writeData(value >>> 16);
    } else for (let i = 0; i < size; i++) this.writeByte(register + i, (value >>> (8 * i)) & 0xff);
  }

  private readData(): number {
    return this.drives[this.s.selected]?.readData() ?? FLOATING_WORD;
  }

  private readByte(register: number): number {
    const value = this.readRegister(register);
    if (register === STATUS_COMMAND) this.drives[this.s.selected]?.acknowledge();
    return value;
  }

  private readRegister(register: number): number {
    const [first] = this.drives;
    const drive = this.drives[this.s.selected];
    if (drive) return drive.read(register, this.s.hob);
    if (this.s.selected === 0 || !first) return FLOATING;
    return register === STATUS_COMMAND ? 0 : first.read(register, this.s.hob);
  }

  private writeByte(register: number, value: number): void {
    this.s.hob = false;
    if (register === STATUS_COMMAND) return this.writeCommand(value);
    for (const drive of this.drives) drive?.write(register, value);
    if (register !== DEVICE) return;
    this.s.selected = value & DEVICE_DEV ? 1 : 0;
    this.changed();
  }

  private writeCommand(code: number): void {
    if (code !== DIAGNOSTIC) return this.drives[this.s.selected]?.writeCommand(code);
    this.s.selected = 0;
    this.drives.forEach((drive, unit) => {
      drive?.diagnose(code, unit === 0);
    });
    this.changed();
  }

  private writeControl(value: number): void {
    const changed = this.s.control ^ value;
    this.s.control = value & (CONTROL.SRST | CONTROL.NIEN);
    this.s.hob = (value & CONTROL.HOB) !== 0;
    if (changed & CONTROL.SRST) {
      this.s.selected = 0;
      for (const drive of this.drives) {
        if (value & CONTROL.SRST) drive?.beginReset();
        else drive?.endReset();
      }
    }
    this.changed();
  }
}
