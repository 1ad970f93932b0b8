/*
 * The world of the system tests: where things lie, which selectors there are. Physical addresses; linear ones are the
 * same. A case changes what it likes: reset_world() puts everything back.
 */
#ifndef WORLD_H
#define WORLD_H

#define REAL_AT		0x1000		/* code and state of real mode; the IVT is at 0 */
#define CODE_AT		0x10000		/* the case's code: also 1000:0 and base of CODE16 */
#define V86_STACK	0x20000		/* 2000:FF00 */
#define DATA_AT		0x30000
#define USER_TOP	0x48000		/* tops of stacks; each has 4 KiB and more below */
#define KERNEL_TOP	0x50000		/* the case's ring 0 stack; also FF00 of STACK16's 64 KiB */
#define INNER_TOP	0x58000		/* of TSS.ESP0 */
#define RING1_TOP	0x60000
#define RING2_TOP	0x64000
#define TASK_TOP	0x68000
#define TSS_AT		0x70000
#define TASK_AT		0x70400
#define TSS16_AT	0x70800
#define LDT_AT		0x70c00
#define DIRECTORY	0x200000	/* and the tables behind it */

#define KCODE	0x08
#define KDATA	0x10
#define UCODE	0x1b
#define UDATA	0x23
#define TSS	0x28
#define TASK	0x30			/* an available 32-bit TSS, whose task lands in a stub */
#define TASK16	0x38
#define LDT	0x40
#define CODE1	0x49
#define DATA1	0x51
#define CONF0	0x58			/* conforming, DPL 0 */
#define CODE16	0x60			/* 16 bits, base CODE_AT */
#define STACK16	0x68			/* 16 bits, base KERNEL_TOP - 0xff00 */
#define LOWSTUBS 0x70			/* base of the stubs, for 16-bit gates */
#define CODE2	0x7a
#define DATA2	0x82
#define LOWCODE16 0x88			/* 16 bits, base 0: the way to real mode */
#define LOWDATA16 0x90
#define SCRATCH	0x98			/* from here on a case's own */
#define GDT_ENTRIES 64

#define REAL_STACK 6			/* words saved of a real-mode stack */
#define EV_STACK 28			/* dwords: es ds vector flags edi esi ebp esp ebx edx ecx eax, then the frame */

#ifndef __ASSEMBLY__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* What `enter` loads. Selectors are dwords whose upper halves are 0. */
struct state {
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags;
	u32 es, cs, ss, ds, fs, gs;
};
/* What an event left: segments as the handler found them, and the stack from the stub's last push upwards. */
struct event {
	u32 fs, gs, ss, cr2, cr3, dr6, tr;
	u32 es, ds, vector, flags;
	u32 edi, esi, ebp, sp, ebx, edx, ecx, eax;
	u32 frame[EV_STACK - 12];
};
extern struct state in;
extern struct event ev;
extern u64 gdt[GDT_ENTRIES];
extern u8 stubs[256][16];
void enter(void);

/* world.c */
u64 segment(u32 base, u32 limit, u8 access, u8 flags);	/* limit as in the descriptor; flags G D 0 AVL */
u64 gate(u32 selector, u32 offset, u8 access, u8 parameters);
void set_gate(int vector, u64 descriptor);
void set_descriptor(u32 selector, u64 descriptor);	/* GDT, or LDT by its TI bit */
u32 handler(int vector);				/* offset of its stub in KCODE */
void reset_world(void);
void map(u32 linear, u32 physical, u32 bits);		/* a 4 KiB page; the PDE allows everything */
void paging(int on);
u32 *pte_of(u32 linear);
u32 *pde_of(u32 linear);
void invlpg(u32 linear);

/* log.c */
void outb(u16 port, u8 v);
void puts_log(const char *s);
void hex_log(u32 v, int digits);
void finish(void);

/* cases.c: how a case is written */
void code(const void *bytes, u32 length);		/* to CODE_AT */
void ring0(void);					/* `in` for flat ring 0 at CODE_AT */
void ring3(void);
void ring1(void);
void v86(void);						/* 1000:0, stack 2000:FF00, data 3000 */
void code16(void);					/* ring 0, 16-bit segments */
void go(const char *name);				/* enter, then log the event */
void again(const char *name);				/* on from the event's own frame: for traps */
void dump(const char *name, u32 at, u32 dwords);

#define CODE(...) do { const u8 b_[] = { __VA_ARGS__ }; code(b_, sizeof b_); } while (0)
#define D32(v) (u8)(v), (u8)((u32)(v) >> 8), (u8)((u32)(v) >> 16), (u8)((u32)(v) >> 24)
#define D16(v) (u8)(v), (u8)((u32)(v) >> 8)

/* Each program has this. */
void cases(void);

static inline u32 read32(u32 at) { return *(volatile u32 *)at; }
static inline void write32(u32 at, u32 v) { *(volatile u32 *)at = v; }
static inline void write16(u32 at, u16 v) { *(volatile u16 *)at = v; }
static inline void write8(u32 at, u8 v) { *(volatile u8 *)at = v; }
#endif
#endif
