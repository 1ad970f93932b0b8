/*
 * Debug exceptions: single steps, the four breakpoints on code, data and I/O, general detect, RF, and what MOV SS holds
 * off. SDM vol. 3, 17.2 and 17.3.
 */
#include "world.h"

static void set_dr(int n, u32 v)
{
	switch (n) {
	case 0: __asm__ volatile("mov %0, %%dr0" : : "r"(v)); break;
	case 1: __asm__ volatile("mov %0, %%dr1" : : "r"(v)); break;
	case 2: __asm__ volatile("mov %0, %%dr2" : : "r"(v)); break;
	case 3: __asm__ volatile("mov %0, %%dr3" : : "r"(v)); break;
	case 6: __asm__ volatile("mov %0, %%dr6" : : "r"(v)); break;
	case 7: __asm__ volatile("mov %0, %%dr7" : : "r"(v)); break;
	}
}

/* Runs until something else than #DB comes, logging each event. No breakpoint of ours is in the stubs. */
static void trace(const char *name)
{
	go(name);
	for (u32 n = 0; n < 24 && (ev.vector & 0xff) == 1; n++) {
		set_dr(6, 0xffff0ff0);
		again(name);
	}
	set_dr(7, 0x400);
}

static void steps(void)
{
	reset_world();
	ring3();
	in.eflags = 0x102;
	CODE(0x40, 0xbb, D32(5), 0x9c, 0x58, 0xe2, 0x00, 0xe8, D32(0), 0x58, 0x74, 0x01, 0x90, 0xcc);
	trace("step");
	reset_world();
	ring3();
	in.eflags = 0x102;
	in.ecx = 3;
	CODE(0xf3, 0xa4, 0xf3, 0xab, 0xcc);
	in.esi = DATA_AT, in.edi = DATA_AT + 0x100;
	trace("step rep");
	reset_world();
	ring3();
	in.eflags = 0x102;
	in.eax = UDATA;
	CODE(0x8e, 0xd8, 0x8e, 0xd0, 0x40, 0x50, 0x17, 0x40, 0xcc);
	in.eax = UDATA;
	trace("step mov ss");
	reset_world();
	ring3();
	in.eflags = 0x102;
	CODE(0x9c, 0x81, 0x24, 0x24, D32(~0x100), 0x9d, 0x40, 0xcc);	/* popf clears TF: one more trap */
	trace("step popf");
	reset_world();
	ring3();
	CODE(0x9c, 0x81, 0x0c, 0x24, D32(0x100), 0x9d, 0x40, 0x40, 0xcc);	/* popf sets TF */
	trace("popf sets tf");
	reset_world();
	ring3();
	in.eflags = 0x102;
	CODE(0xcd, 0x80);
	go("step into int");
	reset_world();
	ring3();
	in.eflags = 0x102;
	CODE(0x0f, 0x0b);
	go("step into fault");
	reset_world();
	ring3();
	in.eflags = 0x102;
	CODE(0xcc);
	go("step into int3");
	reset_world();
	ring0();
	in.eflags = 0x102;
	write32(in.esp, CODE_AT + 0x40);
	write32(in.esp + 4, KCODE);
	write32(in.esp + 8, 2);
	CODE(0xcf);
	trace("step iret");
}

static void code_breakpoints(void)
{
	for (u32 n = 0; n < 4; n++)
		for (u32 enable = 1; enable < 4; enable++) {
			reset_world();
			ring3();
			CODE(0x40, 0x43, 0x41, 0x42, 0xcc);
			set_dr(n, CODE_AT + 2);
			set_dr(7, 0x400 | enable << (2 * n));
			hex_log(n, 1);
			hex_log(enable, 1);
			go(" code breakpoint");
			in = (struct state){ .eax = ev.eax, .ecx = ev.ecx, .edx = ev.edx, .ebx = ev.ebx, .eip = ev.frame[0], .cs = ev.frame[1],
					     .eflags = ev.frame[2] | 0x10000, .esp = ev.frame[3], .ss = ev.frame[4], .ds = UDATA, .es = UDATA };
			go(" resumed with rf");
		}
	reset_world();
	ring3();
	in.eflags = 0x102;
	CODE(0x40, 0x43, 0x41, 0xcc);
	set_dr(0, CODE_AT + 1);
	set_dr(7, 0x401);
	go("step onto a breakpoint");
	reset_world();
	ring3();
	CODE(0x40, 0x43, 0xcc);
	set_dr(0, CODE_AT);
	set_dr(1, CODE_AT);
	set_dr(2, CODE_AT + 1);
	set_dr(7, 0x415);
	go("two at one address");
	reset_world();
	ring3();
	in.eax = UDATA;
	CODE(0x8e, 0xd0, 0x90, 0x90, 0xcc);
	set_dr(0, CODE_AT + 2);
	set_dr(7, 0x401);
	go("after mov ss");
}

static const struct { const char *name; u8 bytes[8]; u32 offset; } accesses[] = {
	{ "write 4", { 0x89, 0x03, 0x90, 0xcc }, 0 },
	{ "write 2", { 0x66, 0x89, 0x03, 0x90, 0xcc }, 2 },
	{ "write 1", { 0x88, 0x03, 0x90, 0xcc }, 3 },
	{ "read 4", { 0x8b, 0x03, 0x90, 0xcc }, 0 },
	{ "read 1", { 0x8a, 0x03, 0x90, 0xcc }, 1 },
	{ "update", { 0xff, 0x03, 0x90, 0xcc }, 0 },
	{ "before", { 0x88, 0x03, 0x90, 0xcc }, -1 },
	{ "behind", { 0x88, 0x03, 0x90, 0xcc }, 4 },
};

static void data_breakpoints(void)
{
	static const u32 kinds[] = { 1, 3 };	/* writes, reads and writes */
	static const u32 lengths[] = { 0, 1, 3 };

	for (u32 a = 0; a < sizeof accesses / sizeof *accesses; a++)
		for (u32 k = 0; k < 2; k++)
			for (u32 l = 0; l < 3; l++) {
				reset_world();
				ring3();
				in.ebx = DATA_AT + 0x40 + accesses[a].offset;
				code(accesses[a].bytes, 8);
				set_dr(1, DATA_AT + 0x40);
				set_dr(7, 0x404 | (kinds[k] | lengths[l] << 2) << 20);
				hex_log(kinds[k], 1);
				hex_log(lengths[l], 1);
				puts_log(" ");
				go(accesses[a].name);
				set_dr(7, 0x400);
			}
	reset_world();
	ring3();
	in.esi = DATA_AT, in.edi = DATA_AT + 0x100, in.ecx = 4;
	CODE(0xf3, 0xa5, 0xcc);
	set_dr(0, DATA_AT + 0x108);
	set_dr(7, 0x401 | 0xd0000);
	go("rep movsd over one");
	set_dr(7, 0x400);
	reset_world();
	ring3();
	CODE(0x50, 0x50, 0xcc);
	set_dr(0, in.esp - 8);
	set_dr(7, 0x401 | 0xd0000);
	go("push onto one");
	set_dr(7, 0x400);
}

static void io_breakpoints(void)
{
	u32 cr4 = 8;

	for (u32 k = 0; k < 4; k++) {
		reset_world();
		__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
		ring0();
		in.eax = 0;
		in.edx = k & 1 ? 0x80 : 0x84;
		code((u8[]){ 0xee, 0x90, 0xcc }, 3);
		set_dr(2, 0x80);
		set_dr(7, 0x410 | (k & 2 ? 0xe000000 : 0x2000000));
		hex_log(k, 1);
		go(" out");
		set_dr(7, 0x400);
	}
}

static void general_detect(void)
{
	reset_world();
	ring0();
	CODE(0x0f, 0x23, 0xc0, 0xcc);
	set_dr(7, 0x2400);
	go("general detect");
	reset_world();
	ring3();
	CODE(0x0f, 0x23, 0xc0, 0xcc);
	go("mov dr in ring 3");
	reset_world();
	ring0();
	CODE(0x0f, 0x21, 0xe3, 0x0f, 0x21, 0xe9, 0xcc);	/* dr4 and dr5 are dr6 and dr7 */
	go("aliases");
	u32 cr4 = 8;
	reset_world();
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
	ring0();
	CODE(0x0f, 0x21, 0xe3, 0xcc);
	go("aliases with de");
	reset_world();
	ring0();
	in.eax = -1;
	CODE(0x0f, 0x23, 0xf0, 0x0f, 0x21, 0xf3, 0xcc);
	go("dr6 all ones");
	reset_world();
	ring0();
	in.eax = 0xffff0000;
	CODE(0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xfb, 0xcc);
	go("dr7");
	set_dr(7, 0x400);
}

void cases(void)
{
	steps();
	code_breakpoints();
	data_breakpoints();
	io_breakpoints();
	general_detect();
}
