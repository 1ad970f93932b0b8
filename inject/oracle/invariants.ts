/**
 * Invariants of the kernel's structures, one row each: what is compared with its state when the oracle was armed, and
 * what must hold of lists, slabs, pages and tasks at rest. A row says the first thing wrong, or null. All walks are
 * bounded, whatever the guest's memory contains.
 */
import {
  BUFCTL_END,
  BUFCTL_LIVE,
  HEAP,
  KMEM_CACHE,
  MM,
  MODULE,
  NET_DEVICE,
  NOOKS_DOMAIN,
  PAGE_RECORD,
  POOL,
  SIZE_CACHES,
  SLAB,
  TASK,
} from '../layouts.ts';
import type { Corruption } from '../model.ts';
import { writablePages } from '../validate/memory.ts';
import { type Books, hex, KERNEL_BASE, PAGE, PG_BUDDY, ZONE_BASE } from './books.ts';

/** How things stood when the oracle was armed. */
export interface Baseline {
  readOnly: Uint8Array;
  idt: Uint8Array;
  gdt: Uint8Array;
  directory: Uint8Array;
}

interface Row {
  structure: string;
  /** It holds at any moment, not only while the kernel is at rest. */
  always?: true;
  check: (b: Books, baseline: Baseline) => string | null;
}

const MOST = 1 << 16;
const MAX_TASKS = 1024;
const MAX_DOMAINS = 16;
const MAX_ORDER = 10;
const GDT_BYTES = 56;
const IDT_BYTES = 2048;
const CANARY = 0x57ac6e9d;
const KERNEL_PDE = 768;
const ENTRIES = 1024;
/** Accessed, dirty and global: the processor's, and the first domain's. */
const VOLATILE = 0x160;
const TOP = 0xffc0_0000;
const POISON = 0x6b;

export const INVARIANTS: readonly Row[] = [
  { structure: 'kernel text and read-only data', always: true, check: readOnly },
  {
    structure: 'IDT',
    always: true,
    check: (b, base) => differs(bytesAt(b, b.symbol('idt'), IDT_BYTES), base.idt),
  },
  { structure: 'GDT', always: true, check: (b, base) => differs(gdtOf(b), base.gdt) },
  {
    structure: 'kernel page directory',
    always: true,
    check: (b, base) => differs(directoryOf(b), base.directory),
  },
  { structure: 'zone page tables', check: zoneTables },
  { structure: 'directories of processes', check: processDirectories },
  { structure: 'domains’ page tables', check: strayPages },
  { structure: 'module list', check: modules },
  { structure: 'tasks', check: tasks },
  { structure: 'run queue', check: runQueue },
  { structure: 'kernel stacks', check: stacks },
  { structure: 'timers', check: b => b.list(b.symbol('timers'), MOST).fault },
  { structure: 'address spaces', check: b => b.list(b.symbol('all_mms'), MAX_TASKS).fault },
  { structure: 'PCI devices', check: b => b.list(b.symbol('pci_devices'), 256).fault },
  { structure: 'network devices', check: networkDevices },
  { structure: 'slabs of the kernel', check: b => heap(b, b.u32(b.symbol('kernel_heap')), true) },
  { structure: 'slabs of drivers', check: b => heap(b, b.u32(b.symbol('driver_heap')), false) },
  { structure: 'packet count', check: packetCount },
  { structure: 'free pages', check: b => pool(b, b.symbol('normal_pool')) },
  { structure: 'free pages of the zone', check: b => pool(b, b.symbol('zone_pool')) },
  { structure: 'page records', check: pageRecords },
];

export function baselineOf(b: Books): Baseline {
  return {
    readOnly: readOnlyBytes(b),
    idt: bytesAt(b, b.symbol('idt'), IDT_BYTES),
    gdt: gdtOf(b),
    directory: directoryOf(b),
  };
}

/** All that is broken now; one entry a row. Not `atRest`: only the rows that hold at any moment. */
export function checkInvariants(b: Books, baseline: Baseline, atRest: boolean): Corruption[] {
  const found: Corruption[] = [];
  for (const { structure, always, check } of INVARIANTS) {
    const what = atRest || always ? check(b, baseline) : null;
    if (what !== null) found.push({ structure, what });
  }
  return found;
}

// ---- what never changes --------------------------------------------------------------------------------------------

function bytesAt(b: Books, lin: number, length: number): Uint8Array {
  const pa = b.physical(lin);
  return pa < 0 ? new Uint8Array(0) : b.ram.slice(pa, pa + length);
}

function readOnlyBytes(b: Books): Uint8Array {
  const start = b.symbol('_kernel_start');
  return bytesAt(b, start, Math.min(Math.max(0, b.symbol('_erodata') - start), 1 << 24));
}

function differs(now: Uint8Array, before: Uint8Array): string | null {
  if (Buffer.compare(now, before) === 0) return null;
  const at = now.findIndex((byte, n) => byte !== before[n]);
  return `byte ${hex(at)} is ${hex(now[at])}, was ${hex(before[at])}`;
}

function readOnly(b: Books, base: Baseline): string | null {
  const start = b.physical(b.symbol('_kernel_start'));
  if (Buffer.compare(b.ram.subarray(start, start + base.readOnly.length), base.readOnly) === 0) return null;
  return differs(readOnlyBytes(b), base.readOnly);
}

/** Without the busy bits, which the processor sets. */
function gdtOf(b: Books): Uint8Array {
  const bytes = bytesAt(b, b.symbol('gdt_page'), GDT_BYTES);
  for (let at = 0x28; at < bytes.length; at += 8) bytes[at + 5] &= ~2;
  return bytes;
}

/** The kernel's part, without the bits that change by themselves. */
function directoryOf(b: Books): Uint8Array {
  const entries = new Uint32Array(ENTRIES - KERNEL_PDE);
  const pgd = b.u32(b.symbol('kernel_pgd'));
  for (let n = KERNEL_PDE; n < ENTRIES; n++) entries[n - KERNEL_PDE] = b.u32(pgd + 4 * n) & ~VOLATILE;
  return new Uint8Array(entries.buffer);
}

// ---- page tables ---------------------------------------------------------------------------------------------------

function zoneTables(b: Books): string | null {
  const pgd = b.u32(b.symbol('kernel_pgd'));
  for (let offset = 0; offset < b.zoneSize; offset += PAGE) {
    const lin = ZONE_BASE + offset;
    const table = KERNEL_BASE + (b.u32(pgd + 4 * (lin >>> 22)) & -PAGE);
    const pte = b.u32((table >>> 0) + 4 * ((lin >>> 12) & 1023));
    if ((pte & -PAGE) >>> 0 !== b.zonePhys + offset || (pte & 3) !== 3)
      return `entry of ${hex(lin)} is ${hex(pte)}`;
  }
  return null;
}

function processDirectories(b: Books): string | null {
  const kernel = b.u32(b.symbol('kernel_pgd'));
  for (const at of b.list(b.symbol('all_mms'), MAX_TASKS).entries) {
    const pgd = b.u32(at - MM.all + MM.pgd);
    for (let n = KERNEL_PDE; n < ENTRIES; n++)
      if ((b.u32(pgd + 4 * n) ^ b.u32(kernel + 4 * n)) & ~VOLATILE) return `${hex(pgd)}, entry ${n}`;
  }
  return null;
}

/** A domain may write only what the books give it. */
function strayPages(b: Books): string | null {
  const table = b.symbol('nooks_domains');
  for (let n = 0; table !== 0 && n < MAX_DOMAINS; n++) {
    const domain = b.u32(table + 4 * n);
    if (domain === 0) continue;
    for (const { lin, pa } of writablePages(b.ram, b.u32(domain + NOOKS_DOMAIN.cr3)))
      if (lin < TOP && pa < b.ram.length && b.page(pa).owner !== n + 1)
        return `domain ${n + 1} can write ${hex(lin)}, which is not its`;
  }
  return null;
}

// ---- lists ---------------------------------------------------------------------------------------------------------

function modules(b: Books): string | null {
  const { entries, fault } = b.chain(b.u32(b.symbol('module_list')), MODULE.next, 256);
  return fault ?? dead(b, entries);
}

function networkDevices(b: Books): string | null {
  const { fault } = b.chain(b.u32(b.symbol('dev_base')), NET_DEVICE.next, 256);
  return fault;
}

function dead(b: Books, entries: number[]): string | null {
  const gone = entries.find(at => !b.live(at));
  return gone === undefined ? null : `${hex(gone)} is no live object`;
}

const taskList = (b: Books) => b.list(b.symbol('all_tasks'), MAX_TASKS);
const STATES = [0, 1, 2, 4];

function tasks(b: Books): string | null {
  const { entries, fault } = taskList(b);
  if (fault) return fault;
  const records = entries.map(at => at - TASK.tasks);
  if (records.length !== b.u32(b.symbol('task_count'))) return `${records.length} are on the list`;
  for (const task of records) {
    const state = b.u32(task + TASK.state);
    if (!STATES.includes(state)) return `state of ${hex(task)} is ${state}`;
  }
  const current = b.u32(b.symbol('current_task'));
  if (current !== b.symbol('idle_task') && !records.includes(current)) return `current is ${hex(current)}`;
  return dead(b, records);
}

function runQueue(b: Books): string | null {
  const { entries, fault } = b.list(b.symbol('run_queue'), MAX_TASKS);
  if (fault) return fault;
  const asleep = entries.map(at => at - TASK.runList).find(task => b.u32(task + TASK.state) !== 0);
  return asleep === undefined ? null : `${hex(asleep)} is on it and sleeps`;
}

function stacks(b: Books): string | null {
  for (const at of taskList(b).entries) {
    const stack = b.u32(at - TASK.tasks + TASK.kstack);
    if (b.u32(stack) !== CANARY) return `the lowest word of ${hex(stack)} is ${hex(b.u32(stack))}`;
  }
  return null;
}

// ---- heaps ---------------------------------------------------------------------------------------------------------

/** A heap's caches: those of its sizes, and those that were made. */
function heap(b: Books, at: number, poison: boolean): string | null {
  const caches = Array.from({ length: SIZE_CACHES }, (_, n) => at + HEAP.sizes + KMEM_CACHE.sizeof * n);
  const made = b.list(at + HEAP.caches, 1024);
  if (made.fault) return made.fault;
  const large = b.list(at + HEAP.large, MOST);
  if (large.fault) return `large objects: ${large.fault}`;
  const poisoned = poison && b.u8(b.symbol('poison')) === 1;
  for (const cache of [...caches, ...made.entries]) {
    const fault = cacheFault(b, cache, poisoned && b.u32(cache + KMEM_CACHE.ctor) === 0);
    if (fault) return `${b.text(cache + KMEM_CACHE.name, 24)}: ${fault}`;
  }
  return null;
}

function cacheFault(b: Books, cache: number, poisoned: boolean): string | null {
  const objects = b.u16(cache + KMEM_CACHE.objects);
  let inUse = 0;
  for (const name of ['full', 'partial', 'empty'] as const) {
    const { entries, fault } = b.list(cache + KMEM_CACHE[name], MOST);
    if (fault) return `${name} slabs: ${fault}`;
    for (const slab of entries) {
      const wrong = slabFault(b, slab, cache, objects, poisoned);
      if (wrong) return `slab ${hex(slab)}: ${wrong}`;
      const used = b.u16(slab + SLAB.inuse);
      const right =
        name === 'full' ? used === objects : name === 'empty' ? used === 0 : used > 0 && used < objects;
      if (!right) return `slab ${hex(slab)} with ${used} of ${objects} is among the ${name} ones`;
      inUse += used;
    }
  }
  const counted = b.u32(cache + KMEM_CACHE.inuse);
  return counted === inUse ? null : `${inUse} objects are in use, ${counted} are counted`;
}

function slabFault(b: Books, slab: number, cache: number, objects: number, poisoned: boolean): string | null {
  const its = b.u32(slab + SLAB.cache);
  if (its !== cache) return `its cache is ${hex(its)}`;
  let free = 0;
  for (let n = b.u16(slab + SLAB.free); n !== BUFCTL_END; n = b.u16(slab + SLAB.bufctl + 2 * n)) {
    if (n >= objects || ++free > objects) return 'its free list is broken';
    const fault = poisoned
      ? poisonFault(
          b,
          b.u32(slab + SLAB.mem) + n * b.u32(cache + KMEM_CACHE.size),
          b.u32(cache + KMEM_CACHE.usable),
        )
      : null;
    if (fault) return fault;
  }
  let live = 0;
  for (let n = 0; n < objects; n++) if (b.u16(slab + SLAB.bufctl + 2 * n) === BUFCTL_LIVE) live++;
  return live + free === objects && live === b.u16(slab + SLAB.inuse)
    ? null
    : `${live} live and ${free} free of ${objects}`;
}

function poisonFault(b: Books, object: number, bytes: number): string | null {
  const pa = b.physical(object);
  if (pa < 0 || bytes > 1 << 22) return `an object at ${hex(object)}`;
  for (let n = 0; n < bytes; n++)
    if (b.ram[pa + n] !== POISON) return `freed object ${hex(object)} was written at byte ${n}`;
  return null;
}

function packetCount(b: Books): string | null {
  const counted = b.u32(b.symbol('skb_count'));
  const inUse = b.u32(b.u32(b.symbol('skb_cache')) + KMEM_CACHE.inuse);
  return counted === inUse ? null : `${inUse} sk_buffs are in use, ${counted} are counted`;
}

// ---- pages ---------------------------------------------------------------------------------------------------------

function pool(b: Books, at: number): string | null {
  let free = 0;
  for (let order = 0; order <= MAX_ORDER; order++) {
    const { entries, fault } = b.list(at + POOL.blocks + 8 * order, MOST);
    if (fault) return `order ${order}: ${fault}`;
    for (const page of entries) {
      const flags = b.u8(page + PAGE_RECORD.flags);
      if (
        !(flags & PG_BUDDY) ||
        b.u8(page + PAGE_RECORD.order) !== order ||
        b.u32(page + PAGE_RECORD.count) !== 0
      )
        return `order ${order}: ${hex(page)} is no free block of it`;
      free += 1 << order;
    }
  }
  const counted = b.u32(at + POOL.free);
  return counted === free ? null : `${free} pages are free, ${counted} are counted`;
}

function pageRecords(b: Books): string | null {
  for (let frame = 0; frame < b.frames; frame++) {
    const { order, owner } = b.page(frame * PAGE);
    const zone = b.inZone(frame * PAGE);
    if (order > MAX_ORDER || owner > MAX_DOMAINS || (owner !== 0 && !zone))
      return `frame ${hex(frame)} has order ${order} and owner ${owner}`;
  }
  return null;
}
