/**
 * The 82540EM's serial EEPROM: 64 words of 16 bits (a 93C46 Microwire part), reached by bit-banging EECD (manual
 * 5.4 and 13.4.3) or word by word through EERD (13.4.4).
 *
 * Microwire: with CS high, DI is sampled on each rising SK. A command is a start bit 1, two bits of opcode and six
 * of address. READ answers on DO with a dummy 0, then 16 data bits, most significant first, and goes on with the
 * next word. Writing needs EWEN first; programming starts when CS falls, and DO shows busy (0) or ready (1) when CS
 * is raised again. Software must hold the grant (EECD.REQ, then GNT) for the pins to do anything.
 *
 * Left out: the 256-word part, the flash behind FWE, protection registers.
 */

import type { Clock } from '../../clock.ts';
import { REG, type RegisterFile, type RegisterRow } from './registers.ts';

export const EEPROM_WORDS = 64;

const EECD_SK = 1 << 0;
const EECD_CS = 1 << 1;
const EECD_DI = 1 << 2;
const EECD_DO = 1 << 3;
const EECD_REQ = 1 << 6;
const EECD_GNT = 1 << 7;
const EECD_PRES = 1 << 8;
const EECD_WRITABLE = EECD_SK | EECD_CS | EECD_DI | 0x30 | EECD_REQ;
const EERD_START = 1 << 0;
const EERD_DONE = 1 << 4;

const ADDRESS_BITS = 6;
const COMMAND_BITS = 2 + ADDRESS_BITS;
const OP_READ = 2;
const OP_WRITE = 1;
const OP_ERASE = 3;

/** One EERD read: start, opcode, address and data at the part's 1 MHz serial clock. */
const EERD_SECONDS = 26e-6;
/** Self-timed programming of a word, typical for the part. */
const PROGRAM_SECONDS = 5e-3;

/** Words 00h to 3Fh as an Intel desktop adapter has them (manual 5.6), with a checksum that makes them BABAh. */
export function eepromImage(mac: Uint8Array): Uint16Array {
  const words = new Uint16Array(EEPROM_WORDS).fill(0xffff);
  for (let i = 0; i < 3; i++) words[i] = mac[2 * i] | (mac[2 * i + 1] << 8);
  words[0x03] = 0x0000; // compatibility: copper, no legacy
  words[0x08] = 0xa78c; // printed board assembly number, two words
  words[0x09] = 0x8001;
  words[0x0a] = 0x640b; // initialization control 1: load vendor and subsystem identities, full duplex
  words[0x0b] = 0x001e; // subsystem identity: PRO/1000 MT desktop adapter
  words[0x0c] = 0x8086; // subsystem vendor
  words[0x0d] = 0x100e; // device
  words[0x0e] = 0x8086; // vendor
  words[0x0f] = 0x3040; // initialization control 2
  words[0x10] = 0x0008;
  words[0x2f] = 0x0602; // LED defaults, low word of LEDCTL's kind
  let sum = 0;
  for (let i = 0; i < EEPROM_WORDS - 1; i++) sum += words[i];
  words[EEPROM_WORDS - 1] = 0xbaba - sum;
  return words;
}

/** Where the serial conversation stands. */
interface Serial {
  phase: 'idle' | 'command' | 'reading' | 'writing' | 'done';
  /** Bits shifted in since the start bit, or data bits shifted in or out. */
  bits: number;
  shift: number;
  opcode: number;
  address: number;
  dataOut: boolean;
  writeEnabled: boolean;
  /** Tick at which the last programming ends. */
  readyAt: number;
}

const idle = (): Serial => ({
  phase: 'idle',
  bits: 0,
  shift: 0,
  opcode: 0,
  address: 0,
  dataOut: true,
  writeEnabled: false,
  readyAt: 0,
});

export class Eeprom {
  private readonly words: Uint16Array;
  private readonly clock: Clock;
  private readonly registers: RegisterFile;
  private serial = idle();
  private eerdDoneAt = 0;

  constructor(clock: Clock, registers: RegisterFile, mac: Uint8Array) {
    this.clock = clock;
    this.registers = registers;
    this.words = eepromImage(mac);
  }

  rows(): RegisterRow[] {
    return [
      {
        at: REG.EECD,
        name: 'EECD',
        reset: EECD_PRES | EECD_DO | 0x10,
        read: () => this.readEecd(),
        put: value => this.writeEecd(value),
      },
      { at: REG.EERD, name: 'EERD', read: () => this.readEerd(), put: value => this.writeEerd(value) },
    ];
  }

  /** Word `address` as the device itself reads it after a reset. */
  word(address: number): number {
    return this.words[address & (EEPROM_WORDS - 1)];
  }

  /** A MAC reset lets go of the pins; what is programmed stays. */
  reset(): void {
    this.deselect();
  }

  save(): unknown {
    return { words: [...this.words], serial: { ...this.serial }, eerdDoneAt: this.eerdDoneAt };
  }

  load(state: unknown): void {
    const saved = state as { words: number[]; serial: Serial; eerdDoneAt: number };
    this.words.set(saved.words);
    this.serial = { ...saved.serial };
    this.eerdDoneAt = saved.eerdDoneAt;
  }

  private readEerd(): number {
    const value = this.registers.get(REG.EERD);
    return value & EERD_START && this.clock.now() >= this.eerdDoneAt ? value | EERD_DONE : value & 0xffff;
  }

  private writeEerd(value: number): void {
    const address = (value >>> 8) & 0xff;
    const data = address < EEPROM_WORDS ? this.words[address] : 0xffff;
    const start = value & EERD_START;
    this.registers.set(REG.EERD, (start ? data << 16 : 0) | (address << 8) | start);
    if (start) this.eerdDoneAt = this.clock.now() + this.clock.ticksOf(EERD_SECONDS);
  }

  private readEecd(): number {
    const pins = this.registers.get(REG.EECD) & EECD_WRITABLE;
    const grant = pins & EECD_REQ ? EECD_GNT : 0;
    return pins | grant | EECD_PRES | (this.dataOut() ? EECD_DO : 0);
  }

  private dataOut(): boolean {
    if (this.serial.phase === 'idle') return this.clock.now() >= this.serial.readyAt;
    return this.serial.dataOut;
  }

  private writeEecd(value: number): void {
    const before = this.registers.get(REG.EECD);
    this.registers.set(REG.EECD, value & EECD_WRITABLE);
    if (!(value & EECD_REQ) || !(value & EECD_CS)) this.deselect();
    else if (value & EECD_SK && !(before & EECD_SK)) this.clockIn(value & EECD_DI ? 1 : 0);
  }

  private deselect(): void {
    const s = this.serial;
    if (s.phase === 'done') this.program();
    this.serial = { ...idle(), writeEnabled: s.writeEnabled, readyAt: this.serial.readyAt };
  }

  private clockIn(bit: number): void {
    const s = this.serial;
    if (s.phase === 'idle') {
      if (bit && this.clock.now() >= s.readyAt) this.serial = { ...s, phase: 'command', bits: 0, shift: 0 };
    } else if (s.phase === 'command') {
      s.shift = (s.shift << 1) | bit;
      if (++s.bits === COMMAND_BITS) this.command();
    } else if (s.phase === 'reading') {
      s.dataOut = ((this.words[s.address] >> (15 - s.bits)) & 1) === 1;
      if (++s.bits === 16) {
        s.bits = 0;
        s.address = (s.address + 1) % EEPROM_WORDS;
      }
    } else if (s.phase === 'writing') {
      s.shift = (s.shift << 1) | bit;
      if (++s.bits === 16) s.phase = 'done';
    }
  }

  /** All of opcode and address is in. */
  private command(): void {
    const s = this.serial;
    s.opcode = s.shift >> ADDRESS_BITS;
    s.address = s.shift & (EEPROM_WORDS - 1);
    s.bits = 0;
    s.shift = 0;
    s.dataOut = s.opcode !== OP_READ;
    if (s.opcode === OP_READ) s.phase = 'reading';
    else if (s.opcode === OP_WRITE) s.phase = 'writing';
    else if (s.opcode === OP_ERASE) s.phase = 'done';
    else this.extendedCommand(s.address >> 4);
  }

  /** Opcode 00: the two high bits of the address choose EWDS, WRAL, ERAL or EWEN. */
  private extendedCommand(kind: number): void {
    const s = this.serial;
    s.phase = kind === 1 ? 'writing' : 'done';
    if (kind === 0) s.writeEnabled = false;
    if (kind === 3) s.writeEnabled = true;
  }

  /** CS fell after a complete erase or write command. */
  private program(): void {
    const s = this.serial;
    if (!s.writeEnabled) return;
    const all = s.opcode === 0;
    const kind = s.address >> 4;
    if (all && (kind === 0 || kind === 3)) return;
    const value = s.opcode === OP_ERASE || (all && kind === 2) ? 0xffff : s.shift & 0xffff;
    if (all) this.words.fill(value);
    else this.words[s.address] = value;
    s.readyAt = this.clock.now() + this.clock.ticksOf(PROGRAM_SECONDS);
  }
}
