/** A controller with disks in memory, reached through its ports on a clock that the test moves. */

import {
  type BlockBackend,
  MediumError,
  MemoryDisk,
  SECTOR_BYTES,
} from '../../../../emu/devices/ide/block.ts';
import { Ide } from '../../../../emu/devices/ide/ide.ts';
import { PortSpace } from '../../../../emu/devices/port-space.ts';
import { IrqSpy, TestClock } from '../board.ts';

export const BSY = 0x80;
export const DRDY = 0x40;
export const DSC = 0x10;
export const DRQ = 0x08;
export const ERR = 0x01;
export const READY = DRDY | DSC;
export const ABRT = 0x04;
export const IDNF = 0x10;
export const UNC = 0x40;

/** Where the test puts the bus master's registers. */
export const BUS_MASTER = 0xc080;
const MEMORY = 0x40_0000;
/** No command takes longer than a full seek, a revolution and 64 KiB of media time. */
const PATIENCE = 60;

/** Byte `i` of sector `lba` of a disk made by `disk`. */
export function pattern(lba: number, i: number): number {
  return (lba * 7 + i + (i >> 8) * 31) & 0xff;
}

export function sector(lba: number): number[] {
  return Array.from({ length: SECTOR_BYTES }, (_, i) => pattern(lba, i));
}

const MADE = new Map<number, Uint8Array>();

/** A disk of `sectors` sectors that tell their number. */
export function disk(sectors: number): MemoryDisk {
  let bytes = MADE.get(sectors);
  if (!bytes) {
    bytes = new Uint8Array(sectors * SECTOR_BYTES);
    hugeDisk(sectors).read(0, bytes);
    MADE.set(sectors, bytes);
  }
  return new MemoryDisk(bytes.slice());
}

/** A disk too large for memory: sectors are made as they are read, writes are forgotten. */
export function hugeDisk(sectors: number): BlockBackend {
  return {
    sectors,
    read: (lba, into) => {
      for (let i = 0; i < into.length; i++)
        into[i] = pattern((lba + Math.floor(i / SECTOR_BYTES)) % 0x1_0000, i % SECTOR_BYTES);
    },
    write: () => {},
    flush: () => {},
  };
}

/** A disk on which the sectors of `bad` can be neither read nor written. */
export function damaged(below: BlockBackend, bad: number[]): BlockBackend {
  const check = (lba: number, bytes: Uint8Array) => {
    const hit = bad.find(b => b >= lba && b < lba + bytes.length / SECTOR_BYTES);
    if (hit !== undefined) throw new MediumError(`no sector ${hit}`);
  };
  return {
    sectors: below.sectors,
    read: (lba, into) => {
      check(lba, into);
      below.read(lba, into);
    },
    write: (lba, from) => {
      check(lba, from);
      below.write(lba, from);
    },
    flush: () => {
      if (bad.includes(-1)) throw new MediumError('cannot flush');
    },
  };
}

export function rig(disks: (BlockBackend | null)[] = [disk(2016)]) {
  const clock = new TestClock(250_000_000); // a tick is a nanosecond
  const memory = new Uint8Array(MEMORY);
  const irqs = [new IrqSpy(clock), new IrqSpy(clock)] as const;
  const notices: string[] = [];
  const dma = {
    read: (at: number, into: Uint8Array) => {
      into.fill(0xff);
      if (at < MEMORY) into.set(memory.subarray(at, Math.min(MEMORY, at + into.length)));
    },
    write: (at: number, from: Uint8Array) => {
      if (at < MEMORY) memory.set(from.subarray(0, MEMORY - at), at);
    },
  };
  const ide = new Ide({ clock, dma, irqs, disks, notice: text => notices.push(text) });
  const space = new PortSpace();
  for (const range of ide.ports()) space.mapPorts(range);
  const bar = ide.pciFunction(1, BUS_MASTER).bars?.[4];
  if (bar?.kind !== 'io') throw new Error('no bus master');
  const { handler } = bar;
  space.mapPorts({
    ...{ first: BUS_MASTER, count: 16, bus: 'pci', name: 'bus master' },
    handler: {
      readPort: (port, size) => handler.readPort(port - BUS_MASTER, size),
      writePort: (port, size, value) => handler.writePort(port - BUS_MASTER, size, value),
    },
  });
  return new Rig(clock, memory, irqs, notices, ide, space);
}

export class Rig {
  readonly clock: TestClock;
  readonly memory: Uint8Array;
  readonly irqs: readonly [IrqSpy, IrqSpy];
  readonly notices: string[];
  readonly ide: Ide;
  readonly space: PortSpace;
  /** First port of the channel in use. */
  base = 0x1f0;

  constructor(
    clock: TestClock,
    memory: Uint8Array,
    irqs: readonly [IrqSpy, IrqSpy],
    notices: string[],
    ide: Ide,
    space: PortSpace,
  ) {
    this.clock = clock;
    this.memory = memory;
    this.irqs = irqs;
    this.notices = notices;
    this.ide = ide;
    this.space = space;
  }

  /** A register of the command block: 1 error, 2 count, 3 to 5 address, 6 device, 7 status. */
  in(register: number): number {
    return this.space.readPort(this.base + register, 1);
  }

  out(register: number, value: number): void {
    this.space.writePort(this.base + register, 1, value);
  }

  /** Alternate Status. */
  status(): number {
    return this.space.readPort(this.base + 0x206, 1);
  }

  control(value: number): void {
    this.space.writePort(this.base + 0x206, 1, value);
  }

  /** Level of the channel's INTRQ. */
  irq(): boolean {
    return this.irqs[this.base === 0x1f0 ? 0 : 1].level;
  }

  lba(lba: number, count: number, device = 0): void {
    this.out(2, count & 0xff);
    for (let i = 0; i < 3; i++) this.out(3 + i, Math.floor(lba / 2 ** (8 * i)) & 0xff);
    this.out(6, 0x40 | (device << 4) | Math.floor(lba / 2 ** 24));
  }

  lba48(lba: number, count: number, device = 0): void {
    this.out(6, 0x40 | (device << 4));
    this.out(2, count >> 8);
    for (let i = 0; i < 3; i++) this.out(3 + i, Math.floor(lba / 2 ** (24 + 8 * i)) & 0xff);
    this.out(2, count & 0xff);
    for (let i = 0; i < 3; i++) this.out(3 + i, Math.floor(lba / 2 ** (8 * i)) & 0xff);
  }

  chs(cylinder: number, head: number, sector: number, count: number): void {
    this.out(2, count);
    this.out(3, sector);
    this.out(4, cylinder & 0xff);
    this.out(5, cylinder >> 8);
    this.out(6, head);
  }

  /** Runs until BSY is clear; Status then, read without acknowledging. Throws when it never is. */
  ready(): number {
    for (let i = 0; this.status() & BSY; i++) {
      if (i > PATIENCE) throw new Error('the drive stays busy');
      this.clock.runTo(Math.min(this.clock.next(), this.clock.now() + 1e9));
    }
    return this.status();
  }

  /** A command from its code to its end; Status. */
  command(code: number): number {
    this.out(7, code);
    return this.ready();
  }

  /** Sets a feature; Status. */
  feature(feature: number, count = 0): number {
    this.out(1, feature);
    this.out(2, count);
    return this.command(0xef);
  }

  /** The bytes of one block of `sectors`. */
  data(sectors = 1): number[] {
    const bytes: number[] = [];
    for (let i = 0; i < 256 * sectors; i++) {
      const word = this.space.readPort(this.base, 2);
      bytes.push(word & 0xff, word >> 8);
    }
    return bytes;
  }

  send(bytes: number[]): void {
    for (let i = 0; i < bytes.length; i += 2)
      this.space.writePort(this.base, 2, bytes[i] | (bytes[i + 1] << 8));
  }

  /** The words of IDENTIFY DEVICE. */
  identify(device = 0): number[] {
    this.out(6, device << 4);
    this.command(0xec);
    const bytes = this.data();
    this.in(7);
    return Array.from({ length: 256 }, (_, i) => bytes[2 * i] | (bytes[2 * i + 1] << 8));
  }

  // ---- the bus master of the channel ----

  get master(): number {
    return BUS_MASTER + (this.base === 0x1f0 ? 0 : 8);
  }

  /** Writes a descriptor table at 0x1000 and points the bus master to it; a count of 65536 is written as 0. */
  table(...regions: [address: number, count: number][]): void {
    const view = new DataView(this.memory.buffer);
    regions.forEach(([address, count], n) => {
      view.setUint32(0x1000 + 8 * n, address, true);
      const last = n === regions.length - 1 ? 0x8000_0000 : 0;
      view.setUint32(0x1004 + 8 * n, (count & 0xffff) + last, true);
    });
    this.space.writePort(this.master + 4, 4, 0x1000);
  }

  /** Sets the bus master's command register. */
  master8(value: number): void {
    this.space.writePort(this.master, 1, value);
  }

  /** The bus master's status: 1 active, 2 error, 4 interrupt. */
  masterStatus(): number {
    return this.space.readPort(this.master + 2, 1);
  }

  /** Runs until nothing is left to do. */
  settle(): void {
    for (let i = 0; i < 10_000 && this.clock.next() !== Number.POSITIVE_INFINITY; i++)
      this.clock.runTo(this.clock.next());
  }
}
