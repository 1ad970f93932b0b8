/** The base protocol: messages cut anywhere, headers of every kind, and what is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode, MessageReader, WireError } from '../../../debug/dap/wire.ts';

function read(...chunks: (string | Uint8Array)[]): unknown[] {
  const found: unknown[] = [];
  const reader = new MessageReader(message => found.push(message));
  for (const chunk of chunks) reader.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return found;
}

const frame = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('messages', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        (messages, cuts) => {
          const bytes = Buffer.from(messages.map(encode).join(''));
          const chunks: Uint8Array[] = [];
          for (let at = 0, n = 0; at < bytes.length; n++) {
            const length = cuts[n % cuts.length];
            chunks.push(bytes.subarray(at, at + length));
            at += length;
          }
          expect(read(...chunks)).toEqual(messages.map(m => JSON.parse(JSON.stringify(m))));
        },
      ),
    );
  });

  it('may have other headers, in any case, and be empty', () => {
    expect(read('Content-Type: x\r\ncontent-length:2\r\n\r\n{}')).toEqual([{}]);
    expect(read('Content-Length: 0\r\n\r\n', frame('1'))).toEqual([undefined, 1]);
  });

  it('that are no JSON do not end the stream', () => {
    expect(read(frame('{"a":'), frame('\u00fe'), frame('[1]'))).toEqual([undefined, undefined, [1]]);
  });

  it('are counted in bytes', () => {
    expect(read(encode({ a: 'äöü\u{1f600}' }), encode(2))).toEqual([{ a: 'äöü\u{1f600}' }, 2]);
  });
});

describe('a stream that cannot be followed', () => {
  it.each([
    ['a header without a length', 'Content-Type: x\r\n\r\n'],
    ['an empty header', '\r\n\r\n{}'],
    ['a length that is none', 'Content-Length: -1\r\n\r\n'],
    ['a length in hexadecimal', 'Content-Length: 0x10\r\n\r\n'],
    ['a huge message', 'Content-Length: 99999999999\r\n\r\n'],
    ['a header without an end', 'x'.repeat(5000)],
    ['lines without an end', 'x\r\n'.repeat(2000)],
  ])('%s', (_what, text) => {
    expect(() => read(text)).toThrow(WireError);
    // The same byte by byte.
    expect(() => read(...[...text].map(c => c))).toThrow(WireError);
  });

  it('is whatever it is: rubbish throws that or says nothing, and is not kept', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 }), chunks => {
        try {
          read(...chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
