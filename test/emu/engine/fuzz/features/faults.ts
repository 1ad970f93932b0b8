/** Faults in the middle of blocks, at every place: pages, limits, privilege, division, alignment; rings there and back. */
import { PT } from '../../../cpu/rig.ts';
import { type Draft, resumes } from '../generate.ts';
import type { Feature } from './feature.ts';
import { memoryForm, registerForm } from './plain.ts';

/** Pages of data that are not as they should be: absent, read-only, supervisor's, clean. */
const ODD = [0x6, 0x67 & ~2, 0x63, 0x7, 0x27, 0x60, 0x5];
const oddPage = (d: Draft) => 0x5_0000 + d.below(ODD.length) * 0x1000;

/** What may fault, at `at`. */
function access(d: Draft, at: number): string {
  const a = d.dword(at);
  return d.pick([
    `8b0d${a}`,
    `890d${a}`,
    `010d${a}`,
    `ff05${a}`,
    `8a0d${a}`,
    `880d${a}`,
    `66890d${a}`,
    `0fb70d${a}`,
    `ff35${a}`,
    `8f05${a}`,
    `870d${a}`,
    `0fb10d${a}`,
    `f725${a}`,
    `0fab0d${a}`,
    `0f4c0d${a}`,
    `0f9505${a}`,
    `c705${a}01000000`,
    `3b0d${a}`,
    `d305${a}`,
    `ff15${d.dword(at & ~3)}`,
    `dd05${a}`,
    `dd1d${a}`,
    `6061 8b0d${a}`,
  ]);
}

/** Some instructions, the one that faults among them. */
function middle(d: Draft): string[] {
  const at = oddPage(d) + d.pick([0, 0x10, 0xffd, 0xffe, 0xfff, 0x7fc, d.below(4096)]);
  const some = () =>
    Array.from({ length: d.below(6) }, () => (d.chance(3) ? memoryForm(d) : registerForm(d)));
  return resumes(d, [...some(), access(d, at), ...some()]);
}

/** The stack is bad. */
function stack(d: Draft): string[] {
  const use = d.pick([
    '50',
    '58',
    '6a05',
    '9c',
    '9d',
    'ff36',
    '60',
    '61',
    'c9',
    'c8100002',
    'c3',
    'e800000000',
    'cd80',
    '0fa0',
  ]);
  const esp = oddPage(d) + d.pick([0, 2, 4, 0x10, 0x800, 0xffe]);
  // EBX keeps the good one; the handler of another ring brings its own.
  return ['89e3', ...resumes(d, [registerForm(d), `bc${d.dword(esp)}`, use, registerForm(d)]), '89dc'];
}

function otherFaults(d: Draft): string[] {
  const what = d.pick([
    ['31c9', 'f7f1'],
    ['0f0b'],
    ['cc'],
    ['ce'],
    ['cd80'],
    ['cd21'],
    ['0fff'],
    ['f4'],
    ['0f22d8'],
    ['0f06'],
    ['6206'],
    ['f7f9'],
    ['8ed8'],
    ['fa', 'fb'],
    ['0f30'],
    ['0f32'],
    ['e4f0'],
    ['f08bc1'],
    ['b8ffffff7f', '83c001', 'ce'],
  ]);
  return resumes(d, [registerForm(d), ...what, registerForm(d)]);
}

/** To ring 3 by IRET, and back to ring 0 by the gate that does not return. */
function down(d: Draft): string[] {
  const user = d.label();
  return resumes(d, [
    '6a23',
    `68${d.dword(0x3_6000)}`,
    `68${d.dword(0x3002 | (d.chance(2) ? 0x200 : 0))}`,
    '6a1b',
    `68{abs ${user}}`,
    'cf',
    `${user}:`,
    memoryForm(d),
  ]);
}
/** In ring 0 behind it; the segments of ring 3 stay good enough. */
function up(d: Draft): string[] {
  return resumes(d, ['cd81']);
}

function there(d: Draft): string[] {
  return [
    ...down(d),
    ...Array.from({ length: 1 + d.below(4) }, () =>
      d.pick([memoryForm, registerForm, x => access(x, oddPage(x))])(d),
    ).flatMap(l => resumes(d, [l])),
    ...up(d),
  ];
}

/** SYSENTER and SYSEXIT. */
function quick(d: Draft): string[] {
  const [kernel, user] = [d.label(), d.label()];
  const msr = (n: number, v: string) => [`b9${d.dword(n)}`, `b8${v}`, '31d2', '0f30'];
  return resumes(d, [
    ...msr(0x174, d.dword(8)),
    ...msr(0x175, d.dword(0x3_2000)),
    ...msr(0x176, `{abs ${kernel}}`),
    '0f34',
    `${kernel}:`,
    memoryForm(d),
    `ba{abs ${user}}`,
    `b9${d.dword(0x3_6000)}`,
    '0f35',
    `${user}:`,
    memoryForm(d),
    ...up(d),
  ]);
}

/** Alignment checks on, in EFLAGS; CR0.AM is the world's. */
function aligned(d: Draft): string[] {
  return resumes(d, [
    '9c',
    '810c2400000400',
    '9d',
    memoryForm(d),
    memoryForm(d),
    '9c',
    '812424fffffbff',
    '9d',
  ]);
}

export const faults: Feature = {
  name: 'faults',
  dear: true,
  world: d => {
    d.world.paging = true;
    ODD.forEach((flags, n) => {
      d.world.tables.push([PT + (0x50 + n) * 4, (0x5_0000 + n * 0x1000) | flags]);
    });
    if (d.chance(3)) d.world.cr0 |= 0x4_0000;
  },
  snippets: [middle, middle, middle, middle, stack, otherFaults, aligned],
};

export const rings: Feature = {
  name: 'rings',
  dear: true,
  world: faults.world,
  snippets: [there, there, down, up, quick, middle, aligned],
};
