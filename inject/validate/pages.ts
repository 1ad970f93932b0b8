/**
 * Whose a page of RAM is, by the kernel's own books: struct page (kernel/include/linux/mm.h), the module list. Not by
 * the domains' page tables, which are what is being checked.
 */
import type { Session } from '../../guest/session.ts';
import { PAGE, type TableKind } from './memory.ts';

const KERNEL_BASE = 0xc000_0000;
const ZONE_BASE = 0xf000_0000;

// struct page; its _Static_asserts keep them.
const PAGE_RECORD = 20;
const COUNT = 8;
const ORDER = 12;
const FLAGS = 13;
const OWNER = 14;
const PG_SLAB = 0x08;
const PG_LARGE = 0x10;
const MAX_ORDER = 10;

// struct module; its _Static_asserts keep them.
const NAME = 4;
const NAME_LENGTH = 28;
const BASE = 40;
const SIZE = 44;
const READ_ONLY_END = 52;
const MAX_MODULES = 256;

export class Pages {
  private readonly session: Session;
  private readonly ram: Uint8Array;
  private readonly view: DataView;
  private readonly records: number;
  private readonly count: number;
  private readonly zone: { pa: number; size: number };

  /** Of the kernel that runs in `session`, as its books stood in `ram`, a copy of all of RAM. */
  constructor(session: Session, ram: Uint8Array) {
    this.session = session;
    this.ram = ram;
    this.view = new DataView(ram.buffer, ram.byteOffset, ram.length);
    this.records = session.read('mem_map') - KERNEL_BASE;
    this.count = Math.min(session.read('num_pages'), Math.ceil(ram.length / PAGE));
    this.zone = { pa: session.read('zone_phys'), size: session.read('zone_size') };
  }

  /** The domain that may write a page: 0 for the kernel. */
  owner(pa: number): number {
    return this.view.getUint16(this.record(pa) + OWNER, true);
  }

  /** One byte a page: 1 where `domain` is the owner. */
  ownedBy(domain: number): Uint8Array {
    const owned = new Uint8Array(Math.ceil(this.ram.length / PAGE));
    for (let n = 0; n < this.count; n++) owned[n] = this.owner(n * PAGE) === domain ? 1 : 0;
    return owned;
  }

  /** One byte a page: 1 where a module's writable data lie. */
  dataOf(module: string): Uint8Array {
    const data = new Uint8Array(Math.ceil(this.ram.length / PAGE));
    const { peek32 } = this.session.machine;
    const peek = peek32.bind(this.session.machine);
    let at = this.session.read('module_list');
    for (let n = 0; at > 0 && n < MAX_MODULES; n++, at = peek(at)) {
      if (this.session.readString(at + NAME, NAME_LENGTH) !== module) continue;
      const end = peek(at + BASE) + peek(at + SIZE);
      for (let lin = peek(at + READ_ONLY_END); lin < end; lin += PAGE)
        data[Math.floor((lin - ZONE_BASE + this.zone.pa) / PAGE)] = 1;
    }
    return data;
  }

  /** In words, what lies at a physical address. */
  describe(pa: number, tables: ReadonlyMap<number, TableKind>): string {
    const kind = tables.get(pa - (pa % PAGE));
    if (kind) return `page ${kind}, entry ${(pa % PAGE) >>> 2}`;
    const lin = this.linear(pa);
    if (this.session.symbols.lookup(lin)) return this.session.symbols.describe(lin);
    return `${this.use(pa)} at ${(lin >>> 0).toString(16)}`;
  }

  /** Where ring 0 has it: in the zone, or else in the direct map. */
  linear(pa: number): number {
    const offset = pa - this.zone.pa;
    return offset >= 0 && offset < this.zone.size ? ZONE_BASE + offset : KERNEL_BASE + pa;
  }

  private use(pa: number): string {
    const at = this.record(this.blockOf(pa));
    const inZone = this.linear(pa) >= ZONE_BASE;
    if (this.view.getUint32(at + COUNT, true) === 0) return 'free page';
    const owner = this.owner(pa);
    if (owner)
      return `page of ${this.session.modules().find(m => m.domain === owner)?.name ?? `domain ${owner}`}`;
    const heap = this.view.getUint8(at + FLAGS) & (PG_SLAB | PG_LARGE);
    if (heap) return inZone ? 'drivers’ heap' : 'kernel heap';
    return inZone ? 'packet or driver page' : 'kernel or user page';
  }

  /** The first page of the allocated block that holds a page; the page itself if there is none. */
  private blockOf(pa: number): number {
    for (let order = 0; order <= MAX_ORDER; order++) {
      const first = pa - (pa % (PAGE << order));
      const at = this.record(first);
      if (this.view.getUint32(at + COUNT, true) > 0 && this.view.getUint8(at + ORDER) >= order) return first;
    }
    return pa;
  }

  /** Offset of a page's record in RAM; record 0 for a page that has none. */
  private record(pa: number): number {
    const n = Math.floor(pa / PAGE);
    const at = this.records + PAGE_RECORD * (n < this.count ? n : 0);
    return at >= 0 && at + PAGE_RECORD <= this.ram.length ? at : 0;
  }
}
