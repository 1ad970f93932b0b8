/** Far transfers, software interrupts and fast system calls. SDM vol. 2; executors in exec/far.ts. */
import {
  callFar,
  callFarM,
  int1,
  int3,
  intN,
  into,
  iret,
  jmpFar,
  jmpFarM,
  retFar,
  sysenter,
  sysexit,
} from '../exec/far.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const ends = { ends: true, user: false } as const;
const flags = { ...ends, writes: 'DIT' } as const;

export const farRows: Row[] = [
  ...both('9A far', 'CALL ptr16:v', 'farBranch', callFar, ends),
  ...both('EA far', 'JMP ptr16:v', 'farBranch', jmpFar, ends),
  ...both('FF /3 m', 'CALL m16:v', 'farBranch', callFarM, ends),
  ...both('FF /5 m', 'JMP m16:v', 'farBranch', jmpFarM, ends),
  ...both('CB', 'RETF', 'farBranch', retFar, ends),
  ...both('CA iw', 'RETF imm16', 'farBranch', retFar, ends),
  ...both('CF', 'IRET', 'iret', iret, { ...ends, writes: 'OSZAPCDIT' }),
  row('CC', 'INT3', 'gate', int3, flags),
  row('CD ib', 'INT imm8', 'gate', intN, flags),
  row('CE', 'INTO', 'gate', into, { ...flags, reads: 'O' }),
  row('F1', 'INT1', 'gate', int1, flags),
  row('0F 34', 'SYSENTER', 'sysenter', sysenter, { ...ends, writes: 'I' }),
  row('0F 35', 'SYSEXIT', 'sysexit', sysexit, ends),
];
