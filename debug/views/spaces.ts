/** The address spaces that there are: the kernel's own, each process', each domain's; and how a user names them. */
import { domains } from '../domains.ts';
import { CommandError } from '../error.ts';
import { evaluate } from '../expression.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { Structs } from './structs.ts';
import { tasks } from './tasks.ts';

export interface Space {
  /** `domain 1 (e1000)`, `the kernel`, `process 7 (netsend)`, `the guest`. */
  name: string;
  /** Physical address of the page directory. */
  cr3: number;
  /** It is in CR3. */
  loaded: boolean;
}

const MAX_SPACES = 64;
const HIGHEST_DOMAIN = 16;

const page = (cr3: number) => (cr3 & ~0xfff) >>> 0;

/** The kernel's first, then processes, then domains; a directory that is loaded but known to nobody is last. */
export function spaces(target: Target): Space[] {
  if (!target.paging()) return [];
  const now = page(target.machine.cpu.cr3);
  const found: Space[] = [];
  const add = (name: string, cr3: number) => {
    if (cr3 < 0 || found.length >= MAX_SPACES || found.some(s => s.cr3 === page(cr3))) return;
    found.push({ name, cr3: page(cr3), loaded: page(cr3) === now });
  };
  const kernel = Structs.of(target).global('kernel_pgd_phys');
  if (kernel) add('the kernel', kernel.value);
  for (const t of tasks(target).tasks) if (t.process) add(`process ${t.pid} (${t.name})`, t.cr3);
  for (const d of domains(target)) add(`domain ${d.id} (${d.name})`, d.cr3);
  add('the guest', now);
  return found;
}

/**
 * The space that a word means: `kernel`, `current`, a domain's number or module, a process' name or `pid:N`, or an
 * expression for the physical address of a page directory. Throws a CommandError.
 */
export function spaceNamed(target: Target, word: string): Space {
  const all = spaces(target);
  const named = all.find(s => matches(s, word));
  if (named) return named;
  const number = /^\d+$/.test(word) ? Number(word) : undefined;
  if (number !== undefined && number > 0 && number <= HIGHEST_DOMAIN)
    throw new CommandError(`no domain ${word}`);
  const cr3 = page(evaluate(target, word));
  return all.find(s => s.cr3 === cr3) ?? { name: `directory ${hex8(cr3)}`, cr3, loaded: false };
}

/** The words that `spaceNamed` knows now, but for expressions. */
export function spaceWords(target: Target): string[] {
  const whose = spaces(target).flatMap(
    ({ name }) => /^(?:process|domain) \d+ \((.*)\)$/.exec(name)?.[1] ?? [],
  );
  return ['kernel', 'current', ...whose, ...domains(target).map(d => String(d.id))];
}

function matches({ name, loaded }: Space, word: string): boolean {
  if (word === 'current') return loaded;
  if (word === 'kernel') return name === 'the kernel';
  const [, kind, number, who] = /^(process|domain) (\d+) \((.*)\)$/.exec(name) ?? [];
  if (word === who) return true;
  return kind === 'domain' ? word === number : kind === 'process' && word === `pid:${number}`;
}
