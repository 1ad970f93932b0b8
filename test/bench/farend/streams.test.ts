import { describe, expect, it } from 'vitest';
import { Echo } from '../../../bench/farend/echo.ts';
import { Damager, Dropper, insert } from '../../../bench/farend/faults.ts';
import { buildMessage, MESSAGE_BYTES } from '../../../bench/farend/message.ts';
import { Sink } from '../../../bench/farend/sink.ts';
import { Source, type SourceOptions } from '../../../bench/farend/source.ts';
import type { Received } from '../../../bench/farend/station.ts';
import { Pair, TICKS } from './rig.ts';

const TO_NEAR = { to: '10.0.0.1', port: 9, seed: 1 };

/** A stream from far to near, let run until it is over. */
function stream(options: Partial<SourceOptions>, prepare = (_: Pair) => {}) {
  const pair = new Pair();
  prepare(pair);
  const sink = new Sink(pair.near, 9);
  const source = new Source(pair.far, { ...TO_NEAR, pace: 'wire', count: 20, ...options });
  source.start();
  for (let i = 0; i < 1000 && !(source.finished() && pair.far.waiting() === 0); i++) pair.run(1e-3);
  pair.run(1e-3);
  return { pair, sink, source, report: sink.report() };
}

const isFragment = (frame: Uint8Array) => frame[12] === 8 && frame[13] === 0;

describe('a stream', () => {
  it('arrives whole and verified after ARP', () => {
    const { report, pair } = stream({});
    expect(report).toMatchObject({
      messages: 20,
      bytes: 20 * MESSAGE_BYTES,
      lost: 0,
      damaged: 0,
      reordered: 0,
    });
    expect(pair.far.counts.framesSent).toBe(1 + 20 * 23);
    expect(pair.near.counts.ignored).toBe(0);
  });

  it('goes at line rate with pace wire', () => {
    const { report } = stream({ count: 100 });
    // 22 frames of 1514 bytes and one of 250, each with 24 byte times around it
    const bits = 99 * (22 * 1538 + 274) * 8;
    expect(Math.abs(report.lastAt! - report.firstAt! - bits * 6.8)).toBeLessThanOrEqual(1);
  });

  it('keeps a pace in payload bits a second, exactly', () => {
    const { report } = stream({ pace: { bitsPerSecond: 262_144_000 }, count: 51 });
    expect(report.lastAt! - report.firstAt!).toBe(50 * (TICKS / 1000));
  });

  it('keeps a pace in frames a second', () => {
    const { report } = stream({ pace: { packetsPerSecond: 23_000 }, count: 51 });
    expect(report.lastAt! - report.firstAt!).toBe(50 * (TICKS / 1000));
  });

  it('spreads the fragments evenly when asked', () => {
    const at: number[] = [];
    stream({ pace: { packetsPerSecond: 23_000 }, count: 3, spacing: 'even' }, pair =>
      pair.wire.tap((from, frame, lastBitAt) => {
        if (from === 1 && isFragment(frame) && frame.length === 1514) at.push(lastBitAt);
      }),
    );
    expect(at.length).toBe(66);
    for (let i = 1; i < 22; i++) expect(Math.abs(at[i] - at[i - 1] - TICKS / 23_000)).toBeLessThanOrEqual(1);
  });

  it('shows a lost frame as one lost message', () => {
    const { report, pair } = stream({}, pair => {
      insert(pair.wire, 0, end => new Dropper(end, { everyNth: 115, only: isFragment }));
    });
    // frames 115, 230, 345 and 460 of 460 belong to messages 4, 9, 14 and 19; a lost last message is no gap
    expect(report).toMatchObject({ messages: 16, lost: 3, damaged: 0 });
    expect(pair.near.incomplete()).toBe(0);
  });

  it('shows damage that the FCS does not, and not damage that it does', () => {
    const damage = (fcs: 'good' | 'bad') =>
      stream({}, pair => {
        insert(pair.wire, 0, end => new Damager(end, { everyNth: 50, only: isFragment }, fcs));
      });
    // 50, 100, ... 450: nine frames in nine messages, one of them the last
    expect(damage('good').report).toMatchObject({ messages: 11, damaged: 9, lost: 0 });
    const seen = damage('bad');
    expect(seen.report).toMatchObject({ messages: 11, lost: 8, damaged: 0 });
    expect(seen.pair.near.counts.badFcs).toBe(9);
  });

  it('sees damage without a UDP checksum too', () => {
    const { report } = stream({ checksum: false }, pair => {
      insert(pair.wire, 0, end => new Damager(end, { everyNth: 50, only: isFragment }, 'good'));
    });
    expect(report).toMatchObject({ messages: 11, damaged: 9 });
  });

  it('drops by probability, the same for the same seed', () => {
    const run = (seed: number) => {
      let dropper: Dropper | undefined;
      stream({ count: 50 }, pair => {
        dropper = insert(
          pair.wire,
          0,
          end => new Dropper(end, { probability: 0.05, seed, only: isFragment }),
        );
      });
      return dropper!.counts();
    };
    const [a, b, c] = [run(1), run(1), run(2)];
    expect(a).toEqual(b);
    expect(a.hit).not.toBe(c.hit);
    expect(a.hit / a.seen).toBeGreaterThan(0.03);
    expect(a.hit / a.seen).toBeLessThan(0.07);
  });

  it('counts disorder and duplicates, and begins a new window', () => {
    const pair = new Pair();
    const sink = new Sink(pair.near, 9);
    pair.far.resolve(pair.near.ip);
    pair.run(1e-3);
    const send = (number: number) => {
      const payload = buildMessage(number, 1);
      pair.far.send({ destination: pair.near.ip, sourcePort: 1, destinationPort: 9, payload }, () => 0);
      pair.run(1e-3);
    };
    for (const number of [0, 2, 1, 2, 5]) send(number);
    expect(sink.report()).toMatchObject({ messages: 4, reordered: 1, duplicated: 1, lost: 2 });
    sink.startWindow();
    for (const number of [6, 7]) send(number);
    expect(sink.report()).toMatchObject({ messages: 2, lost: 0, reordered: 0 });
  });

  it('goes on after save and load in the middle', () => {
    const build = () => {
      const pair = new Pair();
      const sink = new Sink(pair.near, 9);
      const source = new Source(pair.far, { ...TO_NEAR, pace: { bitsPerSecond: 5e8 }, count: 20 });
      return { pair, sink, source };
    };
    const a = build();
    a.source.start();
    a.pair.run(3.3e-3);
    const b = build();
    b.pair.time[0] = a.pair.time[0];
    for (const part of ['sink', 'source'] as const) b[part].load(structuredClone(a[part].save()));
    for (const part of ['wire', 'near', 'far'] as const)
      b.pair[part].load(structuredClone(a.pair[part].save()));
    b.pair.clock.load(a.pair.clock.save());
    a.pair.run(20e-3);
    b.pair.run(20e-3);
    expect(a.sink.report().messages).toBe(20);
    expect(b.sink.report()).toEqual(a.sink.report());
  });

  it('refuses a pace of nothing', () => {
    const pair = new Pair();
    expect(() => new Source(pair.far, { ...TO_NEAR, pace: { bitsPerSecond: 0 } })).toThrow(RangeError);
  });
});

describe('the station', () => {
  it('echoes datagrams', () => {
    const pair = new Pair();
    const echo = new Echo(pair.far, 7);
    const back: Received[] = [];
    pair.near.bind(4000, datagram => back.push({ ...datagram, payload: datagram.payload.slice() }));
    pair.near.resolve(pair.far.ip);
    pair.run(1e-3);
    const payload = new Uint8Array(5000).map((_, i) => i);
    pair.near.send({ destination: pair.far.ip, sourcePort: 4000, destinationPort: 7, payload }, () => 0);
    pair.run(1e-3);
    expect(echo.count).toBe(1);
    expect(back.length).toBe(1);
    expect([...back[0].payload]).toEqual([...payload]);
    expect(back[0].checksumOk).toBe(true);
  });

  it('stops for PAUSE frames and goes on', () => {
    const pair = new Pair();
    const sink = new Sink(pair.near, 9);
    const source = new Source(pair.far, { ...TO_NEAR, pace: 'wire', count: 20 });
    source.start();
    pair.run(1e-3);
    const before = sink.report().messages;
    const pause = new Uint8Array(60);
    pause.set([1, 0x80, 0xc2, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 0x88, 0x08, 0, 1, 0xff, 0xff]);
    pair.wire.send(0, pause, 0);
    // 65535 quanta of 512 ns are 33.5 ms
    pair.run(33e-3);
    expect(sink.report().messages - before).toBeLessThanOrEqual(1);
    expect(pair.far.counts.pauses).toBe(1);
    pair.run(10e-3);
    expect(sink.report().messages).toBe(20);
  });

  it('drops what its queue cannot hold', () => {
    const pair = new Pair({}, { queueLimit: 10 });
    pair.far.resolve(pair.near.ip);
    pair.run(1e-3);
    const payload = new Uint8Array(MESSAGE_BYTES);
    pair.far.send({ destination: pair.near.ip, sourcePort: 1, destinationPort: 9, payload }, () => 0);
    expect(pair.far.counts.queueDrops).toBe(23 - 11);
  });

  it.each([67, 16_001, 1500.5])('refuses an MTU of %s', mtu => {
    expect(() => new Pair({}, { mtu })).toThrow(RangeError);
  });

  it('survives any frame', () => {
    const pair = new Pair();
    new Sink(pair.near, 9);
    let x = 12345;
    for (let n = 0; n < 2000; n++) {
      const frame = new Uint8Array(60 + (n % 200)).map(
        () => (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >> 16,
      );
      if (n % 2) frame.set([2, 0, 0, 0, 0, 0xaa], 0);
      frame.set(n % 3 ? [8, 0, 0x45] : [8, 6], 12);
      pair.near.deliver(frame, 0, false);
    }
    expect(pair.near.counts.framesReceived).toBe(2000);
  });
});
