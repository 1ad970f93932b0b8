/** What editors call exceptions: the core's events, as rows. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { CatchEvent } from '../model.ts';

/** The core's events that editors offer as "exceptions"; the condition is the catchpoint's filter. */
export const FILTERS: readonly (DebugProtocol.ExceptionBreakpointsFilter & { filter: CatchEvent })[] = [
  {
    filter: 'exception',
    label: 'Processor exceptions',
    description: 'Faults and traps, page faults among them',
    conditionDescription: 'a vector: 14 for page faults, 13 for general protection',
  },
  {
    filter: 'xpc',
    label: 'XPC',
    description: 'Calls across a domain’s border',
    conditionDescription: 'in or out',
  },
  { filter: 'domain', label: 'Domain switches', description: 'Loads of another page directory' },
  { filter: 'recovery', label: 'Recovery', description: 'Nooks recovers from a failed extension' },
  {
    filter: 'load',
    label: 'Module loads',
    description: 'A module is loaded, and not yet run',
    conditionDescription: 'a module: e1000',
  },
  {
    filter: 'syscall',
    label: 'System calls',
    description: 'A program calls the kernel',
    conditionDescription: 'a number or a name',
  },
  {
    filter: 'interrupt',
    label: 'Interrupts',
    description: 'A device interrupts',
    conditionDescription: 'a vector',
  },
];
