/**
 * The board: which devices there are, where their interrupt lines and ports go, and what the reset and A20 lines do.
 * What a host does with a machine is in machine.ts; nothing here knows what runs on it.
 *
 * Interrupt lines: 0 timer, 1 keyboard, 4 COM1, 7 LPT1, 8 RTC, 12 mouse, 13 FPU, 11 and 10 the network cards (PCI,
 * level), 14 and 15 the disks. Physical map: RAM from 0, with the VGA's memory from 0xA0000 to 0xBFFFF and ROM above it
 * if there is one; the cards' registers from 0xFEB00000, the I/O APIC at 0xFEC00000, the local APIC at 0xFEE00000.
 */
import type { Dma, PortRange, Saved } from './bus.ts';
import { busMaster } from './bus-master.ts';
import { DebugConsole } from './devices/debug-console.ts';
import { E1000 } from './devices/e1000/e1000.ts';
import { ExitPort } from './devices/exit-port.ts';
import { FpuError } from './devices/fpu-error.ts';
import { FwCfg } from './devices/fw-cfg.ts';
import { I8042 } from './devices/i8042.ts';
import type { BlockBackend } from './devices/ide/block.ts';
import { Ide } from './devices/ide/ide.ts';
import { isaBridge } from './devices/ide/isa-bridge.ts';
import { IsaDma } from './devices/isa-dma.ts';
import { Parallel } from './devices/parallel.ts';
import { HOST_BRIDGE_440FX, PAM_COUNT, PAM_FIRST, Pci } from './devices/pci.ts';
import type { PciFunction } from './devices/pci-function.ts';
import { Pit } from './devices/pit.ts';
import { PortSpace } from './devices/port-space.ts';
import { Rtc } from './devices/rtc.ts';
import { SystemControl } from './devices/system-control.ts';
import { Uart } from './devices/uart.ts';
import { Vga } from './devices/vga.ts';
import { VgaText } from './devices/vga-text.ts';
import { Wire } from './devices/wire.ts';
import { Interrupts } from './interrupts.ts';
import { PAGE_HOLE } from './mmu/attributes.ts';
import { Notices } from './notices.ts';
import { buildProcessor, type Processor } from './processor.ts';
import type { Profile } from './profile/profile.ts';
import { Rom } from './rom.ts';

/** How code is run: `compiled`, hot code is translated to WebAssembly (cpu/jit/). Cycles and state are the same. */
export type EngineKind = 'interpreter' | 'compiled';

/** What is on the board, and who hears its outputs. */
export interface BoardOptions {
  profile: Profile;
  /** RAM in bytes; a multiple of 64 KiB from 1 MiB to 2 GiB. */
  memoryBytes: number;
  /** Default `compiled`. */
  engine?: EngineKind;
  /** Network cards, 0 to 2; the first is at PCI device 3, IRQ 11. Default 1. */
  cards?: number;
  /** Disks: primary 0 and 1, secondary 0 and 1; null leaves a place empty. Default none. */
  disks?: readonly (BlockBackend | null)[];
  /**
   * Firmware, 64 KiB to 16 MiB in steps of 64 KiB: the CPU starts at its reset vector, and a reset by the guest starts
   * there again. Without it the machine starts as Multiboot leaves a PC, and a reset ends the run.
   */
  bios?: Uint8Array;
  /** A byte left COM1. */
  onSerial?: (byte: number) => void;
  /** A byte was written to the debug console, port 0xE9. */
  onE9?: (byte: number) => void;
  /** A byte was strobed out of LPT1. */
  onPrint?: (byte: number) => void;
  /** A byte was written to `postPort`, which is 0x80 by default. */
  onPost?: (byte: number) => void;
  postPort?: number;
  /** Something asked for what is not there: an unknown port, MSR, PCI register or physical address; said once each. */
  onNotice?: (text: string) => void;
}

/**
 * Who pulls which reset line: the keyboard controller, port 0x92 or 0xCF9 the CPU's (INIT), or 0xCF9 everybody's.
 */
export type ResetKind = 'keyboard' | 'port-92' | 'soft' | 'hard';

/** What the guest asks of the machine as a whole, in the middle of an instruction. */
export interface BoardHost {
  onReset(kind: ResetKind): void;
  onExit(code: number): void;
}

export interface Card {
  device: E1000;
  wire: Wire;
  /** PCI device number on bus 0, and where its INTA# goes. */
  slot: number;
  irq: number;
}

const IRQ = {
  ...{ timer: 0, keyboard: 1, com1: 4, lpt1: 7, rtc: 8, mouse: 12, fpu: 13 },
  ide: [14, 15],
  cards: [11, 10],
} as const;
const PORT = {
  ...{ com1: 0x3f8, lpt1: 0x378, post: 0x80, systemControl: 0x92, triggerModes: 0x4d1 },
  ...{ busMaster: 0xc080, cards: 0xc000 },
} as const;
/** PCI device numbers. */
const SLOT = { piix3: 1, cards: 3 } as const;
const CARD_PORTS = 0x40;
const CARD_MEMORY = { base: 0xfeb0_0000, size: 0x2_0000 } as const;
const PCI_COMMAND_IO_MEMORY = 3;
const A20_GATE = 2;
const START_DATE = { year: 2003, month: 10, day: 19, hours: 9, minutes: 0, seconds: 0 };

export class Board {
  readonly processor: Processor;
  readonly space: PortSpace;
  readonly interrupts: Interrupts;
  readonly pit: Pit;
  readonly uart: Uart;
  readonly rtc: Rtc;
  readonly pci: Pci;
  readonly ide: Ide;
  readonly systemControl: SystemControl;
  readonly keyboardController: I8042;
  readonly vga: Vga;
  readonly screen: VgaText;
  readonly isaDma: IsaDma;
  readonly cards: readonly Card[];
  readonly rom: Rom | null;
  /** Everything with a state of its own, in the order of a snapshot. */
  readonly devices: readonly Saved[];
  private readonly bridge: PciFunction;
  private readonly dma: Dma;

  /** The order of this text matters: in it the devices register their events, and those due at one tick run. */
  constructor(options: BoardOptions, host: BoardHost) {
    const notice = options.onNotice ?? (() => {});
    const notices = new Notices(notice, () => this.processor.engine.currentLin());
    const missing = (what: string) => notices.missing(what);
    this.space = new PortSpace({
      onUnmapped: (kind, address, access) =>
        missing(`${kind} 0x${address.toString(16).padStart(4, '0')} (${access})`),
    });
    const compiled = options.engine !== 'interpreter';
    this.processor = buildProcessor(options.profile, options.memoryBytes, compiled, {
      space: this.space,
      onDie: pa => this.interrupts.find(pa),
      missing,
    });
    const { clock, cpu, engine } = this.processor;
    this.interrupts = new Interrupts(engine, clock, () => host.onReset('soft'));
    if (!options.bios) this.interrupts.virtualWire();
    this.space.mapMmio(this.interrupts.ioApicRange());
    this.dma = busMaster(engine);
    const irq = (n: number) => this.interrupts.line(n);

    this.pit = new Pit(clock, irq(IRQ.timer));
    this.uart = new Uart(clock, { base: PORT.com1, irq: irq(IRQ.com1), onTransmit: options.onSerial });
    this.rtc = new Rtc(clock, { irq: irq(IRQ.rtc), start: START_DATE, memory: options.memoryBytes });
    this.pci = new Pci(
      this.space,
      hard => host.onReset(hard ? 'hard' : 'soft'),
      (name, offset, access) => missing(`register 0x${offset.toString(16)} (${access}) in PCI ${name}`),
    );
    const onA20 = () => cpu.mmu.setA20(this.systemControl.a20() || this.keyboardController.a20());
    this.systemControl = new SystemControl({ onA20, onReset: () => host.onReset('port-92') });
    this.keyboardController = new I8042(clock, {
      keyboardIrq: irq(IRQ.keyboard),
      mouseIrq: irq(IRQ.mouse),
      onA20,
      onReset: () => host.onReset('keyboard'),
      onUnknown: command => missing(`keyboard controller command 0x${command.toString(16)}`),
    });
    this.vga = new Vga(clock);
    this.screen = new VgaText(this.vga);
    this.isaDma = new IsaDma(clock, this.dma);
    const parallel = new Parallel(clock, { base: PORT.lpt1, irq: irq(IRQ.lpt1), onByte: options.onPrint });
    const { fpu } = cpu;
    const fpuError = new FpuError({
      irq: irq(IRQ.fpu),
      onIgnne: level => {
        fpu.ignne = level;
      },
    });
    fpu.onFerr = level => fpuError.ferr(level);
    const irqs = [irq(IRQ.ide[0]), irq(IRQ.ide[1])] as const;
    this.ide = new Ide({ clock, dma: this.dma, irqs, disks: options.disks, notice });

    const ported: (Saved & { ports(): PortRange[] })[] = [
      ...[this.interrupts, this.pit, this.uart, this.rtc, this.pci, this.systemControl],
      ...[this.keyboardController, this.vga, this.isaDma, parallel, new DebugConsole(options.onE9)],
      ...[fpuError, new ExitPort(code => host.onExit(code)), new FwCfg(options.memoryBytes), this.ide],
    ];
    for (const device of ported) for (const range of device.ports()) this.space.mapPorts(range);
    if (options.onPost) this.space.snoop(options.postPort ?? PORT.post, options.onPost);
    const video = this.vga.mmio();
    this.space.mapMmio(video);
    cpu.mmu.setPages(video.base, video.length, PAGE_HOLE, true);
    this.rom = options.bios ? this.addRom(options.bios) : null;

    this.bridge = this.pci.add({ ...HOST_BRIDGE_440FX, onConfigWrite: () => this.setAttributeMap() });
    this.pci.add(isaBridge(SLOT.piix3, [undefined, undefined, ...IRQ.cards]));
    this.ide.attach(this.pci.add(this.ide.pciFunction(SLOT.piix3, PORT.busMaster)));
    this.cards = Array.from({ length: options.cards ?? 1 }, (_, n) => this.addCard(n, notice));

    const devices: Saved[] = [...ported, ...this.cards.flatMap(({ device, wire }) => [device, wire])];
    this.devices = this.rom ? [...devices, this.rom] : devices;
    if (!this.rom) return;
    this.keyboardController.powerOn();
    cpu.reset();
  }

  /** The processor and its APICs start anew, between two instructions; the devices go on, but for a hard reset's. */
  reset(kind: ResetKind): void {
    if (kind === 'hard') {
      for (let n = 0; n < PAM_COUNT; n++) this.bridge.write(PAM_FIRST + n, 0);
      this.setAttributeMap();
      this.keyboardController.powerOn();
    }
    // The board lets the reset vector through, whatever the gate was.
    this.space.writePort(PORT.systemControl, 1, A20_GATE);
    this.processor.cpu.reset();
    this.interrupts.reset();
    this.processor.engine.restart();
  }

  /** The devices that a BIOS expects to set up itself come to their state after power-on, not after a BIOS. */
  powerOnIsa(): void {
    for (const device of [this.systemControl, this.keyboardController, this.vga, this.isaDma])
      device.powerOn();
  }

  private addCard(n: number, notice: (text: string) => void): Card {
    const { clock } = this.processor;
    const slot = SLOT.cards + n;
    const irq = IRQ.cards[n];
    const wire = new Wire(clock, { name: `wire ${n}` });
    let pciFunction: PciFunction | null = null;
    const device = new E1000({
      name: `e1000 ${n}`,
      mac: Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + n),
      clock,
      dma: this.dma,
      irq: this.interrupts.line(irq),
      wire: { wire, side: 0 },
      notice,
      busMaster: () => pciFunction?.busMaster() ?? false,
    });
    pciFunction = this.pci.add(
      device.pciFunction({
        device: slot,
        function: 0,
        memoryBase: CARD_MEMORY.base + n * CARD_MEMORY.size,
        ioBase: PORT.cards + n * CARD_PORTS,
        interruptLine: irq,
        command: PCI_COMMAND_IO_MEMORY,
      }),
    );
    // As a BIOS leaves it: PCI lines are level-triggered.
    const levels = this.space.readPort(PORT.triggerModes, 1);
    this.space.writePort(PORT.triggerModes, 1, levels | (1 << (irq - 8)));
    return { device, wire, slot, irq };
  }

  private addRom(image: Uint8Array): Rom {
    const { cpu, engine } = this.processor;
    const ramChanged = (pa: number, length: number) => engine.ramChanged(pa, length);
    const rom = new Rom(image, { mmu: cpu.mmu, ram: cpu.mmu.ram8, ramChanged });
    for (const range of rom.ranges()) this.space.mapMmio(range);
    return rom;
  }

  /** What the host bridge's PAM registers say. */
  private setAttributeMap(): void {
    this.rom?.setAttributes(Array.from({ length: PAM_COUNT }, (_, n) => this.bridge.read(PAM_FIRST + n)));
  }
}
