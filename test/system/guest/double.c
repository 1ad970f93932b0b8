/*
 * A fault in the delivery of an event (SDM vol. 3, table 6-5): every class of first event against every class of second.
 * A double fault comes by a task of its own; so does what it may not be. The old task's state shows where it was.
 */
#include "world.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define HOLE	0x35000
#define LOCAL	(LDT_AT + 0x200)

/* First events: their vector and the code that raises them. */
static const struct { const char *name; u8 vector, bytes[8]; } firsts[] = {
	{ "de", 0, { 0xf7, 0xf7 } },			/* div edi, which is 0 */
	{ "db", 1, { 0xf1 } },
	{ "bp", 3, { 0xcc } },
	{ "of", 4, { 0xce } },
	{ "br", 5, { 0x62, 0x06 } },			/* bound eax, [esi] */
	{ "ud", 6, { 0x0f, 0x0b } },
	{ "np", 11, { 0x8e, 0xdb } },			/* mov ds, ebx: an absent segment */
	{ "ss", 12, { 0x8e, 0xd1, 0x90 } },		/* mov ss, ecx: one too */
	{ "gp", 13, { 0x8e, 0xda } },			/* mov ds, edx: beyond the GDT */
	{ "pf", 14, { 0xa1, D32(HOLE) } },
	{ "int", 0x21, { 0xcd, 0x21 } },
};

/* Second ones: what is wrong with the first one's gate. */
static const struct { const char *name; int what; } seconds[] = {
	{ "gate absent", 0 }, { "gate of no type", 1 }, { "code null", 2 }, { "code beyond", 3 }, { "code absent", 4 },
	{ "code is data", 5 }, { "code in an LDT that is not there", 6 }, { "code of an outer ring", 7 },
	{ "stack not there", 8 }, { "stack segment null", 9 }, { "stack segment absent", 10 }, { "task busy", 11 }, { "task beyond", 12 },
};

static u64 bad_gate(int what)
{
	switch (what) {
	case 0: return gate(KCODE, handler(0x70), 0x6e, 0);
	case 1: return gate(KCODE, handler(0x70), 0xe0, 0);
	case 2: return gate(0, handler(0x70), 0xee, 0);
	case 3: return gate(0x1000, handler(0x70), 0xee, 0);
	case 4: return gate(SCRATCH, handler(0x70), 0xee, 0);
	case 5: return gate(KDATA, handler(0x70), 0xee, 0);
	case 6: return gate(4, handler(0x70), 0xee, 0);
	case 7: return gate(UCODE, handler(0x70), 0xee, 0);
	case 11: return gate(TSS, 0, 0xe5, 0);
	case 12: return gate(0x1000, 0, 0xe5, 0);
	default: return gate(KCODE, handler(0x70), 0xee, 0);
	}
}

static void pair(u32 f, u32 s, u32 cpl)
{
	reset_world();
	set_descriptor(SCRATCH, segment(0, 0xfffff, 0x1b, 0xc));		/* absent code */
	set_descriptor(SCRATCH + 8, segment(0, 0xfffff, 0x13 | cpl << 5, 0xc));	/* absent data */
	set_descriptor(SCRATCH + 0x80, segment(0, 0xfffff, 0x13, 0xc));
	set_descriptor(SCRATCH + 16, segment(HOLE, 0xff, 0x82, 0));		/* an LDT in the hole */
	/* Tasks for what follows: each handler tells its vector. */
	for (u32 v = 8; v <= 14; v++) {
		u32 at = LOCAL + (v - 8) * 0x80;
		if (v == 9 || v == firsts[f].vector)
			continue;
		__builtin_memcpy((void *)at, (void *)TASK_AT, 0x68);
		write32(at + 0x20, handler(v));
		set_descriptor(SCRATCH + 8 * v, segment(at, 0x67, 0x89, 0));
		set_gate(v, gate(SCRATCH + 8 * v, 0, 0xe5, 0));
	}
	set_gate(firsts[f].vector, bad_gate(seconds[s].what));
	if (cpl)
		ring3();
	else
		ring0();
	in.edi = 0;
	in.ebx = SCRATCH + 8 + cpl, in.ecx = SCRATCH + 8 + cpl, in.edx = 0x1000;
	in.eflags = 0x802;
	if (firsts[f].vector == 5)
		in.eax = 1;
	code(firsts[f].bytes, 8);
	if (seconds[s].what == 6)
		__asm__ volatile("lldt %0" : : "r"((u16)(SCRATCH + 16)));
	if (seconds[s].what == 8)
		write32(TSS_AT + 4, HOLE + 0x800);
	if (seconds[s].what == 9)
		write32(TSS_AT + 8, 0);
	if (seconds[s].what == 10)
		write32(TSS_AT + 8, SCRATCH + 0x80);
	paging(1);
	map(HOLE, HOLE, 0);
	puts_log(firsts[f].name);
	puts_log(", ");
	puts_log(seconds[s].name);
	puts_log(cpl ? ", ring 3" : ", ring 0");
	go("");
	puts_log(firsts[f].name);
	dump(" old task", TSS_AT + 0x20, 8);
}

void cases(void)
{
	for (u32 f = 0; f < COUNT(firsts); f++)
		for (u32 s = 0; s < COUNT(seconds); s++)
			for (u32 cpl = 0; cpl < 4; cpl += 3) {
				int inner = seconds[s].what >= 8 && seconds[s].what <= 10;
				int outer = seconds[s].what == 7;
				if ((inner && cpl == 0) || (outer && cpl == 3))
					continue;	/* ring 0 changes no stack; ring 3's code is not outside of ring 3 */
				pair(f, s, cpl);
			}
}
