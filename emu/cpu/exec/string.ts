/**
 * String instructions with and without REP (SDM vol. 2, REP and the instructions' pages). Every 64 rounds there is a
 * head; when it has work to do, or a fault comes, registers hold what is left and the same instruction runs again; with
 * TF set or a breakpoint armed, after each round. Costs: profile.rep, by the byte, with the fraction of a tick carried
 * on. Rounds that can go together are bulk.ts.
 */
import { CAUSE } from '../../accounting.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { ROUNDS } from '../runs.ts';
import { ES_ } from '../segments.ts';
import { sub } from './alu.ts';
import type { Bulk } from './bulk.ts';

const ISSUE = CAUSE.issue;
const EAX = 0;
const ECX = 1;
const ESI = 6;
const EDI = 7;

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

/**
 * The executor of a string row: `round` once, or up to 64 times under REP, and on if no head has work. `kind` picks the
 * cost; `many` does rounds that can go together.
 */
export function stringExec(
  round: Round,
  kind: 'move' | 'store' | 'other',
  compares: boolean,
  many: Bulk | null = null,
) {
  return (c: Cpu, i: Insn): void => {
    if (i.rep === 0) return round(c, i);
    const { rep: costs, runs } = c;
    if (c.repEip !== i.eip && !runs.resumed) {
      c.charge(ISSUE, costs.start);
      c.repFraction = 0;
    }
    c.repEip = -1;
    const countIndex = i.a32 ? ECX : ECX * 2;
    const countSize = i.a32 ? 4 : 2;
    const wanted = i.rep === 1 ? 1 : 0;
    const stepping = c.trapFlag || c.breakpoints.armed;
    const singly = stepping || many === null;
    let left = c.getReg(countIndex, countSize);
    let more = left !== 0;
    const perRound = kind === 'other' ? costs.other : i.size * costs[kind];
    runs.begin(i, perRound, stepping ? 1 : ROUNDS, singly);
    try {
      while (more && (runs.left > 0 || runs.goOn())) {
        const did = singly ? 0 : many(c, i, left >>> 0);
        if (did > 0) left = (left - did) | 0;
        else {
          round(c, i);
          runs.count(1);
          left = (left - 1) | 0;
        }
        c.setReg(countIndex, countSize, left);
        more = left !== 0 && (!compares || c.zf === wanted);
      }
    } finally {
      runs.charge();
    }
    if (more) {
      c.repEip = i.eip;
      c.eip = i.eip;
      c.instructions--;
    } else c.eip = i.next;
  };
}
