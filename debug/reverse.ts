/**
 * Running backwards: nothing runs backwards, the past is replayed (history.ts) and what was looked for is noted; the
 * last place before the present one is gone to. Long searches go from snapshot to snapshot, the latest first, and can
 * be interrupted; the guest then stands where it stood.
 *
 * As with gdb, the guest stands before the instruction that was met, also for a watchpoint: what was written is not
 * written yet.
 */
import type { Pause } from './control.ts';
import { CommandError } from './error.ts';
import { type History, later } from './history.ts';
import { lastAccess, type Written } from './last-write.ts';
import { callOf, instructionBefore, lineBefore, type Road, type Walked, walked } from './lines-back.ts';
import type { Hit, Point, Position, Stop } from './model.ts';
import type { Target } from './target.ts';

/** What a backward run needs of points.ts. */
export interface Meetings {
  all(): Point[];
  onHit: (hit: Hit, when: 'before' | 'after') => void;
  /** Nothing is met. */
  quiet: boolean;
  /** Hits are told of, but not counted, and none is let pass. */
  replaying: boolean;
}

interface Note {
  at: Position;
  hit: Hit;
}

/** Meetings that are noted in one part of the run; of more, the first are forgotten. */
const MAX_NOTES = 1_000_000;
/** Places that one stretch of a walk holds, from and up to. */
const FIRST_STRETCH = 512;
const LONGEST_STRETCH = 1 << 17;
const CS = 1;
const SLICE = 2_000_000;

export class Reverse {
  private readonly target: Target;
  private readonly history: History;
  private readonly points: Meetings;
  private readonly pause: Pause;

  constructor(target: Target, history: History, points: Meetings, pause: Pause) {
    this.target = target;
    this.history = history;
    this.points = points;
    this.pause = pause;
    history.quiet = on => {
      points.quiet = on;
    };
    history.onMove = () => this.look();
  }

  /** Back to the last meeting of a point before now, or to the beginning. Ignore counts count backwards. */
  async continue(): Promise<Stop> {
    const all = this.points.all();
    const left = new Map(all.map(point => [point.id, point.ignore]));
    const { onHit } = this.points;
    let notes: Note[] = [];
    try {
      this.points.replaying = true;
      this.points.onHit = hit => {
        notes.push({ at: this.history.position(), hit: { ...hit } });
        if (notes.length > 2 * MAX_NOTES) notes = notes.slice(MAX_NOTES);
      };
      const found = await this.search(this.history.position(), {
        begin: () => {
          notes = [];
          this.look();
        },
        latest: before => latestOf(notes, before, left),
      });
      for (const point of all) point.ignore = left.get(point.id) ?? 0;
      if ('kind' in found) return found;
      for (const { point } of found.hits) point.hits++;
      return { kind: 'points', hits: found.hits };
    } finally {
      this.points.onHit = onHit;
      this.points.replaying = false;
    }
  }

  /** Back by `n` of what stepi counts. */
  stepi(n = 1): Promise<Stop> {
    const now = this.history.position();
    return this.back(now, { ...now, step: now.step - n });
  }

  /** The same, but over what was called, and over interrupts. */
  async nexti(n = 1): Promise<Stop> {
    return this.times(n, here => instructionBefore(here, this.road()).then(found => found?.at));
  }

  /** To the beginning of the line before, into functions. */
  async step(n = 1): Promise<Stop> {
    return this.lines(n, true);
  }

  /** To the beginning of the line before, over functions. */
  async next(n = 1): Promise<Stop> {
    return this.lines(n, false);
  }

  /** To the call of the function that runs. Throws a CommandError when its caller is unknown. */
  async finish(): Promise<Stop> {
    const call = callOf(this.target);
    if (!call) throw new CommandError('no caller: the frame pointer leads nowhere');
    return this.times(1, async ({ at }) => {
      const found = await this.road().lastCall(call, at);
      if (found) return found.at;
      this.history.goTo(at);
      throw new CommandError('no call of this function in the run so far');
    });
  }

  /** To the first place at or after a cycle; forwards, past all points, if it is still to come. */
  async goto(cycle: number): Promise<Stop> {
    const { history, target, points } = this;
    const place = { step: Number.POSITIVE_INFINITY, cycles: cycle };
    if (later(history.first(), place)) {
      history.goTo(history.first());
      return { kind: 'beginning' };
    }
    const { machine } = target;
    // Slice by slice, so that the user can end it; what is left is short.
    const last = Math.max(history.last().cycles, cycle - SLICE);
    if (history.last().cycles < cycle) {
      if (history.inPast()) history.goTo(history.last());
      points.quiet = true;
      try {
        while (machine.cycles() < last) {
          const result = machine.run(Math.min(last, machine.cycles() + SLICE));
          history.progress();
          if (result.reason === 'exit')
            return { kind: 'end', text: `the guest exits with code ${result.code}` };
          if (result.reason === 'halted' || result.reason === 'triple-fault') break;
          if (machine.cycles() < last && (await this.pause())) return { kind: 'interrupted' };
        }
      } finally {
        points.quiet = false;
      }
    }
    history.goTo(place);
    history.progress();
    return machine.cycles() < cycle ? { kind: 'end', text: 'the machine is at its end' } : { kind: 'done' };
  }

  /** Goes to a place. */
  async goTo(at: Position): Promise<Stop> {
    this.history.goTo(at);
    return { kind: 'done' };
  }

  /**
   * The instruction or device that last wrote any of `length` bytes, as they are mapped now; undefined when nobody did
   * since the beginning, null when interrupted. The guest stands where it stood.
   */
  async lastWrite(address: number, length: number, physical: boolean): Promise<Written | undefined | null> {
    const now = this.history.position();
    const access = lastAccess(this.target, this.history, address, length, physical);
    try {
      const found = await this.search(now, access);
      const byHand = access.byHand(now);
      if ('kind' in found) {
        this.history.goTo(now);
        if (found.kind === 'interrupted') return null;
        return byHand;
      }
      this.history.goTo(now);
      return byHand && !later(found.at, byHand.at) ? byHand : found;
    } finally {
      access.end();
    }
  }

  // ---- searching -------------------------------------------------------------------------------------------------------

  /**
   * Replays part after part, the latest first, until one has what is looked for before `now`, and goes there. Else the
   * guest stands at the beginning, or where it stood if the user had enough.
   */
  private async search<T extends { at: Position }>(
    now: Position,
    { begin, latest }: { begin: () => void; latest: (before: Position) => T | undefined },
  ): Promise<T | Stop> {
    const { history } = this;
    for (let end = now; ; ) {
      const from = history.replayPart(end, begin);
      const found = latest(end);
      if (found) {
        history.goTo(found.at);
        return found;
      }
      if (!later(from, history.first())) {
        history.goTo(history.first());
        return { kind: 'beginning' };
      }
      end = from;
      if (await this.pause()) {
        history.goTo(now);
        return { kind: 'interrupted' };
      }
    }
  }

  /** The last place before `now` that is noted while the past is replayed; undefined if there is none. */
  private async lastNoted(
    now: Position,
    hook: (note: (at: Position) => void) => () => void,
  ): Promise<Walked | undefined> {
    let notes: { at: Position }[] = [];
    const { quiet } = this.points;
    const remove = hook(at => {
      notes.push({ at });
      if (notes.length > 2 * MAX_NOTES) notes = notes.slice(MAX_NOTES);
    });
    this.points.quiet = true;
    try {
      const found = await this.search(now, {
        begin: () => {
          notes = [];
        },
        latest: before => notes.findLast(note => later(before, note.at)),
      });
      if (!('kind' in found)) return walked(this.target, this.history.position());
      if (found.kind === 'interrupted') throw new Interrupted();
      return undefined;
    } finally {
      remove();
      this.points.quiet = quiet;
    }
  }

  private road(): Road {
    const { target, history } = this;
    const { engine, cpu } = target.machine;
    return {
      walkBack: now => this.walkBack(now),
      lastCall: ({ addresses, esp }, now) =>
        this.lastNoted(now, note => {
          const check = () => {
            if (target.esp() === esp) note(history.position());
          };
          const remove = addresses.map(address => engine.addHook(address, check));
          return () => {
            for (const r of remove) r();
          };
        }),
      lastDelivery: (to, now) =>
        this.lastNoted(now, note =>
          cpu.probes.add({
            delivered: (_vector, error, _kind, returnEip) => {
              if ((returnEip + cpu.segmentBase(CS) - to.pc) | 0) return;
              // Behind EIP, CS and EFLAGS comes the stack, or the pointer to it if the handler has its own.
              const behind = (target.esp() + (error >= 0 ? 16 : 12)) >>> 0;
              if (behind !== to.esp && target.value(behind, 4) !== to.esp) return;
              const { step, cycles } = history.position();
              note({ step: step - 1, cycles });
            },
          }),
        ),
    };
  }

  /** To `to`, or the last place to stand at before `now` that is not later. */
  private async back(now: Position, to: Position): Promise<Stop> {
    const { history } = this;
    if (!later(now, history.first())) return { kind: 'beginning' };
    for (let { step } = to; ; step--) {
      history.goTo({ ...to, step }, false);
      if (step < history.first().step) return { kind: 'beginning' };
      // INT n and a trapped instruction count twice.
      if (later(now, history.position())) return { kind: 'done' };
    }
  }

  /** Places before `now`, the latest first, walked in stretches. */
  private async *walkBack(now: Position): AsyncGenerator<Walked, void> {
    const { history, target } = this;
    let size = FIRST_STRETCH;
    for (let end = now; later(end, history.first()); size = Math.min(LONGEST_STRETCH, size * 4)) {
      const stretch: Walked[] = [];
      history.walk({ cycles: end.cycles, step: end.step - size }, end, at => {
        stretch.push(walked(target, at));
      });
      if (stretch.length === 0) return;
      end = stretch[0].at;
      yield* stretch.reverse();
      if (await this.pause()) throw new Interrupted();
    }
  }

  private lines(n: number, into: boolean): Promise<Stop> {
    return this.times(n, here => lineBefore(this.target, here, into, this.road()));
  }

  /** Goes where `find` says, `n` times. */
  private async times(n: number, find: (here: Walked) => Promise<Position | undefined>): Promise<Stop> {
    const { history } = this;
    for (let k = 0; k < n; k++) {
      const now = history.position();
      try {
        const at = await find(walked(this.target, now));
        history.goTo(at ?? history.first());
        if (!at) return { kind: 'beginning' };
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        history.goTo(now);
        return { kind: 'interrupted' };
      }
    }
    return { kind: 'done' };
  }

  /** Watchpoints compare with what they saw last, which is another time now. */
  private look(): void {
    for (const point of this.points.all())
      if (point.kind === 'watchpoint')
        point.bytes = this.target.bytes(point.address, point.length, point.physical);
  }
}

/** Of the hits before `before`, the latest place that stops; `left` counts down what is to be let pass. */
function latestOf(
  notes: readonly Note[],
  before: Position,
  left: Map<number, number>,
): { at: Position; hits: Hit[] } | undefined {
  for (let n = notes.length - 1; n >= 0; ) {
    const { at } = notes[n];
    const hits: Hit[] = [];
    for (; n >= 0 && notes[n].at.step === at.step; n--) {
      if (!later(before, at)) continue;
      const { point } = notes[n].hit;
      const ignore = left.get(point.id) ?? 0;
      if (ignore > 0) left.set(point.id, ignore - 1);
      else hits.unshift(notes[n].hit);
    }
    if (hits.length) return { at, hits };
  }
  return undefined;
}

/** The user had enough. */
class Interrupted extends Error {}
