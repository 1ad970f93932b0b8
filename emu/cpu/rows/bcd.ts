/** Decimal arithmetic, and the undocumented SALC. SDM vol. 2; executors in exec/bcd.ts. */
import { aad, aam, asciiAdjust, decimalAdjust, salc } from '../exec/bcd.ts';
import type { Row } from '../row.ts';
import { row } from './kit.ts';

const ascii = { reads: 'A', writes: 'AC', undef: 'OSZP' };
const decimal = { reads: 'AC', writes: 'SZAPC', undef: 'O' };
const byBase = { writes: 'SZP', undef: 'OAC' };

export const bcdRows: Row[] = [
  row('27', 'DAA', 'bcd', decimalAdjust, { ...decimal, op: 1 }),
  row('2F', 'DAS', 'bcd', decimalAdjust, { ...decimal, op: -1 }),
  row('37', 'AAA', 'bcd', asciiAdjust, { ...ascii, op: 1 }),
  row('3F', 'AAS', 'bcd', asciiAdjust, { ...ascii, op: -1 }),
  row('D4 ib', 'AAM imm8', 'bcd', aam, byBase),
  row('D5 ib', 'AAD imm8', 'bcd', aad, byBase),
  row('D6', 'SALC', 'alu', salc, { reads: 'C', note: 'undocumented' }),
];
