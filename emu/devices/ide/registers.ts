/**
 * The command block of one drive (ATA-5, clause 7): the bits of its registers, and the six that the host writes, each
 * with the value written before it for the 48-bit commands (ATA/ATAPI-6, 6.20).
 */

/** Offsets in the command block. */
export const DATA = 0;
export const ERROR_FEATURES = 1;
export const SECTOR_COUNT = 2;
export const LBA_LOW = 3;
export const LBA_MID = 4;
export const LBA_HIGH = 5;
export const DEVICE = 6;
export const STATUS_COMMAND = 7;

export const STATUS = {
  BSY: 0x80, // busy
  DRDY: 0x40, // device ready
  DF: 0x20, // device fault
  DSC: 0x10, // seek complete
  DRQ: 0x08, // data request
  ERR: 0x01, // see the Error register
} as const;

export const ERROR = {
  UNC: 0x40, // uncorrectable data
  IDNF: 0x10, // address not found
  ABRT: 0x04, // command aborted
} as const;

export const DEVICE_DEV = 0x10; // device 1
const DEVICE_LBA = 0x40;
const DEVICE_HEAD = 0x0f;
/** Obsolete, read as ones since ATA-1. */
const DEVICE_ONES = 0xa0;

/** Device Control (write) and Alternate Status (read) have a port of their own. */
export const CONTROL = {
  HOB: 0x80, // read the previous contents
  SRST: 0x04, // software reset
  NIEN: 0x02, // INTRQ is off
} as const;

/** How CHS addresses are translated now (INITIALIZE DEVICE PARAMETERS). */
export interface Geometry {
  cylinders: number;
  heads: number;
  sectors: number;
}

export class TaskFile {
  private readonly current = new Uint8Array(8);
  private readonly previous = new Uint8Array(8);

  constructor() {
    this.setSignature();
  }

  /** ATA-5, 9.12: what a device without PACKET leaves after a reset. */
  setSignature(): void {
    this.current.set([0, 0, 1, 1, 0, 0, DEVICE_ONES, 0]);
    this.previous.fill(0);
  }

  write(register: number, value: number): void {
    this.previous[register] = this.current[register];
    this.current[register] = register === DEVICE ? value | DEVICE_ONES : value;
  }

  read(register: number, previous: boolean): number {
    return previous && register !== DEVICE ? this.previous[register] : this.current[register];
  }

  features(): number {
    return this.current[ERROR_FEATURES];
  }

  /** Sets Sector Count, as an answer. */
  setCount(value: number): void {
    this.current[SECTOR_COUNT] = value;
  }

  byteCount(): number {
    return this.current[SECTOR_COUNT];
  }

  /** Sectors that a transfer asks for: 0 is the most. */
  count(ext: boolean): number {
    if (ext) return (this.previous[SECTOR_COUNT] << 8) | this.current[SECTOR_COUNT] || 0x10000;
    return this.current[SECTOR_COUNT] || 0x100;
  }

  usesLba(): boolean {
    return (this.current[DEVICE] & DEVICE_LBA) !== 0;
  }

  head(): number {
    return this.current[DEVICE] & DEVICE_HEAD;
  }

  /** The sector that the registers name, or -1 for a CHS address outside the geometry. */
  address(ext: boolean, { cylinders, heads, sectors }: Geometry): number {
    const { current, previous } = this;
    const low = current[LBA_LOW] + current[LBA_MID] * 0x100 + current[LBA_HIGH] * 0x1_0000;
    if (ext) {
      const high = previous[LBA_LOW] + previous[LBA_MID] * 0x100 + previous[LBA_HIGH] * 0x1_0000;
      return high * 0x100_0000 + low;
    }
    if (this.usesLba()) return this.head() * 0x100_0000 + low;
    const cylinder = current[LBA_MID] | (current[LBA_HIGH] << 8);
    const sector = current[LBA_LOW];
    if (sector < 1 || sector > sectors || this.head() >= heads || cylinder >= cylinders) return -1;
    return (cylinder * heads + this.head()) * sectors + sector - 1;
  }

  /** Names a sector in the form that the host used. */
  setAddress(lba: number, ext: boolean, { heads, sectors }: Geometry): void {
    const { current, previous } = this;
    if (ext || this.usesLba()) {
      for (let i = 0; i < 3; i++) {
        current[LBA_LOW + i] = Math.floor(lba / 2 ** (8 * i));
        if (ext) previous[LBA_LOW + i] = Math.floor(lba / 2 ** (8 * i + 24));
      }
      if (!ext) this.setHead(Math.floor(lba / 0x100_0000));
      return;
    }
    const track = Math.floor(lba / sectors);
    const cylinder = Math.floor(track / heads);
    current[LBA_LOW] = (lba % sectors) + 1;
    current[LBA_MID] = cylinder;
    current[LBA_HIGH] = cylinder >> 8;
    this.setHead(track % heads);
  }

  save(): number[] {
    return [...this.current, ...this.previous];
  }

  load(state: number[]): void {
    this.current.set(state.slice(0, 8));
    this.previous.set(state.slice(8));
  }

  private setHead(value: number): void {
    this.current[DEVICE] = (this.current[DEVICE] & ~DEVICE_HEAD) | (value & DEVICE_HEAD);
  }
}
