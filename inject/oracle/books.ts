/**
 * The kernel's own books, read as they stand now: struct page, slabs, heaps, lists. Reading changes nothing, and
 * whatever the guest's memory contains, every read is inside RAM or gives 0, and every walk is bounded.
 *
 * Layouts are in ../layouts.ts.
 */
import type { Session } from '../../guest/session.ts';
import { BUFCTL_LIVE, KMEM_CACHE, PAGE_RECORD, SLAB } from '../layouts.ts';

export const PAGE = 4096;
export const KERNEL_BASE = 0xc000_0000;
export const VMALLOC_BASE = 0xe000_0000;
export const ZONE_BASE = 0xf000_0000;

export const PG_BUDDY = 0x02;
export const PG_ZONE = 0x04;
export const PG_SLAB = 0x08;
export const PG_LARGE = 0x10;

/** struct page, one frame. */
export interface PageRecord {
  count: number;
  order: number;
  flags: number;
  owner: number;
  slab: number;
}

/** Where an address lies in a slab. */
export interface SlabPlace {
  heap: number;
  cache: number;
  name: string;
  /** Of the object, linear. */
  start: number;
  usable: number;
  live: boolean;
}

/** What a walk of a list found: the entries, and what is wrong with it. */
export interface Walk {
  entries: number[];
  fault: string | null;
}

export class Books {
  readonly session: Session;
  readonly ram: Uint8Array;
  readonly view: DataView;
  readonly zonePhys: number;
  readonly zoneSize: number;
  readonly frames: number;
  readonly memMap: number;
  private readonly symbols = new Map<string, number>();

  constructor(session: Session) {
    this.session = session;
    const { mmu } = session.machine.cpu;
    this.ram = mmu.ram8;
    this.view = mmu.ram;
    this.zonePhys = session.read('zone_phys');
    this.zoneSize = session.read('zone_size');
    this.memMap = session.read('mem_map');
    this.frames = Math.min(session.read('num_pages'), Math.floor(session.machine.ramSize / PAGE));
  }

  /** Physical address of the direct map's or the zone's `lin`, or -1. */
  physical(lin: number): number {
    const at = lin >>> 0;
    if (at >= ZONE_BASE && at - ZONE_BASE < this.zoneSize) return at - ZONE_BASE + this.zonePhys;
    if (at >= KERNEL_BASE && at < VMALLOC_BASE && at - KERNEL_BASE < this.session.machine.ramSize)
      return at - KERNEL_BASE;
    return -1;
  }

  /** Where the kernel has a frame: the zone if it is one of it, else the direct map. */
  linear(pa: number): number {
    const offset = pa - this.zonePhys;
    return offset >= 0 && offset < this.zoneSize ? ZONE_BASE + offset : KERNEL_BASE + pa;
  }

  inZone(pa: number): boolean {
    return pa >= this.zonePhys && pa < this.zonePhys + this.zoneSize;
  }

  u32(lin: number): number {
    const pa = this.physical(lin);
    return pa >= 0 && pa + 4 <= this.session.machine.ramSize ? this.view.getUint32(pa, true) : 0;
  }

  u16(lin: number): number {
    const pa = this.physical(lin);
    return pa >= 0 && pa + 2 <= this.session.machine.ramSize ? this.view.getUint16(pa, true) : 0;
  }

  u8(lin: number): number {
    const pa = this.physical(lin);
    return pa >= 0 ? this.ram[pa] : 0;
  }

  /** A string of at most `length` printable bytes. */
  text(lin: number, length: number): string {
    let text = '';
    for (let n = 0; n < length; n++) {
      const byte = this.u8(lin + n);
      if (byte < 0x20 || byte > 0x7e) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Address of a symbol of the kernel's, 0 if it has none of that name. */
  symbol(name: string): number {
    const known = this.symbols.get(name);
    if (known !== undefined) return known;
    const address = this.session.symbols.address(`kernel.elf:${name}`) ?? 0;
    this.symbols.set(name, address);
    return address;
  }

  page(pa: number): PageRecord {
    const frame = Math.floor(pa / PAGE);
    if (frame < 0 || frame >= this.frames) return { count: 1, order: 0, flags: 1, owner: 0, slab: 0 };
    const at = this.memMap + frame * PAGE_RECORD.sizeof;
    return {
      count: this.u32(at + PAGE_RECORD.count),
      order: this.u8(at + PAGE_RECORD.order),
      flags: this.u8(at + PAGE_RECORD.flags),
      owner: this.u16(at + PAGE_RECORD.owner),
      slab: this.u32(at + PAGE_RECORD.slab),
    };
  }

  /** The slab object that holds `pa`, of a page marked PG_SLAB; null outside its objects or if the books are broken. */
  slabPlace(pa: number, slab: number): SlabPlace | null {
    const cache = this.u32(slab + SLAB.cache);
    const size = this.u32(cache + KMEM_CACHE.size);
    const objects = this.u16(cache + KMEM_CACHE.objects);
    const first = this.u32(slab + SLAB.mem);
    if (size === 0 || size > 1 << 22) return null;
    const offset = this.linear(pa) - first;
    const index = Math.floor(offset / size);
    if (offset < 0 || index >= objects) return null;
    return {
      heap: this.u32(cache + KMEM_CACHE.heap),
      cache,
      name: this.text(cache + KMEM_CACHE.name, 24),
      start: first + index * size,
      usable: this.u32(cache + KMEM_CACHE.usable),
      live: this.u16(slab + SLAB.bufctl + 2 * index) === BUFCTL_LIVE,
    };
  }

  /** Is [lin, lin + 4) in a live object of a heap? Statically allocated things are not. */
  live(lin: number): boolean {
    const pa = this.physical(lin);
    if (pa < 0) return false;
    const page = this.page(pa);
    if (page.flags & PG_SLAB) return this.slabPlace(pa, page.slab)?.live ?? false;
    return (page.flags & PG_LARGE) !== 0;
  }

  /** A circular list (linux/list.h): entries are list_heads; `fault` says the first thing wrong. */
  list(head: number, most: number): Walk {
    const entries: number[] = [];
    let prev = head;
    let at = this.u32(head);
    while (at !== head) {
      if (this.physical(at) < 0 || at & 3) return { entries, fault: `next of ${hex(prev)} is ${hex(at)}` };
      if (this.u32(at + 4) !== prev)
        return { entries, fault: `prev of ${hex(at)} is ${hex(this.u32(at + 4))}` };
      if (entries.length >= most) return { entries, fault: `more than ${most} entries` };
      entries.push(at);
      prev = at;
      at = this.u32(at);
    }
    const back = this.u32(head + 4);
    return { entries, fault: back === prev ? null : `prev of the head is ${hex(back)}` };
  }

  /** A list linked by the word at `offset`, ended by 0. */
  chain(first: number, offset: number, most: number): Walk {
    const entries: number[] = [];
    for (let at = first; at !== 0; at = this.u32(at + offset)) {
      if (this.physical(at) < 0 || at & 3) return { entries, fault: `an entry is ${hex(at)}` };
      if (entries.length >= most) return { entries, fault: `more than ${most} entries` };
      entries.push(at);
    }
    return { entries, fault: null };
  }
}

export const hex = (n: number) => `0x${(n >>> 0).toString(16)}`;
