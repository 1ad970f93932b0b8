/** Commands that show what our kernel and Nooks have: domains, crossings, tracked objects, modules, tasks. */
import { alone, type Command } from '../command.ts';
import { CommandError } from '../error.ts';
import { domainNamed, domainsText, domainText } from '../views/domains.ts';
import { modulesText, moduleText } from '../views/modules.ts';
import { objectsText } from '../views/objects.ts';
import { psText } from '../views/ps.ts';
import { xpcText } from '../views/xpc.ts';

export const KERNEL_VIEWS: readonly Command[] = [
  {
    name: 'domains',
    usage: '[DOMAIN]',
    summary:
      'whose page directory is loaded, and all domains with their crossings; or all of one: memory, stacks, objects, limits, policy',
    example: 'domains 1',
    complete: 'domain',
    run: (c, args) =>
      c.write(args === '' ? domainsText(c.target) : domainText(c.target, domainNamed(c.target, args))),
  },
  {
    name: 'xpc',
    usage: '[all]',
    summary: 'the crossings that the current task is in, with the calls on each side; all: of every task',
    example: 'xpc',
    complete: 'all',
    run(c, args) {
      if (args !== '' && args !== 'all') throw new CommandError('xpc takes nothing, or all');
      c.write(xpcText(c.target, args === 'all'));
    },
  },
  {
    name: 'objects',
    usage: '[DOMAIN]',
    summary: "what the object tracker ties together: the kernel's object, the extension's copy, what it is",
    example: 'objects e1000',
    complete: 'domain',
    run: (c, args) => c.write(objectsText(c.target, args === '' ? undefined : [domainNamed(c.target, args)])),
  },
  {
    name: 'modules',
    usage: '[NAME]',
    summary: 'the loaded modules, where they are and in which domain; or the sections and symbols of one',
    example: 'modules e1000',
    complete: 'module',
    run: (c, args) => c.write(args === '' ? modulesText(c.target) : moduleText(c.target, args)),
  },
  {
    name: 'ps',
    usage: '',
    summary: 'the tasks: state, kernel stack, CR3, ticks in ring 3 and ring 0, and what each waits in',
    example: 'ps',
    run: alone(c => c.write(psText(c.target))),
  },
];
