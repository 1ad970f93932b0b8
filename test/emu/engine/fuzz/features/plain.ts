/** What most code is made of: arithmetic, moves, conditions, flags that somebody reads and flags that nobody does. */
import type { Draft } from '../generate.ts';
import type { Feature } from './feature.ts';

/** Register forms; `?` is any hex digit that keeps EBP, ESP, ESI and EDI whole. */
const REGISTERS = [
  ...['01', '29', '31', '21', '09', '39', '85', '11', '19', '89', '87'].map(op => `${op}R`),
  ...['00', '28', '30', '20', '08', '38', '84', '88', '86', '10', '18'].map(op => `${op}B`),
  ...[
    '6601R',
    '6629R',
    '6689R',
    '6639R',
    '6685R',
    '6631R',
    '6611R',
    '0fafR',
    '0fb6R',
    '0fb7R',
    '0fbeR',
    '0fbfR',
  ],
  ...[
    '0fa3R',
    '0fabR',
    '0fbaE0??',
    '0fbcR',
    '0fbdR',
    '0fc1R',
    '0fb1R',
    '0fa4R??',
    '0facR??',
    '0fa5R',
    '0fadR',
  ],
  ...['40', '41', '42', '43', '48', '49', '4a', '4b', '6640', '6649'],
  ...[
    'f7d0',
    'f7d3',
    'f7d9',
    'f7da',
    'f6d0',
    'f6db',
    'f7e3',
    'f7e9',
    'f6e1',
    'f7f3',
    'f7fb',
    'f6f1',
    '66f7e2',
  ],
  ...['d3e0', 'd3e3', 'd3ea', 'd3fb', 'd3c2', 'd3cb', 'd3d0', 'd3da', 'd2e0', 'd2c4', '66d3e0', '66d3cb'],
  ...[
    'c1e0??',
    'c1eb??',
    'c1fa??',
    'c1c1??',
    'c1c8??',
    'c1d3??',
    'c1d9??',
    'd1e0',
    'd1d8',
    'd1f9',
    'd0e4',
    'c0e0??',
  ],
  ...[
    '05????????',
    '2d????????',
    '3d????????',
    'a9????????',
    '83c0??',
    '83eb??',
    '83f9??',
    '83e2??',
    '80c4??',
  ],
  ...[
    '0c??',
    '24??',
    '3c??',
    'a8??',
    '04??',
    '69R????????',
    '6bR??',
    'b8????????',
    'b3??',
    'bb????????',
    '66b9????',
  ],
  ...['0f90c0', '0f92c3', '0f94c1', '0f95c2', '0f96c7', '0f98c4', '0f9ac0', '0f9cc3', '0f9fc1', '0f9dc2'],
  ...['0f40R', '0f42R', '0f44R', '0f45R', '0f47R', '0f48R', '0f4aR', '0f4cR', '0f4eR', '0f4fR'],
  ...[
    '98',
    '99',
    '6698',
    '6699',
    'f8',
    'f9',
    'f5',
    '9f',
    '9e',
    '9c9d',
    '9c58',
    '0fc8',
    '0fcb',
    '91',
    '93',
    '90',
    'd6',
  ],
  ...['27', '2f', '37', '3f', 'd40a', 'd50a', '8d0418', '8d4c1b??', '8d1485????????', '8d5401??'],
];

/** Forms with a memory operand: M is a ModRM with [esi], [edi] and displacements. */
const MEMORY = [
  ...[
    '8b',
    '89',
    '03',
    '01',
    '2b',
    '29',
    '33',
    '31',
    '23',
    '21',
    '0b',
    '09',
    '3b',
    '39',
    '85',
    '13',
    '11',
    '1b',
    '19',
  ],
  ...['8a', '88', '02', '00', '2a', '28', '32', '30', '22', '20', '3a', '38', '84', '86', '87'],
  ...[
    '0fb6',
    '0fb7',
    '0fbe',
    '0fbf',
    '0faf',
    '0f44',
    '0f4c',
    '0f49',
    '0fab',
    '0fa3',
    '0fb3',
    '0fbb',
    '0fc1',
    '0fb1',
  ],
  ...['668b', '6689', '6603', '6601', '663b', '6631', 'f001', 'f00fb1', 'f00fc1'],
];
/** With an opcode extension in ModRM. */
const MEMORY_DIGIT: [string, number, string][] = [
  ...([0, 1, 2, 3, 4, 5, 6, 7] as const).map(n => ['83', n, '??'] as [string, number, string]),
  ...([0, 1, 4, 5, 6, 7] as const).map(n => ['81', n, '????????'] as [string, number, string]),
  ...([0, 4, 5, 7] as const).map(n => ['80', n, '??'] as [string, number, string]),
  ...([0, 1, 2, 3, 4, 5, 7] as const).map(n => ['c1', n, '??'] as [string, number, string]),
  ...([
    ['c7', 0, '????????'],
    ['c6', 0, '??'],
    ['66c7', 0, '????'],
    ['ff', 0, ''],
    ['ff', 1, ''],
    ['fe', 0, ''],
    ['66ff', 1, ''],
    ['ff', 6, ''],
    ['8f', 0, ''],
    ['f7', 0, '????????'],
    ['f6', 0, '??'],
    ['f7', 2, ''],
    ['f7', 3, ''],
    ['f7', 4, ''],
    ['f7', 5, ''],
    ['0fba', 4, '??'],
    ['0fba', 5, '??'],
    ['d3', 4, ''],
    ['d1', 7, ''],
    ['0f94', 0, ''],
    ['0f9c', 0, ''],
  ] as [string, number, string][]),
];

/** A ModRM whose registers are EAX ECX EDX EBX. */
const two = (d: Draft) => d.byte(0xc0 | (d.below(4) << 3) | d.below(4));
/** The same for bytes: the first four and their high halves. */
const twoBytes = (d: Draft) => d.byte(0xc0 | (d.below(8) << 3) | d.below(8));

/** ModRM and what follows it, for [esi] or [edi] and about; the register or digit is `reg`. */
export function operand(d: Draft, reg: number): string {
  const base = 6 + d.below(2);
  const kind = d.below(8);
  if (kind === 0) return d.byte((reg << 3) | base);
  // Across a line or a page now and then.
  if (kind === 1) return `${d.byte(0x80 | (reg << 3) | base)}${d.dword(0x1000 - d.below(8))}`;
  if (kind === 2) return `${d.byte((reg << 3) | 5)}${d.dword(0x4_0000 + d.below(0xe000))}`;
  if (kind === 3) return `${d.byte(0x44 | (reg << 3))}${d.byte(0x20 | base)}${d.byte(d.below(128))}`;
  return `${d.byte(0x40 | (reg << 3) | base)}${d.byte(d.below(64) * (d.chance(3) ? 1 : 4))}`;
}

export function registerForm(d: Draft): string {
  const form = d.pick(REGISTERS).replace('R', two(d)).replace('B', twoBytes(d));
  return d.fill(form.replace('E0', d.byte(0xe0 | (d.below(4) << 3) | d.below(4))));
}

export function memoryForm(d: Draft): string {
  if (d.chance(2)) return d.pick(MEMORY) + operand(d, d.below(4));
  const [op, digit, rest] = d.pick(MEMORY_DIGIT);
  return d.fill(op + operand(d, digit) + rest);
}

const some = (d: Draft, most: number, one: (d: Draft) => string) =>
  Array.from({ length: 1 + d.below(most) }, () => one(d));

/** A condition, ahead over a few instructions. */
function branchOver(d: Draft): string[] {
  const over = d.label();
  const cc = d.below(16);
  const jump = d.chance(2) ? `7${cc.toString(16)}{rel8 ${over}}` : `0f8${cc.toString(16)}{rel ${over}}`;
  return [registerForm(d), jump, ...some(d, 4, registerForm), `${over}:`];
}

/** Back a few times, by ECX. */
function littleLoop(d: Draft): string[] {
  const back = d.label();
  const inner = some(d, 5, d.chance(2) ? memoryForm : registerForm).filter(
    l => !/[159d]$/.test(l.slice(0, 4)),
  );
  const end = d.pick([`83ea01 75{rel8 ${back}}`, `4a 0f85{rel ${back}}`, `4a 7f{rel8 ${back}}`]);
  return [`ba${d.dword(1 + d.below(12))}`, `${back}:`, '52', ...inner, '5a', end];
}

/** Blocks that lead to each other as chance has it, until the fuel is gone. */
function tangle(d: Draft): string[] {
  const names = Array.from({ length: 3 + d.below(7) }, () => d.label());
  const out = d.label();
  const fuel = d.dword(0x4_f00c);
  const blocks = names.flatMap(name => {
    const body = some(d, 4, d.chance(3) ? memoryForm : registerForm);
    const guard = d.chance(2) ? [`ff0d${fuel}`, `0f88{rel ${out}}`] : [];
    const leads = d.pick([
      () => [`0f8${d.below(16).toString(16)}{rel ${d.pick(names)}}`],
      () => [
        `0f8${d.below(16).toString(16)}{rel ${d.pick(names)}}`,
        `0f8${d.below(16).toString(16)}{rel ${d.pick(names)}}`,
      ],
      () => [`ff0d${fuel}`, `0f88{rel ${out}}`, `e9{rel ${d.pick(names)}}`],
      () => [],
    ])();
    return [`${name}:`, ...guard, ...body, ...leads];
  });
  // A way back without a guard may go round for ever: the first block burns fuel whatever happens.
  return [`c705${fuel}${d.dword(5 + d.below(60))}`, ...blocks, `${out}:`];
}

export const plain: Feature = {
  name: 'plain',
  snippets: [
    d => some(d, 12, registerForm),
    d => some(d, 8, memoryForm),
    d => some(d, 6, memoryForm),
    d => some(d, 10, x => (x.chance(2) ? memoryForm(x) : registerForm(x))),
    d => some(d, 100, registerForm),
    branchOver,
    branchOver,
    littleLoop,
    tangle,
    d => ['50', '53', ...some(d, 3, registerForm), '5b', '58'],
    d => ['60', ...some(d, 3, registerForm), '61'],
    d => [`c8${d.byte(d.below(64))}00${d.byte(d.below(3))}`, memoryForm(d), 'c9'],
    d => ['fc', d.pick(['a4', 'a5', 'aa', 'ab', 'ac', 'ad', 'ae', 'a6', '66a5'])],
  ],
};

/** Nothing but branches. */
export const branches: Feature = { name: 'branches', snippets: [branchOver, littleLoop, tangle, tangle] };
