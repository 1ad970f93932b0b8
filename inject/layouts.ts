/**
 * Offsets of the kernel's structures that are read from outside: faults look for the driver's objects by them, the
 * oracle walks the kernel's books. One row a structure, its fields named as in C (`runList` is `run_list`), `sizeof` with
 * them; test/inject/layouts.test.ts asks gdb whether they are so. The kernel's headers assert some of them.
 *
 * Left out: struct module as the guest's tools read it (guest/session.ts), and what a driver has of its own.
 */

/** kernel/mm/slab.h. A heap has `SIZE_CACHES` caches at `sizes`, and those that were made on the list `caches`. */
export const HEAP = { owner: 28, sizes: 36, caches: 652, large: 660 } as const;
export const SIZE_CACHES = 7;
export const KMEM_CACHE = {
  sizeof: 88,
  name: 8,
  heap: 32,
  size: 36,
  usable: 40,
  objects: 44,
  full: 52,
  partial: 60,
  empty: 68,
  inuse: 76,
  ctor: 80,
} as const;
export const SLAB = { cache: 8, mem: 12, inuse: 16, free: 18, bufctl: 20 } as const;
export const LARGE = { mem: 12, size: 16 } as const;

/** Of an object in struct slab's bufctl: the end of the free list, and that it is in use. */
export const BUFCTL_END = 0xffff;
export const BUFCTL_LIVE = 0xfffe;

/** kernel/include/linux/mm.h: one a frame. */
export const PAGE_RECORD = { sizeof: 20, count: 8, order: 12, flags: 13, owner: 14, slab: 16 } as const;

/** kernel/mm/page_alloc.c: a list of free blocks for each order. */
export const POOL = { free: 8, blocks: 12 } as const;

/** nooks/include/nooks/domain.h. */
export const NOOKS_DOMAIN = { cr3: 0, id: 4, heap: 280 } as const;

/** kernel/include/linux/sched.h, mm.h. */
export const TASK = { state: 8, comm: 32, kstack: 48, tasks: 60, runList: 68 } as const;
export const MM = { pgd: 0, all: 24 } as const;

/** kernel/include/linux/module.h. */
export const MODULE = { next: 0, name: 4, base: 40, size: 44, domainId: 48, roEnd: 52 } as const;
export const MODULE_NAME = 28;

/** kernel/include/linux/skbuff.h, netdevice.h. What a driver sets of a net_device is before `next`. */
export const SK_BUFF = { list: 8, head: 48 } as const;
export const NET_DEVICE = { priv: 68, owner: 72, hardHeader: 120, next: 124 } as const;

/** kernel/include/linux/pci.h, ioport.h. */
export const PCI_DEV = { resource: 28, driver: 156 } as const;
export const RESOURCE = { sizeof: 20, start: 4, end: 8 } as const;
export const PCI_RESOURCES = 6;

/** By what C calls them. */
export const LAYOUTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  heap: HEAP,
  kmem_cache: KMEM_CACHE,
  slab: SLAB,
  large: LARGE,
  page: PAGE_RECORD,
  pool: POOL,
  nooks_domain: NOOKS_DOMAIN,
  task_struct: TASK,
  mm_struct: MM,
  module: MODULE,
  sk_buff: SK_BUFF,
  net_device: NET_DEVICE,
  pci_dev: PCI_DEV,
  resource: RESOURCE,
};
