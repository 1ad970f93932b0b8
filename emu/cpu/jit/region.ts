/**
 * Which blocks make a unit, and where others may go on with it: those of one page that lead to each other in plain sight.
 */
import type { Block } from '../blocks.ts';
import { PRE_HOOK } from '../insn.ts';
import { CALL, CALL_INDIRECT, JCC, JMP } from './forms.ts';
import { endingOf } from './words.ts';

/** Times after which a block goes along with another of its page. */
const WARM = 2;
const MAX_BLOCKS = 100;
const MAX_INSNS = 1000;

/** Numbers of a unit's blocks that others go on with: `b`, what is called and returned to, and what nothing within leads to. */
export function entriesOf(blocks: readonly Block[], b: Block): number[] {
  const numbers = new Map(blocks.map((block, n) => [block.eip, n]));
  const led = new Set<number>();
  const entered = new Set<number>();
  const note = (set: Set<number>, eip: number) => {
    const n = numbers.get(eip);
    if (n !== undefined) set.add(n);
  };
  for (const [n, block] of blocks.entries()) {
    if (block === b || block.code !== null) entered.add(n);
    const last = block.insns[block.insns.length - 1];
    const calls = last.form === CALL || last.form === CALL_INDIRECT;
    if (last.form === CALL) note(entered, last.imm);
    if (calls || (block.ends && last.form < CALL)) note(entered, last.next);
    for (const eip of successors(block)) note(led, eip);
  }
  for (const n of blocks.keys()) if (!led.has(n)) entered.add(n);
  return [...entered];
}

/**
 * `b` and the blocks of its page that it leads to or that lead to it, directly or not, as far as they have run; then others
 * that are hot, or compiled before. `page`: all blocks there; `hot`: of Jit.
 */
export function reachable(b: Block, page: readonly Block[], hot: number, ramSize: number): Block[] {
  const known = new Map<number, Block>();
  for (const o of page)
    if (
      (o.heat >= Math.min(WARM, hot) || o.within.length > 0) &&
      ((o.lin ^ b.lin) & ~0xfff) === 0 &&
      ((o.eip - b.eip) | 0) === ((o.lin - b.lin) | 0) &&
      o.mode === b.mode &&
      fits(o, b, ramSize)
    )
      known.set(o.eip, o);
  known.set(b.eip, b);
  const found = new Set<Block>();
  let insns = 0;
  const take = (from: Block) => {
    const work = [from];
    for (let o = work.shift(); o !== undefined; o = work.shift()) {
      if (found.has(o) || found.size >= MAX_BLOCKS || insns + o.insns.length > MAX_INSNS) continue;
      found.add(o);
      insns += o.insns.length;
      for (const eip of successors(o)) {
        const next = known.get(eip);
        if (next !== undefined) work.push(next);
      }
    }
  };
  take(b);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const o of known.values()) {
      if (found.has(o)) continue;
      if (successors(o).some(eip => found.has(known.get(eip) as Block))) take(o);
    }
  }
  // Returns and indirect jumps lead to what no block says.
  for (const o of known.values()) if (o.within.length > 0 || o.heat >= hot / 2) take(o);
  return [...found].sort((x, y) => (x.eip >>> 0) - (y.eip >>> 0));
}

/** May `b` be compiled, in one unit with `other`? */
export function fits(b: Block, other: Block, ramSize: number): boolean {
  return (
    b.valid &&
    b.secondPage < 0 &&
    b.region === other.region &&
    b.watched === other.watched &&
    b.pa >>> 0 < ramSize &&
    !b.insns.some(i => i.pre & PRE_HOOK)
  );
}

/** Where a block leads to in plain sight; behind a call, where it comes back to. */
function successors(b: Block): number[] {
  const last = b.insns[b.insns.length - 1];
  if (last.form >= JCC) return [last.next, last.imm];
  if (last.form === CALL) return [last.next, last.imm];
  if (last.form === CALL_INDIRECT) return [last.next];
  if (last.form === JMP) return [last.imm];
  if (b.ends && last.rep === 0 && !last.row.form.startsWith('INT') && !endingOf(last)) return [];
  return [last.next];
}
