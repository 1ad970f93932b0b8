/**
 * Names of vectors and system calls. Exceptions: SDM vol. 3, table 6-1; interrupt lines: kernel/include/asm/irq.h;
 * system calls: kernel/include/kernel/syscalls.h (a test compares).
 */
import type { EventKind } from '../../emu/probe.ts';

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

export const SYSTEM_CALLS: Readonly<Record<number, string>> = {
  ...{ 1: 'exit', 2: 'fork', 3: 'read', 4: 'write', 5: 'open', 6: 'close', 7: 'waitpid', 10: 'unlink' },
  ...{ 11: 'execve', 19: 'lseek', 20: 'getpid', 37: 'kill', 41: 'dup', 43: 'times', 45: 'brk', 54: 'ioctl' },
  ...{ 64: 'getppid', 78: 'gettimeofday', 88: 'reboot', 91: 'munmap', 128: 'init_module' },
  ...{ 129: 'delete_module', 158: 'sched_yield', 162: 'nanosleep', 192: 'mmap2', 359: 'socket', 361: 'bind' },
  ...{ 362: 'connect', 365: 'getsockopt', 366: 'setsockopt', 367: 'getsockname', 369: 'sendto' },
  ...{ 371: 'recvfrom' },
};

/** `#PF`, `IRQ 11`, `INT 0x21`; `syscall write` for INT 0x80 with `eax` the number, if this kernel's calls are known. */
export function eventName(vector: number, kind: EventKind, eax: number, ours: boolean): string {
  if (kind === 'software') {
    if (vector !== SYSTEM_CALL || !ours) return `INT 0x${vector.toString(16)}`;
    return `syscall ${SYSTEM_CALLS[eax] ?? eax >>> 0}`;
  }
  if (kind === 'external' && vector !== NMI) {
    const line = vector - IRQ_VECTOR;
    return ours && line >= 0 && line < IRQS ? `IRQ ${line}` : `interrupt 0x${vector.toString(16)}`;
  }
  return EXCEPTIONS[vector] ?? `exception ${vector}`;
}
