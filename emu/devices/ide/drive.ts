/**
 * One ATA drive: its registers as the host sees them and the protocols by which a command runs (ATA-5, clauses 7
 * and 9; 48-bit addresses after ATA/ATAPI-6). What each command is stands in commands.ts, what the disk's mechanics
 * cost in mechanics.ts, how far a transfer has got in transfer.ts.
 *
 * Interrupts: INTRQ goes up when a PIO block is ready to be read, when the next block of a write is wanted (not for
 * the first), and at the end of every command but a PIO read. Reading Status or writing Command takes it down.
 * A write to the registers while BSY or DRQ is set, and a command then, is ignored.
 *
 * Errors: an address outside the disk gives IDNF, a sector that the backend cannot read UNC, one that it cannot
 * write a device fault; the address registers name the sector and the transfer ends there.
 *
 * Left out: ATAPI (PACKET is aborted), and what commands.ts names. A drive is spun up and has its signature at
 * power-on, as a BIOS finds it some seconds later.
 */

import type { Saved } from '../../bus.ts';
import { type Clock, NEVER } from '../../clock.ts';
import type { BlockBackend } from './block.ts';
import {
  type CommandRow,
  commandRow,
  type DriveCore,
  type DriveSettings,
  FAULT,
  readyAt,
} from './commands.ts';
import {
  copyState,
  type DriveState,
  defaultSettings,
  initialState,
  NO_COMMAND,
  PASSED,
  READY,
  type Step,
} from './drive-state.ts';
import { identify } from './identify.ts';
import { Mechanics } from './mechanics.ts';
import { Medium } from './medium.ts';
import { DEVICE, ERROR, ERROR_FEATURES, STATUS, STATUS_COMMAND, TaskFile } from './registers.ts';
import { type DiskTiming, dmaRate } from './timing.ts';
import { CHUNK, Transfer, type TransferState } from './transfer.ts';

/** The drive's other side: the cable and the bus master at its end. */
export interface Cable {
  /** INTRQ or DMARQ may have changed. */
  changed(): void;
  /** Moves up to `bytes.length` bytes from (`in`) or to the drive; returns how many the bus master took or gave. */
  transfer(bytes: Uint8Array, direction: 'in' | 'out'): number;
}

export interface DriveOptions {
  clock: Clock;
  name: string;
  backend: BlockBackend;
  /** 0 or 1. */
  unit: number;
  serial: string;
  timing: DiskTiming;
  /** The most that the host's DMA moves, in bytes a second. */
  hostRate: number;
  cable: Cable;
  /** Hears once that the medium failed. */
  notice: (text: string) => void;
}

export class Drive implements DriveCore, Saved {
  readonly sectors: number;
  readonly medium: Medium;
  readonly taskFile = new TaskFile();
  readonly mechanics: Mechanics;
  private readonly options: DriveOptions;
  private readonly clock: Clock;
  private readonly cable: Cable;
  private readonly event: number;
  private readonly transfer: Transfer;
  private s: DriveState;

  constructor(options: DriveOptions) {
    const { clock, backend } = options;
    if (!Number.isInteger(backend.sectors) || backend.sectors < 1 || backend.sectors > 2 ** 48)
      throw new RangeError(`${options.name}: a disk of ${backend.sectors} sectors`);
    this.options = options;
    this.clock = clock;
    this.medium = new Medium(backend, text => options.notice(`${options.name}: ${text}`));
    this.sectors = backend.sectors;
    this.cable = options.cable;
    this.mechanics = new Mechanics(clock, options.timing, backend.sectors);
    this.event = clock.register(options.name, now => this.step(now));
    this.s = initialState(backend.sectors);
    this.transfer = new Transfer(this);
  }

  get settings(): DriveSettings {
    return this.s.settings;
  }

  /** Does the drive drive INTRQ? */
  interrupting(): boolean {
    return this.s.interrupt;
  }

  /** The direction in which the drive asks for DMA, while it does. */
  dmaRequest(): 'in' | 'out' | undefined {
    if ((this.s.status & STATUS.DRQ) === 0 || this.s.step !== 'none') return undefined;
    const row = this.row();
    if ((row?.kind !== 'read' && row?.kind !== 'write') || row.by !== 'dma') return undefined;
    return row.kind === 'read' ? 'in' : 'out';
  }

  /** The bus master answers the request: the bytes move when their time has passed. */
  beginBurst(): void {
    const rate = Math.min(dmaRate(this.s.settings.dmaMode), this.options.hostRate);
    this.next('burst', this.clock.now() + this.clock.ticksOf(this.transfer.rest().length / rate));
  }

  // ---- registers ---------------------------------------------------------------------------------------------------

  /** A register but Data. Status here is the alternate one, without its effect. */
  read(register: number, previous: boolean): number {
    if (register === ERROR_FEATURES) return this.s.error;
    if (register === STATUS_COMMAND) return this.s.status;
    return this.taskFile.read(register, previous);
  }

  /** What reading Status does besides. */
  acknowledge(): void {
    if (!this.s.interrupt) return;
    this.s.interrupt = false;
    this.cable.changed();
  }

  /** A register but Data and Command. Device is written in any state: it selects. */
  write(register: number, value: number): void {
    if (register !== DEVICE && (this.s.status & (STATUS.BSY | STATUS.DRQ)) !== 0) return;
    this.taskFile.write(register, value);
  }

  /** The Command register, of the selected drive. */
  writeCommand(code: number): void {
    const { s } = this;
    if ((s.status & (STATUS.BSY | STATUS.DRQ)) !== 0 || s.settings.power === 'sleep') return;
    this.begin(code);
    this.start(commandRow(code));
    this.cable.changed();
  }

  /** EXECUTE DEVICE DIAGNOSTIC, which both drives do; `leads` is the one that interrupts. */
  diagnose(code: number, leads: boolean): void {
    this.halt();
    this.begin(leads ? code : NO_COMMAND);
    this.next('diagnosed', this.clock.now() + this.mechanics.overheadHit);
  }

  /** One word of the Data register. */
  readData(): number {
    if (!this.pio('in')) return 0xffff;
    const word = this.transfer.readWord();
    if (this.transfer.moved) this.blockRead();
    return word;
  }

  writeData(word: number): void {
    if (!this.pio('out')) return;
    this.transfer.writeWord(word);
    if (this.transfer.moved) this.blockWritten(this.clock.now());
  }

  /** SRST goes up. */
  beginReset(): void {
    this.halt();
    this.s.status = STATUS.BSY | READY;
    this.s.interrupt = false;
    this.next('none', NEVER);
  }

  /** SRST comes down. */
  endReset(): void {
    const spin = readyAt(this, 0);
    this.next('reset', this.clock.now() + spin + this.mechanics.softReset);
  }

  save(): unknown {
    return {
      state: copyState(this.s),
      taskFile: this.taskFile.save(),
      mechanics: this.mechanics.save(),
      transfer: this.transfer.save(),
      backend: this.options.backend.save?.(),
    };
  }

  load(state: unknown): void {
    const saved = state as Record<string, unknown>;
    this.s = copyState(saved.state as DriveState);
    this.taskFile.load(saved.taskFile as number[]);
    this.mechanics.load(saved.mechanics);
    this.transfer.load(saved.transfer as TransferState);
    this.options.backend.load?.(saved.backend);
  }

  // ---- commands ----------------------------------------------------------------------------------------------------

  private row(): CommandRow | undefined {
    return commandRow(this.s.command);
  }

  private begin(code: number): void {
    const { s } = this;
    s.interrupt = false;
    s.error = 0;
    s.status = STATUS.BSY | READY;
    s.command = code;
    this.transfer.clear();
  }

  private start(row: CommandRow | undefined): void {
    const now = this.clock.now();
    const soon = now + this.mechanics.overheadHit;
    switch (row?.kind) {
      case 'control': {
        const { error = 0, at } = row.run(this, now);
        this.endAt(at ?? soon, error);
        break;
      }
      case 'identify':
      case 'read-buffer':
        this.next('present', soon);
        break;
      case 'write-buffer':
        this.next('accept', now + this.mechanics.overheadWrite);
        break;
      case 'read':
      case 'write':
      case 'verify':
        this.startTransfer(row, now);
        break;
      default:
        this.endAt(soon, ERROR.ABRT);
    }
  }

  private startTransfer(row: Extract<CommandRow, { ext: boolean }>, now: number): void {
    const { settings } = this.s;
    const soon = now + this.mechanics.overheadHit;
    const by =
      row.kind === 'verify' ? 'dma' : row.kind === 'read' || row.kind === 'write' ? row.by : 'sector';
    if (by === 'multiple' && settings.multiple === 0) return this.endAt(soon, ERROR.ABRT);
    this.transfer.start(row.ext, by === 'dma' ? CHUNK : by === 'multiple' ? settings.multiple : 1);
    if (!this.transfer.onDisk) return this.endAt(soon, ERROR.IDNF);
    const ready = readyAt(this, now);
    settings.power = 'active';
    if (row.kind === 'write') return this.next('accept', ready + this.mechanics.overheadWrite);
    const at = this.mechanics.startRead(this.transfer.lba, this.transfer.blockLength(), ready);
    this.next(row.kind === 'verify' ? 'verify' : 'present', at);
  }

  private step(now: number): void {
    const { s } = this;
    const { step } = s;
    s.step = 'none';
    switch (step) {
      case 'end':
        this.end(s.outcome);
        break;
      case 'present':
        this.present();
        break;
      case 'accept':
        this.accept();
        break;
      case 'verify':
        this.verify(now);
        break;
      case 'burst':
        this.burst(now);
        break;
      case 'wrote':
        if (this.transfer.more) this.accept(true);
        else this.end(0);
        break;
      case 'reset':
        this.reset(now);
        break;
      case 'diagnosed':
        this.diagnosed();
        break;
    }
    this.cable.changed();
  }

  private next(step: Step, at: number): void {
    this.s.step = step;
    this.clock.schedule(this.event, at);
  }

  private endAt(at: number, outcome: number): void {
    this.s.outcome = outcome;
    this.next('end', at);
  }

  private end(error: number): void {
    const { s } = this;
    const fault = (error & FAULT) !== 0 ? STATUS.DF : 0;
    s.error = error & 0xff;
    s.status = READY | fault | (error !== 0 ? STATUS.ERR : 0);
    s.interrupt = true;
    this.idle();
  }

  /** The drive has nothing to do: without look-ahead it reads no further and keeps nothing. */
  private idle(): void {
    if (!this.s.settings.lookAhead) this.mechanics.forget(this.clock.now());
  }

  /** Stops whatever is going on. */
  private halt(): void {
    this.s.step = 'none';
    this.transfer.clear();
    this.clock.cancel(this.event);
  }

  // ---- data --------------------------------------------------------------------------------------------------------

  private pio(direction: 'in' | 'out'): boolean {
    if ((this.s.status & STATUS.DRQ) === 0) return false;
    const row = this.row();
    if (row?.kind === 'read' || row?.kind === 'write')
      return row.by !== 'dma' && (row.kind === 'read') === (direction === 'in');
    return row?.kind === 'write-buffer' ? direction === 'out' : direction === 'in';
  }

  /** DRQ: a block is in, or wanted in, the buffer. */
  private request(interrupt: boolean): void {
    this.s.status = READY | STATUS.DRQ;
    if (interrupt) this.s.interrupt = true;
  }

  /** The next block of a read is in the buffer. */
  private present(): void {
    const row = this.row();
    if (row?.kind !== 'read') {
      this.transfer.openOnly(row?.kind === 'identify' ? this.identity() : undefined);
      return this.request(true);
    }
    const { sectors, error } = this.transfer.readMedium(row.ext);
    if (sectors === 0) return this.end(error);
    this.transfer.open(sectors);
    this.request(row.by !== 'dma');
  }

  /** The host has read the block. */
  private blockRead(): void {
    if (this.transfer.more) this.readOn('present', this.mechanics.blockGap);
    else {
      this.s.status = READY;
      this.idle();
    }
    this.cable.changed();
  }

  private readOn(step: Step, gap: number): void {
    const now = this.clock.now() + gap;
    this.s.status = STATUS.BSY | READY;
    const length = this.transfer.blockLength();
    this.next(step, length > 0 ? this.mechanics.continueRead(this.transfer.lba, length, now) : now);
  }

  private verify(now: number): void {
    const row = this.row();
    const { sectors, error } = this.transfer.readMedium(row?.kind === 'verify' && row.ext);
    if (sectors === 0) this.end(error);
    else if (this.transfer.more) this.readOn('verify', 0);
    else this.endAt(now, 0);
  }

  /** The drive wants the next block of a write. */
  private accept(interrupt = false): void {
    const { transfer } = this;
    const row = this.row();
    if (row?.kind !== 'write') {
      transfer.openOnly();
      return this.request(false);
    }
    if (!transfer.onDisk) {
      transfer.placeNext(row.ext);
      return this.end(ERROR.IDNF);
    }
    transfer.open(transfer.blockLength());
    this.request(interrupt && row.by !== 'dma');
  }

  /** The host has written the block. */
  private blockWritten(now: number): void {
    const { s, transfer, mechanics } = this;
    const row = this.row();
    s.status = STATUS.BSY | READY;
    if (row?.kind !== 'write') return this.endAt(now + mechanics.blockGap, 0);
    const { lba } = transfer;
    const { sectors, error } = transfer.writeMedium(row.ext);
    if (sectors === 0) return this.endAt(now + mechanics.overheadHit, error);
    const cached = s.settings.writeCache || transfer.more;
    const gap = row.by === 'dma' && transfer.more ? 0 : mechanics.blockGap;
    this.next('wrote', mechanics.write(lba, sectors, now, cached) + gap);
  }

  /** A DMA burst's time is over: the bytes move now, or some of them if the descriptors end. */
  private burst(now: number): void {
    const { transfer } = this;
    const row = this.row();
    if (row?.kind !== 'read' && row?.kind !== 'write') return;
    const direction = row.kind === 'read' ? 'in' : 'out';
    transfer.advance(this.cable.transfer(transfer.rest(), direction));
    if (!transfer.moved) return;
    if (direction === 'out') this.blockWritten(now);
    else if (transfer.more) this.readOn('present', 0);
    else this.end(0);
  }

  private identity(): Uint8Array {
    const { sectors, options, s } = this;
    const bufferSectors = options.timing.bufferSectors.value;
    return identify({ sectors, serial: options.serial, unit: options.unit, bufferSectors, ...s.settings });
  }

  // ---- resets ------------------------------------------------------------------------------------------------------

  private reset(now: number): void {
    const { s } = this;
    if (s.settings.revert) s.settings = defaultSettings(this.sectors);
    s.settings.power = 'active';
    this.mechanics.forget(now);
    s.command = NO_COMMAND;
    this.passed();
  }

  private diagnosed(): void {
    this.passed();
    this.s.interrupt = this.s.command !== NO_COMMAND;
  }

  private passed(): void {
    this.taskFile.setSignature();
    this.s.error = PASSED;
    this.s.status = READY;
    this.s.interrupt = false;
  }
}
