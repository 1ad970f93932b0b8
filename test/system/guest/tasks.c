/*
 * Hardware task switches: JMP, CALL, INT, exceptions and IRET between 32-bit and 16-bit TSSs, nesting, busy bits, the
 * T bit, and every check of the new task's state. After each event the three TSSs and their descriptors are logged.
 */
#include "world.h"

static void tss_state(const char *name)
{
	puts_log("tss ");
	dump(name, TSS_AT, 26);
	puts_log("task ");
	dump(name, TASK_AT, 26);
	puts_log("task16 ");
	dump(name, TSS16_AT, 12);
	puts_log("descriptors ");
	dump(name, (u32)&gdt[TSS >> 3], 6);
}

static void start(u32 cpl)
{
	reset_world();
	if (cpl == 3)
		ring3();
	else
		ring0();
}

static void transfers(void)
{
	static const u32 targets[] = { TASK, TASK16, TSS, SCRATCH, SCRATCH + 8, SCRATCH + 16, SCRATCH + 24 };

	for (u32 op = 0; op < 2; op++)
		for (u32 cpl = 0; cpl < 4; cpl += 3)
			for (u32 t = 0; t < sizeof targets / sizeof *targets; t++)
				for (u32 dpl = 0; dpl < 4; dpl += 3) {
					start(cpl);
					gdt[TASK >> 3] |= (u64)dpl << 45;
					gdt[TASK16 >> 3] |= (u64)dpl << 45;
					set_descriptor(SCRATCH, gate(TASK, 0, 0x85 | dpl << 5, 0));
					set_descriptor(SCRATCH + 8, gate(TASK, 0, 0x05 | dpl << 5, 0));	/* absent */
					set_descriptor(SCRATCH + 16, gate(TSS, 0, 0x85 | dpl << 5, 0));	/* busy */
					set_descriptor(SCRATCH + 24, segment(TASK_AT, 0x66, 0x89 | dpl << 5, 0));	/* short */
					in.eflags = 0x40cd7;
					CODE(op ? 0x9a : 0xea, D32(0), D16(targets[t]));
					const char *name = op ? "call" : "jmp";
					hex_log(cpl, 1), hex_log(dpl, 1), hex_log(targets[t], 4);
					puts_log(" ");
					go(name);
					tss_state(name);
				}
}

/* What the new task's TSS may hold. Faults before its stack is there come by another task, vector 0xf0. */
static const struct { const char *name; u32 at, value; } ruined[] = {
	{ "good", 0x24, 0x40cd7 },
	{ "cs null", 0x4c, 0 },
	{ "cs data", 0x4c, KDATA },
	{ "cs rpl 3", 0x4c, KCODE | 3 },
	{ "cs beyond", 0x4c, 0x1000 },
	{ "cs conforming rpl 3", 0x4c, CONF0 | 3 },
	{ "cs conforming", 0x4c, CONF0 },
	{ "cs system", 0x4c, TSS },
	{ "cs absent", 0x4c, SCRATCH },
	{ "ss null", 0x50, 0 },
	{ "ss code", 0x50, KCODE },
	{ "ss rpl 1", 0x50, KDATA | 1 },
	{ "ss dpl 3", 0x50, UDATA },
	{ "ss beyond", 0x50, 0x1000 },
	{ "ss absent", 0x50, SCRATCH + 8 },
	{ "ss read-only", 0x50, SCRATCH + 16 },
	{ "ds null", 0x54, 0 },
	{ "ds system", 0x54, TSS },
	{ "ds absent", 0x54, SCRATCH + 8 },
	{ "ds execute-only", 0x54, SCRATCH + 24 },
	{ "es dpl 3", 0x48, UDATA },
	{ "gs beyond", 0x5c, 0x1000 },
	{ "fs rpl 3", 0x58, KDATA | 3 },
	{ "ldt good", 0x60, LDT },
	{ "ldt null", 0x60, 3 },
	{ "ldt data", 0x60, KDATA },
	{ "ldt local", 0x60, LDT | 4 },
	{ "ldt beyond", 0x60, 0x1000 },
	{ "ldt absent", 0x60, SCRATCH + 32 },
	{ "t bit", 0x64, 0x680001 },
	{ "nt", 0x24, 0x4002 },
	{ "iopl", 0x24, 0x3002 },
	{ "ds local", 0x54, 4 },
};

static void new_state(void)
{
	for (u32 op = 0; op < 2; op++)
		for (u32 i = 0; i < sizeof ruined / sizeof *ruined; i++) {
			start(0);
			set_descriptor(SCRATCH, segment(0, 0xfffff, 0x1b, 0xc));
			set_descriptor(SCRATCH + 8, segment(0, 0xfffff, 0x13, 0xc));
			set_descriptor(SCRATCH + 16, segment(0, 0xfffff, 0x91, 0xc));
			set_descriptor(SCRATCH + 24, segment(0, 0xfffff, 0x99, 0xc));
			set_descriptor(SCRATCH + 32, segment(LDT_AT, 0xff, 0x02, 0));
			write32(LDT_AT, (u32)segment(0, 0xfffff, 0x93, 0xc));
			write32(LDT_AT + 4, segment(0, 0xfffff, 0x93, 0xc) >> 32);
			/* A task of its own for what may have no stack. */
			set_descriptor(SCRATCH + 40, segment(LDT_AT + 0x200, 0x67, 0x89, 0));
			__builtin_memcpy((void *)(LDT_AT + 0x200), (void *)TASK_AT, 0x68);
			write32(LDT_AT + 0x220, handler(0xf2));
			for (int v = 10; v <= 13; v++)
				set_gate(v, gate(SCRATCH + 40, 0, 0xe5, 0));
			write32(TASK_AT + ruined[i].at, ruined[i].value);
			CODE(op ? 0x9a : 0xea, D32(0), D16(TASK));
			puts_log("new ");
			go(ruined[i].name);
			puts_log("new ");
			tss_state(ruined[i].name);
		}
}

/* INT n, exceptions and their error codes through task gates; IRET back. */
static void events(void)
{
	for (u32 k = 0; k < 6; k++) {
		start(k & 1 ? 3 : 0);
		u32 target = k >= 4 ? TASK16 : TASK;
		set_gate(0x85, gate(target, 0, 0xe5, 0));
		set_gate(13, gate(target, 0, 0xe5, 0));
		set_gate(6, gate(target, 0, 0xe5, 0));
		in.eflags = 0x40cd7;
		if (k < 2)
			CODE(0xcd, 0x85);
		else if (k < 4)
			CODE(0xea, D32(0), D16(0x1000));	/* #GP with an error code */
		else
			CODE(0x0f, 0x0b);
		hex_log(k, 1);
		go(" event");
		tss_state("event");
	}
	for (u32 k = 0; k < 7; k++) {
		static const u32 links[] = { TASK, TASK16, 0, KDATA, 0x1000, TASK | 3, TASK | 4 };
		static const u8 busy[] = { 1, 1, 0, 0, 0, 1, 0 };
		start(0);
		if (busy[k])
			gdt[links[k] >> 3] |= 1ull << 41;
		write32(TSS_AT, links[k]);
		in.eflags = 0x4002;
		CODE(0xcf);
		hex_log(k, 1);
		go(" iret");
		tss_state("iret");
	}
	start(0);	/* not busy: #TS */
	write32(TSS_AT, TASK);
	in.eflags = 0x4002;
	CODE(0xcf);
	go("iret to one that waits");
	tss_state("iret");
}

/* There and back: the called task returns by IRET, twice. */
static void round_trip(void)
{
	for (u32 wide = 0; wide < 2; wide++) {
		u32 target = wide ? TASK : TASK16;
		start(0);
		write8(CODE_AT + 0x40, 0xcf);
		write8(CODE_AT + 0x41, 0xcc);
		if (wide)
			write32(TASK_AT + 0x20, CODE_AT + 0x40);
		else {
			write16(TSS16_AT + 0xe, 0x40);
			write16(TSS16_AT + 0x24, CODE16);
		}
		CODE(0x9a, D32(0), D16(target), 0x0f, 0x20, 0xc3, 0xcc);	/* and CR0 with TS into EBX */
		go("round trip");
		tss_state("round trip");
	}
}

/* With paging: the new CR3, and a TSS half on a page that is not there. */
static void paged(void)
{
	start(0);
	write32(TASK_AT + 0x1c, DIRECTORY);
	/* The TSS of the new task, moved across the end of a page. */
	u32 at = 0x72000 - 0x20;
	__builtin_memcpy((void *)at, (void *)TASK_AT, 0x68);
	set_descriptor(SCRATCH, segment(at, 0x67, 0x89, 0));
	paging(1);
	map(0x72000, 0x72000, 0);
	CODE(0x9a, D32(0), D16(SCRATCH));
	go("paged");
	dump("moved task", at, 8);
}

void cases(void)
{
	transfers();
	new_state();
	events();
	round_trip();
	paged();
}
