/** Translations: other addresses for the same page, other pages at the same address, rights, switches, stale entries. */
import { CODE, PD, PT } from '../../../cpu/rig.ts';
import { type Draft, resumes } from '../generate.ts';
import { ALIAS, ALIAS_TABLES, BIG, DIRECTORIES, SPLIT_TABLE } from '../world.ts';
import type { Feature, Snippet } from './feature.ts';
import { memoryForm, registerForm } from './plain.ts';

const invlpg = (d: Draft, lin: number) => `0f013d${d.dword(lin)}`;
/** Forget the translation of `lin`, or not. */
const perhaps = (d: Draft, lin: number) => (d.chance(2) ? [invlpg(d, lin)] : []);
const set = (d: Draft, pa: number, v: number) => `c705${d.dword(pa)}${d.dword(v)}`;

/** Loads CR3 with one of the directories. */
function directory(d: Draft): string[] {
  return resumes(d, [`b8${d.dword(d.pick(DIRECTORIES))}`, '0f22d8', memoryForm(d)]);
}

function there(d: Draft): string[] {
  return resumes(d, [
    `b8${d.dword(d.pick(DIRECTORIES))}`,
    '0f22d8',
    ...Array.from({ length: d.below(5) }, () => memoryForm(d)),
    `b8${d.dword(PD)}`,
    '0f22d8',
  ]);
}

/** A function called where its page is seen again. */
function aliased(d: Draft): string[] {
  const at = d.fn([registerForm(d), d.chance(2) ? memoryForm(d) : registerForm(d)]);
  const away = d.pick([ALIAS, BIG, ALIAS]);
  return resumes(d, [`b8{abs ${at}+${away}}`, 'ffd0', ...(d.chance(2) ? [`e8{rel ${at}}`] : [])]);
}

/** The page that an alias leads to becomes another one, with other code; the old one may run on until it is forgotten. */
function remapped(d: Draft): string[] {
  const body = (n: number) => [
    `b9${d.dword(n)}`,
    '01c8',
    ...Array.from({ length: d.below(4) }, () => registerForm(d)),
    'c3',
  ];
  const page = 0xb + d.below(2) * 2;
  const offset = 0x100 + d.below(0xe00);
  for (const n of [0, 1])
    d.elsewhere.push(`@${(CODE + 0xb000 + (page - 0xb + n) * 0x1000 + offset).toString(16)}`, ...body(n + 1));
  const lin = ALIAS + 0x3_0000 + page * 0x1000;
  const table = ALIAS_TABLES[0] + (lin - ALIAS) / 1024;
  const physical = CODE + 0xb000 + (page - 0xb) * 0x1000;
  const call = [`b8${d.dword(lin + offset)}`, 'ffd0'];
  return resumes(d, [
    set(d, table, physical | 0x67),
    ...perhaps(d, lin),
    ...call,
    set(d, table, (physical + 0x1000) | 0x67),
    ...perhaps(d, lin),
    ...call,
  ]);
}

/** Data at an alias whose page changes. */
function moved(d: Draft): string[] {
  const lin = ALIAS + 0x4_0000 + d.below(4) * 0x1000;
  const table = ALIAS_TABLES[0] + (lin - ALIAS) / 1024;
  const to = 0x4_4000 + d.below(4) * 0x1000;
  const at = d.dword(lin + d.below(1000) * 4);
  return resumes(d, [
    set(d, table, to | d.pick([0x67, 0x67, 0x07, 0x27, 0x65, 0x63])),
    ...perhaps(d, lin),
    `8b0d${at}`,
    `890d${at}`,
    `8b1d${d.dword(to + d.below(1000) * 4)}`,
  ]);
}

/** The rights of a page of data, or of code, change. */
function rights(d: Draft): string[] {
  const lin = d.chance(4) ? CODE + 0x3000 : 0x4_0000 + d.below(14) * 0x1000;
  const table = PT + (lin >>> 12) * 4;
  return resumes(d, [
    set(d, table, lin | d.pick([0x67, 0x66, 0x65, 0x63, 0x61, 0x07, 0x27, 0x47, 0x167, 0x25])),
    ...perhaps(d, lin),
    memoryForm(d),
    registerForm(d),
    memoryForm(d),
  ]);
}

/** Accessed and dirty bits are cleared and read. */
function marks(d: Draft): string[] {
  const lin = 0x4_0000 + d.below(14) * 0x1000;
  const table = d.dword(PT + (lin >>> 12) * 4);
  return resumes(d, [
    `8325${table}${d.pick(['9f', 'bf', 'df'])}`,
    ...perhaps(d, lin),
    memoryForm(d),
    `8b0d${table}`,
    '01c8',
  ]);
}

/** The 4 MiB page becomes 1,024 small ones, or the other way round. */
function split(d: Draft): string[] {
  const entry = PD + 8;
  const use = () => `${d.pick(['8b0d', '890d', '0305'])}${d.dword(BIG + 0x4_0000 + d.below(0xe000))}`;
  return resumes(d, [
    set(d, entry, d.pick([SPLIT_TABLE | 0x67, 0x1e7, 0xe7, 0x187, SPLIT_TABLE | 0x27])),
    ...perhaps(d, BIG + d.below(1 << 20)),
    use(),
    registerForm(d),
    use(),
  ]);
}

/** Bits of CR0 and CR4 that steer translation. */
function control(d: Draft): string[] {
  const [read, write] = d.pick([
    ['0f20e0', '0f22e0'],
    ['0f20c0', '0f22c0'],
  ]);
  const bit = read === '0f20e0' ? d.pick([0x10, 0x80, 0x90]) : 0x1_0000;
  return resumes(d, [
    read,
    `35${d.dword(bit)}`,
    write,
    memoryForm(d),
    memoryForm(d),
    `35${d.dword(bit)}`,
    write,
  ]);
}

function pagingOff(d: Draft): string[] {
  return resumes(d, ['0f20c0', '25ffffff7f', '0f22c0', memoryForm(d), '0d00000080', '0f22c0']);
}

/** Anything in an entry of a table, or of a directory. */
function junk(d: Draft): string[] {
  const lin = 0x5_0000 + d.below(8) * 0x1000;
  const entry = d.pick([PT + (lin >>> 12) * 4, PT + (lin >>> 12) * 4, PD + 20 + d.below(4) * 4, PD + 12]);
  const at = entry >= PT ? lin : ((entry - PD) / 4) << 22;
  const use = () => `${d.pick(['8b0d', '890d', 'ff05'])}${d.dword(at + d.below(0x1000))}`;
  return resumes(d, [
    set(d, entry, d.int32() | d.pick([0, 1, 7, 0x67])),
    ...perhaps(d, at),
    ...resumes(d, [use()]),
    ...resumes(d, [use()]),
  ]);
}

/** Code in a page of tables, whose accessed and dirty bits the walker writes. */
function inTables(d: Draft): string[] {
  const at = d.label();
  const table = d.pick([ALIAS_TABLES[0], SPLIT_TABLE, PT]);
  d.elsewhere.push(
    `@${(table + 0x500 + d.below(0x80) * 4).toString(16)}`,
    `${at}:`,
    registerForm(d),
    memoryForm(d),
    registerForm(d),
    'c3',
  );
  const entry = table + (0x40 + d.below(14)) * 4;
  const lin = (table === ALIAS_TABLES[0] ? ALIAS : 0) + ((entry - table) << 10);
  return resumes(d, [
    `8325${d.dword(entry)}9f`,
    `e8{rel ${at}}`,
    invlpg(d, lin),
    `${d.pick(['8b0d', '890d'])}${d.dword(lin + d.below(0xffc))}`,
    `e8{rel ${at}}`,
  ]);
}

const drop: Snippet = d =>
  resumes(d, [invlpg(d, d.pick([0x4_0000, CODE, ALIAS, BIG]) + d.below(0x8000)), memoryForm(d)]);

/** Many pages, so that TLBs run over. */
function wide(d: Draft): string[] {
  const back = d.label();
  const from = d.pick([0, ALIAS, BIG]);
  const op = d.pick(['0305', '8b80', '2b80']).slice(0, 2);
  return [
    `b9${d.dword(20 + d.below(60))}`,
    `b8${d.dword(from + 0x1_0000)}`,
    `${back}:`,
    `${op}10`,
    `05${d.dword(0x1000 * (1 + d.below(3)) + d.below(2) * 4)}`,
    '49',
    `75{rel8 ${back}}`,
  ];
}

export const translations: Feature = {
  name: 'translations',
  dear: true,
  world: d => {
    d.world.paging = true;
  },
  snippets: [
    directory,
    there,
    there,
    aliased,
    aliased,
    remapped,
    remapped,
    moved,
    rights,
    marks,
    split,
    control,
    drop,
    wide,
    junk,
    inTables,
  ],
};

export const switches: Feature = {
  name: 'switches',
  dear: true,
  snippets: [there, there, directory, wide, control, pagingOff, aliased],
};
