/** Packets survive any cut of the stream and any bytes; what is no packet is thrown away, and the next one found. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  escapeBinary,
  frame,
  hexOf,
  PACKET_SIZE,
  PacketReader,
  type Received,
} from '../../../debug/gdb/framing.ts';

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const read = (text: string) => new PacketReader().feed(latin1(text));

const binary = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes).toString('latin1'));

describe('a packet', () => {
  it('has the checksum that the manual says', () => {
    // Debugging with GDB, E.2, `?`: 0x3f; `OK`: 0x9a.
    expect(frame('?')).toBe('$?#3f');
    expect(frame('OK')).toBe('$OK#9a');
  });

  it('comes back as it was, cut anywhere', () => {
    fc.assert(
      fc.property(fc.array(binary, { maxLength: 5 }), fc.integer({ min: 1, max: 40 }), (texts, piece) => {
        const stream = latin1(texts.map(text => frame(escapeBinary(text))).join('+'));
        const reader = new PacketReader();
        const received: Received[] = [];
        for (let at = 0; at < stream.length; at += piece)
          received.push(...reader.feed(stream.subarray(at, at + piece)));
        expect(received.filter(r => r.kind !== 'ack')).toEqual(texts.map(text => ({ kind: 'packet', text })));
      }),
    );
  });

  it('is found behind any rubbish that is over', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), rubbish => {
        const reader = new PacketReader();
        reader.feed(rubbish);
        // Two bytes end a checksum that the rubbish may have begun.
        reader.feed(latin1('xx'));
        expect(reader.feed(latin1(frame('?'))).at(-1)).toEqual({ kind: 'packet', text: '?' });
      }),
    );
  });

  it('is damaged with another checksum, or with none', () => {
    expect(read('$?#40')).toEqual([{ kind: 'damaged' }]);
    expect(read('$?#zz')).toEqual([{ kind: 'damaged' }]);
    expect(read('$?#-1')).toEqual([{ kind: 'damaged' }]);
    expect(read('$abc$?#3f')).toEqual([{ kind: 'packet', text: '?' }]);
  });

  it('may be as long as we say, and no longer', () => {
    expect(read(frame('a'.repeat(PACKET_SIZE)))).toEqual([{ kind: 'packet', text: 'a'.repeat(PACKET_SIZE) }]);
    expect(read(frame('a'.repeat(PACKET_SIZE + 1)))).toEqual([{ kind: 'too-long' }]);
    expect(read(`${frame('a'.repeat(100 * PACKET_SIZE))}${frame('?')}`)).toEqual([
      { kind: 'too-long' },
      { kind: 'packet', text: '?' },
    ]);
  });
});

it('tells acknowledgements and Ctrl-C, but a 3 within a packet is data', () => {
  expect(read('+-\x03')).toEqual([{ kind: 'ack' }, { kind: 'nak' }, { kind: 'interrupt' }]);
  expect(read(frame('X\x03'))).toEqual([{ kind: 'packet', text: 'X\x03' }]);
});

it('turns bytes to digits and back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      expect(bytesOf(hexOf(bytes))).toEqual(bytes);
    }),
  );
  expect([bytesOf('a'), bytesOf('0g'), bytesOf('')]).toEqual([undefined, undefined, new Uint8Array(0)]);
});
