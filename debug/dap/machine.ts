/** What a stop has to show besides C's variables: the processor's registers, the domain and the clock. */

import type { Debugger } from '../debugger.ts';
import { domains, owner } from '../domains.ts';
import { register } from '../expression.ts';
import type { SourceFrame, Variable } from '../model.ts';
import { cyclesOf, group, hex8 } from '../text.ts';

const GENERAL = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const CONTROL = ['cr0', 'cr2', 'cr3', 'cr4'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
/** Registers that may be written. */
const WRITTEN = [...GENERAL, 'eip', 'eflags'];

/** The registers of a frame: all of the innermost one that runs; of others, what unwinding knows. */
export function registersOf(d: Debugger, frame: SourceFrame, running: boolean): Variable[] {
  if (!running || frame.level > 0)
    return [
      fixed('eip', d.target.describe(frame.pc)),
      fixed('esp', `0x${hex8(frame.esp)}`),
      fixed('ebp', `0x${hex8(frame.ebp)}`),
    ];
  const { cpu } = d.target.machine;
  return [
    ...[...GENERAL, 'eip', 'eflags', ...CONTROL].map(name => registerOf(d, name)),
    ...SEGMENTS.map((name, n) => fixed(name, `0x${cpu.selector(n).toString(16).padStart(4, '0')}`)),
  ];
}

function registerOf(d: Debugger, name: string): Variable {
  const value = register(d.target, name) ?? 0;
  return {
    name,
    type: 'unsigned int',
    value: name === 'eip' ? `0x${d.target.describe(value)}` : `0x${hex8(value)}`,
    size: 4,
    ...(WRITTEN.includes(name) && {
      assign: (text: string) => {
        d.target.writeRegister(name, numberOf(d, text));
      },
    }),
  };
}

/** The value of an expression as a number of 32 bits. Throws a CommandError. */
function numberOf(d: Debugger, text: string): number {
  return Number(BigInt.asUintN(32, d.source.number(text)));
}

/** Whose code runs in whose address space, and when. */
export function stateOf(d: Debugger, frame: SourceFrame): Variable[] {
  const { target } = d;
  const { machine } = target;
  const list = domains(target);
  return [
    fixed('address space', owner(target, machine.cpu.cr3)),
    ...(frame.region === undefined ? [] : [fixed('region', frame.region)]),
    fixed('ring', String(machine.cpu.cpl)),
    fixed('cycle', cyclesOf(machine.clock.now())),
    fixed('instructions', group(machine.cpu.instructions)),
    ...list.map(domain => ({
      ...fixed(`domain ${domain.id}`, `${domain.name}, ${domain.state}`),
      children: () => [
        fixed('extension', domain.name),
        fixed('state', domain.state),
        fixed('page directory', `0x${hex8(domain.cr3)}`),
      ],
    })),
  ];
}

function fixed(name: string, value: string): Variable {
  return { name, type: '', value, size: 0 };
}
