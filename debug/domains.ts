/**
 * Protection domains as our kernel keeps them (nooks/include/nooks/domain.h, stats.h): told apart by page directory.
 * Only the fields whose places the kernel asserts are read, and whatever they hold is believed to be just numbers.
 */
import type { LoadedModule } from '../guest/session.ts';
import type { Target } from './target.ts';
import { group, hex8, table } from './text.ts';

/** NOOKS_MAX_DOMAINS. */
const MAX_DOMAINS = 16;
/** struct nooks_domain. */
const CR3 = 0;
const ID = 4;
const STATE = 8;
const STATES: Readonly<Record<number, string>> = { 1: 'running', 2: 'failed', 3: 'dying' };
/** struct nooks_stats: six 64-bit counters. */
const STATS_SIZE = 48;
const COUNTERS = ['to kernel', 'to driver', 'deferred', 'copied bytes', 'failures', 'recoveries'];

export interface Domain {
  id: number;
  cr3: number;
  state: string;
  name: string;
}

/** The domains that exist now; none without our kernel. */
export function domains(target: Target): Domain[] {
  const list = target.symbols.address('nooks_domains');
  if (list === undefined) return [];
  const found: Domain[] = [];
  for (let n = 0; n < MAX_DOMAINS; n++) {
    const at = target.value(list + 4 * n, 4);
    const cr3 = at > 0 ? target.value(at + CR3, 4) : -1;
    if (cr3 < 0) continue;
    const id = target.value(at + ID, 2);
    const state = STATES[target.value(at + STATE, 4)] ?? 'unknown state';
    found.push({ id, cr3, state, name: nameOf(target.session?.modules() ?? [], id) });
  }
  return found;
}

function nameOf(modules: readonly LoadedModule[], id: number): string {
  const names = modules.filter(m => m.domain === id).map(m => m.name);
  return names.join(', ') || 'no module';
}

/** Whose page directory is at physical `cr3`: `domain 1 (e1000)`, `the kernel`, `a process`. */
export function owner(target: Target, cr3: number): string {
  const same = (other: number) => (other & ~0xfff) === (cr3 & ~0xfff);
  const domain = domains(target).find(d => same(d.cr3));
  if (domain) return `domain ${domain.id} (${domain.name})`;
  if (!target.session) return 'the guest';
  const kernel = target.symbols.address('kernel_pgd_phys');
  if (!target.paging()) return 'the kernel, paging off';
  return kernel !== undefined && same(target.value(kernel, 4)) ? 'the kernel' : 'the kernel, in a process';
}

/** The directory of a domain by its number; undefined if there is none. */
export function directoryOf(target: Target, id: number): number | undefined {
  return domains(target).find(d => d.id === id)?.cr3;
}

export function domainText(target: Target): string {
  const { cr3 } = target.machine.cpu;
  const text = `CR3 ${hex8(cr3)}: ${owner(target, cr3)}\n`;
  const list = domains(target);
  const stats = target.symbols.address('nooks_stats');
  if (list.length === 0) return `${text}no domains\n`;
  const rows = list.map(d => {
    const mark = (d.cr3 & ~0xfff) === (cr3 & ~0xfff) ? '=>' : '  ';
    const counters = COUNTERS.map((_, n) =>
      stats === undefined ? '' : counter(target, stats + (d.id - 1) * STATS_SIZE + 8 * n),
    );
    return [`${mark} ${d.id}`, d.name, d.state, hex8(d.cr3), ...counters];
  });
  return text + table([['   id', 'extension', 'state', 'CR3', ...COUNTERS], ...rows], [0, 1, 2, 3]);
}

function counter(target: Target, at: number): string {
  const [low, high] = [target.value(at, 4), target.value(at + 4, 4)];
  return low < 0 || high < 0 ? '?' : group(high * 2 ** 32 + low);
}

export function modulesText(target: Target): string {
  const modules = target.session?.modules() ?? [];
  if (modules.length === 0) return 'no modules\n';
  const rows = modules.map(m => [
    m.name,
    `text ${hex8(m.textStart)}-${hex8(m.textEnd)}`,
    `image ${hex8(m.base)}+${m.size.toString(16)}`,
    m.domain === 0 ? 'in the kernel' : `domain ${m.domain}`,
  ]);
  return table(rows, [0, 1, 2, 3]);
}
