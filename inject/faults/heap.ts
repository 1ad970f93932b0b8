/**
 * The live objects of a driver's heap, read from outside by the layouts of kernel/mm/slab.h (layouts.ts): the
 * domain's heap with isolation, `driver_heap` without. Lists may be ruined: every walk is bounded.
 *
 * Left out: packets and whole pages from the page allocator (descriptor rings), which are in no heap.
 */
import type { Session } from '../../guest/session.ts';
import { BUFCTL_LIVE, HEAP, KMEM_CACHE, LARGE, NOOKS_DOMAIN, SIZE_CACHES, SLAB } from '../layouts.ts';
import type { GuestMemory } from './guest-memory.ts';

const MAX_LIST = 4096;
const MAX_OBJECTS = 65536;

export interface HeapObject {
  start: number;
  size: number;
}

/** Of the driver in a domain (0: in the kernel), by address. Empty when it has no heap that can be read. */
export function heapObjects(session: Session, memory: GuestMemory, domain: number): HeapObject[] {
  const heap = heapOf(session, memory, domain);
  if (heap <= 0) return [];
  const objects: HeapObject[] = [];
  for (let n = 0; n < SIZE_CACHES; n++)
    cacheObjects(memory, heap + HEAP.sizes + n * KMEM_CACHE.sizeof, objects);
  for (const cache of list(memory, heap + HEAP.caches)) cacheObjects(memory, cache, objects);
  for (const large of list(memory, heap + HEAP.large))
    objects.push({ start: memory.word(large + LARGE.mem), size: memory.word(large + LARGE.size) });
  return objects.filter(o => o.start > 0 && o.size > 0).sort((a, b) => a.start - b.start);
}

function heapOf(session: Session, memory: GuestMemory, domain: number): number {
  if (domain === 0) return pointer(session, memory, 'driver_heap');
  const table = session.symbols.address('nooks_domains');
  const record = table === undefined ? -1 : memory.word(table + 4 * (domain - 1));
  const heap = record > 0 ? memory.word(record + NOOKS_DOMAIN.heap) : -1;
  return heap > 0 && memory.word(heap + HEAP.owner, 2) === domain ? heap : -1;
}

function pointer(session: Session, memory: GuestMemory, name: string): number {
  const at = session.symbols.address(name);
  return at === undefined ? -1 : memory.word(at);
}

/** The entries of a struct list_head, whose links are at their starts. */
function list(memory: GuestMemory, head: number): number[] {
  const entries: number[] = [];
  for (let at = memory.word(head); at > 0 && at !== head && entries.length < MAX_LIST; at = memory.word(at))
    entries.push(at);
  return entries;
}

function cacheObjects(memory: GuestMemory, cache: number, objects: HeapObject[]): void {
  const [step, size] = [memory.word(cache + KMEM_CACHE.size), memory.word(cache + KMEM_CACHE.usable)];
  const count = memory.word(cache + KMEM_CACHE.objects, 2);
  for (const slab of [
    ...list(memory, cache + KMEM_CACHE.full),
    ...list(memory, cache + KMEM_CACHE.partial),
  ]) {
    const mem = memory.word(slab + SLAB.mem);
    for (let n = 0; n < count && objects.length < MAX_OBJECTS; n++)
      if (memory.word(slab + SLAB.bufctl + 2 * n, 2) === BUFCTL_LIVE)
        objects.push({ start: mem + n * step, size });
  }
}
