/** `domains`: what each protection domain has, uses and may use (nooks/include/nooks/domain.h, limits.h, stats.h). */
import { type Domain, domains, owner } from '../domains.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { group, hex8, table } from '../text.ts';
import { byTypes, objectsOf } from './objects.ts';
import { type Struct, Structs } from './structs.ts';

const WRITABLE = 2;
const PAGE_SHIFT = 12;
const MAX_ZONE = 0x8000;
/** Rows of policies, kernel/nooks/policy.c's MAX_ROWS. */
const MAX_POLICIES = 64;

/** Numbers are -1 where they cannot be read. */
export interface DomainView extends Domain {
  loaded: boolean;
  /** Pages of the zone that it may write. */
  pages: number;
  /** Bytes in live objects of its heap, and beside it (pages, memory shared with devices). */
  heapBytes: number;
  extraBytes: number;
  stacks: { made: number; free: number };
  objects: { type: string; count: number }[];
  /** Packets that it has, and the most that it has had. */
  packets: number;
  mostPackets: number;
  timers: number;
  limits: { name: string; value: number }[];
  /** Why it failed; only then. */
  trigger?: string;
  policy: string;
  counters: { name: string; value: number }[];
}

export function domainView(target: Target, domain: Domain): DomainView {
  const structs = Structs.of(target);
  const d = structs.at('struct nooks_domain', domain.address);
  const { objects } = objectsOf(target, domain);
  const types = byTypes(objects);
  const limits = d.to('limits')?.elements() ?? [];
  const names = structs.enumeration('nooks_limit', 'LIMIT_');
  const stats = structs.global('nooks_stats')?.elements()[domain.id - 1];
  return {
    ...domain,
    loaded: (domain.cr3 & ~0xfff) === (target.machine.cpu.cr3 & ~0xfff),
    pages: writablePages(structs, d),
    heapBytes: d.to('heap')?.number('bytes') ?? -1,
    extraBytes: d.number('extra_bytes'),
    stacks: {
      made: d.number('stack_count'),
      free: structs.chain(d.number('free_stacks'), 'struct nooks_stack', 'next', 64).items.length,
    },
    objects: [...types].map(([type, list]) => ({ type, count: list.length })),
    packets: types.get('SKB')?.length ?? 0,
    mostPackets: d.number('packets'),
    timers: d.number('timers'),
    limits: limits.map((limit, n) => ({
      name: (names.get(n) ?? '?').toLowerCase().replaceAll('_', '-'),
      value: limit.value,
    })),
    trigger: domain.state === 'running' ? undefined : triggerName(structs, d.number('trigger')),
    policy: policyOf(structs, d, domain.name),
    counters: (stats?.members() ?? []).map(name => ({
      name: name.replaceAll('_', ' '),
      value: stats!.number(name),
    })),
  };
}

/** By the domain's own page tables of the zone. */
function writablePages(structs: Structs, d: Struct): number {
  const count = (structs.global('zone_size')?.value ?? 0) >>> PAGE_SHIFT;
  const tables = d.number('zone');
  if (tables <= 0) return -1;
  const entries = structs.words(tables, Math.min(count, MAX_ZONE));
  return entries.reduce((sum, entry) => sum + ((entry & WRITABLE) !== 0 ? 1 : 0), 0);
}

function triggerName(structs: Structs, trigger: number): string {
  const at = structs.global('nooks_trigger_names')?.elements()[trigger]?.value ?? -1;
  return at <= 0 ? '?' : (structs.text(at) ?? '?');
}

/** The policy that was told of its failure, or else the one that is set for it: its row's, or that of `*`. */
function policyOf(structs: Structs, d: Struct, name: string): string {
  const told = d.to('policy');
  if (told) return told.text('name');
  const rows = structs.global('rows', 'nooks/policy.c')?.elements(MAX_POLICIES) ?? [];
  const count = structs.global('row_count', 'nooks/policy.c')?.value ?? 0;
  const row = rows
    .slice(0, Math.max(0, count))
    .find(r => r.text('name') === name)
    ?.to('policy');
  return (row ?? rows[0]?.to('policy'))?.text('name') ?? '?';
}

/** The domain that a word means: its number or its module's name. Throws a CommandError. */
export function domainNamed(target: Target, word: string): Domain {
  const found = domains(target).find(d => String(d.id) === word || d.name === word);
  if (!found) throw new CommandError(`no domain ${word}`);
  return found;
}

const number = (n: number) => (n < 0 ? '?' : group(n));

/** All domains by their crossings. */
export function domainsText(target: Target): string {
  const { cr3 } = target.machine.cpu;
  const text = `CR3 ${hex8(cr3)}: ${owner(target, cr3)}\n`;
  const list = domains(target).map(d => domainView(target, d));
  if (list.length === 0) return `${text}no domains\n`;
  const rows = list.map(d => [
    `${d.loaded ? '=>' : '  '} ${d.id}`,
    d.name,
    d.state,
    hex8(d.cr3),
    number(d.pages),
    ...d.counters.map(c => number(c.value)),
  ]);
  const heads = ['   id', 'extension', 'state', 'CR3', 'pages', ...list[0].counters.map(c => c.name)];
  return text + table([heads, ...rows], [0, 1, 2, 3]);
}

/** All of one domain. */
export function domainText(target: Target, domain: Domain): string {
  const d = domainView(target, domain);
  const list = (pairs: { name: string; value: number }[]) =>
    pairs.map(p => `${p.name} ${number(p.value)}`).join(', ');
  const trigger = d.trigger === undefined ? '' : `, by trigger ${d.trigger}`;
  const objects = d.objects.map(o => `${o.count} ${o.type.toLowerCase()}`).join(', ') || 'none';
  return table(
    [
      [`domain ${d.id}`, `${d.name}, ${d.state}${trigger}${d.loaded ? '; its directory is loaded' : ''}`],
      ['  directory', `CR3 ${hex8(d.cr3)}; struct nooks_domain at ${hex8(d.address)}`],
      [
        '  memory',
        `${number(d.pages)} writable pages of the zone; heap ${number(d.heapBytes)} bytes, beside it ${number(d.extraBytes)}`,
      ],
      ['  stacks', `${number(d.stacks.made)} made, ${number(d.stacks.made - d.stacks.free)} in use`],
      ['  objects', objects],
      [
        '  packets',
        `${number(d.packets)} now, ${number(d.mostPackets)} at most; ${number(d.timers)} timers pending`,
      ],
      ['  limits', list(d.limits)],
      ['  policy', d.policy],
      ['  counters', list(d.counters)],
    ],
    [0, 1],
  );
}
