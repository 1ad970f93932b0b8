/**
 * System instructions and I/O. SDM vol. 2; executors in exec/system.ts
 * and exec/io.ts. Whatever changes how the next instruction runs, or serialises, ends its block.
 */
import { inDx, inImmediate, ins, outDx, outImmediate, outs, requirePort } from '../exec/io.ts';
import { stringExec } from '../exec/string.ts';
import {
  clts,
  cpuid,
  flushCaches,
  hlt,
  invlpg,
  lgdt,
  lidt,
  lldt,
  lmsw,
  ltr,
  movFromCr,
  movFromDr,
  movToCr0,
  movToCr2,
  movToCr3,
  movToCr4,
  movToDr,
  rdmsr,
  rdpmc,
  rdtsc,
  ring0,
  sgdt,
  sidt,
  sldt,
  smsw,
  str,
  thenNext,
  ud,
  wrmsr,
} from '../exec/system.ts';
import type { Exec, Row } from '../row.ts';
import { both, row } from './kit.ts';

const DX = 4; // in the view of words
const user = { user: false } as const;
const ends = { ends: true, user: false } as const;
const protectedOnly = { user: false, protectedOnly: true } as const;
const lastRing0 = (exec: Exec) => thenNext(ring0(exec));

const tableRows: Row[] = [
  row('0F 00 /0', 'SLDT r/m16', 'descriptorTable', sldt, protectedOnly),
  row('0F 00 /1', 'STR r/m16', 'descriptorTable', str, protectedOnly),
  row('0F 00 /2', 'LLDT r/m16', 'loadTask', lastRing0(lldt), { ...protectedOnly, ends: true }),
  row('0F 00 /3', 'LTR r/m16', 'loadTask', lastRing0(ltr), { ...protectedOnly, ends: true }),
  ...both('0F 01 /0 m', 'SGDT m', 'descriptorTable', sgdt, user),
  ...both('0F 01 /1 m', 'SIDT m', 'descriptorTable', sidt, user),
  ...both('0F 01 /2 m', 'LGDT m', 'descriptorTable', lastRing0(lgdt), ends),
  ...both('0F 01 /3 m', 'LIDT m', 'descriptorTable', lastRing0(lidt), ends),
  row('0F 01 /4', 'SMSW r/m16', 'descriptorTable', smsw, user),
  row('0F 01 /6', 'LMSW r/m16', 'descriptorTable', lastRing0(lmsw), ends),
  row('0F 01 /7 m', 'INVLPG m', 'invlpg', lastRing0(invlpg), ends),
];

const controlRows: Row[] = [
  row('0F 06', 'CLTS', 'movCr', lastRing0(clts), ends),
  ...[0, 2, 3, 4].map(n => row(`0F 20 /${n} R`, `MOV r32, CR${n}`, 'movCrRead', lastRing0(movFromCr), ends)),
  row('0F 22 /0 R', 'MOV CR0, r32', 'movCr', lastRing0(movToCr0), ends),
  row('0F 22 /2 R', 'MOV CR2, r32', 'movCr', lastRing0(movToCr2), ends),
  row('0F 22 /3 R', 'MOV CR3, r32', 'movCr3', lastRing0(movToCr3), ends),
  row('0F 22 /4 R', 'MOV CR4, r32', 'movCr', lastRing0(movToCr4), ends),
  row('0F 21 /r R', 'MOV r32, DRn', 'movDr', thenNext(movFromDr), ends),
  row('0F 23 /r R', 'MOV DRn, r32', 'movDr', thenNext(movToDr), ends),
  row('0F 08', 'INVD', 'wbinvd', lastRing0(flushCaches), ends),
  row('0F 09', 'WBINVD', 'wbinvd', lastRing0(flushCaches), ends),
  row('F4', 'HLT', 'hlt', lastRing0(hlt), ends),
];

const counterRows: Row[] = [
  row('0F 30', 'WRMSR', 'wrmsr', lastRing0(wrmsr), ends),
  row('0F 31', 'RDTSC', 'rdtsc', thenNext(rdtsc), ends),
  row('0F 32', 'RDMSR', 'rdmsr', lastRing0(rdmsr), ends),
  row('0F 33', 'RDPMC', 'rdpmc', thenNext(rdpmc), ends),
  row('0F A2', 'CPUID', 'cpuid', thenNext(cpuid), ends),
];

/** IN and OUT by opcode: byte, then word and dword. */
function port(opcode: number, form: (accumulator: string) => string, exec: Exec, immediate: boolean): Row[] {
  const enc = (n: number) => n.toString(16).toUpperCase() + (immediate ? ' ib' : '');
  return [
    row(enc(opcode), form('AL'), 'io', thenNext(exec), ends),
    row(`o16 ${enc(opcode + 1)}`, form('AX'), 'io', thenNext(exec), ends),
    row(`o32 ${enc(opcode + 1)}`, form('EAX'), 'io', thenNext(exec), ends),
  ];
}

/** INS and OUTS: `stringExec` sets EIP under REP, and leaves it to us without. */
function stringPort(round: Exec): Exec {
  const exec = stringExec(round, 'other', false);
  return (c, i) => {
    requirePort(c, c.r16[DX], i.size); // also when REP's count is 0, as silicon does
    exec(c, i);
    if (i.rep === 0) c.eip = i.next;
    c.leave = true;
  };
}

const string = { ...ends, reads: 'D', rep: 'rep' } as const;
const insExec = stringPort(ins);
const outsExec = stringPort(outs);

const portRows: Row[] = [
  ...port(0xe4, a => `IN ${a}, imm8`, inImmediate, true),
  ...port(0xe6, a => `OUT imm8, ${a}`, outImmediate, true),
  ...port(0xec, a => `IN ${a}, DX`, inDx, false),
  ...port(0xee, a => `OUT DX, ${a}`, outDx, false),
  row('6C', 'INS m8, DX', 'io', insExec, string),
  ...both('6D', 'INS mv, DX', 'io', insExec, string),
  row('6E', 'OUTS DX, m8', 'io', outsExec, string),
  ...both('6F', 'OUTS DX, mv', 'io', outsExec, string),
];

const absentRows: Row[] = [
  row('0F 0B', 'UD2', 'undefined', ud, ends),
  row('0F AA', 'RSM', 'undefined', ud, {
    ...ends,
    note: 'outside system management mode, which is not there',
  }),
];

export const systemRows: Row[] = [...tableRows, ...controlRows, ...counterRows, ...portRows, ...absentRows];
