import { describe, expect, it } from 'vitest';
import { Clock } from '../../../emu/clock.ts';
import { type Side, Wire, type WireOptions } from '../../../emu/devices/wire.ts';

const HZ = 1_700_000_000;

/** A wire, what arrived at each side and when, and a clock to move. */
function build(options: WireOptions = {}, hz = HZ) {
  const time = new Float64Array(1);
  const clock = new Clock(hz, time);
  const wire = new Wire(clock, options);
  const arrived: [number[], number[]] = [[], []];
  const links: boolean[] = [];
  for (const side of [0, 1] as Side[])
    wire.connect(side, { deliver: (_, at) => arrived[side].push(at), linkChanged: up => links.push(up) });
  const runTo = (end: number) => {
    while (clock.next() <= end) {
      time[0] = Math.max(time[0], clock.next());
      clock.runDue();
    }
    time[0] = Math.max(end, time[0]);
  };
  return { clock, wire, arrived, links, runTo, time };
}

const frame = (length: number) => new Uint8Array(length);

describe('the wire', () => {
  it('delivers a frame after preamble, frame and FCS, and is free after the gap', () => {
    const { wire, arrived, runTo } = build({ propagationSeconds: 0 });
    // 1 Gb/s at 6.8 ticks a bit: (8 + 60 + 4) * 8 * 6.8 = 3916.8 and 12 * 8 * 6.8 = 652.8 more
    expect(wire.send(0, frame(60), 0)).toBe(4570);
    expect(wire.freeAt(0)).toBe(4570);
    runTo(3916);
    expect(arrived[1]).toEqual([]);
    runTo(3917);
    expect(arrived).toEqual([[], [3917]]);
  });

  it('adds the propagation delay to delivery, not to occupancy', () => {
    const { wire, arrived, runTo } = build({ propagationSeconds: 1e-6 });
    expect(wire.send(0, frame(60), 0)).toBe(4570);
    runTo(20_000);
    expect(arrived[1]).toEqual([3917 + 6800]);
  });

  it('does not drift: 100000 back-to-back frames end at the exact tick', () => {
    const { wire, arrived, runTo } = build({ propagationSeconds: 0 });
    const count = 100_000;
    for (let i = 0; i < count; i++) {
      runTo(wire.freeAt(0));
      wire.send(0, frame(1514), wire.freeAt(0));
    }
    const bitsOfOne = (1514 + 24) * 8;
    expect(wire.freeAt(0)).toBe(Math.ceil((count * bitsOfOne * 68) / 10));
    runTo(wire.freeAt(0));
    expect(arrived[1].length).toBe(count);
    expect(arrived[1][count - 1]).toBe(Math.ceil(((count * bitsOfOne - 96) * 68) / 10));
  });

  it('keeps line rate when the sender runs late but had the frame ready', () => {
    const { wire, arrived, runTo } = build({ propagationSeconds: 0 });
    wire.send(0, frame(60), 0);
    runTo(5000);
    wire.send(0, frame(60), 100);
    runTo(20_000);
    // 84 byte times of the first with its gap, 72 of the second without
    expect(arrived[1][1]).toBe(Math.ceil((84 + 72) * 8 * 6.8));
  });

  it('starts at readyAt when the wire was idle before', () => {
    const { wire, arrived, runTo } = build({ propagationSeconds: 0 });
    wire.send(0, frame(60), 0);
    runTo(10_000);
    wire.send(0, frame(60), 9_000);
    runTo(30_000);
    expect(arrived[1]).toEqual([3917, 9_000 + 3917]);
  });

  it('is full duplex', () => {
    const { wire, arrived, runTo } = build({ propagationSeconds: 0 });
    wire.send(0, frame(1514), 0);
    wire.send(1, frame(60), 0);
    runTo(1_000_000);
    expect(arrived[0]).toEqual([3917]);
    expect(arrived[1].length).toBe(1);
  });

  it('takes ten times as long at a tenth of the rate', () => {
    const { wire } = build({ bitsPerSecond: 100_000_000 });
    expect(wire.send(0, frame(60), 0)).toBe(45_696);
    expect(wire.ticksOf(60)).toBe(45_696);
  });

  it('refuses a second frame while it is busy', () => {
    const { wire } = build();
    wire.send(0, frame(60), 0);
    expect(() => wire.send(0, frame(60), 0)).toThrow(RangeError);
  });

  it('loses what is in flight when the cable is pulled, and tells both ends', () => {
    const { wire, arrived, links, runTo } = build();
    wire.send(0, frame(60), 0);
    wire.setUp(false);
    runTo(100_000);
    wire.send(0, frame(60), 100_000);
    runTo(200_000);
    wire.setUp(true);
    wire.send(0, frame(60), 0);
    runTo(300_000);
    expect(arrived[1]).toEqual([200_000 + 3917 + 3400]);
    expect(links).toEqual([false, false, true, true]);
  });

  it('goes on in the middle of a frame after save and load', () => {
    const a = build();
    a.wire.send(0, frame(60), 0);
    a.runTo(1000);
    const b = build();
    b.time[0] = 1000;
    b.wire.load(structuredClone(a.wire.save()));
    b.clock.load(a.clock.save());
    b.runTo(100_000);
    expect(b.arrived[1]).toEqual([3917 + 3400]);
    expect(b.wire.freeAt(0)).toBe(a.wire.freeAt(0));
  });

  it.each([0, -1, 1.5, Number.NaN, 1e13])('refuses a rate of %s bit/s', bitsPerSecond => {
    expect(() => build({ bitsPerSecond })).toThrow(RangeError);
  });
});
