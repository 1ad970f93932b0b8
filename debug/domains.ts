/**
 * Protection domains and address spaces, as far as everything else in the debugger must tell them apart. Whatever the
 * guest's records hold is believed to be just numbers. Views of them are in views/.
 */
import type { Target } from './target.ts';
import { Structs } from './views/structs.ts';

/** nooks/include/nooks/domain.h. */
const STATES: Readonly<Record<number, string>> = { 1: 'running', 2: 'failed', 3: 'dying' };

export interface Domain {
  id: number;
  /** Of its struct nooks_domain; linear. */
  address: number;
  cr3: number;
  state: string;
  /** Of the module in it. */
  name: string;
}

/** The domains that exist now; none without our kernel. */
export function domains(target: Target): Domain[] {
  const structs = Structs.of(target);
  const list = target.paging() ? structs.global('nooks_domains') : undefined;
  if (!list) return [];
  const found: Domain[] = [];
  for (const slot of list.elements()) {
    const d = slot.target;
    if (!d) continue;
    const cr3 = d.number('cr3');
    if (cr3 < 0) continue;
    const state = STATES[d.number('state')] ?? 'unknown state';
    found.push({ id: d.number('id'), address: d.address, cr3, state, name: d.text('name') || 'no module' });
  }
  return found;
}

/** Whose page directory is at physical `cr3`: `domain 1 (e1000)`, `the kernel`, `a process`. */
export function owner(target: Target, cr3: number): string {
  const same = (other: number) => (other & ~0xfff) === (cr3 & ~0xfff);
  const domain = domains(target).find(d => same(d.cr3));
  if (domain) return `domain ${domain.id} (${domain.name})`;
  if (!Structs.of(target).ours) return 'the guest';
  if (!target.paging()) return 'the kernel, paging off';
  const kernel = target.symbols.address('kernel_pgd_phys');
  return kernel !== undefined && same(target.value(kernel, 4)) ? 'the kernel' : 'the kernel, in a process';
}

/** The directory of a domain by its number; undefined if there is none. */
export function directoryOf(target: Target, id: number): number | undefined {
  return domains(target).find(d => d.id === id)?.cr3;
}
