/**
 * An MF2 keyboard of 104 keys with scan code sets 1, 2 and 3.
 *
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-key)". The host presses keys by name:
 * strokes wait in a list and are made one by one, so that typing a line does not overrun the sixteen bytes that a
 * keyboard can hold. The key that was pressed last repeats while it is held (typematic). Left out: the commands that set
 * keys of set 3 to make-only or typematic, which are acknowledged.
 */

import type { Clock } from '../clock.ts';
import { ACK, Ps2Device, type Ps2DeviceState, RESEND, TEST_PASSED } from './ps2-device.ts';
import { isKey, keyBytes, keysOf } from './ps2-keys.ts';

const SET_LEDS = 0xed;
const ECHO = 0xee;
const SCAN_CODE_SET = 0xf0;
const IDENTIFY = 0xf2;
const SET_TYPEMATIC = 0xf3;
const ENABLE = 0xf4;
const DEFAULTS_DISABLE = 0xf5;
const DEFAULTS = 0xf6;
const FIRST_ALL_KEYS = 0xf7; // set all keys: typematic, make/break, make, all three
const LAST_ALL_KEYS = 0xfa;
const FIRST_KEY_TYPE = 0xfb; // set key type: a list of codes follows
const LAST_KEY_TYPE = 0xfd;
/** Lowest byte that is a command and no argument. */
const FIRST_COMMAND = 0xed;
const ID = [0xab, 0x83];

const CAPACITY = 16;
/** Sent in place of the code that found no room: 0xFF in set 1. */
const OVERRUN = 0x00;
const OVERRUN_SET_1 = 0xff;
/** Delay in bits 5 and 6, rate in bits 0 to 4. */
const DEFAULT_TYPEMATIC = 0x2b; // 10.9 a second after half a second
const DELAY_STEP = 250e-3;
const PERIOD_STEP = 1 / 240;
const NEVER_REPEATS = 'pause';
/** Seconds from one stroke of the host's list to the next. */
const STROKE = 10e-3;

interface Stroke {
  key: string;
  pressed: boolean;
  /** Not before this tick. */
  at: number;
}

export interface KeyboardState {
  device: Ps2DeviceState;
  set: number;
  scanning: boolean;
  leds: number;
  typematic: number;
  strokes: Stroke[];
  /** The key that repeats, or ''. */
  held: string;
}

export class Ps2Keyboard extends Ps2Device {
  private readonly event: number;
  private readonly repeatEvent: number;
  private set = 2;
  private scanning = true;
  private ledBits = 0;
  private typematic = DEFAULT_TYPEMATIC;
  private strokes: Stroke[] = [];
  private held = '';

  constructor(clock: Clock) {
    super(clock);
    this.event = clock.register('keyboard stroke', () => this.stroke());
    this.repeatEvent = clock.register('keyboard repeat', () => this.repeat());
  }

  /** Scroll Lock (bit 0), Num Lock (1) and Caps Lock (2). */
  get leds(): number {
    return this.ledBits;
  }

  /**
   * Presses and releases keys, from tick `at` on or when the strokes before have been made. Each of `chords` is keys
   * joined by `+` that are pressed in turn and released backwards (`ctrl+alt+delete`; the key + is `shift+=`).
   * Throws a RangeError for an unknown key.
   */
  pressKeys(chords: readonly string[], at = this.clock.now()): void {
    const moves: [string, boolean][] = [];
    for (const chord of chords) {
      const keys = chord.split('+');
      for (const key of keys) moves.push([key, true]);
      for (const key of keys.reverse()) moves.push([key, false]);
    }
    this.queueStrokes(moves, at);
  }

  /** Presses a key, which then repeats until another is pressed or it is released. */
  holdKey(key: string, at = this.clock.now()): void {
    this.queueStrokes([[key, true]], at);
  }

  releaseKey(key: string, at = this.clock.now()): void {
    this.queueStrokes([[key, false]], at);
  }

  /** Types characters on a US keyboard. Throws a RangeError for a character that it has not. */
  typeText(text: string, at = this.clock.now()): void {
    const chords = Array.from(text, character => {
      const keys = keysOf(character);
      if (keys.length === 0) throw new RangeError(`no key for ${JSON.stringify(character)}`);
      return keys.join('+');
    });
    this.pressKeys(chords, at);
  }

  /** Sends bytes as they are, as if keys had made them; what finds no room is lost, as on the real one. */
  injectScancodes(bytes: readonly number[]): void {
    if (!this.scanning) return;
    const room = CAPACITY - this.pending;
    if (bytes.length <= room) this.emit(bytes);
    else if (room > 0) this.emit([...bytes.slice(0, room - 1), this.set === 1 ? OVERRUN_SET_1 : OVERRUN]);
  }

  save(): KeyboardState {
    const { set, scanning, typematic } = this;
    const strokes = this.strokes.map(s => ({ ...s }));
    return {
      device: this.saveDevice(),
      set,
      scanning,
      leds: this.ledBits,
      typematic,
      strokes,
      held: this.held,
    };
  }

  load(state: KeyboardState): void {
    this.loadDevice(state.device);
    this.set = state.set;
    this.scanning = state.scanning;
    this.ledBits = state.leds;
    this.typematic = state.typematic;
    this.strokes = state.strokes.map(s => ({ ...s }));
    this.held = state.held;
  }

  protected setDefaults(): void {
    this.set = 2;
    this.scanning = true;
    this.ledBits = 0;
    this.typematic = DEFAULT_TYPEMATIC;
    this.held = '';
  }

  protected testResult(): readonly number[] {
    return [TEST_PASSED];
  }

  protected command(byte: number): void {
    switch (byte) {
      case ECHO:
        return this.reply(ECHO);
      case SET_LEDS:
      case SCAN_CODE_SET:
      case SET_TYPEMATIC:
        return this.expect(byte);
      case IDENTIFY:
        return this.reply(ACK, ...ID);
      case ENABLE:
        this.scanning = true;
        return this.reply(ACK);
      case DEFAULTS:
      case DEFAULTS_DISABLE:
        this.defaults(byte === DEFAULTS);
        return this.reply(ACK);
    }
    if (byte >= FIRST_KEY_TYPE && byte <= LAST_KEY_TYPE) this.expect(byte);
    else this.reply(byte >= FIRST_ALL_KEYS && byte <= LAST_ALL_KEYS ? ACK : RESEND);
  }

  protected argument(command: number, byte: number): boolean {
    if (byte >= FIRST_COMMAND) return false;
    if (command === SET_LEDS) this.ledBits = byte & 7;
    else if (command === SET_TYPEMATIC) this.typematic = byte & 0x7f;
    else if (command === SCAN_CODE_SET) return this.selectSet(byte);
    else {
      this.expect(command); // the list of keys ends with the next command
      return true;
    }
    this.reply(ACK);
    return true;
  }

  private selectSet(set: number): boolean {
    if (set === 0) this.reply(ACK, this.set);
    else if (set > 3) this.reply(RESEND);
    else {
      this.set = set;
      this.reply(ACK);
    }
    return true;
  }

  /** The scan code set, too, goes back to 2; the lights stay. */
  private defaults(scanning: boolean): void {
    const { ledBits } = this;
    this.setDefaults();
    this.ledBits = ledBits;
    this.scanning = scanning;
  }

  /** Makes the next stroke, if its bytes find room; else looks again later. */
  private stroke(): void {
    const next = this.strokes[0];
    if (!next) return;
    const bytes = keyBytes(next.key, this.set, next.pressed);
    if (!this.scanning || this.pending + bytes.length <= CAPACITY) {
      this.strokes.shift();
      this.injectScancodes(bytes);
      this.follow(next);
    }
    this.scheduleStroke(this.clock.now() + this.clock.ticksOf(STROKE));
  }

  /** The key pressed last begins to repeat after the delay, or stops. */
  private follow(stroke: Stroke): void {
    const { key, pressed } = stroke;
    if (pressed) {
      this.held = key === NEVER_REPEATS ? '' : key;
      this.scheduleRepeat(((this.typematic >> 5) + 1) * DELAY_STEP);
    } else if (key === this.held) this.held = '';
  }

  /** Sends the held key's make code once more, if it finds room. */
  private repeat(): void {
    if (this.held === '') return;
    const bytes = keyBytes(this.held, this.set, true);
    if (this.pending + bytes.length <= CAPACITY) this.injectScancodes(bytes);
    const rate = this.typematic & 0x1f;
    this.scheduleRepeat((8 + (rate & 7)) * (1 << (rate >> 3)) * PERIOD_STEP);
  }

  private scheduleRepeat(seconds: number): void {
    this.clock.schedule(this.repeatEvent, this.clock.now() + this.clock.ticksOf(seconds));
  }

  private queueStrokes(moves: readonly [key: string, pressed: boolean][], at: number): void {
    const unknown = moves.find(([key]) => !isKey(key));
    if (unknown) throw new RangeError(`no key ${JSON.stringify(unknown[0])}`);
    for (const [key, pressed] of moves) this.strokes.push({ key, pressed, at });
    this.scheduleStroke(this.clock.now());
  }

  private scheduleStroke(earliest: number): void {
    if (this.strokes.length === 0) return;
    if (this.clock.deadline(this.event) !== Number.POSITIVE_INFINITY) return;
    this.clock.schedule(this.event, Math.max(earliest, this.strokes[0].at));
  }
}
