/** Names of what is delivered. Exceptions: SDM vol. 3, table 6-1; interrupt lines: kernel/include/asm/irq.h. */
import type { EventKind } from '../../emu/probe.ts';
import type { Target } from '../target.ts';

const EXCEPTIONS = [
  ...[
    '#DE',
    '#DB',
    'NMI',
    '#BP',
    '#OF',
    '#BR',
    '#UD',
    '#NM',
    '#DF',
    'FPU overrun',
    '#TS',
    '#NP',
    '#SS',
    '#GP',
  ],
  ...['#PF', 'exception 15', '#MF', '#AC', '#MC', '#XM'],
];
export const NMI = 2;
const IRQ_VECTOR = 0x20;
const IRQS = 16;
export const SYSTEM_CALL = 0x80;

/** `#PF`, `IRQ 11`, `INT 0x21`; `syscall write` for INT 0x80 with EAX in our kernel. */
export function eventName(vector: number, kind: EventKind, target: Target): string {
  const ours = target.session !== undefined;
  if (kind === 'software') {
    if (vector !== SYSTEM_CALL || !ours) return `INT 0x${vector.toString(16)}`;
    return `syscall ${systemCall(target, target.machine.cpu.r32[0] >>> 0)}`;
  }
  if (kind === 'external' && vector !== NMI) {
    const line = vector - IRQ_VECTOR;
    return ours && line >= 0 && line < IRQS ? `IRQ ${line}` : `interrupt 0x${vector.toString(16)}`;
  }
  return EXCEPTIONS[vector] ?? `exception ${vector}`;
}

/** The name of the function that the kernel's table has for it, without `sys_`; else the number. */
function systemCall(target: Target, number: number): string {
  const table = target.symbols.find('syscall_table')[0];
  const at = table ? table.start + 4 * number : 0;
  const found = table && at < table.end ? target.symbols.lookup(target.value(at, 4)) : undefined;
  return found ? found.symbol.name.replace(/^sys_/, '') : String(number);
}
