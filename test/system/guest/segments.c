/*
 * Loading segment registers, LDTR and TR: every descriptor type × DPL × presence, from every CPL with every RPL; what
 * is loaded shows in what the selector reads back as and in the accessed bit.
 */
#include "world.h"

static const u32 rings[][2] = { { KCODE, KDATA }, { CODE1, DATA1 }, { CODE2, DATA2 }, { UCODE, UDATA } };

static void ring(u32 cpl)
{
	static const u32 tops[] = { KERNEL_TOP, RING1_TOP, RING2_TOP, USER_TOP };

	ring0();
	in.cs = rings[cpl][0];
	in.es = in.ss = in.ds = in.fs = in.gs = rings[cpl][1];
	in.esp = tops[cpl] - 64;
}

static void name(const char *what, u32 cpl, u32 selector, u64 d)
{
	puts_log(what);
	puts_log(" cpl ");
	hex_log(cpl, 1);
	puts_log(" selector ");
	hex_log(selector, 4);
	puts_log(" access ");
	hex_log(d >> 40 & 0xff, 2);
}

static void load(const char *what, const u8 *bytes, u32 cpl, u32 selector, u64 d)
{
	reset_world();
	set_descriptor(selector, d);
	ring(cpl);
	in.eax = selector;
	code(bytes, 8);
	name(what, cpl, selector, d);
	go("");
	puts_log("descriptor ");
	dump(what, (u32)&gdt[selector >> 3], 2);
}

static const struct { const char *name; u8 bytes[8]; } loads[] = {
	{ "mov ds", { 0x8e, 0xd8, 0xcc } },
	{ "mov ss", { 0x8e, 0xd0, 0x90, 0xcc } },
	{ "pop es", { 0x50, 0x07, 0xcc } },
	{ "lfs", { 0x6a, 0, 0x50, 0x83, 0xec, 0x04, 0xcc } },
};

static void data_segments(void)
{
	for (u32 type = 0; type < 32; type++)
		for (u32 dpl = 0; dpl < 4; dpl++)
			for (u32 cpl = 0; cpl < 4; cpl++)
				for (u32 rpl = 0; rpl < 4; rpl++) {
					/* An expand-down segment is all but its first page. */
					u32 limit = (type & 0x1c) == 0x14 ? 0 : 0xfffff;
					u64 d = segment(0, limit, type | dpl << 5 | 0x80, 0xc);
					load(loads[0].name, loads[0].bytes, cpl, SCRATCH | rpl, d);
					if (type >= 16)
						load(loads[1].name, loads[1].bytes, cpl, SCRATCH | rpl, d);
					if (rpl == cpl)
						load(loads[2].name, loads[2].bytes, cpl, SCRATCH | rpl, d);
				}
	for (u32 type = 16; type < 32; type++)	/* absent */
		for (u32 i = 0; i < 3; i++)
			load(loads[i].name, loads[i].bytes, 0, SCRATCH, segment(0, 0xfffff, type, 0xc));
}

static void odd_selectors(void)
{
	static const u32 selectors[] = { 0, 1, 3, 4, 7, 0x100c, 0xffff, 8 * GDT_ENTRIES, 8 * GDT_ENTRIES - 8, 0x1f8 | 4 };

	for (u32 i = 0; i < sizeof selectors / sizeof *selectors; i++)
		for (u32 k = 0; k < 3; k++)
			for (u32 cpl = 0; cpl < 4; cpl += 3) {
				reset_world();
				ring(cpl);
				in.eax = selectors[i];
				code(loads[k].bytes, 8);
				name(loads[k].name, cpl, selectors[i], 0);
				go("");
			}
}

static void system_registers(void)
{
	static const u8 lldt[] = { 0x0f, 0x00, 0xd0, 0x0f, 0x00, 0xc0, 0xcc, 0 };	/* lldt ax; sldt eax */
	static const u8 ltr[] = { 0x0f, 0x00, 0xd8, 0x0f, 0x00, 0xc8, 0xcc, 0 };

	for (u32 type = 0; type < 32; type++)
		for (u32 present = 0; present < 2; present++)
			for (u32 cpl = 0; cpl < 4; cpl += 3) {
				u64 d = segment(LDT_AT, 0x67, type | present << 7, 0);
				load("lldt", lldt, cpl, SCRATCH, d);
				load("ltr", ltr, cpl, SCRATCH, d);
			}
	for (u32 i = 0; i < 2; i++) {
		reset_world();
		ring0();
		in.eax = 3;
		code(i ? ltr : lldt, 8);
		go(i ? "ltr null" : "lldt null");
		reset_world();
		ring0();
		in.eax = SCRATCH | 4;
		code(i ? ltr : lldt, 8);
		go(i ? "ltr local" : "lldt local");
	}
}

void cases(void)
{
	data_segments();
	odd_selectors();
	system_registers();
}
