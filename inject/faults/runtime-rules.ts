/**
 * Rules for faults that happen when the driver runs: where, and the numbers by which the injector does them. They act
 * on the driver's own instruction (arm.ts, moments.ts): with isolation and without it is the same fault, since the
 * call or store is the driver's and what it leads to is decided by the loader. The host serves no call.
 *
 * The source's counter (an error every 8192 + rand(0..4095) calls) is kept for ALLOC, for which the table states it;
 * LEAK, FREE and BCOPY count to 1 to 64, for a trial lasts thousands of packets and not minutes.
 */
import type { Random } from '../../bench/farend/random.ts';
import { ESP, type Instruction, isCall, isStore, NONE } from './code.ts';
import { before, isStraight, type Mutation, type Rule, type Site } from './rule.ts';

/** Functions that give memory or a buffer, those that take it back, and those with a length (argument number). */
export const ALLOCATORS = new Set([
  'kmalloc',
  'kzalloc',
  'vmalloc',
  '__get_free_pages',
  'get_zeroed_page',
  'kmem_cache_alloc',
  'alloc_skb',
  'dev_alloc_skb',
  'pci_alloc_consistent',
]);
export const RELEASES = new Set([
  'kfree',
  'vfree',
  'kfree_skb',
  '__kfree_skb',
  'dev_kfree_skb_irq',
  'dev_kfree_skb_any',
]);
export const COPIES: Readonly<Record<string, number>> = {
  memcpy: 2,
  memmove: 2,
  memset: 2,
  strncpy: 2,
  copy_to_user: 2,
  copy_from_user: 2,
  skb_put: 1,
};
const MAPPINGS = new Set(['pci_map_single', 'pci_map_page', 'pci_alloc_consistent']);

const ALLOC_CALLS = 8192;
const ALLOC_SPREAD = 4096;
const CALLS = 64;
const FEW = 8;
/** Instructions after a mapping's call in which its result is stored. */
const REACH = 12;
/** Lower displacements are fields of the driver's own structure. */
const REGISTER_MIN = 0xc0;
const REGISTER_MAX = 0x20000;

const at = (i: Instruction, parameters: Record<string, number>, after: string): Mutation => ({
  offset: i.offset,
  length: i.length,
  parameters,
  after,
});

/** A call whose bytes can be exchanged while the instruction before it runs. */
function isExchangeable(s: Site): boolean {
  const earlier = before(s);
  return (
    isCall(s.i) &&
    earlier !== undefined &&
    isStraight(s, earlier, s.i) &&
    earlier.target < 0 &&
    !isCall(earlier)
  );
}

/** kmalloc or vmalloc returns NULL after 8192 + rand(0..4095) calls. */
export const alloc: Rule = (s, random) =>
  isExchangeable(s) && ALLOCATORS.has(s.i.relocation)
    ? at(s.i, { calls: ALLOC_CALLS + random.below(ALLOC_SPREAD) }, 'returns NULL')
    : null;

/** Premature free alternating with none. */
export const free: Rule = (s, random) =>
  isExchangeable(s) && RELEASES.has(s.i.relocation)
    ? at(s.i, { calls: 1 + random.below(CALLS) }, 'not freed, next freed early')
    : null;

/** Leak only. */
export const leak: Rule = (s, random) =>
  isExchangeable(s) && RELEASES.has(s.i.relocation)
    ? at(s.i, { calls: 1 + random.below(CALLS) }, 'not freed')
    : null;

/** Overrun a length: half by 1, 44 % up to about 1 KB, 6 % more (2 to 4 pages' worth of the source: 1 KB to 3 KB). */
export const bcopy: Rule = (s, random) => {
  if (!isCall(s.i) || !Object.hasOwn(COPIES, s.i.relocation)) return null;
  return at(s.i, { calls: 1 + random.below(FEW), overrun: overrun(random) }, 'longer');
};

export function overrun(random: Random): number {
  const p = random.below(100);
  if (p < 50) return 1;
  return p < 94 ? 2 + random.below(1022) : 1024 * (1 + random.below(3));
}

/** The call is made twice with the same argument. */
export const doubleFree: Rule = (s, random) =>
  isCall(s.i) && RELEASES.has(s.i.relocation)
    ? at(s.i, { calls: 1 + random.below(CALLS) }, 'freed twice')
    : null;

/** A store after the call that frees goes once to the freed object too. */
export const useAfterFree: Rule = (s, random) => {
  if (!isCall(s.i) || !RELEASES.has(s.i.relocation)) return null;
  const store = s.fn.instructions.slice(s.index + 1, s.index + REACH).find(isSteerable);
  if (!store) return null;
  const parameters = { calls: 1 + random.below(CALLS), store: store.offset, where: random.next() };
  return at(s.i, parameters, `${store.text} once more, into the freed object`);
};

/** A store whose address depends on a register that the host may change for one execution. */
const isSteerable = (i: Instruction): boolean =>
  isStore(i) &&
  i.memory !== null &&
  i.memory.base !== NONE &&
  i.memory.base !== ESP &&
  i.memory.index !== i.memory.base;

/** A write to a wild address: a store is done once more, to anywhere in the kernel's map of RAM. */
export const direct: Rule = ({ i }, random) =>
  isSteerable(i)
    ? at(i, { calls: 1 + random.below(FEW), where: random.next() }, 'once more, to a wild address')
    : null;

/** The address that a mapping gave is stored wrong, where the device will read it: it points to kernel memory. */
export const dma: Rule = (s, random) => {
  const { i, fn, index } = s;
  if (!isStore(i) || i.immediate || i.bytes[0] !== 0x89 || ((i.bytes[i.modrm] >> 3) & 7) !== 0) return null;
  const reach = fn.instructions.slice(Math.max(0, index - REACH), index);
  const call = reach.findLastIndex(e => isCall(e));
  if (call < 0 || !MAPPINGS.has(reach[call].relocation) || !isDescriptorStore(i)) return null;
  return at(i, { calls: 1 + random.below(FEW), where: random.next() }, 'a wild address for DMA');
};

/** Descriptors lie in arrays of 16 bytes: base + index with scale 1, since an index cannot be scaled by 16. */
const isDescriptorStore = (i: Instruction): boolean =>
  i.memory !== null && i.memory.index !== NONE && i.memory.scale === 1 && i.memory.size <= 1;

/** A store of a device register: through a pointer, far behind its base, aligned. */
function isRegisterStore(i: Instruction): boolean {
  if (!isStore(i) || !i.memory || i.memory.index !== NONE || i.memory.size !== 4) return false;
  const d = i.memory.displacement;
  return d >= REGISTER_MIN && d < REGISTER_MAX && d % 4 === 0 && [0x89, 0xc7].includes(i.bytes[i.opcode]);
}

/** Bad data sent to the device: one bit of what is stored to a register or a descriptor turns over, once. */
export const badData: Rule = ({ i }, random) => {
  if (i.bytes[0] === 0x66 || !isStore(i) || !(isRegisterStore(i) || isDescriptorStore(i))) return null;
  const bit = random.below(32);
  if (!i.immediate)
    return i.bytes[i.opcode] === 0x89 ? at(i, { calls: 1 + random.below(FEW), bit }, 'one bit wrong') : null;
  const byte = i.immediate.at + ((bit % (8 * i.immediate.size)) >> 3);
  const patch = [{ offset: i.offset + byte, mask: 1 << (bit & 7), value: 0, flip: true as const }];
  return { offset: i.offset, length: i.length, patch };
};

/** Flip one bit in the domain's live stack: at the `calls`th call that the driver makes. */
export const stack: Rule = ({ i }, random) =>
  isCall(i)
    ? at(
        i,
        { calls: 1 + random.below(FEW), where: random.next(), bit: random.below(32) },
        'a bit of its stack',
      )
    : null;
