/**
 * String instructions with and without REP (SDM vol. 2, REP and the instructions' pages). One call runs at most
 * 64 rounds; then, or when a fault comes, registers hold what is left and the same instruction runs again, so that
 * events are sampled every 64 rounds; with TF set or a breakpoint armed, after each one. Costs: profile.rep, by the byte, with the
 * fraction of a tick carried on.
 */
import { CAUSE } from '../../accounting.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { ES_ } from '../segments.ts';
import { sub } from './alu.ts';

const ISSUE = CAUSE.issue;
const EAX = 0;
const ECX = 1;
const ESI = 6;
const EDI = 7;
const ROUNDS = 64;

/** One round; REPE and REPNE look at ZF after it. */
type Round = (c: Cpu, i: Insn) => void;

function step(c: Cpu, i: Insn): number {
  return c.directionDown ? -i.size : i.size;
}

function advance(c: Cpu, i: Insn, register: number, by: number): void {
  if (i.a32) c.r32[register] += by;
  else c.r16[register * 2] += by;
}

function at(c: Cpu, i: Insn, register: number): number {
  return i.a32 ? c.r32[register] : c.r16[register * 2];
}

export function movs(c: Cpu, i: Insn): void {
  c.store(ES_, at(c, i, EDI), i.size, c.load(i.seg, at(c, i, ESI), i.size));
  const by = step(c, i);
  advance(c, i, ESI, by);
  advance(c, i, EDI, by);
}

export function stos(c: Cpu, i: Insn): void {
  c.store(ES_, at(c, i, EDI), i.size, c.getReg(EAX, i.size));
  advance(c, i, EDI, step(c, i));
}

export function lods(c: Cpu, i: Insn): void {
  c.setReg(EAX, i.size, c.load(i.seg, at(c, i, ESI), i.size));
  advance(c, i, ESI, step(c, i));
}

/** Both operands may fault: the one at EDI is read first, as silicon does. */
export function cmps(c: Cpu, i: Insn): void {
  const b = c.load(ES_, at(c, i, EDI), i.size);
  const a = c.load(i.seg, at(c, i, ESI), i.size);
  sub(c, a, b, i.shift);
  const by = step(c, i);
  advance(c, i, ESI, by);
  advance(c, i, EDI, by);
}

export function scas(c: Cpu, i: Insn): void {
  const b = c.load(ES_, at(c, i, EDI), i.size);
  sub(c, c.getReg(EAX, i.size), b, i.shift);
  advance(c, i, EDI, step(c, i));
}

/** The executor of a string row: `round` once, or up to 64 times under REP. `kind` picks the cost. */
export function stringExec(round: Round, kind: 'move' | 'store' | 'other', compares: boolean) {
  return (c: Cpu, i: Insn): void => {
    if (i.rep === 0) return round(c, i);
    const costs = c.rep;
    if (c.repEip !== i.eip) {
      c.charge(ISSUE, costs.start);
      c.repFraction = 0;
    }
    c.repEip = -1;
    const countIndex = i.a32 ? ECX : ECX * 2;
    const countSize = i.a32 ? 4 : 2;
    const wanted = i.rep === 1 ? 1 : 0;
    const rounds = c.trapFlag || c.breakpoints.armed ? 1 : ROUNDS;
    let done = 0;
    let more = c.getReg(countIndex, countSize) !== 0;
    try {
      while (more && done < rounds) {
        round(c, i);
        done++;
        const left = (c.getReg(countIndex, countSize) - 1) | 0;
        c.setReg(countIndex, countSize, left);
        more = left !== 0 && (!compares || c.zf === wanted);
      }
    } finally {
      const units = kind === 'other' ? done * costs.other : done * i.size * costs[kind];
      const total = c.repFraction + units;
      c.repFraction = total & 1023;
      if (total >= 1024) c.charge(ISSUE, Math.floor(total / 1024));
    }
    if (more) {
      c.repEip = i.eip;
      c.eip = i.eip;
      c.instructions--;
    } else c.eip = i.next;
  };
}
