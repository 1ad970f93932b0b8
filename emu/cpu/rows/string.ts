/** MOVS, CMPS, STOS, LODS, SCAS. SDM vol. 2. INS and OUTS are in system.ts. */
import { compareMany, moveMany, scanMany, storeMany } from '../exec/bulk.ts';
import { cmps, lods, movs, scas, stos, stringExec } from '../exec/string.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const movsExec = stringExec(movs, 'move', false, moveMany);
const stosExec = stringExec(stos, 'store', false, storeMany);
const lodsExec = stringExec(lods, 'other', false);
const cmpsExec = stringExec(cmps, 'other', true, compareMany);
const scasExec = stringExec(scas, 'other', true, scanMany);
const compare = { reads: 'D', writes: 'OSZAPC', rep: 'repcc' } as const;
const move = { reads: 'D', rep: 'rep' } as const;

export const stringRows: Row[] = [
  row('A4', 'MOVS m8, m8', 'string', movsExec, move),
  ...both('A5', 'MOVS mv, mv', 'string', movsExec, move),
  row('A6', 'CMPS m8, m8', 'string', cmpsExec, compare),
  ...both('A7', 'CMPS mv, mv', 'string', cmpsExec, compare),
  row('AA', 'STOS m8', 'string', stosExec, move),
  ...both('AB', 'STOS mv', 'string', stosExec, move),
  row('AC', 'LODS m8', 'string', lodsExec, move),
  ...both('AD', 'LODS mv', 'string', lodsExec, move),
  row('AE', 'SCAS m8', 'string', scasExec, compare),
  ...both('AF', 'SCAS mv', 'string', scasExec, compare),
];
