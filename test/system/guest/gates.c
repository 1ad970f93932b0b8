/*
 * Control transfers between rings: interrupt, trap and call gates of both sizes, far jumps, calls and returns, IRET.
 * Each case logs the frame that the target finds, or the fault.
 */
#include "world.h"

static const u32 codes[] = { KCODE, CODE1, CODE2, UCODE };
static const u32 stacks[] = { KDATA, DATA1, DATA2, UDATA };
static const u32 tops[] = { KERNEL_TOP, RING1_TOP, RING2_TOP, USER_TOP };

static void ring(u32 cpl)
{
	ring0();
	in.cs = codes[cpl];
	in.es = in.ss = in.ds = in.fs = in.gs = stacks[cpl];
	in.esp = tops[cpl] - 64;
	for (u32 i = 0; i < 8; i++)
		write32(in.esp + 4 * i, 0x5ac00000 + i);	/* parameters of call gates */
}

static void label(const char *what, u32 a, u32 b, u32 c)
{
	puts_log(what);
	puts_log(" ");
	hex_log(a, 2);
	puts_log(" ");
	hex_log(b, 2);
	puts_log(" ");
	hex_log(c, 4);
}

/* INT n and INT3 through gates of every type, DPL and target. */
static void interrupts(void)
{
	static const u32 targets[] = { KCODE, CODE1, CODE2, UCODE, CONF0, KDATA, 0, 3, TSS, 0x1000, LOWSTUBS };

	for (u32 access = 0x80; access < 0xf0; access++) {
		if (access & 0x10 || (access & 0xf) == 5)
			continue;
		for (u32 cpl = 0; cpl < 4; cpl++)
			for (u32 t = 0; t < sizeof targets / sizeof *targets; t++) {
				if ((access & 0xf) < 4 && t)
					continue;
				u32 narrow = (access & 0xf) < 8;
				if (narrow && targets[t] != LOWSTUBS && targets[t] != KDATA && targets[t] != 0x1000)
					continue;
				reset_world();
				ring(cpl);
				set_gate(0x85, gate(targets[t], targets[t] == LOWSTUBS ? 0x85 * 16 : handler(0x85), access, 0));
				CODE(0xcd, 0x85, 0xcc);
				label("int", access, cpl, targets[t]);
				go("");
			}
	}
	for (u32 cpl = 0; cpl < 4; cpl++) {
		reset_world();
		ring(cpl);
		set_gate(0x85, gate(KCODE, handler(0x85), 0x6e, 0));
		CODE(0xcd, 0x85, 0xcc);
		label("int absent", 0, cpl, 0);
		go("");
	}
}

/* Far calls and jumps to code segments of every DPL and type, and through call gates. */
static void far_transfers(void)
{
	static const u32 selectors[] = { KCODE, CODE1, CODE2, UCODE, CONF0, KDATA, 0, 0x1000, CODE16 };

	for (u32 call = 0; call < 2; call++)
		for (u32 cpl = 0; cpl < 4; cpl++)
			for (u32 s = 0; s < sizeof selectors / sizeof *selectors; s++)
				for (u32 rpl = 0; rpl < 4; rpl++) {
					u32 selector = (selectors[s] & ~3) | rpl;
					u32 offset = selectors[s] == CODE16 ? 0x40 : CODE_AT + 0x40;
					reset_world();
					ring(cpl);
					CODE(call ? 0x9a : 0xea, D32(offset), D16(selector));
					write8(CODE_AT + 0x40, 0xcc);
					label(call ? "call" : "jmp", cpl, rpl, selectors[s]);
					go("");
				}
}

static void call_gates(void)
{
	static const u32 targets[] = { KCODE, CODE1, CODE2, UCODE, CONF0, KDATA, 0 };

	for (u32 call = 0; call < 2; call++)
		for (u32 wide = 0; wide < 2; wide++)
			for (u32 dpl = 0; dpl < 4; dpl++)
				for (u32 cpl = 0; cpl < 4; cpl++)
					for (u32 t = 0; t < sizeof targets / sizeof *targets; t++) {
						u32 selector = !wide && targets[t] == KCODE ? LOWSTUBS : targets[t];
						if (!wide && selector != LOWSTUBS && selector != KDATA)
							continue;
						reset_world();
						ring(cpl);
						set_descriptor(SCRATCH, gate(selector, wide ? handler(0x86) : 0x86 * 16,
									     (wide ? 0x8c : 0x84) | dpl << 5, 3));
						CODE(call ? 0x9a : 0xea, D32(0), D16(SCRATCH | cpl));
						label(call ? "call gate" : "jmp gate", wide * 16 + dpl, cpl, targets[t]);
						go("");
					}
	for (u32 parameters = 0; parameters < 32; parameters += 7) {
		reset_world();
		ring(3);
		set_descriptor(SCRATCH, gate(KCODE, handler(0x86), 0xec, parameters));
		CODE(0x9a, D32(0), D16(SCRATCH | 3));
		label("parameters", parameters, 3, 0);
		go("");
		dump("inner stack", INNER_TOP - 64, 16);
	}
	for (u32 bad = 0; bad < 8; bad++) {	/* what the TSS says of the inner stack */
		static const u32 ss[] = { 0, UDATA, KCODE, KDATA | 1, 0x1000, SCRATCH + 8, SCRATCH + 16, TSS };
		reset_world();
		ring(3);
		set_descriptor(SCRATCH, gate(KCODE, handler(0x86), 0xec, 0));
		set_descriptor(SCRATCH + 8, segment(0, 0xfffff, 0x13, 0xc));
		set_descriptor(SCRATCH + 16, segment(0, 0xfffff, 0x91, 0xc));
		write32(TSS_AT + 8, ss[bad]);
		/* #TS and #SS come on a task of their own: there is no inner stack. */
		for (int v = 10; v <= 13; v++)
			set_gate(v, gate(TASK, 0, 0xe5, 0));
		CODE(0x9a, D32(0), D16(SCRATCH | 3));
		label("inner ss", bad, 3, ss[bad]);
		go("");
		reset_world();
		ring(3);
		write32(TSS_AT + 8, ss[bad]);
		for (int v = 10; v <= 13; v++)
			set_gate(v, gate(TASK, 0, 0xe5, 0));
		CODE(0xcd, 0x80);
		label("inner ss int", bad, 3, ss[bad]);
		go("");
	}
}

/* RETF and IRET from every ring to every other, with what they check. */
static void returns(void)
{
	static const u32 others[] = { KDATA, 0, 3, 0x1000, CONF0, CONF0 | 3, CODE16, TSS, SCRATCH, SCRATCH | 3 };

	for (u32 k = 0; k < 3; k++)
		for (u32 from = 0; from < 4; from++)
			for (u32 to = 0; to < 14; to++) {
				u32 cs = to < 4 ? codes[to] : others[to - 4];
				u32 rpl = cs & 3;
				reset_world();
				set_descriptor(SCRATCH, segment(0, 0xfffff, 0x1b, 0xc));	/* absent */
				ring(from);
				u32 at = in.esp;
				write32(at, cs == CODE16 ? 0x40 : CODE_AT + 0x40);
				write32(at + 4, cs);
				u32 n = 8;
				if (k == 2)
					write32(at + n, 0x40ed7 | 0x3000), n += 4;	/* all flags, AC among them */
				else if (k == 1)
					n += 8;
				write32(at + n, tops[rpl] - 32);
				write32(at + n + 4, stacks[rpl]);
				static const u8 ops[3][3] = { { 0xcb }, { 0xca, 8, 0 }, { 0xcf } };
				code(ops[k], 3);
				write8(CODE_AT + 0x40, 0xcc);
				label(k == 2 ? "iret" : k ? "retf 8" : "retf", from, to, cs);
				go("");
			}
}

/* What a return to an outer ring does to data segments that it may not use. */
static void dropped_segments(void)
{
	reset_world();
	ring(0);
	in.ds = KDATA, in.es = UDATA, in.fs = CONF0, in.gs = DATA1;
	write32(in.esp, CODE_AT + 0x40);
	write32(in.esp + 4, UCODE);
	write32(in.esp + 8, 2);
	write32(in.esp + 12, USER_TOP - 32);
	write32(in.esp + 16, UDATA);
	CODE(0xcf);
	write8(CODE_AT + 0x40, 0xcc);
	go("segments dropped");
}

void cases(void)
{
	interrupts();
	far_transfers();
	call_gates();
	returns();
	dropped_segments();
}
