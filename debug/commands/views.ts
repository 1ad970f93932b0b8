/** Commands that show the machine and the kernel as a whole. */
import { cacheText } from '../caches.ts';
import { alone, type Command, type Context, physicalOr } from '../command.ts';
import { directoryOf, domainText, modulesText, owner } from '../domains.ts';
import { CommandError } from '../error.ts';
import { evaluate } from '../expression.ts';
import { tlbText, walkText } from '../paging.ts';
import { hex8 } from '../text.ts';

export const VIEWS: readonly Command[] = [
  {
    name: 'walk',
    usage: 'ADDRESS [CR3 | DOMAIN]',
    summary: 'the page-table walk level by level, the permission that results, and what the TLBs hold',
    example: 'walk current_task 1',
    run: walkCommand,
  },
  {
    name: 'tlb',
    usage: '[NAME]',
    summary: 'entries of each TLB, the last used first, and what it would hold had no switch flushed it',
    example: 'tlb dtlb',
    run(c, args) {
      const text = tlbText(c.target, args || undefined);
      const names = c.target.machine.cpu.mmu.tlbs().map(t => t.name);
      if (text === undefined) throw new CommandError(`no TLB ${args}; there are: ${names.join(', ')}`);
      c.write(text);
    },
  },
  {
    name: 'cache',
    usage: '[ADDRESS | phys:ADDRESS]',
    summary: 'how full the caches are, or where in them the line of an address is',
    example: 'cache current_task',
    run: cache,
  },
  {
    name: 'domain',
    usage: '',
    summary: 'whose page directory is loaded, and all domains with their crossings',
    example: 'domain',
    run: alone(c => c.write(domainText(c.target))),
  },
  {
    name: 'modules',
    usage: '',
    summary: 'the loaded modules, where they are and in which domain',
    example: 'modules',
    run: alone(c => c.write(modulesText(c.target))),
  },
];

/** Domain numbers are small and directories are page-aligned, so one argument names either. */
const HIGHEST_DOMAIN = 16;

function walkCommand(c: Context, args: string): void {
  const words = args.split(/\s+/);
  if (words.length > 2) throw new CommandError('walk ADDRESS [CR3 | DOMAIN]');
  const address = evaluate(c.target, words[0]);
  let cr3 = words[1] === undefined ? c.target.machine.cpu.cr3 : evaluate(c.target, words[1]);
  if (cr3 > 0 && cr3 <= HIGHEST_DOMAIN) {
    const directory = directoryOf(c.target, cr3);
    if (directory === undefined) throw new CommandError(`no domain ${cr3}`);
    cr3 = directory;
  }
  c.write(walkText(c.target, address, cr3, owner(c.target, cr3)));
}

function cache(c: Context, args: string): void {
  if (args === '') return c.write(cacheText(c.target));
  const [physical, rest] = physicalOr(args);
  const address = evaluate(c.target, rest);
  const at = physical ? address : c.target.machine.cpu.mmu.peekTranslate(address | 0);
  if (at < 0) throw new CommandError(`${hex8(address)} is not mapped`);
  c.write(cacheText(c.target, at));
}
