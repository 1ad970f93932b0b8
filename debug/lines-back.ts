/**
 * Where the line before begins: the places before are walked, the latest first, up to where another line begins. A
 * function that returned here, an interrupt that came and went, a stack that was left for another one are skipped by the
 * place where they began: the call with this return address and stack pointer, the delivery with this frame.
 *
 * Code of no line (assembly, what the compiler made of several lines) belongs to the line behind it.
 */
import { caller } from './backtrace.ts';
import type { Position } from './model.ts';
import type { Target } from './target.ts';

/** A place that the guest came by, and what came next there. */
export interface Walked {
  at: Position;
  pc: number;
  esp: number;
  leaves: Leaving;
  /** Bytes that a RET takes off the stack beyond the return address. */
  pops: number;
}

export type Leaving = 'ret' | 'iret' | undefined;

/** Where a call may have been made from, and the stack pointer there. */
export interface CallSite {
  addresses: readonly number[];
  esp: number;
}

/** The ways back. 'interrupted': the user had enough. */
export interface Road {
  /** The places before one, the latest first. */
  walkBack(now: Position): AsyncGenerator<Walked, void>;
  /** The last time before `now` that the call was made; undefined: never. */
  lastCall(call: CallSite, now: Position): Promise<Walked | undefined>;
  /** The place of the last delivery before `now` that returns to a place. */
  lastDelivery(to: { pc: number; esp: number }, now: Position): Promise<Walked | undefined>;
}

const SHORTEST_CALL = 2;
const LONGEST_CALL = 7;

/** What the guest does next where it stands. */
export function walked(target: Target, at: Position): Walked {
  const pc = target.pc();
  const code = target.byte(pc);
  const ret = code === 0xc3 || code === 0xc2 || code === 0xcb || code === 0xca;
  const pops = code === 0xc2 || code === 0xca ? Math.max(0, target.value((pc + 1) >>> 0, 2)) : 0;
  return { at, pc, esp: target.esp(), leaves: ret ? 'ret' : code === 0xcf ? 'iret' : undefined, pops };
}

/** The call that returns to `pc` with the stack pointer at `esp`. */
function callSite(pc: number, esp: number): CallSite {
  const addresses = [];
  for (let n = SHORTEST_CALL; n <= LONGEST_CALL; n++) addresses.push((pc - n) >>> 0);
  return { addresses, esp: esp >>> 0 };
}

/** The call of the function that runs; undefined when its caller is unknown. */
export function callOf(target: Target): CallSite | undefined {
  const back = caller(target);
  return back && callSite(back.pc, back.esp);
}

/**
 * The place before `here`, the latest of `before`: over what was called or came in between if `over` says so. Undefined
 * at the beginning.
 */
async function place(here: Walked, before: Walked, over: boolean, road: Road): Promise<Walked> {
  if (before.leaves === 'iret') return (await road.lastDelivery(here, before.at)) ?? before;
  if (before.leaves !== 'ret' || !over) return before;
  return (await road.lastCall(callSite(here.pc, here.esp - before.pops), before.at)) ?? before;
}

/** The place before, over what was called and over interrupts. Undefined at the beginning. */
export async function instructionBefore(here: Walked, road: Road): Promise<Walked | undefined> {
  for await (const before of road.walkBack(here.at)) return place(here, before, true, road);
  return undefined;
}

/** Where the line before begins; undefined at the beginning. */
export async function lineBefore(
  target: Target,
  now: Walked,
  into: boolean,
  road: Road,
): Promise<Position | undefined> {
  const lines = new Map<number, string | undefined>();
  const lineOf = (pc: number) => {
    if (!lines.has(pc)) {
      const source = target.sourceAt(pc);
      lines.set(pc, source && /:\d+$/.test(source) ? source : undefined);
    }
    return lines.get(pc);
  };
  let here = now;
  let line: string | undefined;
  let start: Position | undefined;
  for (;;) {
    let jumped = false;
    for await (const before of road.walkBack(here.at)) {
      const enters = into && before.leaves === 'ret' && lineOf(before.pc) !== undefined;
      const found = await place(here, before, !enters, road);
      const of = lineOf(found.pc);
      if (enters || start === undefined) {
        line = of;
        start = of === undefined ? undefined : found.at;
      } else if (of === line) start = found.at;
      else if (of !== undefined || found === before) return start;
      here = found;
      jumped = found !== before;
      if (jumped) break;
    }
    if (!jumped) return start;
  }
}
