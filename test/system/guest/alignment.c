/*
 * Alignment checking (SDM vol. 3, 6.15, interrupt 17): which operand of which instruction must be aligned to what, only
 * with CR0.AM, EFLAGS.AC and at CPL 3, and what comes first of #AC, #PF and a limit's #GP. For Bochs: QEMU checks none.
 */
#include "operands.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define AC	0x40000
#define HOLE	0x35000

static void label(const char *a, const char *b, u32 n)
{
	puts_log(a);
	puts_log(" ");
	puts_log(b);
	puts_log(" ");
	hex_log(n, 8);
}

static void set_am(int on)
{
	u32 cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | AC : cr0 & ~AC;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
}

static void start(void)
{
	reset_world();
	ring3();
	in.eflags = AC | 2;
	set_am(1);
}

/* What is there serves as a target, a selector, a divisor. */
static void fill(u32 at)
{
	write32(at, CODE_AT + 0x1b);
	write32(at + 4, UCODE);
	write32(at + 8, 0);
}

static void all_operands(void)
{
	for (u32 i = 0; i < COUNT(operands); i++)
		for (u32 odd = 0; odd < 9; odd++) {
			if (odd == 5 || odd == 7)
				continue;
			start();
			in.ebx = DATA_AT + 0x400 + odd;
			fill(in.ebx);
			code(operands[i].bytes, sizeof operands[i].bytes);
			label("operand", operands[i].name, odd);
			go("");
		}
}

static void fpu(void)
{
	for (u32 i = 0; i < COUNT(fpu_operands); i++)
		for (u32 odd = 0; odd < 9; odd++) {
			start();
			in.ebx = DATA_AT + 0x400 + odd;
			fpu_code(fpu_operands + i);
			label("fpu", fpu_operands[i].name, odd);
			go("");
		}
}

/* The stack pointer itself is odd. */
static void stacks(void)
{
	static const struct operand rows[] = {
		{ "push r", { 0x50, 0xcc } }, { "push r16", { 0x66, 0x50, 0xcc } }, { "push fs", { 0x0f, 0xa0, 0xcc } },
		{ "pushf", { 0x9c, 0x5b, 0xcc } }, { "pusha", { 0x60, 0xcc } }, { "pusha16", { 0x66, 0x60, 0xcc } },
		{ "call", { 0xe8, D32(0x20), 0xcc } }, { "call far", { 0x9a, D32(CODE_AT + 0x20), D16(UCODE), 0xcc } },
		{ "enter", { 0xc8, 8, 0, 1, 0xcc } }, { "pop r", { 0x58, 0xcc } }, { "pop r16", { 0x66, 0x58, 0xcc } },
		{ "pop fs", { 0x0f, 0xa1, 0xcc } }, { "popf", { 0x9d, 0xcc } }, { "popa", { 0x61, 0xcc } }, { "popa16", { 0x66, 0x61, 0xcc } },
		{ "ret", { 0xc3, 0xcc } }, { "retf", { 0xcb, 0xcc } }, { "iret", { 0xcf, 0xcc } }, { "iret16", { 0x66, 0xcf, 0xcc } },
		{ "leave", { 0x89, 0xe5, 0xc9, 0xcc } }, { "int", { 0xcd, 0x80, 0xcc } }, { "int 16", { 0xcd, 0x85, 0xcc } },
		{ "call gate", { 0x9a, D32(0), D16(SCRATCH | 3), 0xcc } }, { "sysenter", { 0x0f, 0x34, 0xcc } },
	};

	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 odd = 0; odd < 4; odd++) {
			start();
			__asm__ volatile("wrmsr" : : "c"(0x174), "a"(0), "d"(0));
			set_descriptor(SCRATCH, gate(KCODE, handler(0x86), 0xec, 4));
			set_gate(0x85, gate(LOWSTUBS, 0x85 * 16, 0xe6, 0));
			__builtin_memset((void *)0, 0xcc, 0x100);	/* where a 16-bit return lands */
			in.esp += odd;
			write32(in.esp, CODE_AT + 0x40);
			write32(in.esp + 4, UCODE);
			write32(in.esp + 8, 2);
			if (rows[i].bytes[1] == 0xcf)
				write32(in.esp, UCODE << 16 | 0x40), write32(in.esp + 4, 2);
			if (rows[i].bytes[1] == 0xa1)
				write32(in.esp, UDATA);
			code(rows[i].bytes, sizeof rows[i].bytes);
			label("stack", rows[i].name, odd);
			go("");
		}
}

static void strings(void)
{
	static const struct operand rows[] = {
		{ "rep movsb", { 0xf3, 0xa4, 0xcc } }, { "rep movsw", { 0x66, 0xf3, 0xa5, 0xcc } }, { "rep movsd", { 0xf3, 0xa5, 0xcc } },
		{ "rep stosd", { 0xf3, 0xab, 0xcc } }, { "lodsw", { 0x66, 0xad, 0xcc } }, { "lodsd", { 0xad, 0xcc } },
		{ "repe cmpsd", { 0xf3, 0xa7, 0xcc } }, { "repe scasw", { 0x66, 0xf3, 0xaf, 0xcc } }, { "bound", { 0x62, 0x06, 0xcc } },
		{ "bound16", { 0x66, 0x62, 0x06, 0xcc } }, { "bt r", { 0x0f, 0xa3, 0x06, 0xcc } }, { "bts r16", { 0x66, 0x0f, 0xab, 0x06, 0xcc } },
		{ "moffs", { 0xa1, D32(DATA_AT + 0x202), 0xcc } }, { "xlat", { 0xd7, 0xcc } },
	};

	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 odd = 0; odd < 4; odd++)
			for (u32 both = 0; both < 3; both++) {
				start();
				in.esi += both != 1 ? odd : 0;
				in.edi += both != 0 ? odd : 0;
				in.ecx = 3, in.eax = 0x20, in.ebx = DATA_AT;
				code(rows[i].bytes, sizeof rows[i].bytes);
				label("string", rows[i].name, both << 4 | odd);
				go("");
			}
}

/* AM, AC, CPL: all three are needed. A change by POPF counts at once, and an event clears nothing. */
static void conditions(void)
{
	static const u32 codes[] = { KCODE, CODE1, CODE2, UCODE };
	static const u32 datas[] = { KDATA, DATA1, DATA2, UDATA };

	for (u32 cpl = 0; cpl < 4; cpl++)
		for (u32 am = 0; am < 2; am++)
			for (u32 ac = 0; ac < 2; ac++)
				for (u32 k = 0; k < 3; k++) {
					static const u8 bytes[][8] = {
						{ 0x8b, 0x46, 0x01, 0xcc }, { 0x89, 0x46, 0x02, 0xcc }, { 0xc4, 0x46, 0x01, 0xcc },
					};
					start();
					set_am(am);
					in.cs = codes[cpl];
					in.es = in.ss = in.ds = in.fs = in.gs = datas[cpl];
					in.eflags = ac * AC | 2;
					code(bytes[k], 8);
					label("conditions", "", cpl << 12 | am << 8 | ac << 4 | k);
					go("");
				}
	for (u32 ac = 0; ac < 2; ac++) {
		start();
		in.eflags = ac ? 2 : AC | 2;
		write32(in.esp, ac ? AC | 2 : 2);
		CODE(0x9d, 0x8b, 0x46, 0x01, 0xcc);
		label("popf", "", ac);
		go("");
	}
	start();
	v86();
	in.eflags |= AC;
	in.esi = 0x101;
	CODE(0x8b, 0x04, 0xcc);
	go("v86");
	start();	/* selectors that lead to descriptors are read as the processor's own */
	write32(LDT_AT + 8, (u32)segment(0, 0xfffff, 0xf3, 0xc));
	write32(LDT_AT + 12, segment(0, 0xfffff, 0xf3, 0xc) >> 32);
	set_descriptor(SCRATCH, segment(LDT_AT + 1, 0xfe, 0x82, 0));
	__builtin_memmove((void *)(LDT_AT + 9), (void *)(LDT_AT + 8), 8);
	__asm__ volatile("lldt %0" : : "r"((u16)SCRATCH));
	in.eax = 0xf;
	CODE(0x8e, 0xd8, 0xcc);
	go("a table at an odd address");
	start();	/* so is an inner stack */
	write32(TSS_AT + 4, INNER_TOP - 1);
	CODE(0xcd, 0x80);
	go("an odd inner stack");
	start();	/* and code is never checked */
	CODE(0xeb, 0x01, 0xcc, 0xb8, D32(0x1234), 0xcc);
	go("odd code");
}

/* Against a page that is not there, one that may not be written to, and a segment's limit. */
static void priorities(void)
{
	static const struct operand rows[] = {
		{ "load", { 0x8b, 0x03, 0xcc } }, { "store", { 0x89, 0x03, 0xcc } }, { "update", { 0x01, 0x03, 0xcc } },
		{ "les", { 0xc4, 0x03, 0xcc } }, { "cmpxchg8b", { 0x0f, 0xc7, 0x0b, 0xcc } }, { "push [m]", { 0xff, 0x33, 0xcc } },
		{ "pop [m]", { 0x8f, 0x03, 0xcc } }, { "mov ds", { 0x8e, 0x1b, 0xcc } },
	};

	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 k = 0; k < 6; k++) {
			static const u32 places[] = { HOLE + 1, HOLE - 1, HOLE - 2, HOLE + 0x1ffe, HOLE + 0x1001, HOLE + 4 };
			start();
			paging(1);
			map(HOLE, HOLE, 0);
			map(HOLE + 0x1000, HOLE + 0x1000, 0x65);
			in.ebx = places[k];
			code(rows[i].bytes, sizeof rows[i].bytes);
			label("page", rows[i].name, places[k]);
			go("");
		}
	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 at = 0xfc; at < 0x106; at++) {
			start();
			set_descriptor(SCRATCH, segment(DATA_AT, 0x103, 0xf3, 4));
			in.ds = SCRATCH | 3;
			in.ebx = at;
			fill(DATA_AT + at);
			code(rows[i].bytes, sizeof rows[i].bytes);
			label("limit", rows[i].name, at);
			go("");
		}
	for (u32 base = 1; base < 3; base++)	/* linear addresses are what is aligned */
		for (u32 at = 0; at < 4; at++) {
			start();
			set_descriptor(SCRATCH, segment(DATA_AT + base, 0x103, 0xf3, 4));
			in.ds = SCRATCH | 3;
			in.ebx = at;
			code(rows[0].bytes, 8);
			label("base", rows[0].name, base << 4 | at);
			go("");
		}
}

void cases(void)
{
	all_operands();
	fpu();
	stacks();
	strings();
	conditions();
	priorities();
	set_am(0);
}
