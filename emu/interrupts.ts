/**
 * The machine's interrupt system put together: the 8259s, the I/O APIC, the local APIC and the core (MP specification
 * 1.4, 3.6.2). The 8259s' INTR goes to LINT0 and to the I/O APIC's pin 0; every device's line to both controllers.
 *
 * The local APIC's registers are on the processor's die, so they hide whatever lies at the same physical address, RAM
 * included, from the CPU (a bus master still meets what is below, but for RAM that they hide).
 */
import type { IrqLine, MmioRange, PortRange, Saved } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Engine } from './cpu/engine.ts';
import { IO_APIC_ADDRESS, IoApic } from './devices/apic/io-apic.ts';
import { LocalApic } from './devices/apic/local-apic.ts';
import { IrqRouter } from './devices/irq-router.ts';
import { Pic } from './devices/pic.ts';
import { PAGE_HOLE } from './mmu/attributes.ts';

const REGISTERS = 4096;
/** The ID that the BIOS gives the I/O APIC: another than the processor's. */
export const BIOS_IO_APIC_ID = 1;
const NOWHERE = -1;

export class Interrupts implements Saved {
  readonly pic: Pic;
  readonly ioApic: IoApic;
  readonly localApic: LocalApic;
  /** The board's NMI: LINT1. */
  readonly nmi: IrqLine;
  private readonly engine: Engine;
  private readonly router: IrqRouter;
  private readonly intrPin: IrqLine;
  private readonly window: { -readonly [K in keyof MmioRange]: MmioRange[K] };
  /** The page of RAM that the local APIC's registers hide, or NOWHERE. */
  private hidden = NOWHERE;

  /** `onInit` starts the processor again from reset, at the next head at the latest. */
  constructor(engine: Engine, clock: Clock, onInit: () => void) {
    this.engine = engine;
    const { cpu } = engine;
    this.pic = new Pic(level => this.setIntr(level));
    this.ioApic = new IoApic(message => this.localApic.receive(message));
    this.localApic = new LocalApic({
      clock,
      busHz: cpu.profile.busHz.value,
      pic: this.pic,
      onNmi: () => {
        engine.nmi = true;
        cpu.leave = true;
      },
      onInit,
      onEoi: vector => this.ioApic.endOfInterrupt(vector),
      onReady: () => this.ioApic.retry(),
    });
    this.nmi = this.localApic.lint1;
    this.intrPin = this.ioApic.line(0);
    this.router = new IrqRouter(this.pic, this.ioApic);
    this.window = {
      base: NOWHERE,
      length: REGISTERS,
      bus: 'cpu',
      name: 'local-apic',
      handler: this.localApic,
    };
    engine.pic = this.localApic;
    engine.nmiSource = () => this.localApic.lint0MayWake() || this.ioApic.pinsMayWake();
    const { localApic } = this;
    cpu.apic = {
      get enabled() {
        return localApic.enabled;
      },
      initialId: localApic.initialId,
      base: () => localApic.base(),
      setBase: (lo, hi) => {
        localApic.setBase(lo, hi);
        this.moveRegisters();
      },
    };
    this.moveRegisters();
  }

  private setIntr(level: boolean): void {
    this.localApic.lint0.set(level);
    this.intrPin.set(level);
  }

  /** A new line of an ISA interrupt, 0 to 15 but 2; lines of one number are wired together. */
  line(irq: number): IrqLine {
    return this.router.line(irq);
  }

  ports(): PortRange[] {
    return this.pic.ports();
  }

  /** The I/O APIC's registers; the local APIC's are in no map of the bus (see `find`). */
  ioApicRange(): MmioRange {
    return { base: IO_APIC_ADDRESS, length: REGISTERS, bus: 'pci', name: 'io-apic', handler: this.ioApic };
  }

  /** The local APIC's registers where they cover physical address `pa` (unsigned). */
  find(pa: number): MmioRange | null {
    const { base } = this.window;
    return base !== NOWHERE && pa >= base && pa < base + REGISTERS ? this.window : null;
  }

  /** After RESET of the processor: APICs as at power-up. */
  reset(): void {
    this.localApic.reset();
    this.ioApic.reset();
    this.engine.nmi = false;
    this.moveRegisters();
  }

  /** As a BIOS leaves it: virtual wire through LINT0, the I/O APIC masked. */
  virtualWire(): void {
    this.localApic.virtualWire();
    this.ioApic.setId(BIOS_IO_APIC_ID);
  }

  save(): unknown {
    return {
      pic: this.pic.save(),
      localApic: this.localApic.save(),
      ioApic: this.ioApic.save(),
      hidden: this.hidden,
    };
  }

  load(state: unknown): void {
    const s = state as {
      pic: ReturnType<Pic['save']>;
      localApic: ReturnType<LocalApic['save']>;
      ioApic: ReturnType<IoApic['save']>;
      hidden: number;
    };
    this.pic.load(s.pic);
    this.localApic.load(s.localApic);
    this.ioApic.load(s.ioApic);
    this.hidden = s.hidden;
    this.window.base = this.localApic.address;
  }

  /** Puts the registers where APIC_BASE says, and gives back the RAM that they hid. */
  private moveRegisters(): void {
    const { cpu } = this.engine;
    const address = this.localApic.address;
    cpu.leave = true;
    if (address === this.window.base) return;
    this.window.base = address;
    if (this.hidden !== NOWHERE) {
      cpu.mmu.setPages(this.hidden, REGISTERS, PAGE_HOLE, false);
      this.engine.ramChanged(this.hidden, REGISTERS);
    }
    this.hidden = address !== NOWHERE && cpu.mmu.isRam(address) ? address : NOWHERE;
    if (this.hidden === NOWHERE) return;
    cpu.mmu.setPages(address, REGISTERS, PAGE_HOLE, true);
    this.engine.ramChanged(address, REGISTERS);
  }
}
