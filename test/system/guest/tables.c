/*
 * Limits of code segments, of descriptor tables and of task state segments, and inner stacks too small for their frames
 * (SDM vol. 3, 5.3, 5.8, 6.12, 7.2; vol. 1, 18.5.2). For Bochs: QEMU checks few of these.
 */
#include "world.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define CODE3	(SCRATCH | 3)
#define END	0x3f		/* limit of the code segment */
#define OTHER	(SCRATCH + 8)
#define HOLE	0x35000		/* a page */

static void label(const char *a, const char *b, u32 n)
{
	puts_log(a);
	puts_log(" ");
	puts_log(b);
	puts_log(" ");
	hex_log(n, 8);
}

/* ---- code ------------------------------------------------------------------------------------------------- */

/* `stack` is what a return finds. */
struct branch { const char *name; u8 length, bytes[10]; u32 stack[5]; };

static void start_code(u32 limit, u8 flags)
{
	reset_world();
	set_descriptor(SCRATCH, segment(CODE_AT, limit, 0xfb, flags));
	ring3();
	in.cs = CODE3, in.eip = 0;
}

/* Instructions of every length that end at the limit, cross it, begin behind it. */
static void crossing(void)
{
	static const u8 bytes[][7] = {
		{ 0x40 }, { 0x8b, 0xc3 }, { 0x83, 0xc0, 0x01 }, { 0x83, 0x46, 0x04, 0x01 }, { 0xb8, D32(0x1234) },
		{ 0x81, 0xc1, D32(0x1234) }, { 0xc7, 0x46, 0x04, D32(0x1234) },
	};

	for (u32 length = 1; length <= 7; length++)
		for (u32 before = 1; before <= length; before++) {
			start_code(END, 4);
			in.eip = END + 1 - before;
			__builtin_memcpy((void *)(CODE_AT + in.eip), bytes[length - 1], length);
			label("crossing", "", length << 8 | before);
			go("");
		}
	for (u32 d = 0; d < 2; d++)	/* a prefix at the end, and more prefixes than an instruction may have */
		for (u32 prefixes = 1; prefixes <= 17; prefixes += 4) {
			start_code(END, d ? 4 : 0);
			in.eip = END + 1 - prefixes;
			__builtin_memset((void *)(CODE_AT + in.eip), 0x3e, 0x20);
			label("prefixes", d ? "32" : "16", prefixes);
			go("");
		}
}

static const struct branch branches[] = {
	{ "jmp short", 2, { 0xeb, 0x3e }, { 0 } },
	{ "jmp short to the end", 2, { 0xeb, 0x3d }, { 0 } },
	{ "jmp short before 0", 2, { 0xeb, 0x80 }, { 0 } },
	{ "jmp near", 5, { 0xe9, D32(0x3b) }, { 0 } },
	{ "jmp near16", 4, { 0x66, 0xe9, D16(0x3c) }, { 0 } },
	{ "jz taken", 2, { 0x74, 0x3e }, { 0 } },
	{ "jnz not taken", 2, { 0x75, 0x3e }, { 0 } },
	{ "jz near", 6, { 0x0f, 0x84, D32(0x3a) }, { 0 } },
	{ "loop", 2, { 0xe2, 0x3e }, { 0 } },
	{ "jecxz", 2, { 0xe3, 0x3e }, { 0 } },
	{ "call", 5, { 0xe8, D32(0x3b) }, { 0 } },
	{ "call far back", 7, { 0x9a, D32(END + 1), D16(CODE3) }, { 0 } },
	{ "jmp far", 7, { 0xea, D32(END + 1), D16(CODE3) }, { 0 } },
	{ "jmp far to the end", 7, { 0xea, D32(END), D16(CODE3) }, { 0 } },
	{ "jmp r", 2, { 0xff, 0xe3 }, { 0 } },
	{ "call r", 2, { 0xff, 0xd3 }, { 0 } },
	{ "jmp [m]", 2, { 0xff, 0x26 }, { 0 } },
	{ "call [m]", 2, { 0xff, 0x16 }, { 0 } },
	{ "call far [m]", 2, { 0xff, 0x1e }, { 0 } },
	{ "ret", 1, { 0xc3 }, { END + 1 } },
	{ "ret 4", 3, { 0xc2, 4, 0 }, { 0x10000 } },
	{ "ret16", 2, { 0x66, 0xc3 }, { 0xabcd0000 | (END + 1) } },
	{ "retf", 1, { 0xcb }, { END + 1, CODE3 } },
	{ "retf to the end", 1, { 0xcb }, { END, CODE3 } },
	{ "iret", 1, { 0xcf }, { END + 1, CODE3, 2 } },
	{ "iret16", 2, { 0x66, 0xcf }, { (END + 1) | (u32)CODE3 << 16, 2 } },
	{ "call through a gate", 7, { 0x9a, D32(0), D16(OTHER | 3) }, { 0 } },
	{ "jmp through a gate", 7, { 0xea, D32(0), D16(OTHER | 3) }, { 0 } },
	{ "int", 2, { 0xcd, 0x85 }, { 0 } },
	{ "int3 whose gate is beyond", 2, { 0xcc }, { 0 } },
	{ "ud2 whose gate is beyond", 2, { 0x0f, 0x0b }, { 0 } },
};

static void beyond(void)
{
	for (u32 half = 0; half < 2; half++)	/* far pointers in memory: to the segment, to a gate */
		for (u32 i = 0; i < COUNT(branches); i++) {
			u32 far = half ? CODE3 : OTHER | 3;
			start_code(END, 4);
			set_descriptor(OTHER, gate(SCRATCH + 16, 0x40, 0xec, i & 3));	/* to ring 0, beyond its limit */
			set_descriptor(SCRATCH + 16, segment((u32)stubs, END, 0x9b, 4));
			set_gate(0x85, gate(SCRATCH + 16, 0x40, 0xee, 0));
			if (branches[i].name[3] == '3' || branches[i].name[0] == 'u')
				set_gate(branches[i].name[0] == 'u' ? 6 : 3, gate(SCRATCH + 16, 0x40, 0xee, 0));
			in.eflags = 0x42;
			in.ebx = END + 1;
			in.ecx = branches[i].name[0] == 'j' ? 0 : 2;
			write32(in.esi, END + 1);
			write32(in.esi + 4, far);
			code(branches[i].bytes, 10);
			__builtin_memcpy((void *)in.esp, branches[i].stack, sizeof branches[i].stack);
			label("beyond", branches[i].name, half);
			go("");
		}
	for (u32 to = 0; to < 3; to++)		/* returns from ring 0 to beyond the limit of ring 3's code */
		for (u32 k = 0; k < 2; k++) {
			reset_world();
			set_descriptor(SCRATCH, segment(CODE_AT, END, 0xfb, 4));
			ring0();
			const u32 frame[] = { END - 1 + to, CODE3, k ? 2 : USER_TOP - 32, k ? USER_TOP - 32 : UDATA, UDATA };
			__builtin_memcpy((void *)in.esp, frame, sizeof frame);
			CODE(k ? 0xcf : 0xcb);
			label(k ? "iret" : "retf", "outwards", to);
			go("");
		}
}

/* 16-bit code at IP FFFF: a limit of FFFF, one beyond, and none near. */
static void last_byte(void)
{
	static const struct branch rows[] = {
		{ "inc", 1, { 0x40 }, { 0 } },
		{ "mov", 2, { 0x8b, 0xc3 }, { 0 } },
		{ "jmp over", 2, { 0xeb, 0x10 }, { 0 } },
		{ "jmp near", 3, { 0xe9, 0x10, 0 }, { 0 } },
		{ "jmp near32", 6, { 0x66, 0xe9, D32(0x10) }, { 0 } },
		{ "call", 3, { 0xe8, 0x10, 0 }, { 0 } },
		{ "jz", 4, { 0x0f, 0x84, 0x10, 0 }, { 0 } },
	};
	static const u32 limits[] = { 0xffff, 0x10001, 0x1ffff };

	for (u32 k = 0; k < COUNT(limits); k++)
		for (u32 i = 0; i < COUNT(rows); i++)
			for (u32 at = 0; at <= 1; at++) {
				start_code(limits[k], 0);
				in.eflags = 0x42;
				in.eip = at ? 0xffff : 0x10000 - rows[i].length;
				__builtin_memset((void *)(CODE_AT + 0xfff0), 0xcc, 0x40);
				__builtin_memcpy((void *)(CODE_AT + in.eip), rows[i].bytes, rows[i].length);
				label("ip ffff", rows[i].name, limits[k] | at << 28);
				go("");
			}
}

/* ---- task state segments ---------------------------------------------------------------------------------- */

static const u32 codes[] = { KCODE, CODE1, CODE2 };

/*
 * The stack of ring r ends at byte r * 8 + 11 of a 32-bit TSS (its selector at 9), and r * 4 + 5 of a 16-bit one. The
 * stub of a handler in ring 1 or 2 faults when it loads a selector of ring 0: that is what shows, with its stack.
 */
static void inner_stacks_in_tss(void)
{
	for (u32 wide = 0; wide < 2; wide++)
		for (u32 ring = 1; ring < 3; ring++)
			for (int d = -3; d <= 3; d++) {
				u32 limit = (wide ? ring * 8 + 9 : ring * 4 + 5) + d;
				u32 at = wide ? TSS_AT : TSS16_AT;

				reset_world();
				if (!wide) {
					write16(TSS16_AT + ring * 4 + 2, 0xff00);
					write16(TSS16_AT + ring * 4 + 4, OTHER | ring);
					set_descriptor(OTHER, segment(KERNEL_TOP - 0xff00, 0xffff, 0x93 | ring << 5, 0));
				}
				set_descriptor(SCRATCH, segment(at, limit, wide ? 0x89 : 0x81, 0));
				__asm__ volatile("ltr %0" : : "r"((u16)SCRATCH));
				set_gate(0x85, gate(codes[ring], handler(0x85), 0xee, 0));
				ring3();
				CODE(0xcd, 0x85);
				label("tss", wide ? "32" : "16", ring << 16 | limit);
				go("");
			}
}

/* The map's base is at 66h; an access of n bytes looks at n bits, in two bytes. */
static void io_map(void)
{
	static const struct { const char *name; u8 bytes[3]; } accesses[] = {
		{ "out byte", { 0xee } }, { "out word", { 0x66, 0xef } }, { "out dword", { 0xef } },
	};
	static const u32 ports[] = { 0x3400, 0x3407, 0x3405, 0x340f, 0x3410, 0xffff, 0 };

	for (u32 p = 0; p < COUNT(ports); p++)
		for (int d = -1; d <= 1; d++)
			for (u32 a = 0; a < COUNT(accesses); a++)
				for (u32 bits = 0; bits < 3; bits++) {
					static const u8 maps[] = { 0, 0x80, 0x01 };
					u32 byte = 0x68 + ports[p] / 8;
					reset_world();
					set_descriptor(SCRATCH, segment(TSS_AT + 0x9000, byte + 1 + d, 0x89, 0));
					__builtin_memset((void *)(TSS_AT + 0x9000), 0, 0x70);
					__builtin_memset((void *)(TSS_AT + 0x9000 + byte - 1), maps[bits], 4);
					__builtin_memcpy((void *)(TSS_AT + 0x9000), (void *)TSS_AT, 0x20);
					write32(TSS_AT + 0x9064, 0x680000);
					__asm__ volatile("ltr %0" : : "r"((u16)SCRATCH));
					ring3();
					in.edx = ports[p] ? ports[p] : 0x80;
					if (!ports[p])	/* a map that ends early, or begins behind the segment */
						write32(TSS_AT + 0x9064, (0x58 + 0x10 * bits) << 16);
					code(accesses[a].bytes, 3);
					write8(CODE_AT + 2, 0xcc);
					if (accesses[a].bytes[1] == 0)
						write8(CODE_AT + 1, 0xcc);
					label("io map", accesses[a].name, ports[p] << 8 | bits << 4 | (d + 1));
					go("");
				}
}

/* ---- descriptor tables ------------------------------------------------------------------------------------ */

/* How many bytes of the last descriptor there are. */
static const u32 present_bytes[] = { 0, 1, 4, 7, 8 };

static void load_gdt(u16 limit)
{
	struct { u16 limit; u32 base; } __attribute__((packed)) pointer = { limit, (u32)gdt };

	__asm__ volatile("lgdt %0" : : "m"(pointer));
}

static void partial_descriptors(void)
{
	static const struct { const char *name; u8 access, bytes[8]; } rows[] = {
		{ "mov ds", 0x93, { 0x8e, 0xd8, 0xcc } },
		{ "mov ss", 0x93, { 0x8e, 0xd0, 0x90, 0xcc } },
		{ "call far", 0x9b, { 0xff, 0x1e, 0xcc } },
		{ "jmp far", 0x9b, { 0xff, 0x2e, 0xcc } },
		{ "verr", 0x93, { 0x0f, 0x00, 0xe0, 0x9c, 0x5b, 0xcc } },
		{ "lar", 0x93, { 0x0f, 0x02, 0xd8, 0xcc } },
		{ "lsl", 0x93, { 0x0f, 0x03, 0xd8, 0xcc } },
		{ "lldt", 0x82, { 0x0f, 0x00, 0xd0, 0xcc } },
		{ "ltr", 0x89, { 0x0f, 0x00, 0xd8, 0xcc } },
		{ "iret", 0x9b, { 0xcf } },
		{ "retf", 0x9b, { 0xcb } },
	};

	for (u32 local = 0; local < 2; local++)
		for (u32 i = 0; i < COUNT(rows); i++)
			for (u32 k = 0; k < COUNT(present_bytes); k++) {
				u32 selector = local ? 0x1c : SCRATCH;
				u32 limit = (selector & ~7) + present_bytes[k] - 1;
				reset_world();
				set_descriptor(selector, segment(0, 0xfffff, rows[i].access, 0xc));
				set_descriptor(LDT, segment(LDT_AT, local ? limit : 0xff, 0x82, 0));
				__asm__ volatile("lldt %0" : : "r"((u16)LDT));
				ring0();
				in.eax = selector;
				const u32 frame[] = { CODE_AT + 0x40, selector, 2 };
				__builtin_memcpy((void *)in.esp, frame, sizeof frame);
				__builtin_memcpy((void *)in.esi, frame, sizeof frame);
				code(rows[i].bytes, 8);
				if (!local)
					load_gdt(limit);
				label(local ? "ldt" : "gdt", rows[i].name, present_bytes[k]);
				go("");
				load_gdt(8 * GDT_ENTRIES - 1);
			}
	for (u32 i = 0; i < 2; i++) {	/* no LDT at all */
		reset_world();
		__asm__ volatile("lldt %0" : : "r"((u16)0));
		ring0();
		in.eax = 4 + 8 * i;
		code(rows[0].bytes, 8);
		label("no ldt", rows[0].name, in.eax);
		go("");
	}
}

/* Vectors of which the IDT holds a part. #TS to #GP have their gates, #DF a task. Paging is on, with a hole. */
static void short_idt(void)
{
	static const struct { const char *name; u32 vector; u8 bytes[8]; } rows[] = {
		{ "int", 0x12, { 0xcd, 0x12 } },
		{ "int", 0xff, { 0xcd, 0xff } },
		{ "page fault", 14, { 0xa1, D32(HOLE) } },
		{ "alignment", 17, { 0x8b, 0x46, 0x01, 0xcc } },
	};
	struct { u16 limit; u32 base; } __attribute__((packed)) whole, part;

	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 cpl = 0; cpl < 4; cpl += 3)
			for (u32 k = 0; k < COUNT(present_bytes); k++) {
				reset_world();
				if (cpl)
					ring3();
				else
					ring0();
				in.eflags = 0x40002;
				code(rows[i].bytes, 8);
				set_gate(8, gate(TASK, 0, 0xe5, 0));
				paging(1);
				map(HOLE, HOLE, 0);
				__asm__ volatile("mov %%cr0, %%eax; or $0x40000, %%eax; mov %%eax, %%cr0" : : : "eax");
				__asm__ volatile("sidt %0" : "=m"(whole));
				part = whole;
				part.limit = rows[i].vector * 8 + present_bytes[k] - 1;
				__asm__ volatile("lidt %0" : : "m"(part));
				label("idt", rows[i].name, rows[i].vector << 16 | cpl << 8 | present_bytes[k]);
				go("");
				__asm__ volatile("lidt %0" : : "m"(whole));
				__asm__ volatile("mov %%cr0, %%eax; and $~0x40000, %%eax; mov %%eax, %%cr0" : : : "eax");
			}
}

/* ---- inner stacks ----------------------------------------------------------------------------------------- */

static const struct { const char *name; u32 limit; u8 access, flags; } small[] = {
	{ "up", 0xff, 0x93, 4 }, { "up sp", 0xff, 0x93, 0 }, { "sp", 0xffff, 0x93, 0 }, { "down", 0xff, 0x97, 4 }, { "down sp", 0xff, 0x97, 0 },
};

static void through(const char *how, u32 k, u32 esp, const u8 *bytes, u32 n, int from_v86)
{
	reset_world();
	set_descriptor(SCRATCH, segment(DATA_AT, small[k].limit, small[k].access, small[k].flags));
	write32(TSS_AT + 4, esp);
	write32(TSS_AT + 8, SCRATCH);
	set_descriptor(OTHER, gate(KCODE, handler(0x86), 0xec, 5));
	set_descriptor(OTHER + 8, gate(LOWSTUBS, 0x86 * 16, 0xe4, 3));
	set_gate(0x85, gate(LOWSTUBS, 0x85 * 16, 0xe6, 0));
	for (int v = 8; v <= 12; v++)
		set_gate(v, gate(TASK, 0, 0xe5, 0));
	if (from_v86)
		v86(), in.eflags |= 0x3000;
	else
		ring3();
	code(bytes, n);
	label(how, small[k].name, esp);
	go("");
	/* The stub uses the same small stack, so what shows is where it was when that ran out. */
	dump("tss", TSS_AT + 0x20, 12);
}

static void inner_stacks(void)
{
	static const struct { const char *name; u8 bytes[7]; } ways[] = {
		{ "int", { 0xcd, 0x80 } }, { "int 16", { 0xcd, 0x85 } }, { "ud2", { 0x0f, 0x0b } }, { "gp", { 0xf4 } },
		{ "call gate", { 0x9a, D32(0), D16(OTHER | 3) } }, { "call gate 16", { 0x9a, D32(0), D16((OTHER + 8) | 3) } },
		{ "v86 int", { 0xcd, 0x80 } },
	};

	for (u32 w = 0; w < COUNT(ways); w++)
		for (u32 k = 0; k < COUNT(small); k++)
			for (u32 n = 0; n <= 0x2c; n += w == 1 || w == 5 ? 2 : 4) {
				u32 low = small[k].access & 4 ? 0x100 : 0;
				through(ways[w].name, k, low + n, ways[w].bytes, 7, w == 6);
				if (n < 8 && !(small[k].access & 4))
					through(ways[w].name, k, small[k].limit + n, ways[w].bytes, 7, w == 6);
				if (n < 8 && (small[k].access & 4))
					through(ways[w].name, k, 0x10000 + n, ways[w].bytes, 7, w == 6);
			}
}

void cases(void)
{
	crossing();
	beyond();
	last_byte();
	inner_stacks_in_tss();
	io_map();
	partial_descriptors();
	short_idt();
	inner_stacks();
}
