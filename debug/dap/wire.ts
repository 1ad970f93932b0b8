/**
 * The base protocol of debug adapters (Debug Adapter Protocol, "Base Protocol"): JSON behind a header that gives its
 * length in bytes. What comes in may be anything: sizes are bounded, and a header that makes no sense is the end of
 * the conversation, for nobody can tell where the next one begins.
 */

/** Bytes. No request of an editor is near these. */
const MAX_MESSAGE = 16 << 20;
const MAX_HEADER = 4096;

const CR = 0x0d;
const LF = 0x0a;

/** The stream cannot be followed any further; the message says why in one line. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  private readonly onMessage: (message: unknown) => void;
  private chunks: Uint8Array[] = [];
  /** Bytes in `chunks`. */
  private held = 0;
  /** Of the message that is being received; -1 in a header. */
  private length = -1;

  /** A message whose bytes are no JSON is passed as undefined. */
  constructor(onMessage: (message: unknown) => void) {
    this.onMessage = onMessage;
  }

  /** Throws a WireError. */
  push(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    for (;;) {
      if (this.length < 0 && !this.header()) return;
      if (this.held < this.length) return;
      const bytes = this.take(this.length);
      this.length = -1;
      this.onMessage(parse(bytes));
    }
  }

  /** Takes a header off, if all of it is there. */
  private header(): boolean {
    const bytes = this.all();
    const end = endOfHeader(bytes);
    if (end < 0) {
      if (this.held > MAX_HEADER) throw new WireError(`no end of a header in ${MAX_HEADER} bytes`);
      return false;
    }
    const text = new TextDecoder('latin1').decode(this.take(end));
    const length = /^content-length:[ \t]*(\d{1,15})[ \t]*\r?$/im.exec(text)?.[1];
    if (length === undefined) throw new WireError('a header without Content-Length');
    if (Number(length) > MAX_MESSAGE) throw new WireError(`a message of ${length} bytes`);
    this.length = Number(length);
    return true;
  }

  private all(): Uint8Array {
    if (this.chunks.length !== 1) this.chunks = [joined(this.chunks, this.held)];
    return this.chunks[0];
  }

  private take(length: number): Uint8Array {
    const bytes = this.all();
    this.chunks = [bytes.subarray(length)];
    this.held -= length;
    return bytes.subarray(0, length);
  }
}

/** A message with its header. */
export function encode(message: unknown): string {
  const json = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}

/** Behind the empty line, or -1. */
function endOfHeader(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(CR); at >= 0 && at < MAX_HEADER; at = bytes.indexOf(CR, at + 1))
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
  return -1;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
