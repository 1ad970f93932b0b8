/**
 * A standard PS/2 mouse with three buttons and no wheel (identity 0).
 *
 * IBM PS/2 Hardware Interface Technical Reference, "Mouse". It moves when the host moves it. In stream mode a packet
 * goes out no more often than the sampling rate says. Left out: extensions by makers (wheels).
 */

import type { Clock } from '../clock.ts';
import { ACK, Ps2Device, type Ps2DeviceState, RESEND, TEST_PASSED } from './ps2-device.ts';

const SCALING_1_1 = 0xe6;
const SCALING_2_1 = 0xe7;
const RESOLUTION = 0xe8;
const STATUS_REQUEST = 0xe9;
const STREAM_MODE = 0xea;
const READ_DATA = 0xeb;
const RESET_WRAP = 0xec;
const WRAP_MODE = 0xee;
const REMOTE_MODE = 0xf0;
const IDENTIFY = 0xf2;
const SAMPLING_RATE = 0xf3;
const ENABLE = 0xf4;
const DISABLE = 0xf5;
const DEFAULTS = 0xf6;
const RESET = 0xff;

/** Status byte. */
const STATUS_REMOTE = 1 << 6;
const STATUS_ENABLED = 1 << 5;
const STATUS_SCALING = 1 << 4;
/** First byte of a packet: buttons in bits 0 to 2. */
const PACKET_ONE = 1 << 3;
const PACKET_X_SIGN = 1 << 4;
const PACKET_Y_SIGN = 1 << 5;
const PACKET_X_OVERFLOW = 1 << 6;
const PACKET_Y_OVERFLOW = 1 << 7;

const RATES = [10, 20, 40, 60, 80, 100, 200];
const DEFAULT_RATE = 100;
const DEFAULT_RESOLUTION = 2; // 4 counts a millimetre
const MOST_RESOLUTION = 3;
const LARGEST = 255;
/** What 2:1 scaling makes of small counts in stream mode; larger ones double. */
const SCALED = [0, 1, 1, 3, 6, 9];
const ID = 0x00;

export interface MouseState {
  device: Ps2DeviceState;
  remote: boolean;
  wrap: boolean;
  enabled: boolean;
  doubled: boolean;
  resolution: number;
  rate: number;
  dx: number;
  dy: number;
  buttons: number;
  moved: boolean;
}

function defaults(): Omit<MouseState, 'device'> {
  return {
    remote: false,
    wrap: false,
    enabled: false,
    doubled: false,
    resolution: DEFAULT_RESOLUTION,
    rate: DEFAULT_RATE,
    dx: 0,
    dy: 0,
    buttons: 0,
    moved: false,
  };
}

export class Ps2Mouse extends Ps2Device {
  private readonly event: number;
  private s = defaults();

  constructor(clock: Clock) {
    super(clock);
    this.event = clock.register('mouse sample', () => this.sample());
  }

  /** Moves by counts, up and right being positive; `buttons`: left is bit 0, right 1, middle 2. */
  move(dx: number, dy: number, buttons: number): void {
    const { s } = this;
    s.dx += Math.trunc(dx);
    s.dy += Math.trunc(dy);
    s.buttons = buttons & 7;
    s.moved = true;
    if (this.clock.deadline(this.event) === Number.POSITIVE_INFINITY) this.sample();
  }

  save(): MouseState {
    return { device: this.saveDevice(), ...this.s };
  }

  load(state: MouseState): void {
    const { device, ...rest } = state;
    this.loadDevice(device);
    this.s = rest;
  }

  protected setDefaults(): void {
    const { buttons } = this.s;
    this.s = { ...defaults(), buttons };
  }

  protected testResult(): readonly number[] {
    return [TEST_PASSED, ID];
  }

  protected override echoes(byte: number): boolean {
    return this.s.wrap && byte !== RESET && byte !== RESET_WRAP;
  }

  protected command(byte: number): void {
    const { s } = this;
    switch (byte) {
      case RESOLUTION:
      case SAMPLING_RATE:
        return this.expect(byte);
      case STATUS_REQUEST:
        return this.reply(ACK, this.status(), s.resolution, s.rate);
      case READ_DATA:
        return this.reply(ACK, ...this.packet(false));
      case IDENTIFY:
        return this.reply(ACK, ID);
      case SCALING_1_1:
      case SCALING_2_1:
        s.doubled = byte === SCALING_2_1;
        break;
      case STREAM_MODE:
      case REMOTE_MODE:
        s.remote = byte === REMOTE_MODE;
        break;
      case RESET_WRAP:
      case WRAP_MODE:
        s.wrap = byte === WRAP_MODE;
        break;
      case ENABLE:
      case DISABLE:
        s.enabled = byte === ENABLE;
        break;
      case DEFAULTS:
        this.setDefaults();
        break;
      default:
        return this.reply(RESEND);
    }
    s.dx = s.dy = 0;
    s.moved = false;
    this.reply(ACK);
  }

  protected argument(command: number, byte: number): boolean {
    const { s } = this;
    if (command === RESOLUTION && byte <= MOST_RESOLUTION) s.resolution = byte;
    else if (command === SAMPLING_RATE && RATES.includes(byte)) s.rate = byte;
    else {
      this.reply(RESEND);
      return true;
    }
    this.reply(ACK);
    return true;
  }

  private status(): number {
    const { s } = this;
    const left = s.buttons & 1 ? 4 : 0;
    const right = s.buttons & 2 ? 1 : 0;
    const middle = s.buttons & 4 ? 2 : 0;
    return (
      left |
      middle |
      right |
      (s.remote ? STATUS_REMOTE : 0) |
      (s.enabled ? STATUS_ENABLED : 0) |
      (s.doubled ? STATUS_SCALING : 0)
    );
  }

  /** The movement since the last packet in three bytes; what does not fit is lost, and the overflow bits say so. */
  private packet(scaled: boolean): number[] {
    const { s } = this;
    const x = this.scale(s.dx, scaled);
    const y = this.scale(s.dy, scaled);
    const clip = (v: number) => Math.max(-LARGEST - 1, Math.min(LARGEST, v));
    const first =
      PACKET_ONE |
      s.buttons |
      (x < 0 ? PACKET_X_SIGN : 0) |
      (y < 0 ? PACKET_Y_SIGN : 0) |
      (x !== clip(x) ? PACKET_X_OVERFLOW : 0) |
      (y !== clip(y) ? PACKET_Y_OVERFLOW : 0);
    s.dx = s.dy = 0;
    s.moved = false;
    return [first, clip(x) & 0xff, clip(y) & 0xff];
  }

  private scale(v: number, scaled: boolean): number {
    if (!scaled || !this.s.doubled) return v;
    const size = Math.abs(v);
    return Math.sign(v) * (SCALED[size] ?? 2 * size);
  }

  /** Sends what has moved, if the last packet is out; looks again after one period of the sampling rate. */
  private sample(): void {
    const { s } = this;
    if (!s.moved || s.remote || s.wrap || !s.enabled) return;
    this.clock.schedule(this.event, this.clock.now() + this.clock.ticksOf(1 / s.rate));
    if (this.pending === 0) this.emit(this.packet(true));
  }
}
