/**
 * Packets of gdb's remote protocol as bytes: `$`, the text, `#`, a checksum of two digits; `+` and `-` answer them, the
 * byte 3 is Ctrl-C (Debugging with GDB, appendix E.1). Text is kept as a string of which each character is a byte.
 *
 * Left out: run-length encoding of answers, which a loopback does not need, and notifications (`%`), which all-stop
 * mode does not have.
 */
import { Buffer } from 'node:buffer';

/** Bytes of a packet between `$` and `#` that we take, and send at most. */
export const PACKET_SIZE = 0x4000;

export type Received =
  | { kind: 'packet'; text: string }
  /** The checksum is wrong, or no number. */
  | { kind: 'damaged' }
  /** A packet of more than PACKET_SIZE bytes, thrown away. */
  | { kind: 'too-long' }
  | { kind: 'ack' }
  | { kind: 'nak' }
  /** Ctrl-C. */
  | { kind: 'interrupt' };

const [DOLLAR, HASH, ESCAPE, PLUS, MINUS, CTRL_C] = [0x24, 0x23, 0x7d, 0x2b, 0x2d, 3];
/** What an escaped byte is XORed with. */
const ESCAPED = 0x20;
const SPECIAL = /[#$}*]/g;

/** The bytes of a packet. `text` must have gone through `escapeBinary` where it may hold `#`, `$`, `}` or `*`. */
export function frame(text: string): string {
  let sum = 0;
  for (let n = 0; n < text.length; n++) sum += text.charCodeAt(n);
  return `$${text}#${(sum & 0xff).toString(16).padStart(2, '0')}`;
}

/** Binary data as a packet may carry it. */
export function escapeBinary(data: string): string {
  return data.replace(SPECIAL, c => `}${String.fromCharCode(c.charCodeAt(0) ^ ESCAPED)}`);
}

/** Hexadecimal digits of bytes, and of a text in UTF-8. */
export function hexOf(data: Uint8Array | string): string {
  return Buffer.from(data as string).toString('hex');
}

/** The bytes that digits stand for; undefined if they are no bytes. */
export function bytesOf(hex: string): Uint8Array | undefined {
  return hex.length % 2 === 0 && /^[0-9a-f]*$/i.test(hex)
    ? new Uint8Array(Buffer.from(hex, 'hex'))
    : undefined;
}

/** Cuts what comes in, in pieces of any size, into packets. Holds PACKET_SIZE bytes at most. */
export class PacketReader {
  private state: 'between' | 'text' | 'sum' = 'between';
  private text: number[] = [];
  private length = 0;
  private escaped = false;
  private sum = 0;
  private digits = '';

  feed(bytes: Uint8Array): Received[] {
    const received: Received[] = [];
    for (const byte of bytes) {
      const one = this.take(byte);
      if (one) received.push(one);
    }
    return received;
  }

  private take(byte: number): Received | undefined {
    if (this.state === 'between') return this.between(byte);
    if (this.state === 'sum') return this.checksum(byte);
    // A `$` can only be the next packet: the end of this one got lost.
    if (byte === DOLLAR) this.begin();
    else if (byte === HASH) this.state = 'sum';
    else this.add(byte);
    return undefined;
  }

  private between(byte: number): Received | undefined {
    if (byte === PLUS) return { kind: 'ack' };
    if (byte === MINUS) return { kind: 'nak' };
    if (byte === CTRL_C) return { kind: 'interrupt' };
    if (byte === DOLLAR) this.begin();
    return undefined;
  }

  private begin(): void {
    this.state = 'text';
    this.text = [];
    this.length = this.sum = 0;
    this.escaped = false;
    this.digits = '';
  }

  private add(byte: number): void {
    this.sum = (this.sum + byte) & 0xff;
    if (++this.length > PACKET_SIZE) this.text = [];
    else if (this.escaped) this.text.push(byte ^ ESCAPED);
    else if (byte !== ESCAPE) this.text.push(byte);
    this.escaped = byte === ESCAPE && !this.escaped;
  }

  private checksum(byte: number): Received | undefined {
    this.digits += String.fromCharCode(byte);
    if (this.digits.length < 2) return undefined;
    this.state = 'between';
    const right = /^[0-9a-f]{2}$/i.test(this.digits) && Number.parseInt(this.digits, 16) === this.sum;
    if (!right) return { kind: 'damaged' };
    if (this.length > PACKET_SIZE) return { kind: 'too-long' };
    return { kind: 'packet', text: Buffer.from(this.text).toString('latin1') };
  }
}
