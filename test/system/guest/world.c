/* Builds the world: descriptors, gates, TSSs, page tables. Called before every case, so that none sees another's. */
#include "world.h"

static u64 idt[256];

void *memset(void *d, int c, u32 n)
{
	u32 dwords = n / 4, bytes = n % 4;
	void *to = d;

	__asm__ volatile("rep stosl; mov %2, %%ecx; rep stosb"
			 : "+D"(to), "+c"(dwords) : "r"(bytes), "a"((c & 0xff) * 0x01010101) : "memory");
	return d;
}

void *memcpy(void *d, const void *s, u32 n)
{
	u32 dwords = n / 4, bytes = n % 4;
	void *to = d;

	__asm__ volatile("rep movsl; mov %3, %%ecx; rep movsb"
			 : "+D"(to), "+S"(s), "+c"(dwords) : "r"(bytes) : "memory");
	return d;
}

u64 segment(u32 base, u32 limit, u8 access, u8 flags)
{
	u32 lo = (limit & 0xffff) | base << 16;
	u32 hi = (base >> 16 & 0xff) | access << 8 | (limit & 0xf0000) | (u32)flags << 20 | (base & 0xff000000);
	return lo | (u64)hi << 32;
}

u64 gate(u32 selector, u32 offset, u8 access, u8 parameters)
{
	return (offset & 0xffff) | selector << 16 | (u64)((offset & 0xffff0000) | access << 8 | parameters) << 32;
}

void set_gate(int vector, u64 descriptor)
{
	idt[vector] = descriptor;
}

void set_descriptor(u32 selector, u64 descriptor)
{
	if (selector & 4)
		((u64 *)LDT_AT)[selector >> 3] = descriptor;
	else
		gdt[selector >> 3] = descriptor;
}

u32 handler(int vector)
{
	return (u32)stubs[vector];
}

static void set_gdt(void)
{
	static const struct { u32 selector, base, limit; u8 access, flags; } rows[] = {
		{ UCODE, 0, 0xfffff, 0xfb, 0xc },
		{ UDATA, 0, 0xfffff, 0xf3, 0xc },
		{ TSS, TSS_AT, 0x67, 0x89, 0 },
		{ TASK, TASK_AT, 0x67, 0x89, 0 },
		{ TASK16, TSS16_AT, 0x2b, 0x81, 0 },
		{ LDT, LDT_AT, 0xff, 0x82, 0 },
		{ CODE1, 0, 0xfffff, 0xbb, 0xc },
		{ DATA1, 0, 0xfffff, 0xb3, 0xc },
		{ CONF0, 0, 0xfffff, 0x9f, 0xc },
		{ CODE16, CODE_AT, 0xffff, 0x9b, 0 },
		{ STACK16, KERNEL_TOP - 0xff00, 0xffff, 0x93, 0 },
		{ LOWCODE16, 0, 0xffff, 0x9b, 0 },
		{ LOWDATA16, 0, 0xffff, 0x93, 0 },
		{ CODE2, 0, 0xfffff, 0xdb, 0xc },
		{ DATA2, 0, 0xfffff, 0xd3, 0xc },
	};
	memset(gdt + (UCODE >> 3), 0, sizeof gdt - (UCODE >> 3) * 8);
	for (u32 i = 0; i < sizeof rows / sizeof *rows; i++)
		set_descriptor(rows[i].selector, segment(rows[i].base, rows[i].limit, rows[i].access, rows[i].flags));
	set_descriptor(LOWSTUBS, segment((u32)stubs, 0xffff, 0x9b, 4));
	memset((void *)LDT_AT, 0, 0x100);
}

static void set_tss(void)
{
	u32 *t = (u32 *)TSS_AT;

	memset(t, 0, 0xc00);
	t[1] = INNER_TOP, t[2] = KDATA;
	t[3] = RING1_TOP, t[4] = DATA1;
	t[5] = RING2_TOP, t[6] = DATA2;
	t[25] = 0x680000;
	t = (u32 *)TASK_AT;
	t[1] = INNER_TOP, t[2] = KDATA;
	t[7] = DIRECTORY;
	t[8] = handler(0xf0), t[9] = 2;
	for (int r = 0; r < 8; r++)
		t[10 + r] = 0x11110000 * (r + 1);
	t[14] = TASK_TOP;
	t[18] = KDATA, t[19] = KCODE, t[20] = KDATA, t[21] = KDATA, t[22] = 0, t[23] = UDATA;
	t[25] = 0x680000;
	u16 *s = (u16 *)TSS16_AT;
	s[1] = INNER_TOP & 0xffff, s[2] = STACK16;
	s[7] = 0xf1 * 16, s[8] = 2;
	for (int r = 0; r < 8; r++)
		s[9 + r] = 0x1101 * (r + 1);
	s[13] = 0xfe00;
	s[17] = KDATA, s[18] = LOWSTUBS, s[19] = STACK16, s[20] = KDATA;
}

static void load_registers(void)
{
	struct { u16 limit; u32 base; } __attribute__((packed)) pointer = { sizeof idt - 1, (u32)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
	__asm__ volatile("lldt %0" : : "r"((u16)LDT));
	__asm__ volatile("ltr %0" : : "r"((u16)TSS));
}

static void clear_debug(void)
{
	u32 zero = 0, dr6 = 0xffff0ff0, dr7 = 0x400;

	__asm__ volatile("mov %0, %%dr7; mov %1, %%dr6" : : "r"(dr7), "r"(dr6));
	__asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"(zero));
	__asm__ volatile("mov %0, %%cr2" : : "r"(zero));
}

u32 *pde_of(u32 linear)
{
	return (u32 *)DIRECTORY + (linear >> 22);
}

u32 *pte_of(u32 linear)
{
	return (u32 *)(DIRECTORY + 0x1000) + (linear >> 12);
}

void map(u32 linear, u32 physical, u32 bits)
{
	*pte_of(linear) = physical | bits;
	invlpg(linear);
}

void invlpg(u32 linear)
{
	__asm__ volatile("invlpg (%0)" : : "r"(linear) : "memory");
}

/* 8 MiB map to themselves, accessed and dirty, for everyone. */
static void set_tables(void)
{
	static u32 fresh[2048];

	for (u32 i = 0; fresh[2047] == 0 && i < 2048; i++)
		fresh[i] = i << 12 | 0x67;
	memset((void *)DIRECTORY, 0, 4096);
	for (u32 i = 0; i < 2; i++)
		*pde_of(i << 22) = (DIRECTORY + 0x1000 * (i + 1)) | 0x27;
	memcpy(pte_of(0), fresh, sizeof fresh);
}

/* With CR0.WP. CR4 stays. */
void paging(int on)
{
	u32 cr0;

	__asm__ volatile("mov %0, %%cr3" : : "r"(DIRECTORY));
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | 0x80010000 : cr0 & ~0x80010000;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

void reset_world(void)
{
	u32 zero = 0;

	paging(0);
	__asm__ volatile("mov %0, %%cr4; clts" : : "r"(zero));
	set_gdt();
	set_tss();
	set_tables();
	for (int v = 0; v < 256; v++)
		set_gate(v, gate(KCODE, handler(v), v >= 0x80 || v == 3 || v == 4 ? 0xee : 0x8e, 0));
	memset((void *)CODE_AT, 0xcc, 0x1000);	/* wherever a case lands, it says so */
	memset((void *)(V86_STACK + 0xf000), 0, 0x1000);
	memset((void *)DATA_AT, 0, 0x2000);
	memset((void *)(USER_TOP - 0x1000), 0, 0x2000);
	memset((void *)(KERNEL_TOP - 0x1000), 0, 0x2000);
	memset((void *)(INNER_TOP - 0x1000), 0, 0x2000);
	memset((void *)(RING1_TOP - 0x1000), 0, 0x1000);
	memset((void *)(RING2_TOP - 0x1000), 0, 0x1000);
	memset((void *)(TASK_TOP - 0x1000), 0, 0x2000);
	load_registers();
	clear_debug();
}
