/**
 * Whose the target of a write is, by the kernel's own books at the moment of the write. With isolation the books say
 * so (struct page's owner). Without it they do not, so it follows from what a thing is: the module's data, live objects
 * of the drivers' heap, packets that are on no queue of the kernel's, other pages of the zone, the driver's part of
 * its net_device, and what its caller handed it on the stack.
 *
 * Cannot be told without isolation: two drivers' heap objects and pages apart, and a packet in the kernel's hands
 * that is on no queue just then.
 */
import {
  BUFCTL_LIVE,
  KMEM_CACHE,
  MODULE,
  MODULE_NAME,
  NET_DEVICE,
  PCI_DEV,
  PCI_RESOURCES,
  RESOURCE,
  SK_BUFF,
  SLAB,
  TASK,
} from '../layouts.ts';
import {
  type Books,
  KERNEL_BASE,
  PAGE,
  type PageRecord,
  PG_LARGE,
  PG_SLAB,
  type SlabPlace,
} from './books.ts';

/** `own`: the driver hurts only itself. */
export type Verdict = 'right' | 'own' | 'wild';

export interface Target {
  verdict: Verdict;
  what: string;
}

const RIGHT: Target = { verdict: 'right', what: '' };

const SKB_CACHE = 'skbuff_head_cache';
const MAX_DEVICES = 256;
const MAX_MODULES = 256;
const KSTACK_SIZE = 8192;
const MAX_TASKS = 1024;
const MAX_PACKETS = 4096;
const MAX_SLABS = 4096;

/** The driver as it is loaded now. */
export interface DriverPlace {
  /** Its struct module, and its image: linear. */
  record: number;
  base: number;
  readOnlyEnd: number;
  end: number;
  /** 0: it runs in the kernel. */
  domain: number;
}

export class Ownership {
  private readonly books: Books;
  driver: DriverPlace | null = null;
  /** Data page of a packet (frame number) to its sk_buff, as last found. */
  private readonly packets = new Map<number, number>();
  /** Frame of the driver's that is no packet at this moment: mostly a ring, to which stores come in rows. */
  private noPacket = -1;
  private readonly skbCache: number;
  private readonly ethHeader: number;

  constructor(books: Books) {
    this.books = books;
    this.skbCache = books.u32(books.symbol('skb_cache'));
    this.ethHeader = books.symbol('eth_header');
  }

  /** Finds the driver in the module list; null while it is not loaded. */
  find(name: string): DriverPlace | null {
    const { books } = this;
    this.driver = null;
    const { entries } = books.chain(books.u32(books.symbol('module_list')), MODULE.next, MAX_MODULES);
    for (const record of entries) {
      if (books.text(record + MODULE.name, MODULE_NAME) !== name) continue;
      const base = books.u32(record + MODULE.base);
      this.driver = {
        record,
        base,
        readOnlyEnd: books.u32(record + MODULE.roEnd),
        end: base + books.u32(record + MODULE.size),
        domain: books.u32(record + MODULE.domainId),
      };
      break;
    }
    return this.driver;
  }

  /** Whose the byte at physical address `pa` of RAM is, for a write by the driver's code, or by its device. */
  ofMemory(pa: number): Target {
    const page = this.books.page(pa);
    const domain = this.driver?.domain ?? 0;
    if (domain !== 0) return this.inDomain(pa, page, domain);
    return this.books.inZone(pa) ? this.inZone(pa, page) : this.inKernel(pa, page);
  }

  /** Whose device answers at `pa`, which is not RAM. */
  ofDevice(pa: number): Target {
    const { books, driver } = this;
    if (driver?.domain) return RIGHT;
    for (const at of books.list(books.symbol('pci_devices'), MAX_DEVICES).entries)
      for (let n = 0; n < PCI_RESOURCES; n++) {
        const resource = at + PCI_DEV.resource + n * RESOURCE.sizeof;
        const start = books.u32(resource + RESOURCE.start);
        const end = books.u32(resource + RESOURCE.end);
        if (start === 0 || pa < start || pa > end) continue;
        const bound = books.u32(at + PCI_DEV.driver);
        const own = bound === 0 || (driver !== null && bound >= driver.base && bound < driver.end);
        return own ? RIGHT : { verdict: 'wild', what: 'registers of another driver’s device' };
      }
    return { verdict: 'wild', what: 'registers of a device that is not the driver’s' };
  }

  private inDomain(pa: number, page: PageRecord, domain: number): Target {
    if (page.owner !== domain) return this.wild(pa, page);
    if (page.flags & PG_SLAB) return this.heapObject(this.books.slabPlace(pa, page.slab), pa);
    return RIGHT;
  }

  private heapObject(place: SlabPlace | null, pa: number): Target {
    if (!place) return { verdict: 'own', what: 'no object of its heap' };
    if (!place.live) return { verdict: 'own', what: `freed object of ${place.name}` };
    const beyond = this.books.linear(pa) - place.start >= place.usable;
    return beyond ? { verdict: 'own', what: `past an object of ${place.name}` } : RIGHT;
  }

  private inZone(pa: number, page: PageRecord): Target {
    const lin = this.books.linear(pa);
    const { driver } = this;
    if (Math.floor(pa / PAGE) === this.noPacket) return RIGHT;
    if (driver && lin >= driver.base && lin < driver.end)
      return lin >= driver.readOnlyEnd ? RIGHT : { verdict: 'own', what: 'its own text or read-only data' };
    if (page.flags & PG_SLAB) return this.heapObject(this.books.slabPlace(pa, page.slab), pa);
    if (page.flags & PG_LARGE) return RIGHT;
    const other = this.moduleAt(lin);
    if (other) return { verdict: 'wild', what: `module ${other}` };
    const first = this.blockOf(pa);
    if (this.books.page(first).count === 0) return { verdict: 'wild', what: 'free page of the zone' };
    const skb = this.packetAt(pa);
    if (skb !== 0)
      return this.books.u32(skb + SK_BUFF.list) === 0
        ? RIGHT
        : { verdict: 'wild', what: 'data of a packet that the kernel has' };
    if (this.isPooled(lin)) return { verdict: 'wild', what: 'data of a freed packet' };
    this.noPacket = Math.floor(pa / PAGE);
    return RIGHT;
  }

  private inKernel(pa: number, page: PageRecord): Target {
    if (page.flags & PG_SLAB) {
      const place = this.books.slabPlace(pa, page.slab);
      if (place?.live && this.drivers(place, this.books.linear(pa))) return RIGHT;
    }
    return this.wild(pa, page);
  }

  /** Kernel objects that a driver writes by inline functions of the kernel's headers. */
  private drivers(place: SlabPlace, lin: number): boolean {
    const { books } = this;
    if (place.name === SKB_CACHE) return books.u32(place.start + SK_BUFF.list) === 0;
    const field = lin - place.start;
    if (field >= NET_DEVICE.next || place.usable < NET_DEVICE.next) return false;
    if (this.ethHeader === 0 || books.u32(place.start + NET_DEVICE.hardHeader) !== this.ethHeader)
      return false;
    const priv = books.physical(books.u32(place.start + NET_DEVICE.priv));
    const owner = books.u32(place.start + NET_DEVICE.owner);
    return priv >= 0 && books.inZone(priv) && (owner === 0 || owner === this.driver?.record);
  }

  private wild(pa: number, page: PageRecord): Target {
    return { verdict: 'wild', what: this.describe(pa, page) };
  }

  /** In words, what lies at `pa`. */
  describe(pa: number, page: PageRecord = this.books.page(pa)): string {
    const { books } = this;
    const lin = books.linear(pa);
    if (lin >= books.symbol('_kernel_start') && lin < books.symbol('_end')) {
      if (lin < books.symbol('_etext')) return 'kernel text';
      if (lin < books.symbol('_erodata')) return 'kernel read-only data';
      return `kernel data ${books.session.symbols.describe(lin)}`;
    }
    const task = this.taskOfStack(lin);
    if (task) return `kernel stack of ${task}`;
    if (page.flags & PG_SLAB) {
      const place = books.slabPlace(pa, page.slab);
      return place ? `slab ${place.name}${place.live ? '' : ', freed object'}` : 'slab descriptor';
    }
    const zone = books.inZone(pa);
    if (page.flags & PG_LARGE) return zone ? 'drivers’ heap' : 'kernel heap';
    if (books.page(this.blockOf(pa)).count === 0) return zone ? 'free page of the zone' : 'free page';
    if (page.owner !== 0) return `page of domain ${page.owner}`;
    const module = this.moduleAt(lin);
    if (module) return `module ${module}`;
    if (zone) return this.isPooled(lin) ? 'data of a freed packet' : 'packet or driver page';
    return page.flags & 1 ? 'boot memory of the kernel' : 'kernel or user page';
  }

  /** Which task's kernel stack holds `lin`; bounded. */
  private taskOfStack(lin: number): string {
    const { books } = this;
    for (const at of books.list(books.symbol('all_tasks'), MAX_TASKS).entries) {
      const task = at - TASK.tasks;
      const stack = books.u32(task + TASK.kstack);
      if (lin >= stack && lin < stack + KSTACK_SIZE) return books.text(task + TASK.comm, 16);
    }
    return '';
  }

  private moduleAt(lin: number): string {
    const { books } = this;
    for (const at of books.chain(books.u32(books.symbol('module_list')), MODULE.next, MAX_MODULES).entries) {
      const base = books.u32(at + MODULE.base);
      if (lin >= base && lin < base + books.u32(at + MODULE.size))
        return books.text(at + MODULE.name, MODULE_NAME);
    }
    return '';
  }

  /** Is the page on the kernel's stack of free packet pages (net/skbuff.c)? */
  private isPooled(lin: number): boolean {
    const { books } = this;
    const count = Math.min(books.u32(books.symbol('page_pool_count')), 512);
    const pool = books.symbol('page_pool');
    const page = (lin & -PAGE) >>> 0;
    for (let n = 0; n < count; n++) if (books.u32(pool + 4 * n) === page) return true;
    return false;
  }

  /** Other code than the driver's has run: what was found not to be there may be there now. */
  newMoment(): void {
    this.noPacket = -1;
  }

  /** The live sk_buff whose data lie at `pa`, or 0. */
  private packetAt(pa: number): number {
    const frame = Math.floor(pa / PAGE);
    const known = this.packets.get(frame);
    if (known !== undefined && this.holds(known, frame)) return known;
    const found = this.findPacket(frame);
    if (this.packets.size > MAX_PACKETS) this.packets.clear();
    if (found !== 0) this.packets.set(frame, found);
    return found;
  }

  private holds(skb: number, frame: number): boolean {
    return this.books.physical(this.books.u32(skb + SK_BUFF.head)) >>> 12 === frame && this.books.live(skb);
  }

  /** Looks through all live sk_buffs. Often called for pages that hold no packet, so it reads RAM by itself. */
  private findPacket(frame: number): number {
    const { books, skbCache } = this;
    const { view } = books;
    const objects = books.u16(skbCache + KMEM_CACHE.objects);
    const size = books.u32(skbCache + KMEM_CACHE.size);
    const head = books.linear(frame * PAGE);
    const headAt = SK_BUFF.head;
    for (const list of [KMEM_CACHE.full, KMEM_CACHE.partial])
      for (
        let slab = books.u32(skbCache + list), n = 0;
        slab !== skbCache + list && n < MAX_SLABS;
        slab = books.u32(slab), n++
      ) {
        const bufctl = books.physical(slab) + SLAB.bufctl;
        const first = books.physical(books.u32(slab + SLAB.mem));
        if (bufctl < SLAB.bufctl || first < 0 || first + objects * size > books.ram.length) return 0;
        for (let k = 0; k < objects; k++)
          if (
            view.getUint32(first + k * size + headAt, true) === head &&
            view.getUint16(bufctl + 2 * k, true) === BUFCTL_LIVE
          )
            return KERNEL_BASE + first + k * size;
      }
    return 0;
  }

  /** The first page of the block that holds `pa`, free or allocated; the page itself if there is none. */
  private blockOf(pa: number): number {
    const base = this.books.inZone(pa) ? this.books.zonePhys : 0;
    const page = pa - (pa % PAGE);
    for (let order = 0; order <= 10; order++) {
      const first = page - ((page - base) % (PAGE << order));
      const { count, order: has, flags } = this.books.page(first);
      if ((count > 0 || flags & 2) && has >= order) return first;
    }
    return page;
  }
}
