/** Two stations, one at each end of a wire, and a clock that the test moves. */

import { Station, type StationOptions } from '../../../bench/farend/station.ts';
import { Clock } from '../../../emu/clock.ts';
import { Wire, type WireOptions } from '../../../emu/devices/wire.ts';

export const HZ = 1_700_000_000;
export const TICKS = 4 * HZ;

export class Pair {
  readonly time = new Float64Array(1);
  readonly clock = new Clock(HZ, this.time);
  readonly wire: Wire;
  /** 10.0.0.1 at side 0 and 10.0.0.2 at side 1. */
  readonly near: Station;
  readonly far: Station;

  constructor(wire: WireOptions = {}, station: StationOptions = {}) {
    this.wire = new Wire(this.clock, wire);
    this.near = new Station(this.clock, this.wire, 0, {
      ...station,
      mac: '02:00:00:00:00:aa',
      ip: '10.0.0.1',
      name: 'near',
    });
    this.far = new Station(this.clock, this.wire, 1, station);
  }

  run(seconds: number): void {
    const end = this.time[0] + this.clock.ticksOf(seconds);
    while (this.clock.next() <= end) {
      this.time[0] = Math.max(this.time[0], this.clock.next());
      this.clock.runDue();
    }
    this.time[0] = Math.max(this.time[0], end);
  }
}
