/**
 * What the fuzzer's guests do in handlers. A fault goes on at the address in RESUME; a page fault may be mended and tried
 * again, with and without INVLPG; the timer counts; STAY leaves its caller in ring 0. They read through CS and write
 * through SS, since DS may be anything.
 */
import { PT } from '../../cpu/rig.ts';
import type { Draft } from './generate.ts';
import { FAULTS, HELP, RESUME, STAY, TICKS, TIMER } from './world.ts';

const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];
const PAGE_FAULT = 14;
const NMI = 2;
const DB = 1;

/** `base`: the first of the handlers, 16 bytes apart. */
export function handlers(d: Draft, base: number): string[] {
  const at = (vector: number) => `@${(base + vector * 16).toString(16)}`;
  const lines: string[] = [];
  for (let v = 0; v < 32; v++)
    if (v !== NMI && v !== DB && v !== PAGE_FAULT)
      lines.push(at(v), `e9{rel ${WITH_ERROR.includes(v) ? 'onError' : 'onFault'}}`);
  const count = `36ff05${d.dword(TICKS)}`;
  lines.push(at(DB), d.chance(4) ? 'e9{rel onDebug}' : `${count} cf`);
  lines.push(at(NMI), `${count} cf`, at(TIMER), 'e9{rel onTimer}');
  lines.push(at(PAGE_FAULT), `e9{rel ${d.chance(2) ? 'onError' : 'onPage'}}`);
  lines.push(at(0x80), `${count} cf`, at(STAY), `2ea1${d.dword(RESUME)} ffe0`);
  return [
    ...lines,
    `@${HELP.toString(16)}`,
    'onFault:',
    `50 2ea1${d.dword(RESUME)} 36894424 04 58 cf`,
    'onError:',
    `50 2ea1${d.dword(RESUME)} 36894424 08 58 83c404 cf`,
    ...pageFault(d),
    ...timer(d),
    // RF, so that an execution breakpoint lets its instruction run.
    'onDebug:',
    '36814c240800000100 cf',
  ];
}

/** Mends the entry of CR2's page in the rig's table, but every few times, or where it has none there, goes on elsewhere. */
function pageFault(d: Draft): string[] {
  const mend = `810c85${d.dword(PT)}${d.dword(d.chance(3) ? 0x67 : 0x07)}`;
  const unmap = d.chance(3) ? [`368325${d.dword(PT + 0x110)}fe`] : [];
  const drop = d.chance(2) ? ['0f20d0', '0f0138'] : [];
  return [
    'onPage:',
    '50',
    `36ff05${d.dword(FAULTS)}`,
    `36f605${d.dword(FAULTS)}${d.pick(['07', '01', '0f', '03'])}`,
    '0f84{rel onPageElse}',
    '0f20d0',
    'c1e80c',
    '3d00010000',
    '0f83{rel onPageElse}',
    `36${mend}`,
    ...drop,
    ...unmap,
    '58',
    '83c404',
    'cf',
    'onPageElse:',
    '58',
    'e9{rel onError}',
  ];
}

function timer(d: Draft): string[] {
  const work = d.pick([[], ['50', '58'], ['60', 'fc', '61'], ['36c705d0f0040001000000']]);
  return ['onTimer:', `36ff05${d.dword(TICKS)}`, ...work, 'cf'];
}
