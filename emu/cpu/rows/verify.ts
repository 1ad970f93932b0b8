/** LAR, LSL, VERR, VERW and ARPL. SDM vol. 2; executors in exec/verify.ts. */
import { arpl, lar, lsl, verr, verw } from '../exec/verify.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const options = { writes: 'Z', protectedOnly: true } as const;

export const verifyRows: Row[] = [
  row('0F 00 /4', 'VERR r/m16', 'verify', verr, options),
  row('0F 00 /5', 'VERW r/m16', 'verify', verw, options),
  ...both('0F 02 /r', 'LAR rv, r/m16', 'verify', lar, {
    ...options,
    note: 'bits 16–19 of the result are undefined by Intel',
  }),
  ...both('0F 03 /r', 'LSL rv, r/m16', 'verify', lsl, options),
  row('63 /r', 'ARPL r/m16, r16', 'verify', arpl, options),
];
