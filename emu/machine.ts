/**
 * The composition root: a PC put together from its parts, and the host's handle on it. Devices are rows below:
 * what they are, their IRQ line, their ports. Nothing here knows what runs on the machine.
 *
 * Interrupt lines: 0 timer, 1 keyboard, 4 COM1, 7 LPT1, 8 RTC, 12 mouse, 13 FPU, 11 and 10 the network cards (PCI,
 * level), 14 and 15 the disks. Physical map: RAM from 0, with the VGA's memory from 0xA0000 to 0xBFFFF and ROM above it
 * if there is one; the cards' registers from 0xFEB00000, the I/O APIC at 0xFEC00000, the local APIC at 0xFEE00000.
 */
import { Accounting } from './accounting.ts';
import type { Dma, PortRange, Saved } from './bus.ts';
import { Clock, TICKS_PER_CYCLE } from './clock.ts';
import { Cpu } from './cpu/cpu.ts';
import { Engine, type StopReason } from './cpu/engine.ts';
import { DebugConsole } from './devices/debug-console.ts';
import { E1000 } from './devices/e1000/e1000.ts';
import { ExitPort } from './devices/exit-port.ts';
import { FpuError } from './devices/fpu-error.ts';
import { I8042 } from './devices/i8042.ts';
import type { BlockBackend } from './devices/ide/block.ts';
import { Ide } from './devices/ide/ide.ts';
import { isaBridge } from './devices/ide/isa-bridge.ts';
import { IsaDma } from './devices/isa-dma.ts';
import { Parallel } from './devices/parallel.ts';
import { HOST_BRIDGE_440FX, PAM_COUNT, PAM_FIRST, Pci } from './devices/pci.ts';
import type { PciFunction } from './devices/pci-function.ts';
import type { Pic } from './devices/pic.ts';
import { Pit } from './devices/pit.ts';
import { PortSpace } from './devices/port-space.ts';
import { Rtc } from './devices/rtc.ts';
import { SystemControl } from './devices/system-control.ts';
import { Uart } from './devices/uart.ts';
import { Vga } from './devices/vga.ts';
import { VgaText } from './devices/vga-text.ts';
import { Wire } from './devices/wire.ts';
import { Interrupts } from './interrupts.ts';
import { PAGE_HOLE } from './mmu/mmu.ts';
import { Notices } from './notices.ts';
import { checkProfile, type Profile } from './profile/profile.ts';
import { Rom } from './rom.ts';
import { RAM_OFFSET, State } from './state.ts';

export interface MachineOptions {
  profile: Profile;
  /** RAM in bytes; a multiple of 64 KiB from 1 MiB to 2 GiB. */
  memoryBytes: number;
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
  /** The guest pulled a reset line. Without firmware the run ends, whatever the callback does. */
  onReset?: (kind: ResetKind) => void;
  /** Something asked for what is not there: an unknown port, MSR, PCI register or physical address; said once each. */
  onNotice?: (text: string) => void;
}

/**
 * Who pulls which reset line: the keyboard controller, port 0x92 or 0xCF9 the CPU's (INIT), or 0xCF9 everybody's.
 */
export type ResetKind = 'keyboard' | 'port-92' | 'soft' | 'hard';

/** How a run ended. */
export type RunResult = { reason: 'exit'; code: number } | { reason: StopReason };

/** What a boot loader leaves in the registers. */
export interface EntryState {
  eip: number;
  eax: number;
  ebx: number;
  esi?: number;
  /** A flat GDT in RAM, and the selectors of its code and data; without it the descriptors are in no table. */
  gdt?: { base: number; limit: number; code: number; data: number };
}

export interface Card {
  device: E1000;
  wire: Wire;
  /** PCI device number on bus 0, and where its INTA# goes. */
  slot: number;
  irq: number;
}

export interface Snapshot {
  memory: Uint8Array;
  events: number[];
  accounting: number[];
  engine: unknown;
  devices: unknown[];
}

const FIRST_CARD_SLOT = 3;
const CARD_IRQ = [11, 10];
const CARD_MMIO = 0xfeb0_0000;
const CARD_IO = 0xc000;
const PIIX3 = 1;
const BUS_MASTER_IO = 0xc080;
const PCI_COMMAND_IO_MEMORY = 3;
const LPT1 = 0x378;
const POST_PORT = 0x80;
const SYSTEM_CONTROL = 0x92;
const A20_GATE = 2;
/** Numbers of registers, and attributes of flat 32-bit segments (the second dword of their descriptors). */
const CS = 1;
const ESI = 6;
const FLAT_CODE = 0xcf9b00;
const FLAT_DATA = 0xcf9300;
const START_DATE = { year: 2003, month: 10, day: 19, hours: 9, minutes: 0, seconds: 0 };

export class Machine {
  readonly profile: Profile;
  readonly state: State;
  readonly accounting: Accounting;
  readonly clock: Clock;
  readonly cpu: Cpu;
  readonly engine: Engine;
  readonly space: PortSpace;
  readonly interrupts: Interrupts;
  readonly pic: Pic;
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
  private readonly devices: Saved[];
  private readonly ram: Uint8Array;
  private readonly onSerial: (byte: number) => void;
  private readonly rom: Rom | null = null;
  private readonly bridge: PciFunction;
  private resetWanted: ResetKind | null = null;
  private exitCode = -1;
  private drained = false;

  constructor(options: MachineOptions) {
    const { profile } = options;
    checkProfile(profile);
    const notice = options.onNotice ?? (() => {});
    this.profile = profile;
    this.onSerial = options.onSerial ?? (() => {});
    this.state = new State(options.memoryBytes);
    this.ram = this.state.ram8();
    this.accounting = new Accounting(this.state.float64('matrix', 256), this.state.float64('time', 1));
    this.clock = new Clock(profile.clockHz.value, this.accounting.time);
    const notices = new Notices(notice, () => this.engine.currentLin());
    this.space = new PortSpace({
      onUnmapped: (kind, address, access) =>
        notices.missing(`${kind} 0x${address.toString(16).padStart(4, '0')} (${access})`),
    });
    this.cpu = new Cpu(profile, this.state, this.accounting, this.clock, {
      findMmio: pa => {
        this.cpu.leave = true;
        return this.interrupts.find(pa) ?? this.space.findMmio(pa) ?? null;
      },
      onUnmapped: (kind, pa) =>
        kind === 'read' ? void this.space.readMmio(pa, 1) : this.space.writeMmio(pa, 1, 0),
      fetchByte: pa => {
        const range = this.space.findMmio(pa);
        return range?.handler.fetchMmio?.(pa - range.base) ?? 0xff;
      },
    });
    this.cpu.ports = {
      readPort: (port, size) => {
        this.cpu.leave = true;
        return this.space.readPort(port, size);
      },
      writePort: (port, size, value) => {
        this.cpu.leave = true;
        this.space.writePort(port, size, value);
      },
      busOf: port => this.space.findPort(port)?.bus ?? 'isa',
    };
    this.cpu.onUnknown = (kind, number) => notices.missing(`${kind} 0x${number.toString(16)}`);
    this.engine = new Engine(this.cpu);
    const clock = this.clock;
    const reset = (kind: ResetKind) => {
      options.onReset?.(kind);
      if (this.rom) this.resetWanted = kind;
      else this.cpu.shutdown = true;
      this.engine.stop();
    };

    this.interrupts = new Interrupts(this.engine, clock, () => reset('soft'));
    if (!options.bios) this.interrupts.virtualWire();
    this.space.mapMmio(this.interrupts.ioApicRange());
    const irq = (n: number) => this.interrupts.line(n);
    this.pic = this.interrupts.pic;
    this.pit = new Pit(clock, irq(0));
    this.uart = new Uart(clock, { base: 0x3f8, irq: irq(4), onTransmit: options.onSerial });
    this.rtc = new Rtc(clock, { irq: irq(8), start: START_DATE, memory: options.memoryBytes });
    this.pci = new Pci(
      this.space,
      hard => reset(hard ? 'hard' : 'soft'),
      (name, offset, access) =>
        notices.missing(`register 0x${offset.toString(16)} (${access}) in PCI ${name}`),
    );
    const onA20 = () => this.cpu.mmu.setA20(this.systemControl.a20() || this.keyboardController.a20());
    this.systemControl = new SystemControl({ onA20, onReset: () => reset('port-92') });
    this.keyboardController = new I8042(clock, {
      keyboardIrq: irq(1),
      mouseIrq: irq(12),
      onA20,
      onReset: () => reset('keyboard'),
      onUnknown: command => notices.missing(`keyboard controller command 0x${command.toString(16)}`),
    });
    this.vga = new Vga(clock);
    this.screen = new VgaText(this.vga);
    this.isaDma = new IsaDma(clock, this.dma());
    const parallel = new Parallel(clock, { base: LPT1, irq: irq(7), onByte: options.onPrint });
    const console = new DebugConsole(options.onE9);
    const exit = new ExitPort(code => {
      this.exitCode = code;
      this.engine.stop();
    });
    const fpu = this.cpu.fpu;
    const fpuError = new FpuError({
      irq: this.interrupts.line(13),
      onIgnne: level => {
        fpu.ignne = level;
      },
    });
    fpu.onFerr = level => fpuError.ferr(level);
    const irqs = [this.interrupts.line(14), this.interrupts.line(15)] as const;
    this.ide = new Ide({ clock, dma: this.dma(), irqs, disks: options.disks, notice });
    const ported: (Saved & { ports(): PortRange[] })[] = [
      this.interrupts,
      this.pit,
      this.uart,
      this.rtc,
      this.pci,
      this.systemControl,
      this.keyboardController,
      this.vga,
      this.isaDma,
      parallel,
      console,
      fpuError,
      exit,
      this.ide,
    ];
    for (const device of ported) for (const range of device.ports()) this.space.mapPorts(range);
    const { onPost } = options;
    if (onPost) this.space.snoop(options.postPort ?? POST_PORT, onPost);
    const video = this.vga.mmio();
    this.space.mapMmio(video);
    this.cpu.mmu.setPages(video.base, video.length, PAGE_HOLE, true);
    if (options.bios) this.rom = this.addRom(options.bios);
    this.bridge = this.pci.add({ ...HOST_BRIDGE_440FX, onConfigWrite: () => this.setAttributeMap() });
    this.pci.add(isaBridge(PIIX3, [undefined, undefined, ...CARD_IRQ]));
    this.ide.attach(this.pci.add(this.ide.pciFunction(PIIX3, BUS_MASTER_IO)));
    this.cards = Array.from({ length: options.cards ?? 1 }, (_, n) => this.addCard(n, notice));
    this.devices = [...ported];
    for (const card of this.cards) this.devices.push(card.device, card.wire);
    if (this.rom) {
      this.devices.push(this.rom);
      this.keyboardController.powerOn();
      this.cpu.reset();
    }
  }

  // ---- running ---------------------------------------------------------------------------------------------------

  /** Runs until the clock reaches `cycles`, or an earlier end. */
  run(cycles: number): RunResult {
    let reason = this.engine.run(cycles * TICKS_PER_CYCLE);
    while (this.resetIfWanted()) reason = this.engine.run(cycles * TICKS_PER_CYCLE);
    return this.result(reason);
  }

  /** One instruction, or one delivery of an interrupt or fault; while halted, until the clock reaches `cycles`. */
  step(cycles = Number.POSITIVE_INFINITY): RunResult {
    const reason = this.engine.step(cycles * TICKS_PER_CYCLE);
    this.resetIfWanted();
    return this.result(reason);
  }

  /** Time since reset in cycles: exact quarters. */
  cycles(): number {
    return this.clock.now() / TICKS_PER_CYCLE;
  }

  /** Seconds of guest time since reset. */
  seconds(): number {
    return this.clock.now() / this.clock.ticksPerSecond;
  }

  /** A guest with firmware reset the processor: it and its APICs start anew between two instructions. Devices go on. */
  private resetIfWanted(): boolean {
    if (this.resetWanted === null) return false;
    if (this.resetWanted === 'hard') {
      for (let n = 0; n < PAM_COUNT; n++) this.bridge.write(PAM_FIRST + n, 0);
      this.setAttributeMap();
      this.keyboardController.powerOn();
    }
    this.resetWanted = null;
    // The board lets the reset vector through, whatever the gate was.
    this.space.writePort(SYSTEM_CONTROL, 1, A20_GATE);
    this.cpu.reset();
    this.interrupts.reset();
    this.engine.restart();
    return true;
  }

  private result(reason: StopReason): RunResult {
    if (reason === 'triple-fault' || reason === 'halted' || this.exitCode >= 0) this.drainSerial();
    if (reason !== 'stopped' || this.exitCode < 0) return { reason };
    const code = this.exitCode;
    this.exitCode = -1;
    return { reason: 'exit', code };
  }

  /** A guest that ends may leave characters in the UART that have not gone out yet: the host gets them. */
  private drainSerial(): void {
    if (this.drained) return;
    this.drained = true;
    const { shifting, holding } = this.uart.save();
    if (shifting >= 0) this.onSerial(shifting & 0xff);
    for (const character of holding) this.onSerial(character & 0xff);
  }

  // ---- the host's hand in the machine -----------------------------------------------------------------------------

  get ramSize(): number {
    return this.state.ramSize;
  }

  /** Writes RAM behind the CPU's back, as a loader does; bytes outside RAM throw a RangeError. */
  writePhysical(pa: number, bytes: Uint8Array): void {
    this.checkRange(pa, bytes.length);
    this.ram.set(bytes, pa);
    this.engine.ramChanged(pa, bytes.length);
  }

  /** Programs the ROM below 1 MiB. Throws a RangeError where there is none. */
  writeFirmware(pa: number, bytes: Uint8Array): void {
    if (!this.rom) throw new RangeError('this machine has no ROM');
    this.rom.program(pa, bytes);
  }

  /** A copy of RAM; changes nothing. */
  readPhysical(pa: number, length: number): Uint8Array {
    this.checkRange(pa, length);
    return this.ram.slice(pa, pa + length);
  }

  /** The byte at a linear address by the page tables in RAM (or in video memory), or -1; changes nothing. */
  peek8(lin: number): number {
    const pa = this.cpu.mmu.peekTranslate(lin);
    return pa >= 0 && pa < this.ramSize ? this.cpu.mmu.codeByte(pa) : -1;
  }

  /** The dword at a linear address, unsigned, or -1 where a byte of it is not mapped to RAM. */
  peek32(lin: number): number {
    let v = 0;
    for (let n = 3; n >= 0; n--) {
      const byte = this.peek8((lin + n) | 0);
      if (byte < 0) return -1;
      v = v * 256 + byte;
    }
    return v;
  }

  /** The devices that a BIOS expects to set up itself come to their state after power-on, not after a BIOS. */
  powerOnIsa(): void {
    for (const device of [this.systemControl, this.keyboardController, this.vga, this.isaDma])
      device.powerOn();
  }

  setEntry(entry: EntryState): void {
    this.cpu.eip = entry.eip;
    this.cpu.r32[0] = entry.eax;
    this.cpu.r32[3] = entry.ebx;
    this.cpu.r32[ESI] = entry.esi ?? 0;
    if (!entry.gdt) return;
    const { base, limit, code, data } = entry.gdt;
    this.cpu.setGdt(base, limit);
    for (let s = 0; s < 6; s++)
      this.cpu.setSegment(s, s === CS ? code : data, 0, 0xffff_ffff, s === CS ? FLAT_CODE : FLAT_DATA);
  }

  /** Says which region the code at a linear address belongs to: 0–15, or -1 for the region that called it. */
  setRegions(regionOf: (lin: number) => number): void {
    this.engine.blocks.regionOf = regionOf;
    this.engine.blocks.clear();
  }

  snapshot(): Snapshot {
    return {
      memory: new Uint8Array(this.state.memory.buffer).slice(0, RAM_OFFSET + this.ramSize),
      events: this.clock.save(),
      accounting: this.accounting.save(),
      engine: this.engine.save(),
      devices: this.devices.map(d => d.save()),
    };
  }

  restore(snapshot: Snapshot): void {
    new Uint8Array(this.state.memory.buffer).set(snapshot.memory);
    this.accounting.load(snapshot.accounting);
    this.engine.load(snapshot.engine);
    this.devices.forEach((d, n) => {
      d.load(snapshot.devices[n]);
    });
    this.clock.load(snapshot.events);
  }

  // ---- building ----------------------------------------------------------------------------------------------------

  private addCard(n: number, notice: (text: string) => void): Card {
    const name = `e1000 ${n}`;
    const wire = new Wire(this.clock, { name: `wire ${n}` });
    let pciFunction: PciFunction | null = null;
    const device = new E1000({
      name,
      mac: Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + n),
      clock: this.clock,
      dma: this.dma(),
      irq: this.interrupts.line(CARD_IRQ[n]),
      wire: { wire, side: 0 },
      notice,
      busMaster: () => pciFunction?.busMaster() ?? false,
    });
    pciFunction = this.pci.add(
      device.pciFunction({
        device: FIRST_CARD_SLOT + n,
        function: 0,
        memoryBase: CARD_MMIO + n * 0x2_0000,
        ioBase: CARD_IO + n * 0x40,
        interruptLine: CARD_IRQ[n],
        command: PCI_COMMAND_IO_MEMORY,
      }),
    );
    // As a BIOS leaves it: PCI lines are level-triggered.
    this.space.writePort(0x4d1, 1, this.space.readPort(0x4d1, 1) | (1 << (CARD_IRQ[n] - 8)));
    return { device, wire, slot: FIRST_CARD_SLOT + n, irq: CARD_IRQ[n] };
  }

  private addRom(image: Uint8Array): Rom {
    const { mmu } = this.cpu;
    const ramChanged = (pa: number, length: number) => this.engine.ramChanged(pa, length);
    const rom = new Rom(image, { mmu, ram: this.ram, ramChanged });
    for (const range of rom.ranges()) this.space.mapMmio(range);
    return rom;
  }

  private setAttributeMap(): void {
    this.rom?.setAttributes(Array.from({ length: PAM_COUNT }, (_, n) => this.bridge.read(PAM_FIRST + n)));
  }

  private dma(): Dma {
    const hierarchy = this.cpu.mmu.hierarchy;
    return {
      read: (physical, into) => {
        const length = Math.max(0, Math.min(into.length, this.ramSize - physical));
        into.fill(0xff, length);
        if (length === 0) return;
        into.set(this.ram.subarray(physical, physical + length));
        if (hierarchy.timed) hierarchy.clean(physical, length);
      },
      write: (physical, from) => {
        const length = Math.max(0, Math.min(from.length, this.ramSize - physical));
        if (length === 0) return;
        this.writeRam(physical, from.subarray(0, length));
        if (hierarchy.timed) hierarchy.invalidate(physical, length);
        this.engine.blocks.invalidate(physical, length);
        this.cpu.mmu.deviceWrote(physical, length);
      },
    };
  }

  /** What a bus master writes: RAM, but no shadow of ROM and no hole. */
  private writeRam(physical: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 4096 - ((physical + at) & 4095));
      if (this.cpu.mmu.isWritable(physical + at)) this.ram.set(bytes.subarray(at, end), physical + at);
      at = end;
    }
  }

  private checkRange(pa: number, length: number): void {
    if (!(pa >= 0 && pa + length <= this.ramSize)) throw new RangeError(`0x${pa.toString(16)}: not RAM`);
  }
}
