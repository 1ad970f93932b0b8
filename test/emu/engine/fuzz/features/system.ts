/** Segments that are not flat, 16-bit code; interrupts, traps and debug registers; strings; calls; the FPU; devices. */
import { CODE, DATA, PT, STACK } from '../../../cpu/rig.ts';
import type { Act } from '../../lockstep.ts';
import { type Draft, resumes } from '../generate.ts';
import {
  ALIAS,
  BASE,
  BASED_CODE,
  BASED_DATA,
  BIG,
  DEVICES,
  DIRECTORIES,
  SMALL_DATA,
  USER_BASED_DATA,
} from '../world.ts';
import type { Feature } from './feature.ts';
import { memoryForm, registerForm } from './plain.ts';

const word = (d: Draft, v: number) => d.byte(v) + d.byte(v >>> 8);

// ---- segments -----------------------------------------------------------------------------------------------------

const DATA_SELECTORS = [BASED_DATA, SMALL_DATA, USER_BASED_DATA, 0x10, 0x23, 0, 0x58, 0xb0, 0x50];

/** Loads DS, ES, FS or GS and uses it; DS is made good again. */
function data(d: Draft): string[] {
  const load = d.pick(['8ed8', '8ec0', '8ee0', '8ee8']);
  const prefix = { '8ed8': '', '8ec0': '26', '8ee0': '64', '8ee8': '65' }[load]!;
  const use = () => prefix + memoryForm(d);
  return [
    ...resumes(d, [
      `b8${d.dword(d.pick(DATA_SELECTORS))}`,
      load,
      use(),
      registerForm(d),
      use(),
      memoryForm(d),
    ]),
    ...flat(d),
  ];
}

const flat = (d: Draft) => [`b8${d.dword(d.world.user ? 0x23 : 0x10)}`, '8ed8', '8ec0'];

/** Another stack segment, and what is in the shadow of its load. */
function stackSegment(d: Draft): string[] {
  const other = d.pick([
    [BASED_DATA, STACK - 0x40 - BASE],
    [0x70, 0xff0],
    [0x98, 0xf0],
    [0x10, STACK - 0x80],
  ]);
  const use = () =>
    d.pick(['50', '58', '6a01', 'e800000000 58', '9c9d', 'ff36', '8b442404', '89442408', 'c8040000c9']);
  return [
    '89e3',
    ...resumes(d, [
      `b8${d.dword(other[0])}`,
      '8ed0',
      `bc${d.dword(other[1])}`,
      use(),
      registerForm(d),
      use(),
      d.chance(3) ? '16 17' : '90',
    ]),
    `b8${d.dword(d.world.user ? 0x23 : 0x10)}`,
    '8ed0',
    '89dc',
  ];
}

/** A far jump into code with a base, and back. */
function based(d: Draft): string[] {
  const [at, on] = [d.label(), d.label()];
  return resumes(d, [
    `b8{abs ${at}}`,
    `2d${d.dword(BASE)}`,
    `68${d.dword(BASED_CODE)}`,
    '50',
    'cb',
    `${at}:`,
    registerForm(d),
    memoryForm(d),
    `ea{abs ${on}}0800`,
    `${on}:`,
  ]);
}

/** A stretch of 16-bit code: it takes the offset from CODE. */
function sixteen(d: Draft): string[] {
  const [at, on, back] = [d.label(), d.label(), d.label()];
  const body = () =>
    d.pick(['40', '89c3', '01c8', '6689c3', '83c003', '50 58', '90', '31c0', '67668b06', '6766010e']);
  return resumes(d, [
    `b8{abs ${at}}`,
    `2d${d.dword(CODE)}`,
    '68d0000000',
    '50',
    'cb',
    `${at}:`,
    `b9${word(d, 1 + d.below(6))}`,
    `${back}:`,
    body(),
    body(),
    body(),
    `e2{rel8 ${back}}`,
    `66ea{abs ${on}}0800`,
    `${on}:`,
  ]);
}

export const segments: Feature = {
  name: 'segments',
  dear: true,
  snippets: [data, data, stackSegment, based, sixteen],
};

// ---- interrupts ---------------------------------------------------------------------------------------------------

/** TF for some instructions. */
function traced(d: Draft): string[] {
  return resumes(d, [
    '9c',
    '810c2400010000',
    '9d',
    ...Array.from({ length: 1 + d.below(5) }, () => d.pick([memoryForm, registerForm])(d)),
    '9c',
    '812424fffeffff',
    '9d',
  ]);
}

/** Interrupts on or off, with a wait, a shadow or a count between. */
function waits(d: Draft): string[] {
  const back = d.label();
  const inner = d.pick([
    ['fb', 'f4'],
    ['fa', registerForm(d), 'fb', registerForm(d)],
    ['fb', 'fa'],
    ['fb', '90', 'fa'],
    ['9c', 'fa', memoryForm(d), '9d'],
    [`b9${d.dword(3 + d.below(40))}`, `${back}:`, '40', '49', `75{rel8 ${back}}`],
    ['8cd0', '8ed0', registerForm(d), registerForm(d)],
    ['16', '17', memoryForm(d)],
    ['fb', 'f3aa'],
  ]);
  return resumes(d, inner);
}

/** The debug registers. */
function armed(d: Draft): string[] {
  const n = d.below(4);
  const at = d.label();
  const kind = d.pick([0, 1, 3]);
  const dr7 =
    (2 << (n * 2)) | (kind << (16 + n * 4)) | (kind === 0 ? 0 : d.pick([0, 1, 3]) << (18 + n * 4)) | 0x400;
  return resumes(d, [
    kind === 0 ? `b8{abs ${at}}` : `b8${d.dword(DATA + d.below(0x400) * 4)}`,
    `0f23${d.byte(0xc0 | (n << 3))}`,
    `b8${d.dword(dr7)}`,
    '0f23f8',
    registerForm(d),
    `${at}:`,
    memoryForm(d),
    memoryForm(d),
    ...(d.chance(3) ? [] : ['31c0', '0f23f8']),
  ]);
}

const software = (d: Draft) =>
  resumes(d, [d.pick(['cd80', 'cd03', 'cc', 'f1', 'ce', 'cd20']), registerForm(d)]);

export const interrupts: Feature = {
  name: 'interrupts',
  dear: true,
  world: d => {
    d.world.eflags |= 0x200;
    d.world.period = 3 + d.below(d.chance(2) ? 30 : 200);
  },
  snippets: [waits, waits, waits, traced, armed, software, memory8],
  acts: d =>
    d.pick<Act[]>([
      [{ act: 'nmi' }],
      [{ act: 'nmi' }],
      [{ act: 'flags', set: 0x100, clear: 0 }],
      [{ act: 'flags', set: 0x200, clear: 0x100 }],
      [{ act: 'debug', registers: [CODE + d.below(256), DATA + d.below(4096), 0, 0, 0x402 | (1 << 20) | 8] }],
      [{ act: 'debug', registers: [0, 0, 0, 0, 0x400] }],
    ]),
};

function memory8(d: Draft): string[] {
  return Array.from({ length: 8 }, () => memoryForm(d));
}

// ---- strings ------------------------------------------------------------------------------------------------------

function strings(d: Draft): string[] {
  const op = d.pick([
    'a4',
    'a5',
    'aa',
    'ab',
    'ac',
    'ad',
    'a6',
    'a7',
    'ae',
    'af',
    '66a5',
    '66ab',
    '67a4',
    '67aa',
    '66ad',
  ]);
  const prefix = d.pick(['f3', 'f3', 'f2']);
  const down = d.chance(4);
  // Over page borders, into pages that are not as they should be.
  const at = () =>
    d.dword(d.pick([0x4_0000, 0x4_8000, 0x4_ef80, 0x4_fff0, 0x5_0f80, 0x5_1ff0]) + d.below(128));
  const count = d.pick([0, 1, 3, 63, 64, 65, 128, 200, 1000, d.below(500)]);
  return resumes(d, [
    ...(d.chance(2) ? [`be${at()}`] : []),
    ...(d.chance(2) ? [`bf${at()}`] : []),
    `b9${d.dword(count)}`,
    down ? 'fd' : 'fc',
    op.startsWith('66') || op.startsWith('67') ? op.slice(0, 2) + prefix + op.slice(2) : prefix + op,
    ...(d.chance(2) ? ['01c8', registerForm(d)] : []),
    'fc',
  ]);
}

/** Both ends in one physical page, seen at two addresses or a few bytes apart; page tables and code overwritten. */
function overlapping(d: Draft): string[] {
  const page = d.pick([0x4_3000, 0x4_8000, 0x4_e000]) + d.below(0xf80);
  const away = d.world.paging ? d.pick([0, 0, ALIAS, BIG, DEVICES + 0x3000 - 0x4_8000]) : 0;
  const near = d.pick([0, 1, 2, 3, 4, 8, 31, 64, -1, -4, -64]);
  const op = d.pick(['a4', 'a5', '66a5', 'a5', 'a6', 'a7']);
  return resumes(d, [
    d.chance(4) ? 'fd' : 'fc',
    `be${d.dword(page + (d.chance(2) ? away : 0))}`,
    `bf${d.dword(page + near + away)}`,
    `b9${d.dword(d.pick([5, 64, 130, 700, 1500]))}`,
    op.startsWith('66') ? `66f3${op.slice(2)}` : `f3${op}`,
    'fc',
    memoryForm(d),
  ]);
}

/** Entries of tables by a string instruction: of the pages that this very instruction goes over next. */
function overTables(d: Draft): string[] {
  const first = 0x50 + d.below(4);
  return resumes(d, [
    'fc',
    `b8${d.dword((0x5_0000 + d.below(8) * 0x1000) | d.pick([0x67, 0x07, 0x65, 0x63]))}`,
    `bf${d.dword(PT + first * 4)}`,
    `b9${d.dword(1 + d.below(4))}`,
    'f3ab',
    `bf${d.dword(0x4_ff00 + d.below(0x100) * 4)}`,
    `b9${d.dword(200 + d.below(2000))}`,
    d.pick(['f3ab', 'f3aa', 'f3af', 'f3ad']),
  ]);
}

export const repeats: Feature = {
  name: 'repeats',
  snippets: [strings, strings, strings, overlapping, overlapping, overTables, memory8],
};

// ---- calls --------------------------------------------------------------------------------------------------------

/** By a register or through a table, to one of several functions. */
function indirect(d: Draft): string[] {
  const targets = Array.from({ length: 2 + d.below(3) }, () =>
    d.fn([registerForm(d), d.chance(2) ? memoryForm(d) : '90']),
  );
  const table = d.copy(targets.map(t => `{abs ${t}}`));
  return d.pick([
    [`89e8`, '83e001', `ff1485{abs ${table}}`],
    [`a1{abs ${table}}`, 'ffd0'],
    [`b8{abs ${d.pick(targets)}}`, 'ffd0', `e8{rel ${d.pick(targets)}}`],
    [`ff15{abs ${table}+4}`],
  ]);
}

/** JMP through a table of places in the stream. */
function jumpTable(d: Draft): string[] {
  const [a, b] = [d.label(), d.label()];
  const table = d.copy([`{abs ${a}}`, `{abs ${b}}`]);
  return [`89e8`, `83e001`, `ff2485{abs ${table}}`, registerForm(d), `${a}:`, registerForm(d), `${b}:`];
}

/** ECX deep. */
function recursion(d: Draft): string[] {
  const [name, done] = [d.label(), d.label()];
  const at = d.fn([
    `${name}:`,
    '49',
    `0f8e{rel ${done}}`,
    ...(d.chance(2) ? [registerForm(d).replace(/^4[19]$/, '40')] : []),
    `e8{rel ${name}}`,
    `${done}:`,
    '40',
  ]);
  return [`b9${d.dword(1 + d.below(40))}`, `e8{rel ${at}}`];
}

/** Returns to where nobody called from. */
function wrong(d: Draft): string[] {
  const on = d.label();
  const discard = d.fn(['83c404', `e9{rel ${on}}`]);
  return d.pick([
    [`68{abs ${on}}`, 'c3', `${on}:`],
    [`68{abs ${on}}`, 'c20000', `${on}:`],
    ['6a01', '6a02', `68{abs ${on}}`, 'c20800', `${on}:`],
    [`e8{rel ${discard}}`, '0f0b', `${on}:`],
    [`e8{rel ${on}}`, `${on}:`, '58'],
    ['0e', `68{abs ${on}}`, 'cb', `${on}:`],
    ['9c', '0e', `68{abs ${on}}`, 'cf', `${on}:`],
    [`9a{abs ${on}}0800`, `${on}:`, '83c408'],
  ]);
}

export const calls: Feature = { name: 'calls', snippets: [indirect, indirect, jumpTable, recursion, wrong] };

// ---- the FPU, ports, mapped memory -----------------------------------------------------------------------------------

function floats(d: Draft): string[] {
  const one = () =>
    d.pick([
      'd9e8',
      'd9ee',
      'd9eb',
      'd8c1',
      'd8c9',
      'dec1',
      'dee9',
      'd9c9',
      'd9c0',
      'ddd8',
      'd9e0',
      'd9fa',
      'dfe0',
      'dbe2',
      'd8f1',
      'db06',
      'd906',
      'dd06',
      'd91e',
      'dd1e',
      'db1e',
      'df2e',
      'df3e',
      '9b',
      'd93e',
      'dbe9',
      'ded9',
      'd9f7',
    ]);
  const inner = Array.from({ length: 3 + d.below(8) }, () => (d.chance(3) ? registerForm(d) : one()));
  const task = d.chance(5) ? ['0f20c0', '0c08', '0f22c0', ...inner.slice(0, 2), '0f06'] : [];
  return resumes(d, ['dbe3', ...inner, ...task]);
}

export const fpu: Feature = { name: 'fpu', snippets: [floats, floats, memory8] };

/** A loop over something that the clock or a device has a say in. */
function devices(d: Draft): string[] {
  const back = d.label();
  const at = (page: number, offset: number) =>
    d.dword(
      (d.world.paging ? DEVICES + page * 0x1000 : [0xfee0_0000, 0xa_0000, 0xe000_0000, 0x4_8000][page]) +
        offset,
    );
  const one = d.pick([
    ['e440'],
    ['b000', 'e643', 'e440'],
    ['e461', 'e680'],
    ['0f31'],
    ['0fa2'],
    [`8b0d${at(1, 0x100)}`],
    [`890d${at(1, 0x104)}`],
    [`a1${at(0, 0x390)}`],
    [`ff05${at(1, 0x200)}`],
    [`8b0d${at(2, 0)}`],
    [`890d${at(3, 0x10)}`, `8b0d${at(3, 0x14)}`],
    [`ff05${at(3, 0x20)}`],
    ['b910000000', '0f32'],
    ['0f09'],
    ['66e470', 'e670'],
    ['ba80000000', 'ee', 'ec'],
    ['b9fe020000', '0f32'],
  ]);
  return resumes(d, [
    `bb${d.dword(1 + d.below(6))}`,
    `${back}:`,
    '53',
    ...one,
    registerForm(d).replace(/^4b$/, '40'),
    '5b',
    '83eb01',
    `0f85{rel ${back}}`,
  ]);
}

export const io: Feature = {
  name: 'io',
  dear: true,
  snippets: [devices, devices, devices, memory8],
  acts: d =>
    d.pick<Act[]>([
      [{ act: 'watch', address: DATA + d.below(0x8000), length: 1 + d.below(64), physical: d.chance(2) }],
      [{ act: 'watch', address: CODE + d.below(0x800), length: 8, physical: d.chance(2) }],
      [{ act: 'unwatch' }],
      [{ act: 'hook', lin: CODE + d.below(0x400) }],
      [{ act: 'unhook' }],
      [{ act: 'dma', pa: DATA + d.below(0x8000), bytes: '0102030405060708' }],
    ]),
};

/** What tools do while guests run: watched code and stores, and all that probes tell. */
export const tools: Feature = {
  name: 'tools',
  snippets: [memory8, memory8, software],
  acts: d =>
    d.pick<Act[]>([
      [{ act: 'watch code', pages: d.int32(), directory: d.pick([0, DIRECTORIES[1], DIRECTORIES[2]]) }],
      [{ act: 'watch code', pages: d.int32(), directory: 0 }],
      [{ act: 'unwatch code' }],
      [{ act: 'follow', begins: d.chance(3), singly: d.chance(4) }],
      [{ act: 'unfollow' }],
    ]),
};
