/*
 * LAR, LSL, VERR and VERW of every descriptor type × DPL × presence, from every CPL with every RPL; ARPL; and #UD of all
 * of them where there are no descriptors.
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

/* ZF goes to DL and DH for LAR and LSL, flags to ESI and EDI for VERR and VERW. Bits 16-19 of LAR are undefined. */
static void ask(u32 cpl, u32 selector, u64 d)
{
	ring(cpl);
	in.eax = selector;
	CODE(0x0f, 0x02, 0xc8, 0x0f, 0x94, 0xc2,		/* lar ecx, eax; setz dl */
	     0x0f, 0x03, 0xd8, 0x0f, 0x94, 0xc6,		/* lsl ebx, eax; setz dh */
	     0x0f, 0x00, 0xe0, 0x9c, 0x5e,			/* verr ax; pushf; pop esi */
	     0x0f, 0x00, 0xe8, 0x9c, 0x5f,			/* verw ax; pushf; pop edi */
	     0x81, 0xe1, D32(0xfff0ffff), 0xcc);		/* and ecx, ~f0000h; int3 */
	puts_log("cpl ");
	hex_log(cpl, 1);
	puts_log(" selector ");
	hex_log(selector, 4);
	puts_log(" access ");
	hex_log(d >> 40 & 0xff, 2);
	go("");
}

static void types(void)
{
	for (u32 type = 0; type < 32; type++)
		for (u32 dpl = 0; dpl < 4; dpl++)
			for (u32 cpl = 0; cpl < 4; cpl++)
				for (u32 rpl = 0; rpl < 4; rpl++) {
					u64 d = segment(0x12345000, 0x20003, type | dpl << 5 | (rpl & 1) << 7, cpl & 1 ? 0xc : 4);
					reset_world();
					set_descriptor(SCRATCH, d);
					ask(cpl, SCRATCH | rpl, d);
				}
}

static void odd_selectors(void)
{
	static const u32 selectors[] = { 0, 1, 3, 4, 7, 0x100c, 0xffff, 8 * GDT_ENTRIES, 8 * GDT_ENTRIES - 8, 0x1f8 | 4 };

	for (u32 i = 0; i < sizeof selectors / sizeof *selectors; i++)
		for (u32 cpl = 0; cpl < 4; cpl += 3) {
			reset_world();
			ask(cpl, selectors[i], 0);
		}
}

static void privilege_levels(void)
{
	for (u32 to = 0; to < 4; to++)
		for (u32 from = 0; from < 4; from++) {
			reset_world();
			ring3();
			in.eax = 0xabcd1230 | to;
			in.ecx = 0xfffffffc | from;
			write32(DATA_AT + 0x100, in.eax);
			CODE(0x63, 0xc8, 0x9c, 0x5a, 0x63, 0x0e, 0x8b, 0x1e, 0xcc); /* arpl ax, cx; edx := flags; arpl [esi], cx; mov ebx, [esi] */
			go("arpl");
		}
}

static void without_descriptors(void)
{
	static const u8 codes[][4] = {
		{ 0x0f, 0x00, 0xc0 }, { 0x0f, 0x00, 0xc8 }, { 0x0f, 0x00, 0xd0 }, { 0x0f, 0x00, 0xd8 }, { 0x0f, 0x00, 0xe0 },
		{ 0x0f, 0x00, 0xe8 }, { 0x0f, 0x02, 0xc8 }, { 0x0f, 0x03, 0xc8 }, { 0x63, 0xc8 },
	};

	for (u32 i = 0; i < sizeof codes / sizeof *codes; i++) {
		reset_world();
		v86();
		code(codes[i], sizeof codes[i]);
		go("v86");
	}
}

void cases(void)
{
	types();
	odd_selectors();
	privilege_levels();
	without_descriptors();
}
