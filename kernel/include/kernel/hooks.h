/*
 * Where nooks/ hooks into the kernel. Each function here has a weak default in core/hooks.c, so that
 * the kernel links and runs without nooks/; each variable is the kernel's, written by nooks/.
 * Everything is called in the kernel's own domain (kernel page directory, kernel stack).
 */
#ifndef KERNEL_HOOKS_H
#define KERNEL_HOOKS_H

#include <asm/ptrace.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>

/*
 * ---- Running in a domain (arch/entry.S) ----
 * While a domain runs, domain_cr3 is its page directory (physical) and domain_kernel_esp the kernel
 * stack pointer to handle traps on: below it the task's kernel stack is free. Nooks sets both, with
 * interrupts off, on its way into a domain (before MOV CR3) and clears domain_cr3 on its way out
 * (after MOV CR3): a domain cannot write them. A trap taken in a domain saves its registers on the
 * domain's stack, loads the current task's page directory, moves to domain_kernel_esp, saves and
 * clears domain_cr3, and puts everything back before IRET. The CR3 put back is the one that was found,
 * so a trap between the stores and MOV CR3 does no harm.
 */
extern u32 domain_cr3;        /* 0 = the kernel runs */
extern u32 domain_kernel_esp;
extern const char trap_entry_start[], trap_entry_end[]; /* entry.S: code in which a trap is half taken */

/*
 * An exception in ring 0 that the kernel has no fix for. `domain` is the page directory of the domain
 * that took it (0 = the kernel itself), and `regs` the frame, then on the domain's stack. Returns 0 if it is not nooks' business (the kernel panics), 1 if the fault was
 * repaired and the instruction runs again; or it does not return at all but unwinds to the XPC.
 */
int nooks_fault(struct pt_regs *regs, u32 vector, u32 address, u32 domain);

/*
 * A double fault (the #DF task runs, its own stack, kernel CR3). `regs` is filled from the outgoing
 * TSS; `domain` is the page directory of the domain that ran, or 0. If it returns 1, the interrupted task goes on from
 * `regs` (eip, esp, eflags, general registers) in the kernel. 0: panic.
 */
int nooks_double_fault(struct pt_regs *regs, u32 domain);

/* A non-maskable interrupt. Interrupts are off. False: it means nothing to nooks. May unwind a domain, not returning. */
bool nooks_nmi(struct pt_regs *regs, u32 domain);

/* Each clock tick: interrupts off, in the clock's interrupt. */
void nooks_tick(struct pt_regs *regs);

/* An interrupt that had come while a domain ran has been handled: interrupts off. May unwind it, not returning. */
void nooks_interrupted(struct pt_regs *regs, u32 domain);

/* A task is about to be freed. */
void nooks_task_exit(struct task_struct *task);

/*
 * ---- Modules (core/module.c) ---- in this order:
 * prepare: the record exists and the image's size is known; choose the domain. Non-zero = error, refused.
 * bind: for each undefined symbol found among the exports, what to bind it to (`kernel_addr` itself if
 *       it stays direct); NULL = refuse to load. Also for names that nothing exports (kernel_addr NULL).
 * loaded: relocated, not yet run: make the image writable (data) or not (text) in the domain.
 * call_init, call_cleanup: run the module's functions.
 * unload: nothing of it runs any more; the image is about to be freed.
 */
int nooks_module_prepare(struct module *mod, const char *args);
void *module_bind_hook(struct module *mod, const char *name, void *kernel_addr);
int nooks_module_loaded(struct module *mod);
int nooks_call_init(struct module *mod);
void nooks_call_cleanup(struct module *mod);
void nooks_module_unload(struct module *mod);

/* Called, empty, after each change of module_list; the host watches its address. */
void module_event(void);

/* Loads a Multiboot module by name ("e1000" or "e1000.ko"); returns 0 or an error. Process context. */
int load_module(const char *name, const char *args);
int unload_module(const char *name, bool force); /* force: also when in use, without calling cleanup */
struct module *find_module(const char *name);
struct module *module_of_address(u32 addr);

/*
 * ---- Page tables (mm/pgtable.c) ----
 * Every change of a kernel entry (address at or above KERNEL_BASE) is announced after it was made.
 * `level` 1 = page table entry, 2 = page directory entry. Page tables of the kernel range are all
 * allocated at boot, so directory entries change only in their G bit.
 */
extern void (*pgtable_notifier)(u32 addr, u32 old_entry, u32 new_entry, int level);
extern u32 *kernel_pgd;       /* the kernel's own directory, direct map */
extern u32 kernel_pgd_phys;
/* Nooks says how many domains exist: with globalpages=auto the first one makes kernel pages non-global. */
void pgtable_set_domains(int count);
u32 vmalloc_used_end(void); /* nothing of the vmalloc range is mapped from here on (mm/vmalloc.c) */
u32 pgtable_lookup(const u32 *pgd, u32 addr); /* the entry that maps addr (4 KiB view), 0 = none */

/*
 * ---- Heaps (mm/slab.c) ----
 * A heap is a set of caches over its own pages. The kernel has two, kernel_heap and driver_heap (zone);
 * Nooks makes one a domain, from the zone (gfp __GFP_DRIVER), so that every page has one owner. Bookkeeping
 * of zone pages is never in the pages themselves. pages_changed (may be NULL) says which pages the heap gained
 * or gave back; it is called with interrupts off.
 */
struct heap;
extern struct heap *kernel_heap, *driver_heap;
struct heap *heap_create(const char *name, int gfp, u16 owner,
                         void (*pages_changed)(struct heap *heap, void *addr, unsigned pages, bool gained));
void heap_destroy(struct heap *heap);                          /* frees all objects and caches left, and the heap */
void *heap_alloc(struct heap *heap, size_t size, int gfp);     /* up to 4 MiB; NULL = no memory */
void heap_free(const void *p);                                 /* of any heap: kfree is the same */
struct kmem_cache *heap_cache_create(struct heap *heap, const char *name, size_t size, unsigned long flags,
                                     void (*ctor)(void *, struct kmem_cache *, unsigned long),
                                     void (*dtor)(void *, struct kmem_cache *, unsigned long));
u16 heap_owner(const struct heap *heap);
void heap_set_owner(struct heap *heap, u16 owner); /* the owner of pages that it has is the caller's business */
struct heap *heap_of_page(const void *addr); /* NULL: of none; a page of the zone */
u32 heap_bytes(const struct heap *heap); /* in live objects */
/* The live object that holds address p, or false. For any p, also a wild one. */
bool heap_object(const void *p, struct heap **heap, void **start, size_t *size);

/* What modules get as kmalloc and so on (mm/driver_mem.c). */
void *driver_kmalloc(size_t size, int gfp);
void *driver_kzalloc(size_t size, int gfp);
void *driver_vmalloc(unsigned long size);
unsigned long driver_get_free_pages(int gfp, unsigned order);
unsigned long driver_get_zeroed_page(int gfp);

#endif
