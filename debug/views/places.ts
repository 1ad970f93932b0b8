/** What our kernel has where in linear space: kernel/include/asm/memlayout.h, and what lies in the zone now. */

import { domains } from '../domains.ts';
import type { Target } from '../target.ts';
import { Structs } from './structs.ts';

const PAGE = 0x1000;
export const KERNEL_BASE = 0xc000_0000;
export const ZONE_BASE = 0xf000_0000;
const END = 2 ** 32;

/** Linear addresses [start, end) that are one thing. */
export interface Place {
  start: number;
  end: number;
  name: string;
}

/** memlayout.h. */
const LAYOUT: readonly Place[] = [
  { start: 0, end: KERNEL_BASE, name: 'user' },
  { start: KERNEL_BASE, end: 0xe000_0000, name: 'direct map' },
  { start: 0xe000_0000, end: ZONE_BASE, name: 'vmalloc' },
  { start: ZONE_BASE, end: 0xf800_0000, name: 'zone' },
  { start: 0xf800_0000, end: 0xffff_e000, name: 'nothing' },
  { start: 0xffff_e000, end: 0xffff_f000, name: 'GDT' },
  { start: 0xffff_f000, end: END, name: 'TSSs' },
];

/** All of linear space, in order and without gaps; one nameless place for a guest that is not our kernel. */
export function places(target: Target): Place[] {
  const structs = Structs.of(target);
  if (!structs.ours) return [{ start: 0, end: END, name: '' }];
  return [...inner(target, structs)].reduce(inlay, [...LAYOUT]);
}

export function placeOf(list: readonly Place[], lin: number): Place {
  lin >>>= 0;
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (list[middle].start <= lin) low = middle;
    else high = middle - 1;
  }
  return list[low];
}

/** What is more than the layout: modules, domains' stacks, areas of vmalloc. */
function* inner(target: Target, structs: Structs): Generator<Place> {
  for (const m of structs.chain(structs.global('module_list')?.value ?? 0, 'struct module', 'next', 64)
    .items) {
    const [base, size, text, end] = ['base', 'size', 'text_start', 'text_end'].map(f => m.number(f));
    const name = m.text('name');
    yield { start: base, end: base + size, name: `${name} data` };
    yield { start: text, end: pageEnd(end), name: `${name} text` };
    yield { start: pageEnd(end), end: pageEnd(m.number('ro_end')), name: `${name} read-only` };
  }
  for (const d of domains(target)) {
    const of = structs.at('struct nooks_domain', d.address);
    const count = of.number('stack_count');
    for (const [n, stack] of of.to('stacks')!.elements().entries()) {
      const base = stack.number('base');
      if (n >= count || base <= 0) break;
      yield { start: base - PAGE, end: base, name: `guard page of domain ${d.id}` };
      yield { start: base, end: base + PAGE, name: `stack of domain ${d.id}` };
    }
  }
  for (const area of structs.chain(
    structs.global('areas', 'vmalloc.c')?.value ?? 0,
    'struct vm_struct',
    'next',
    256,
  ).items) {
    const [addr, size, phys] = ['addr', 'size', 'phys'].map(f => area.number(f));
    yield { start: addr, end: addr + size, name: phys > 0 ? 'ioremap' : 'vmalloc' };
  }
}

function pageEnd(at: number): number {
  return Math.ceil(at / PAGE) * PAGE;
}

/** `list` with `place` laid over; one that makes no sense is left out. */
function inlay(list: Place[], place: Place): Place[] {
  const { start, end } = place;
  if (!(start >= 0 && end > start && end <= END)) return list;
  return list.flatMap(p => {
    if (p.end <= start || p.start >= end) return [p];
    const parts = [
      { ...p, end: start },
      { start: Math.max(p.start, start), end: Math.min(p.end, end), name: place.name },
      { ...p, start: end },
    ];
    return parts.filter(part => part.start < part.end);
  });
}
