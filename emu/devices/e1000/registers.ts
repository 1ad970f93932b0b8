/**
 * The register file of the 82540EM: offsets and bits as named in Intel's "PCI/PCI-X Family of Gigabit Ethernet
 * Controllers Software Developer's Manual" (317453), chapter 13, and the table that dispatches an access.
 *
 * Each unit of the device declares its registers as rows. A row without hooks is plain storage. All registers are
 * 32 bits wide and want 32-bit accesses (13.3); an offset that no row claims reads 0 and is reported once.
 */

import { hex32 } from '../../bits.ts';

/** Offsets in BAR0, bytes. Statistics are in statistics.ts. */
export const REG = {
  CTRL: 0x0000,
  CTRL_DUP: 0x0004,
  STATUS: 0x0008,
  EECD: 0x0010,
  EERD: 0x0014,
  CTRL_EXT: 0x0018,
  FLA: 0x001c,
  MDIC: 0x0020,
  FCAL: 0x0028,
  FCAH: 0x002c,
  FCT: 0x0030,
  VET: 0x0038,
  ICR: 0x00c0,
  ITR: 0x00c4,
  ICS: 0x00c8,
  IMS: 0x00d0,
  IMC: 0x00d8,
  RCTL: 0x0100,
  FCTTV: 0x0170,
  TXCW: 0x0178,
  RXCW: 0x0180,
  TCTL: 0x0400,
  TIPG: 0x0410,
  AIT: 0x0458,
  LEDCTL: 0x0e00,
  PBA: 0x1000,
  FCRTL: 0x2160,
  FCRTH: 0x2168,
  RDFH: 0x2410,
  RDFT: 0x2418,
  RDFHS: 0x2420,
  RDFTS: 0x2428,
  RDFPC: 0x2430,
  RDBAL: 0x2800,
  RDBAH: 0x2804,
  RDLEN: 0x2808,
  RDH: 0x2810,
  RDT: 0x2818,
  RDTR: 0x2820,
  RXDCTL: 0x2828,
  RADV: 0x282c,
  RSRPD: 0x2c00,
  TXDMAC: 0x3000,
  TDFH: 0x3410,
  TDFT: 0x3418,
  TDFHS: 0x3420,
  TDFTS: 0x3428,
  TDFPC: 0x3430,
  TDBAL: 0x3800,
  TDBAH: 0x3804,
  TDLEN: 0x3808,
  TDH: 0x3810,
  TDT: 0x3818,
  TIDV: 0x3820,
  TXDCTL: 0x3828,
  TADV: 0x382c,
  TSPMT: 0x3830,
  RXCSUM: 0x5000,
  MTA: 0x5200,
  RAL: 0x5400,
  VFTA: 0x5600,
  WUC: 0x5800,
  WUFC: 0x5808,
  WUS: 0x5810,
  MANC: 0x5820,
  IPAV: 0x5838,
  IP4AT: 0x5840,
  IP6AT: 0x5880,
  WUPL: 0x5900,
  WUPM: 0x5a00,
  SWSM: 0x5b50,
  FFLT: 0x5f00,
  FFMT: 0x9000,
  FFVT: 0x9800,
} as const;

/** CTRL, 13.4.1. */
export const CTRL = {
  FD: 1 << 0,
  SLU: 1 << 6,
  SPEED_1000: 2 << 8,
  RST: 1 << 26,
  RFCE: 1 << 27,
  TFCE: 1 << 28,
  VME: 1 << 30,
  PHY_RST: 1 << 31,
} as const;

/** STATUS, 13.4.2. */
export const STATUS = {
  FD: 1 << 0,
  LU: 1 << 1,
  TXOFF: 1 << 4,
  SPEED_1000: 2 << 6,
  ASDV_1000: 2 << 8,
  PCI66: 1 << 11,
} as const;

/** Interrupt causes: ICR, ICS, IMS, IMC, 13.4.17 to 13.4.21. */
export const CAUSE = {
  TXDW: 1 << 0,
  TXQE: 1 << 1,
  LSC: 1 << 2,
  RXDMT0: 1 << 4,
  RXO: 1 << 6,
  RXT0: 1 << 7,
  MDAC: 1 << 9,
  PHYINT: 1 << 12,
  TXD_LOW: 1 << 15,
  SRPD: 1 << 16,
} as const;

/** Bits of ICR, IMS, ICS and IMC that exist: 16:0. */
export const CAUSE_MASK = 0x1ffff;

/** RCTL, 13.4.22. */
export const RCTL = {
  EN: 1 << 1,
  SBP: 1 << 2,
  UPE: 1 << 3,
  MPE: 1 << 4,
  LPE: 1 << 5,
  LBM: 3 << 6,
  LBM_MAC: 1 << 6,
  RDMTS_SHIFT: 8,
  MO_SHIFT: 12,
  BAM: 1 << 15,
  BSIZE_SHIFT: 16,
  VFE: 1 << 18,
  CFIEN: 1 << 19,
  CFI: 1 << 20,
  DPF: 1 << 22,
  PMCF: 1 << 23,
  BSEX: 1 << 25,
  SECRC: 1 << 26,
} as const;

/** TCTL, 13.4.33. */
export const TCTL = { EN: 1 << 1, PSP: 1 << 3 } as const;

/** RXCSUM, 13.4.41 (PCSS is bits 7:0). */
export const RXCSUM = { IPOFLD: 1 << 8, TUOFLD: 1 << 9 } as const;

/** One register, or `count` of them four bytes apart. Values are unsigned 32-bit. */
export interface RegisterRow {
  at: number;
  name: string;
  count?: number;
  /** Value after a reset; default 0. */
  reset?: number;
  /** Bits that software can change; default all. Ignored with `put`. */
  writable?: number;
  /** Instead of the stored value. */
  read?: (index: number) => number;
  /** Instead of storing the value. */
  put?: (value: number, index: number) => void;
  /** After the value was stored. */
  wrote?: (value: number, index: number) => void;
}

const WORDS = 0x20000 >> 2;

export class RegisterFile {
  private readonly values = new Uint32Array(WORDS);
  private readonly rows: (RegisterRow | undefined)[] = new Array(WORDS).fill(undefined);
  /** Word numbers of all declared registers. */
  private readonly declared: number[] = [];
  private readonly notice: (text: string) => void;

  /** `notice` hears of each access that means nothing, once for each place and kind. */
  constructor(notice: (text: string) => void) {
    this.notice = notice;
  }

  /** Adds rows; throws when two claim the same offset. */
  declare(rows: RegisterRow[]): void {
    for (const row of rows) {
      for (let i = 0; i < (row.count ?? 1); i++) {
        const word = (row.at >> 2) + i;
        if (this.rows[word])
          throw new Error(`e1000: ${row.name} and ${this.rows[word].name} share an offset`);
        this.rows[word] = row;
        this.declared.push(word);
      }
    }
  }

  /** A guest's 32-bit read, with its side effects. `offset` is a multiple of 4. */
  read(offset: number): number {
    const row = this.rows[offset >> 2];
    if (!row) {
      this.notice(`read of unknown register ${hex32(offset)}`);
      return 0;
    }
    return row.read ? row.read((offset - row.at) >> 2) >>> 0 : this.values[offset >> 2];
  }

  /** A guest's 32-bit write, with its side effects. */
  write(offset: number, value: number): void {
    const row = this.rows[offset >> 2];
    if (row) this.writeRow(row, offset, value);
    else this.notice(`write of ${hex32(value)} to unknown register ${hex32(offset)}`);
  }

  /** The stored value, without side effects. */
  get(offset: number): number {
    return this.values[offset >> 2];
  }

  /** Sets the stored value, without side effects. */
  set(offset: number, value: number): void {
    this.values[offset >> 2] = value;
  }

  /** Every register to its reset value. */
  reset(): void {
    for (const word of this.declared) this.values[word] = this.rows[word]!.reset ?? 0;
  }

  /** Name and stored value of each declared register, for a debugger; disturbs nothing. */
  *peek(): IterableIterator<{ name: string; offset: number; value: number }> {
    for (const word of [...this.declared].sort((a, b) => a - b)) {
      const row = this.rows[word]!;
      const name = row.count ? `${row.name}[${word - (row.at >> 2)}]` : row.name;
      yield { name, offset: word << 2, value: this.values[word] };
    }
  }

  save(): Uint32Array {
    return Uint32Array.from(this.declared, word => this.values[word]);
  }

  load(values: Uint32Array): void {
    this.declared.forEach((word, i) => {
      this.values[word] = values[i];
    });
  }

  private writeRow(row: RegisterRow, offset: number, value: number): void {
    const index = (offset - row.at) >> 2;
    if (row.put) {
      row.put(value >>> 0, index);
      return;
    }
    const word = offset >> 2;
    const writable = row.writable ?? -1;
    this.values[word] = (this.values[word] & ~writable) | (value & writable);
    row.wrote?.(this.values[word], index);
  }
}

/** Registers that nothing in this model acts upon: storage, or a constant, as their driver expects to find them. */
export const STORAGE_ROWS: RegisterRow[] = [
  { at: REG.CTRL_EXT, name: 'CTRL_EXT', writable: 0x00ffffff },
  { at: REG.FLA, name: 'FLA', writable: 0 },
  { at: REG.FCAL, name: 'FCAL' },
  { at: REG.FCAH, name: 'FCAH', writable: 0xffff },
  { at: REG.FCT, name: 'FCT', writable: 0xffff },
  { at: REG.VET, name: 'VET', reset: 0x8100, writable: 0xffff },
  { at: REG.FCTTV, name: 'FCTTV', writable: 0xffff },
  { at: REG.TXCW, name: 'TXCW' },
  { at: REG.RXCW, name: 'RXCW', writable: 0 },
  { at: REG.TIPG, name: 'TIPG', writable: 0x3fffffff },
  { at: REG.AIT, name: 'AIT', writable: 0xffff },
  { at: REG.LEDCTL, name: 'LEDCTL', reset: 0x07068302 },
  { at: REG.FCRTL, name: 'FCRTL', writable: 0x8000fff8 },
  { at: REG.FCRTH, name: 'FCRTH', writable: 0x0000fff8 },
  { at: REG.RXDCTL, name: 'RXDCTL', reset: 0x00010000, writable: 0x013f3f3f },
  { at: REG.TXDMAC, name: 'TXDMAC', writable: 1 },
  { at: REG.TXDCTL, name: 'TXDCTL', writable: 0xff3f3f3f },
  { at: REG.TSPMT, name: 'TSPMT', reset: 0x01000400 },
  { at: REG.RDFH, name: 'RDFH', writable: 0x1fff },
  { at: REG.RDFT, name: 'RDFT', writable: 0x1fff },
  { at: REG.RDFHS, name: 'RDFHS', writable: 0x1fff },
  { at: REG.RDFTS, name: 'RDFTS', writable: 0x1fff },
  { at: REG.RDFPC, name: 'RDFPC', writable: 0x1fff },
  { at: REG.TDFH, name: 'TDFH', writable: 0x7ff },
  { at: REG.TDFT, name: 'TDFT', writable: 0x7ff },
  { at: REG.TDFHS, name: 'TDFHS', writable: 0x1fff },
  { at: REG.TDFTS, name: 'TDFTS', writable: 0x7ff },
  { at: REG.TDFPC, name: 'TDFPC', writable: 0x1fff },
  { at: REG.WUC, name: 'WUC', writable: 0xf },
  { at: REG.WUFC, name: 'WUFC', writable: 0x000f80ff },
  { at: REG.WUS, name: 'WUS', writable: 0 },
  { at: REG.MANC, name: 'MANC' },
  { at: REG.IPAV, name: 'IPAV', writable: 0x0001000f },
  { at: REG.IP4AT, name: 'IP4AT', count: 8 },
  { at: REG.IP6AT, name: 'IP6AT', count: 4 },
  { at: REG.WUPL, name: 'WUPL', writable: 0 },
  { at: REG.WUPM, name: 'WUPM', count: 32, writable: 0 },
  // The software semaphore of later controllers, not in the manual: drivers that serve all of them (U-Boot's) take it
  // before they read the EEPROM of any; QEMU keeps it for them too.
  { at: REG.SWSM, name: 'SWSM', writable: 0xf },
  { at: REG.FFLT, name: 'FFLT', count: 8 },
  { at: REG.FFMT, name: 'FFMT', count: 256 },
  { at: REG.FFVT, name: 'FFVT', count: 256 },
];
