/** MOV, PUSH and POP of segment registers; LES, LDS, LSS, LFS, LGS. SDM vol. 2; executors in exec/segment.ts. */
import {
  loadFarPointer,
  movFromSegment,
  movToSegment,
  movToStackSegment,
  popSegment,
  popStackSegment,
  pushSegment,
} from '../exec/segment.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const SS = 2;
const NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];

/** Opcode of PUSH for each register; POP is one more. CS has no POP, and MOV CS is undefined. */
const PUSH = ['06', '0E', '16', '1E', '0F A0', '0F A8'];
const POP = ['07', '', '17', '1F', '0F A1', '0F A9'];
const LOAD = ['C4', '', '0F B2', 'C5', '0F B4', '0F B5'];

function rowsOf(name: string, s: number): Row[] {
  const user = { op: s };
  const stack = s === SS;
  const rows = [
    row(`8C /${s}`, `MOV r/m16, ${name}`, 'movFromSeg', movFromSegment, user),
    ...both(PUSH[s], `PUSH ${name}`, 'push', pushSegment, user),
  ];
  if (name === 'CS') return rows;
  const load = stack ? { ...user, ends: true } : user;
  rows.push(
    row(`8E /${s}`, `MOV ${name}, r/m16`, 'movSeg', stack ? movToStackSegment : movToSegment, load),
    ...both(POP[s], `POP ${name}`, 'movSeg', stack ? popStackSegment : popSegment, load),
    ...both(`${LOAD[s]} /r m`, `L${name} rv, m16:v`, 'movSeg', loadFarPointer, user),
  );
  return rows;
}

export const segmentRows: Row[] = NAMES.flatMap(rowsOf);
