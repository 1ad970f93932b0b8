/** Code that changes: its own block, its page, other pages, by stores, strings, other addresses, and by the host. */
import { CODE } from '../../../cpu/rig.ts';
import type { Act } from '../../lockstep.ts';
import type { Draft } from '../generate.ts';
import { ALIAS, BIG } from '../world.ts';
import type { Feature } from './feature.ts';
import { memoryForm, registerForm } from './plain.ts';

const nops = (d: Draft, n: number) =>
  Array.from({ length: n }, () => d.pick(['40', '4b', '42', '41', '90', 'f5']));

/** A store of immediate bytes at label + n, at the usual address or where the code is seen again. */
function store(d: Draft, label: string, n: number): string {
  const away = d.pick([0, 0, 0, ALIAS, BIG]);
  const target = `{abs ${label}+${n + away}}`;
  return d.pick([
    () => `c605${target}${d.pick(['40', '4b', '90', '41', 'f8'])}`,
    () => `66c705${target}${d.pick(['404b', '9040', '4242'])}`,
    () => `c705${target}${d.pick(['40414243', '90909090', '4b4b4240'])}`,
    () => `ff05${target}`,
    () => `8005${target}01`,
    () => `a2${target}`,
  ])();
}

/** Bytes that may become others, ahead or behind. */
function patched(d: Draft): string[] {
  const at = d.label();
  const body = [`${at}:`, ...nops(d, 4 + d.below(6))];
  const before = Array.from({ length: d.below(4) }, () => registerForm(d));
  const s = store(d, at, d.below(4));
  return d.chance(2) ? [s, ...before, ...body] : [...body, ...before, s];
}

/** The immediate of a MOV, counted up. */
function immediate(d: Draft): string[] {
  const at = d.label();
  const away = d.pick([0, 0, ALIAS, BIG]);
  const change = d.pick([
    `ff05{abs ${at}+${1 + away}}`,
    `8305{abs ${at}+${1 + away}}07`,
    `a3{abs ${at}+${1 + away}}`,
  ]);
  const use = [`${at}:`, `bb${d.dword()}`, '01d8'];
  return d.chance(2) ? [change, ...use] : [...use, change];
}

/** A function elsewhere that is changed and called. */
function otherPage(d: Draft): string[] {
  const at = d.fn(nops(d, 6 + d.below(10)));
  const call = `e8{rel ${at}}`;
  return d.chance(2) ? [store(d, at, d.below(4)), call] : [call, store(d, at, d.below(4)), call];
}

/** Fresh bytes over a few instructions by REP MOVS or STOS; then they run. */
function copied(d: Draft): string[] {
  const n = 8 + d.below(12);
  const from = d.copy(nops(d, n));
  const at = d.label();
  const direct = nops(d, n);
  const away = d.pick([0, 0, ALIAS, BIG]);
  const to = [`be{abs ${from}}`, `bf{abs ${at}${away ? `+${away}` : ''}}`];
  const by = d.pick([
    ['fc', ...to, `b9${d.dword(n)}`, 'f3a4'],
    ['fc', ...to, `b9${d.dword(n >> 2)}`, 'f3a5'],
    ['fc', ...to, 'b840404040', `b9${d.dword(n)}`, 'f3aa'],
    ['fd', `be{abs ${from}+${n - 1}}`, `bf{abs ${at}+${n - 1}}`, `b9${d.dword(n)}`, 'f3a4', 'fc'],
    ['fc', ...to, 'a5', 'a5'],
  ]);
  const placed = d.chance(2);
  if (placed) return [...by, `${at}:`, ...direct, ...back(d)];
  d.elsewhere.push(`@${(CODE + 0x2f00 + d.below(0xf0)).toString(16)}`, `${at}:`, ...direct, 'c3');
  return [...by, `e8{rel ${at}}`, ...back(d)];
}

const back = (d: Draft) => [
  `be${d.dword(0x4_1000 + d.below(0x1000))}`,
  `bf${d.dword(0x4_2000 + d.below(0x1000))}`,
];

/** A branch whose target or condition changes. */
function turned(d: Draft): string[] {
  const [jump, a] = [d.label(), d.label()];
  return [
    `8035{abs ${jump}}01`,
    registerForm(d),
    `${jump}:`,
    `7${d.below(16).toString(16)}{rel8 ${a}}`,
    ...nops(d, 3),
    `${a}:`,
  ];
}

/** Data beside code: stores to the page that change no instruction. */
function beside(d: Draft): string[] {
  const [at, over] = [d.label(), d.label()];
  return [
    `ff05{abs ${at}}`,
    memoryForm(d),
    `eb{rel8 ${over}}`,
    `${at}:`,
    '00000000',
    `${over}:`,
    `8b0d{abs ${at}}`,
  ];
}

function hostWrites(d: Draft): Act[] {
  const pa = CODE + d.below(0x200);
  const act = d.pick(['write', 'dma'] as const);
  return [{ act, pa, bytes: d.pick(['90', '40', '4b4b', '40414243', 'cc', 'f4', 'ebfe']) }];
}

export const changing: Feature = {
  name: 'changing',
  snippets: [patched, patched, immediate, otherPage, copied, turned, beside],
  acts: d => (d.chance(4) ? hostWrites(d) : []),
};

/** An instruction over a page's border, a block that ends with its page, both pages changing. */
function across(d: Draft): string[] {
  const body = Array.from({ length: 6 + d.below(20) }, () => (d.chance(3) ? memoryForm(d) : registerForm(d)));
  const length = body.join('').replaceAll(' ', '').length / 2;
  const border = CODE + 0x1000 * (5 + d.below(3));
  const at = d.label();
  const start = border - d.below(length + 4);
  d.elsewhere.push(`@${start.toString(16)}`, `${at}:`, ...body, 'c3');
  const calls = [`e8{rel ${at}}`];
  if (d.chance(3)) calls.unshift(`800d{abs ${at}+${border - start}}00`);
  if (d.chance(4)) {
    const away = d.pick([ALIAS, BIG]);
    calls.push(`b8{abs ${at}+${away}}`, 'ffd0');
  }
  return calls;
}

/** Straight from one page into the next, in the main loop's own stream. */
function into(d: Draft): string[] {
  const border = CODE + 0x1000 * (5 + d.below(3));
  const [at, on] = [d.label(), d.label()];
  const n = 4 + d.below(60);
  d.elsewhere.push(`@${(border - n).toString(16)}`, `${at}:`, ...nops(d, n), ...nops(d, 4), `e9{rel ${on}}`);
  return [`e9{rel ${at}}`, `${on}:`];
}

export const borders: Feature = { name: 'borders', snippets: [across, across, into, into] };
