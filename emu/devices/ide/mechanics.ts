/**
 * Where the heads are and what passes under them: when sectors are in the drive's buffer, and when they are on the
 * medium. Times are ticks of the clock; all of it is integer arithmetic but the seek's square root, which IEEE 754
 * defines to the bit.
 *
 * The medium is one long spiral. Sector n begins to pass at `position(n)` ticks along it, a track switch (the skew)
 * included, and the place under the heads at tick t is t modulo one revolution. Sectors in sequence so come at the
 * media rate, and a sector just missed costs a revolution.
 *
 * Seeks: t(x) = single + a * sqrt(x) + b * x for x of the full stroke, a and b such that a third of it takes the
 * average and all of it the full seek.
 *
 * Reads: after a miss the drive reads on until half its buffer lies ahead of what was asked for; a sector in the
 * buffer, or less than a track ahead of the heads, is a hit and comes when it has passed.
 * Writes: with the write cache on sectors are taken at once and go to the medium in the order of their arrival, as
 * long as that takes no longer than writing the whole buffer in sequence (a buffer has sectors but also few segments);
 * then the host waits. With it off the last block of a command waits for the medium.
 *
 * Left out: zones, spare sectors, reordering of cached writes, retries.
 */

import type { Clock } from '../../clock.ts';
import type { DiskTiming } from './timing.ts';

interface Curve {
  single: number;
  root: number;
  line: number;
}

export interface MechanicsState {
  /** Buffered sectors: [first, limit), those from `origin` on still passing, `origin` at tick `originAt`. */
  first: number;
  origin: number;
  originAt: number;
  limit: number;
  /** Do the heads read into the buffer? */
  reading: boolean;
  /** The sector next to the heads when they do not. */
  head: number;
  /** The end of the last write, and the tick at which it is on the medium. */
  writeEnd: number;
  writtenAt: number;
}

export class Mechanics {
  readonly overheadHit: number;
  readonly overheadWrite: number;
  readonly blockGap: number;
  readonly softReset: number;
  readonly spinUp: number;
  private readonly overheadMiss: number;
  private readonly sectors: number;
  private readonly perTrack: number;
  private readonly perCylinder: number;
  private readonly cylinders: number;
  private readonly buffer: number;
  private readonly sectorTicks: number;
  private readonly trackTicks: number;
  private readonly switchTicks: number;
  private readonly readCurve: Curve;
  private readonly writeCurve: Curve;
  private s: MechanicsState = {
    ...{ first: 0, origin: 0, originAt: 0, limit: 0 },
    ...{ reading: false, head: 0, writeEnd: -1, writtenAt: 0 },
  };

  /** `sectors` are the image's. */
  constructor(clock: Clock, timing: DiskTiming, sectors: number) {
    const ticks = (figure: { value: number }) => clock.ticksOf(figure.value);
    this.sectors = sectors;
    this.perTrack = timing.sectorsPerTrack.value;
    this.perCylinder = this.perTrack * timing.heads.value;
    this.cylinders = Math.ceil(Math.max(sectors, timing.sectors.value) / this.perCylinder);
    this.buffer = timing.bufferSectors.value;
    this.sectorTicks = Math.max(
      1,
      Math.round((clock.ticksPerSecond * 60) / timing.rpm.value / this.perTrack),
    );
    this.trackTicks = this.sectorTicks * this.perTrack;
    this.switchTicks = ticks(timing.trackSwitch);
    this.overheadMiss = ticks(timing.overheadMiss);
    this.overheadHit = ticks(timing.overheadHit);
    this.overheadWrite = ticks(timing.overheadWrite);
    this.blockGap = ticks(timing.blockGap);
    this.softReset = ticks(timing.softReset);
    this.spinUp = ticks(timing.spinUp);
    const single = ticks(timing.singleTrackSeek);
    this.readCurve = curve(single, ticks(timing.averageReadSeek), ticks(timing.fullReadSeek));
    this.writeCurve = curve(single, ticks(timing.averageWriteSeek), ticks(timing.fullWriteSeek));
  }

  /** When a read command at `now` has its first `count` sectors in the buffer. */
  startRead(lba: number, count: number, now: number): number {
    if (this.hits(lba, now)) return this.continueRead(lba, count, now + this.overheadHit);
    return this.miss(lba, count, now + this.overheadMiss);
  }

  /** When the next `count` sectors of a read are in the buffer, asked for at `now`. */
  continueRead(lba: number, count: number, now: number): number {
    if (!this.hits(lba, now)) return this.miss(lba, count, now);
    const { s } = this;
    const end = lba + count;
    if (!s.reading && end <= s.limit) return now;
    if (!s.reading || this.passed(s.limit) < now) {
      // The heads had stopped reading: they go on when the sector at the limit comes round.
      if (s.reading) s.head = s.limit;
      s.origin = s.limit;
      s.originAt = this.arrival(s.limit, this.flushed(now), this.readCurve);
      s.reading = true;
    }
    s.limit = Math.max(s.limit, Math.min(this.sectors, end + this.buffer / 2));
    s.first = Math.max(s.first, s.limit - this.buffer);
    return Math.max(now, this.passed(end));
  }

  /**
   * When the drive is done with `count` sectors of which it has the data at `now`: with `cached` as soon as its buffer
   * has room for more, else when they are on the medium.
   */
  write(lba: number, count: number, now: number, cached: boolean): number {
    const { s } = this;
    this.stop(now);
    if (lba < s.limit && lba + count > s.first) s.first = s.limit = s.origin = 0;
    const contiguous = lba === s.writeEnd && s.writtenAt >= now;
    const begin = contiguous ? s.writtenAt : this.arrival(lba, Math.max(now, s.writtenAt), this.writeCurve);
    s.writtenAt = begin + this.position(lba + count) - this.position(lba);
    s.writeEnd = s.head = lba + count;
    return cached ? Math.max(now, s.writtenAt - this.buffer * this.sectorTicks) : s.writtenAt;
  }

  /** When everything written is on the medium. */
  flushed(now: number): number {
    return Math.max(now, this.s.writtenAt);
  }

  /** When the heads have settled over a sector. */
  seek(lba: number, now: number): number {
    this.stop(now);
    const begin = this.flushed(now);
    const at = begin + this.seekTicks(lba, this.readCurve);
    this.s.head = lba;
    return at;
  }

  /** Read look-ahead was turned off, or the drive reset: the buffer is empty. */
  forget(now: number): void {
    this.stop(now);
    this.s.first = this.s.limit = this.s.origin = 0;
  }

  save(): MechanicsState {
    return { ...this.s };
  }

  load(state: unknown): void {
    this.s = { ...(state as MechanicsState) };
  }

  /** Is the sector in the buffer or about to pass? */
  private hits(lba: number, now: number): boolean {
    const { first, limit } = this.s;
    return lba >= first && lba < limit && lba <= this.reached(now) + this.perTrack;
  }

  private miss(lba: number, count: number, now: number): number {
    const { s } = this;
    this.stop(now);
    s.first = s.origin = lba;
    s.originAt = this.arrival(lba, this.flushed(now), this.readCurve);
    s.limit = Math.min(this.sectors, lba + count + this.buffer / 2);
    s.reading = true;
    return this.passed(lba + count);
  }

  /** When the sector begins to pass, for heads that set out at `begin`. */
  private arrival(lba: number, begin: number, seek: Curve): number {
    const settled = begin + this.seekTicks(lba, seek);
    return settled + this.rotation(lba, settled);
  }

  private seekTicks(lba: number, { single, root, line }: Curve): number {
    const distance = Math.abs(this.cylinder(lba) - this.cylinder(this.s.head));
    const part = distance / this.cylinders;
    return distance === 0 ? 0 : Math.round(single + root * Math.sqrt(part) + line * part);
  }

  private cylinder(lba: number): number {
    return Math.floor(lba / this.perCylinder);
  }

  /** Ticks from `at` until the sector comes round. */
  private rotation(lba: number, at: number): number {
    const late = (at - this.position(lba)) % this.trackTicks;
    return late === 0 ? 0 : late < 0 ? -late : this.trackTicks - late;
  }

  /** Ticks along the spiral. */
  private position(lba: number): number {
    return lba * this.sectorTicks + Math.floor(lba / this.perTrack) * this.switchTicks;
  }

  /** The tick at which all sectors below `end` have passed, by the reading that goes on; 0 for those before it. */
  private passed(end: number): number {
    const { origin, originAt } = this.s;
    return end <= origin ? 0 : originAt + this.position(end) - this.position(origin);
  }

  /** The sector up to which the reading that goes on has come at `now`. */
  private reached(now: number): number {
    const { origin, originAt, limit } = this.s;
    if (now <= originAt) return origin;
    const along = this.position(origin) + now - originAt;
    const round = this.trackTicks + this.switchTicks;
    const track = Math.floor(along / round);
    const sector = Math.min(this.perTrack, Math.floor((along - track * round) / this.sectorTicks));
    return Math.min(limit, track * this.perTrack + sector);
  }

  /** The heads read ahead no more; what they have read stays. */
  private stop(now: number): void {
    const { s } = this;
    if (!s.reading) return;
    s.head = s.limit = s.origin = this.reached(now);
    s.reading = false;
  }
}

function curve(single: number, average: number, full: number): Curve {
  const third = 1 / 3;
  const root = (average - single - (full - single) * third) / (Math.sqrt(third) - third);
  return { single, root, line: full - single - root };
}
