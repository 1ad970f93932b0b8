/**
 * One client's connection: bytes in, bytes out. It cuts packets, acknowledges them, and answers one after another;
 * Ctrl-C alone is heard while the guest runs. Whatever comes, what waits is bounded, and an error is an answer.
 */
import { Buffer } from 'node:buffer';
import { frame, PacketReader, type Received } from './framing.ts';
import { answer } from './packets.ts';
import { removeAll } from './points.ts';
import { type Served, Stub } from './stub.ts';

/** How a connection ended: gdb left, wants the guest to go too, or sends more than anyone answers. */
export type End = 'detached' | 'killed' | 'flooded';

/** Packets that may wait for an answer; gdb sends one at a time. */
const MAX_WAITING = 64;

export class Session {
  private readonly stub: Stub;
  private readonly write: (bytes: Uint8Array) => void;
  private readonly onEnd: (how: End) => void;
  private readonly reader = new PacketReader();
  private readonly waiting: string[] = [];
  private working: Promise<void> | undefined;
  private sent = '';
  private closed = false;

  /** `write` sends bytes to the client; `onEnd` is called once, if the session ends itself. */
  constructor(served: Served, write: (bytes: Uint8Array) => void, onEnd: (how: End) => void) {
    this.write = write;
    this.onEnd = onEnd;
    this.stub = new Stub(served, packet => this.send(packet));
  }

  receive(bytes: Uint8Array): void {
    for (const received of this.reader.feed(bytes)) {
      if (this.closed) return;
      this.take(received);
    }
  }

  /** The client is gone. Resolves when the guest stands and what the client inserted is removed. */
  async close(): Promise<void> {
    this.closed = true;
    this.waiting.length = 0;
    if (this.working) this.stub.served.interrupt.wanted = true;
    await this.working;
    this.stub.served.interrupt.wanted = false;
    removeAll(this.stub);
  }

  private take(received: Received): void {
    switch (received.kind) {
      case 'packet':
        this.acknowledge('+');
        return this.enqueue(received.text);
      case 'too-long':
        this.acknowledge('+');
        return this.send('E.packet too long');
      case 'damaged':
        return this.acknowledge('-');
      case 'nak':
        return this.transmit(this.sent);
      case 'interrupt':
        if (this.working) this.stub.served.interrupt.wanted = true;
        return;
      case 'ack':
    }
  }

  private enqueue(packet: string): void {
    if (this.waiting.length >= MAX_WAITING) return this.end('flooded');
    this.waiting.push(packet);
    this.working ??= this.work();
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0 && !this.closed) {
      const text = await this.answerTo(this.waiting.shift() ?? '');
      if (text !== undefined) this.send(text);
      if (this.stub.ending) this.end(this.stub.ending);
    }
    this.working = undefined;
    this.stub.served.interrupt.wanted = false;
  }

  /** Packets come from outside: nothing that they cause may end the host. */
  private async answerTo(packet: string): Promise<string | undefined> {
    try {
      return await answer(this.stub, packet);
    } catch (error) {
      return errorText(error);
    }
  }

  private end(how: End): void {
    if (this.closed) return;
    this.closed = true;
    this.onEnd(how);
  }

  private acknowledge(sign: '+' | '-'): void {
    if (this.stub.acknowledges) this.transmit(sign);
  }

  private send(packet: string): void {
    this.sent = frame(packet);
    this.transmit(this.sent);
  }

  private transmit(text: string): void {
    if (text !== '' && !this.closed) this.write(Buffer.from(text, 'latin1'));
  }
}

/** One line, without the characters that frame packets. */
function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `E.${text.replace(/[^\x20-\x7e]|[#$}*]/g, '?').slice(0, 200)}`;
}
