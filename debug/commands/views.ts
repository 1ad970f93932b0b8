/** Commands that show address spaces, TLBs and caches. */
import { type Command, type Context, physicalOr } from '../command.ts';
import { CommandError } from '../error.ts';
import { evaluate } from '../expression.ts';
import { hex8 } from '../text.ts';
import { cacheText } from '../views/cache.ts';
import { differenceText, mapText } from '../views/map.ts';
import { spaceNamed } from '../views/spaces.ts';
import { tlbText } from '../views/tlb.ts';
import { walkText } from '../views/walk.ts';

export const VIEWS: readonly Command[] = [
  {
    name: 'walk',
    usage: 'ADDRESS [SPACE]',
    summary:
      'the page-table walk with every bit, the permission in each address space, and what the TLBs hold; SPACE: a domain, a process, kernel, or a CR3',
    example: 'walk current_task 1',
    complete: 'expression space',
    run: walkCommand,
  },
  {
    name: 'map',
    usage: '[SPACE] [OTHER SPACE]',
    summary: 'an address space as runs of equal permission, or where two of them differ',
    example: 'map kernel e1000',
    complete: 'space space',
    run: map,
  },
  {
    name: 'tlb',
    usage: '[NAME]',
    summary: 'entries of each TLB, the last used first, and what it would hold had no switch flushed it',
    example: 'tlb dtlb',
    complete: 'tlb',
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
    complete: 'expression',
    run: cache,
  },
];

function walkCommand(c: Context, args: string): void {
  const words = args.split(/\s+/);
  if (words.length > 2) throw new CommandError('walk ADDRESS [SPACE]');
  const address = evaluate(c.target, words[0]);
  const space = words[1] === undefined ? undefined : spaceNamed(c.target, words[1]);
  if (!c.target.paging()) return c.write(`paging is off: ${hex8(address)} is physical\n`);
  c.write(walkText(c.target, address, space ?? spaceNamed(c.target, 'current')));
}

function map(c: Context, args: string): void {
  const words = args.split(/\s+/).filter(Boolean);
  if (words.length > 2) throw new CommandError('map [SPACE] [OTHER SPACE]');
  if (!c.target.paging()) return c.write('paging is off: all addresses are physical\n');
  const [a, b] = (words.length ? words : ['current']).map(word => spaceNamed(c.target, word));
  c.write(b ? differenceText(c.target, a, b) : mapText(c.target, a));
}

function cache(c: Context, args: string): void {
  if (args === '') return c.write(cacheText(c.target));
  const [physical, rest] = physicalOr(args);
  const address = evaluate(c.target, rest);
  const at = physical ? address : c.target.machine.cpu.mmu.peekTranslate(address | 0);
  if (at < 0) throw new CommandError(`${hex8(address)} is not mapped`);
  c.write(cacheText(c.target, at));
}
