/**
 * Intel 82540EM gigabit Ethernet controller (PRO/1000 MT desktop), register by register after Intel's "PCI/PCI-X
 * Family of Gigabit Ethernet Controllers Software Developer's Manual" (317453). This file puts the units together:
 *
 *   registers.ts  the table that every access goes through     dma.ts       bursts, rings, descriptor caches
 *   eeprom.ts     EECD and EERD                                 receive.ts   RCTL and the receive ring
 *   phy.ts        MDIC and the link                             transmit.ts  TCTL and the transmit ring
 *   interrupts.ts ICR, IMS, ITR, delay timers                   filter.ts, rxchecksum.ts, txoffload.ts, frame.ts
 *   statistics.ts the counters
 *
 * A register access takes effect at once; everything else (DMA, frames, timers, management frames) happens in the
 * device's own events. STATUS.LU and the use of the wire need CTRL.SLU and the PHY's link, as on the chip.
 *
 * Left out: wake-up and power management, TCP segmentation, flash, packet buffer memory as an address range, speeds
 * below 1 Gb/s, and what the units' headers name. Accesses narrower than 32 bits read their part and write nothing.
 */

import type { AccessSize, Dma, IrqLine, MmioHandler, PortHandler, Saved } from '../../bus.ts';
import { type Clock, NEVER } from '../../clock.ts';
import type { PciFunctionSpec } from '../pci-function.ts';
import { FRAME_OVERHEAD, type LinkEnd, type Side, type Wire } from '../wire.ts';
import { BusMaster, type BusTiming, PCI_66 } from './dma.ts';
import { Eeprom } from './eeprom.ts';
import { ReceiveFilter } from './filter.ts';
import { Interrupts } from './interrupts.ts';
import { Phy } from './phy.ts';
import { ReceiveUnit } from './receive.ts';
import { CAUSE, CTRL, RCTL, REG, RegisterFile, type RegisterRow, STATUS, STORAGE_ROWS } from './registers.ts';
import { Statistics } from './statistics.ts';
import { TransmitUnit } from './transmit.ts';

/** What the PCI configuration header says of the device (manual chapter 4). */
const PCI_IDENTITY = {
  vendorId: 0x8086,
  deviceId: 0x100e,
  revision: 0x02,
  classCode: 0x020000,
  subsystemVendorId: 0x8086,
  subsystemId: 0x001e,
  interruptPin: 1,
  minGrant: 255,
};
const BAR0_BYTES = 0x20000;
const BAR1_BYTES = 64;

/** Where a BIOS would put the device. */
export interface PciPlace {
  device: number;
  function: number;
  memoryBase: number;
  ioBase: number;
  /** IRQ, 0 to 15. */
  interruptLine: number;
  /** PCI command register as the BIOS leaves it. */
  command?: number;
}

export interface E1000Options {
  name?: string;
  /** Station address in the EEPROM, 6 bytes. */
  mac: Uint8Array;
  clock: Clock;
  dma: Dma;
  irq: IrqLine;
  /** Where the cable goes; without one there is no link. */
  wire?: { wire: Wire; side: Side };
  /** Hears once of each access or descriptor that means nothing to the device. */
  notice?: (text: string) => void;
  bus?: BusTiming;
  /** Seconds from cable or PHY reset to link; default 1 ms. */
  autonegotiationSeconds?: number;
  /** Is PCI command bit 2 set? Without it no DMA starts; the device looks when it next has a reason to. */
  busMaster?: () => boolean;
}

const NOTICES = 100;
const PBA_RESET = 0x00100030;
const PACKET_BUFFER_KB = 64;
const QUANTUM_BITS = 512;
const PAUSE_FRAME = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0x88, 0x08, 0x00, 0x01];
const SHORTEST_FRAME = 60;

export class E1000 implements Saved, LinkEnd {
  readonly name: string;
  /** BAR0: the registers. */
  readonly memory: MmioHandler;
  /** BAR1: IOADDR and IODATA, by port relative to the BAR. */
  readonly ports: PortHandler;
  private readonly clock: Clock;
  private readonly wire: { wire: Wire; side: Side } | undefined;
  private readonly registers: RegisterFile;
  private readonly bus: BusMaster;
  private readonly eeprom: Eeprom;
  private readonly phy: Phy;
  private readonly interrupts: Interrupts;
  private readonly filter: ReceiveFilter;
  private readonly receive: ReceiveUnit;
  private readonly transmit: TransmitUnit;
  private readonly hear: ((text: string) => void) | undefined;
  private readonly noticed = new Set<string>();
  private ioAddress = 0;
  private linkUp = false;
  private loopbackFreeAt = 0;

  constructor(options: E1000Options) {
    const { clock, mac } = options;
    if (mac.length !== 6) throw new RangeError('e1000: a station address has 6 bytes');
    this.name = options.name ?? 'e1000';
    this.clock = clock;
    this.wire = options.wire;
    this.hear = options.notice;
    const notice = (text: string) => this.notice(text);
    this.registers = new RegisterFile(notice);
    this.bus = new BusMaster(clock, options.dma, options.bus ?? PCI_66, options.busMaster ?? (() => true));
    this.eeprom = new Eeprom(clock, this.registers, mac);
    this.interrupts = new Interrupts(clock, this.name, this.registers, options.irq);
    const raise = (causes: number) => this.interrupts.raise(causes);
    this.phy = new Phy(
      clock,
      this.name,
      this.registers,
      { raise, linkChanged: () => this.updateLink() },
      options.wire?.wire.isUp() ?? false,
      options.autonegotiationSeconds ?? 1e-3,
    );
    const statistics = new Statistics(this.registers);
    this.filter = new ReceiveFilter(this.registers);
    const common = {
      ...{ clock, name: this.name, registers: this.registers, bus: this.bus },
      ...{ interrupts: this.interrupts, statistics, notice },
    };
    this.transmit = new TransmitUnit({ ...common, port: this.macPort() });
    const flow = {
      pause: (quanta: number, at: number) => this.transmit.pause(quanta, at),
      sendPause: (quanta: number) => this.transmit.sendControl(this.pauseFrame(quanta)),
    };
    this.receive = new ReceiveUnit({ ...common, filter: this.filter, flow });
    const units = [
      this.eeprom,
      this.phy,
      this.interrupts,
      statistics,
      this.filter,
      this.receive,
      this.transmit,
    ];
    for (const unit of units) this.registers.declare(unit.rows());
    this.registers.declare(this.rows());
    this.registers.declare(STORAGE_ROWS);
    this.memory = {
      readMmio: (offset, size) => this.readPart(offset, size),
      writeMmio: (offset, size, value) => this.writePart(offset, size, value),
    };
    this.ports = {
      readPort: (port, size) => this.readPort(port, size),
      writePort: (port, size, value) => this.writePort(port, size, value),
    };
    options.wire?.wire.connect(options.wire.side, this);
    this.resetMac();
  }

  /** PCI RST#: the whole device. Bus mastering is the PCI header's business. */
  reset(): void {
    this.resetMac();
    this.ioAddress = 0;
    this.phy.reset(this.clock.now());
  }

  /** The PCI function that this device is, for the host bridge. */
  pciFunction(place: PciPlace): PciFunctionSpec {
    const { memoryBase, ioBase, ...rest } = place;
    return {
      ...PCI_IDENTITY,
      ...rest,
      name: this.name,
      bars: [
        { kind: 'memory', base: memoryBase, size: BAR0_BYTES, handler: this.memory },
        { kind: 'io', base: ioBase, size: BAR1_BYTES, handler: this.ports },
      ],
    };
  }

  deliver(frame: Uint8Array, at: number, badFcs: boolean): void {
    if (this.linkUp && !this.loopback()) this.receive.arrived(frame, at, badFcs);
  }

  linkChanged(up: boolean, at: number): void {
    this.phy.cableChanged(up, at);
  }

  /** Names and values of all registers, without side effects. */
  peek(): IterableIterator<{ name: string; offset: number; value: number }> {
    return this.registers.peek();
  }

  /** What a register holds, without the side effects of a guest's read. `offset` as in the manual's table 13-2. */
  register(offset: number): number {
    return this.registers.get(offset);
  }

  /** Is there a link? */
  get hasLink(): boolean {
    return this.linkUp;
  }

  save(): unknown {
    return {
      registers: this.registers.save(),
      bus: this.bus.save(),
      eeprom: this.eeprom.save(),
      phy: this.phy.save(),
      interrupts: this.interrupts.save(),
      receive: this.receive.save(),
      transmit: this.transmit.save(),
      ioAddress: this.ioAddress,
      linkUp: this.linkUp,
      loopbackFreeAt: this.loopbackFreeAt,
    };
  }

  load(state: unknown): void {
    const saved = state as Record<string, unknown>;
    this.registers.load(saved.registers as Uint32Array);
    this.bus.load(saved.bus);
    this.eeprom.load(saved.eeprom);
    this.phy.load(saved.phy);
    this.interrupts.load(saved.interrupts);
    this.receive.load(saved.receive);
    this.transmit.load(saved.transmit);
    this.ioAddress = saved.ioAddress as number;
    this.linkUp = saved.linkUp as boolean;
    this.loopbackFreeAt = saved.loopbackFreeAt as number;
  }

  /** The registers of the device as a whole. */
  private rows(): RegisterRow[] {
    const control = (value: number) => this.writeControl(value);
    const reset = CTRL.FD | CTRL.SPEED_1000;
    const readControl = () => this.registers.get(REG.CTRL);
    return [
      { at: REG.CTRL, name: 'CTRL', reset, put: control },
      { at: REG.CTRL_DUP, name: 'CTRL_DUP', read: readControl, put: control },
      { at: REG.STATUS, name: 'STATUS', read: () => this.status(), put() {} },
      { at: REG.PBA, name: 'PBA', reset: PBA_RESET, put: value => this.writePacketBuffer(value) },
    ];
  }

  private writeControl(value: number): void {
    if (value & CTRL.RST) {
      this.resetMac();
      if (value & CTRL.PHY_RST) this.phy.reset(this.clock.now());
      return;
    }
    this.registers.set(REG.CTRL, value & ~CTRL.PHY_RST);
    if (value & CTRL.PHY_RST) this.phy.reset(this.clock.now());
    else this.updateLink();
  }

  private status(): number {
    const fixed = STATUS.SPEED_1000 | STATUS.ASDV_1000 | STATUS.PCI66;
    const duplex = this.registers.get(REG.CTRL) & CTRL.FD ? STATUS.FD : 0;
    return fixed | duplex | (this.linkUp ? STATUS.LU : 0) | (this.transmit.paused() ? STATUS.TXOFF : 0);
  }

  /** 64 KB in all; what receive does not get, transmit gets. */
  private writePacketBuffer(value: number): void {
    const receive = Math.min(value & 0xff, PACKET_BUFFER_KB);
    this.registers.set(REG.PBA, ((PACKET_BUFFER_KB - receive) << 16) | receive);
  }

  /** CTRL.RST: all but PCI configuration and PHY; the EEPROM's address is loaded again (manual 14.3). */
  private resetMac(): void {
    this.registers.reset();
    this.eeprom.reset();
    this.receive.reset();
    this.transmit.reset();
    this.phy.resetManagement();
    this.filter.setStationAddress([this.eeprom.word(0), this.eeprom.word(1), this.eeprom.word(2)]);
    this.linkUp = false;
    this.interrupts.reset();
  }

  /** Brings STATUS.LU in step with PHY and CTRL.SLU; a change is a cause. */
  private updateLink(): void {
    const up = this.phy.link() && (this.registers.get(REG.CTRL) & CTRL.SLU) !== 0;
    if (up === this.linkUp) return;
    this.linkUp = up;
    this.interrupts.raise(CAUSE.LSC);
    if (up) this.transmit.resume();
  }

  /** The wire as the transmit unit sees it. */
  private macPort() {
    return {
      freeAt: () => {
        if (this.loopback()) return this.loopbackFreeAt;
        return this.linkUp && this.wire ? this.wire.wire.freeAt(this.wire.side) : NEVER;
      },
      send: (frame: Uint8Array, readyAt: number, badFcs: boolean) => {
        if (this.loopback()) this.sendToSelf(frame, readyAt, badFcs);
        else this.wire?.wire.send(this.wire.side, frame, readyAt, badFcs);
      },
      quantumTicks: () => {
        const bitsPerSecond = this.wire?.wire.bitsPerSecond ?? 1e9;
        return Math.ceil((QUANTUM_BITS * this.clock.ticksPerSecond) / bitsPerSecond);
      },
    };
  }

  private loopback(): boolean {
    return this.phy.loopback() || (this.registers.get(REG.RCTL) & RCTL.LBM) === RCTL.LBM_MAC;
  }

  /** Loopback in MAC or PHY: takes a gigabit wire's time, but the frame is there as soon as it starts. */
  private sendToSelf(frame: Uint8Array, readyAt: number, badFcs: boolean): void {
    const bits = (frame.length + FRAME_OVERHEAD) * 8;
    const start = Math.max(readyAt, this.loopbackFreeAt);
    this.loopbackFreeAt = start + Math.ceil((bits * this.clock.ticksPerSecond) / 1e9);
    this.receive.arrived(frame, this.clock.now(), badFcs);
  }

  private pauseFrame(quanta: number): Uint8Array {
    const frame = new Uint8Array(SHORTEST_FRAME);
    frame.set(PAUSE_FRAME);
    for (let i = 0; i < 3; i++) {
      frame[6 + 2 * i] = this.eeprom.word(i) & 0xff;
      frame[7 + 2 * i] = this.eeprom.word(i) >> 8;
    }
    frame[16] = quanta >> 8;
    frame[17] = quanta & 0xff;
    return frame;
  }

  private readPart(offset: number, size: AccessSize): number {
    const shift = 8 * (offset & 3);
    const value = this.registers.read(offset & ~3) >>> shift;
    return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
  }

  private writePart(offset: number, size: AccessSize, value: number): void {
    if (size === 4 && (offset & 3) === 0) this.registers.write(offset, value);
    else this.notice(`${size}-byte write at offset ${offset} ignored: registers are 32 bits wide`);
  }

  private readPort(port: number, size: AccessSize): number {
    const place = port & (BAR1_BYTES - 1);
    if (place === 0) return this.ioAddress;
    if (place === 4 && this.ioAddress < BAR0_BYTES) return this.readPart(this.ioAddress, size);
    return 0;
  }

  private writePort(port: number, size: AccessSize, value: number): void {
    const place = port & (BAR1_BYTES - 1);
    if (size !== 4) this.notice(`${size}-byte write to port ${place} ignored`);
    else if (place === 0) this.ioAddress = value >>> 0;
    else if (place === 4 && this.ioAddress < BAR0_BYTES) this.writePart(this.ioAddress, 4, value);
  }

  /** Each text once, and no more than NOTICES of them, whatever a guest tries. */
  private notice(text: string): void {
    if (!this.hear || this.noticed.has(text) || this.noticed.size >= NOTICES) return;
    this.noticed.add(text);
    this.hear(`${this.name}: ${text}`);
  }
}
