/*
 * Limits of data and stack segments (SDM vol. 3, 5.3): every kind of segment, every kind of access, at offsets around
 * both ends of what the segment spans. Segments begin at DATA_AT. For Bochs: QEMU checks no limits of data.
 */
#include "operands.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define LIMIT	0x103
#define SEG3	(SCRATCH | 3)

/* A segment to look at, and where its accesses turn bad: around `edge`, and around `far` if that is not 0. */
struct kind { const char *name; u32 limit; u8 access, flags; u32 edge, far; };

static const struct kind plain = { "up", LIMIT, 0xf3, 4, LIMIT + 1, 0 };
static const struct kind down16 = { "down b=0", LIMIT, 0xf7, 0, LIMIT + 1, 0x10000 };
static const struct kind kinds[] = {
	{ "limit 0", 0, 0xf3, 4, 1, 0 },
	{ "limit 1", 1, 0xf3, 4, 2, 0 },
	{ "limit 2", 2, 0xf3, 4, 3, 0 },
	{ "limit 5", 5, 0xf3, 4, 6, 0 },
	{ "up d=0", LIMIT, 0xf3, 0, LIMIT + 1, 0 },
	{ "limit ffff", 0xffff, 0xf3, 4, 0x10000, 0 },
	{ "one page", 0, 0xf3, 0xc, 0x1000, 0 },
	{ "read-only", LIMIT, 0xf1, 4, LIMIT + 1, 0 },
	{ "down b=1", LIMIT, 0xf7, 4, LIMIT + 1, 0 },
	{ "down one page", 0, 0xf7, 0xc, 0x1000, 0 },
	{ "down read-only", LIMIT, 0xf5, 4, LIMIT + 1, 0 },
	{ "down limit fffe", 0xfffe, 0xf7, 0, 0x10000, 0 },
	{ "down limit ffff", 0xffff, 0xf7, 0, 0x10000, 0 },
	{ "down of all", 0xfffff, 0xf7, 0xc, 0x10000, 0 },
	{ "readable code", LIMIT, 0xfb, 4, LIMIT + 1, 0 },
	{ "conforming code", LIMIT, 0x9f, 4, LIMIT + 1, 0 },
};

/* What is there: a target for jumps, a selector for what loads one. */
static void fill(u32 offset)
{
	write32(DATA_AT + offset, CODE_AT + 0x1b);
	write32(DATA_AT + offset + 4, UCODE);
	write32(DATA_AT + offset + 8, 0);
}

static void label(const char *a, const char *b, u32 offset)
{
	puts_log(a);
	puts_log(" ");
	puts_log(b);
	puts_log(" ");
	hex_log(offset, 8);
}

static void start(u32 cpl, const struct kind *k)
{
	reset_world();
	set_descriptor(SCRATCH, segment(DATA_AT, k->limit, k->access, k->flags));
	if (cpl == 3)
		ring3();
	else
		ring0();
}

static void operand(u32 cpl, const struct kind *k, const struct operand *o, u32 offset)
{
	start(cpl, k);
	fill(offset);
	in.ds = SEG3;
	in.ebx = offset;
	code(o->bytes, sizeof o->bytes);
	label(k->name, o->name, offset);
	go("");
	if (ev.vector != 0x1003)
		return;
	puts_log(o->name);
	dump(" memory", DATA_AT + offset, 2);
}

/* All instructions at the end of a plain segment, and at both ends of one that grows downwards. */
static void all_operands(void)
{
	for (u32 i = 0; i < COUNT(operands) - 2; i++) {	/* ENTER and LEAVE: see stack_users */
		for (u32 before = 0; before <= 8; before++)
			operand(3, &plain, operands + i, LIMIT + 1 - before);
		for (u32 k = 0; k < 4; k++) {
			operand(3, &down16, operands + i, LIMIT - 1 + k);
			operand(3, &down16, operands + i, 0x10000 - 2 * k);
		}
		operand(0, &plain, operands + i, LIMIT);
	}
}

static const struct operand sizes[] = {
	{ "load 1", { 0x8a, 0x03, 0xcc } }, { "load 2", { 0x66, 0x8b, 0x03, 0xcc } }, { "load 4", { 0x8b, 0x03, 0xcc } },
	{ "store 1", { 0x88, 0x03, 0xcc } }, { "store 2", { 0x66, 0x89, 0x03, 0xcc } }, { "store 4", { 0x89, 0x03, 0xcc } },
	{ "update 1", { 0x00, 0x03, 0xcc } }, { "update 4", { 0x31, 0x03, 0xcc } }, { "far pointer", { 0x0f, 0xb4, 0x03, 0xcc } },
	{ "update 8", { 0x0f, 0xc7, 0x0b, 0xcc } }, { "bound", { 0x62, 0x03, 0xcc } },
};

static void all_kinds(void)
{
	for (u32 i = 0; i < COUNT(kinds); i++)
		for (u32 s = 0; s < COUNT(sizes); s++)
			for (int at = -4; at <= 1; at++)
				operand(at & 1 ? 3 : 0, kinds + i, sizes + s, kinds[i].edge + at);
	for (u32 s = 0; s < COUNT(sizes); s++)	/* the top of a segment of 4 GiB that grows down */
		for (u32 at = 0; at < 8; at++)
			operand(3, kinds + 8, sizes + s, -at);
	for (u32 s = 0; s < COUNT(sizes); s++)	/* an empty selector */
		for (u32 cpl = 0; cpl < 4; cpl += 3) {
			start(cpl, &plain);
			in.ds = cpl;
			in.ebx = DATA_AT;
			code(sizes[s].bytes, sizeof sizes[s].bytes);
			label("null", sizes[s].name, cpl);
			go("");
		}
}

/* Operands of the FPU: the last one inside, the ones of which a part is outside, one that is behind. */
static void fpu(void)
{
	static const struct kind *const both[] = { &plain, &down16 };

	for (u32 i = 0; i < COUNT(fpu_operands); i++)
		for (u32 k = 0; k < 2; k++)
			for (u32 n = 0; n < 8; n++) {
				const struct fpu_operand *o = fpu_operands + i;
				static const u8 less[] = { 0, 1, 2, 4, 8, 10, 14, 28 };
				u32 end = k ? 0x10000 : LIMIT + 1;
				if (less[n] > o->size)
					continue;
				start(3, both[k]);
				in.ds = SEG3;
				in.ebx = end - o->size + less[n];
				__builtin_memset((void *)(DATA_AT + end - o->size), 0, o->size + 0x20);
				fpu_code(o);
				label(both[k]->name, o->name, in.ebx);
				go("");
			}
}

/* Operands through CS, which may be readable or not and is never writable. */
static void through_cs(void)
{
	for (u32 readable = 0; readable < 2; readable++)
		for (u32 s = 0; s < COUNT(sizes); s++)
			for (u32 at = 0x3d; at <= 0x40; at++) {
				reset_world();
				ring3();
				set_descriptor(SCRATCH, segment(CODE_AT, 0x3f, readable ? 0xfb : 0xf9, 4));
				in.cs = SEG3, in.eip = 0;
				in.ebx = at;
				code(sizes[s].bytes, 8);
				__builtin_memcpy((void *)(CODE_AT + 1), sizes[s].bytes, 8);
				write8(CODE_AT, 0x2e);
				label(readable ? "cs readable" : "cs execute-only", sizes[s].name, at);
				go("");
			}
}

/* 16-bit addresses: the offset wraps, the operand does not. Register displacement, index and bit offsets. */
static void addressing(void)
{
	static const struct { const char *name; u8 bytes[8]; u32 ebx, esi, eax; } rows[] = {
		{ "[bx]", { 0x67, 0x8b, 0x07, 0xcc }, 0xabcdfffd, 0, 0 },
		{ "[bx]", { 0x67, 0x8b, 0x07, 0xcc }, 0xabcdfffc, 0, 0 },
		{ "[bx] word", { 0x67, 0x66, 0x8b, 0x07, 0xcc }, 0xabcdffff, 0, 0 },
		{ "[bx] byte", { 0x67, 0x8a, 0x07, 0xcc }, 0xabcdffff, 0, 0 },
		{ "[bx+si]", { 0x67, 0x8b, 0x00, 0xcc }, 0xfff0, 0x20, 0 },
		{ "[bx+1]", { 0x67, 0x8b, 0x47, 0x01, 0xcc }, 0xffff, 0, 0 },
		{ "[bx-1]", { 0x67, 0x8b, 0x47, 0xff, 0xcc }, 0, 0, 0 },
		{ "[disp16]", { 0x67, 0x8b, 0x06, 0xfe, 0xff, 0xcc }, 0, 0, 0 },
		{ "[ebx+esi]", { 0x8b, 0x04, 0x33, 0xcc }, 0xfffffff0, 0x20, 0 },
		{ "[ebx-4]", { 0x8b, 0x43, 0xfc, 0xcc }, 0, 0, 0 },
		{ "[ebx+4*esi]", { 0x8b, 0x04, 0xb3, 0xcc }, 0x10, 0x40000000, 0 },
		{ "bt after", { 0x0f, 0xa3, 0x03, 0xcc }, LIMIT - 7, 0, 63 },
		{ "bt beyond", { 0x0f, 0xa3, 0x03, 0xcc }, LIMIT - 7, 0, 64 },
		{ "bts before 0", { 0x0f, 0xab, 0x03, 0xcc }, 3, 0, 0xffffffff },
		{ "bts at 0", { 0x0f, 0xab, 0x03, 0xcc }, 4, 0, 0xffffffff },
		{ "btr word", { 0x66, 0x0f, 0xb3, 0x03, 0xcc }, LIMIT - 1, 0, 16 },
		{ "btc word", { 0x66, 0x0f, 0xbb, 0x03, 0xcc }, LIMIT - 1, 0, 15 },
		{ "xlat in", { 0xd7, 0xcc }, LIMIT - 0xff, 0, 0xff },
		{ "xlat beyond", { 0xd7, 0xcc }, LIMIT - 0xfe, 0, 0xff },
		{ "xlat wraps", { 0xd7, 0xcc }, 0xffffff80, 0, 0xff },
		{ "moffs", { 0xa1, D32(LIMIT - 2), 0xcc }, 0, 0, 0 },
		{ "moffs store", { 0xa3, D32(LIMIT - 3), 0xcc }, 0, 0, 0 },
	};
	static const u32 limits[] = { LIMIT, 0xffff, 0x1ffff };

	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 k = 0; k < 3; k++) {
			struct kind kind = plain;
			kind.limit = limits[k];
			start(3, &kind);
			in.ds = SEG3;
			in.ebx = rows[i].ebx, in.esi = rows[i].esi, in.eax = rows[i].eax;
			code(rows[i].bytes, sizeof rows[i].bytes);
			label("address", rows[i].name, limits[k]);
			go("");
		}
}

/* Source through DS (or an override), destination through ES: rounds that were done stay done. */
static void strings(void)
{
	static const struct operand rows[] = {
		{ "rep movsb", { 0xf3, 0xa4, 0xcc } }, { "rep movsd", { 0xf3, 0xa5, 0xcc } }, { "movsd", { 0xa5, 0xcc } },
		{ "rep stosd", { 0xf3, 0xab, 0xcc } }, { "rep stosw", { 0x66, 0xf3, 0xab, 0xcc } }, { "lodsd", { 0xad, 0xcc } },
		{ "rep lodsb", { 0xf3, 0xac, 0xcc } }, { "repe cmpsd", { 0xf3, 0xa7, 0xcc } }, { "repne scasd", { 0xf2, 0xaf, 0xcc } },
		{ "repe scasb", { 0xf3, 0xae, 0xcc } }, { "rep movsw 16", { 0x67, 0x66, 0xf3, 0xa5, 0xcc } },
		{ "rep fs movsd", { 0x64, 0xf3, 0xa5, 0xcc } }, { "rep ss movsd", { 0x36, 0xf3, 0xa5, 0xcc } },
		{ "rep stosd 16", { 0x67, 0xf3, 0xab, 0xcc } },
	};
	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 k = 0; k < 12; k++) {
			struct kind kind = k & 8 ? kinds[5] : plain;
			u32 end = kind.limit + 1;
			start(3, &kind);
			__builtin_memset((void *)(DATA_AT + 0x100), 0, 0x100);
			__builtin_memset((void *)(DATA_AT + 0xfff0), 0, 0x20);
			in.ds = k & 1 ? SEG3 : UDATA;
			in.es = k & 1 ? UDATA : SEG3;
			in.fs = in.ds;
			in.esi = k & 1 ? end - 10 : DATA_AT;
			in.edi = k & 1 ? DATA_AT : end - 10;
			in.ecx = k & 2 ? 0 : 16;
			in.eax = 0x12345678;
			in.eflags = k & 4 ? 0x402 : 2;
			if (k & 4)	/* backwards, down through 0 */
				in.esi = in.ds == SEG3 ? 6 : in.esi, in.edi = in.es == SEG3 ? 6 : in.edi;
			code(rows[i].bytes, sizeof rows[i].bytes);
			label("string", rows[i].name, k);
			go("");
		}
}

static const struct kind stacks[] = {
	{ "ss up", LIMIT, 0xf3, 4, LIMIT + 1, 0 },
	{ "ss up sp", LIMIT, 0xf3, 0, LIMIT + 1, 0 },
	{ "ss ffff sp", 0xffff, 0xf3, 0, 0x10000, 0 },
	{ "ss 1ffff sp", 0x1ffff, 0xf3, 0, 0x10000, 0 },
	{ "ss page", 0, 0xf3, 0xc, 0x1000, 0 },
	{ "ss down", LIMIT, 0xf7, 4, LIMIT + 1, 0 },
	{ "ss down sp", LIMIT, 0xf7, 0, LIMIT + 1, 0x10000 },
	{ "ss down page", 0, 0xf7, 0xc, 0x1000, 0 },
	{ "ss down of all", 0xfffff, 0xf7, 0xc, 0x10000, 0 },
};
static const struct operand users[] = {
	{ "push r", { 0x50, 0xcc } }, { "push r16", { 0x66, 0x50, 0xcc } }, { "push fs", { 0x0f, 0xa0, 0xcc } },
	{ "push [esp]", { 0xff, 0x34, 0x24, 0xcc } }, { "pushf", { 0x9c, 0xcc } }, { "pusha", { 0x60, 0xcc } },
	{ "pusha16", { 0x66, 0x60, 0xcc } }, { "call", { 0xe8, D32(0x20), 0xcc } }, { "call16", { 0x66, 0xe8, 0x20, 0, 0xcc } },
	{ "call far", { 0x9a, D32(CODE_AT + 0x20), D16(UCODE), 0xcc } }, { "call [edi]", { 0xff, 0x17, 0xcc } },
	{ "enter 8,0", { 0xc8, 8, 0, 0, 0xcc } }, { "enter 8,1", { 0xc8, 8, 0, 1, 0xcc } }, { "enter 4,3", { 0xc8, 4, 0, 3, 0xcc } },
	{ "enter 8,0 16", { 0x66, 0xc8, 8, 0, 0, 0xcc } },
	{ "pop r", { 0x58, 0xcc } }, { "pop r16", { 0x66, 0x58, 0xcc } }, { "pop fs", { 0x0f, 0xa1, 0xcc } },
	{ "pop [edi]", { 0x8f, 0x07, 0xcc } }, { "pop [esp]", { 0x8f, 0x04, 0x24, 0xcc } }, { "popf", { 0x9d, 0xcc } },
	{ "popa", { 0x61, 0xcc } }, { "popa16", { 0x66, 0x61, 0xcc } }, { "ret", { 0xc3, 0xcc } }, { "ret 8", { 0xc2, 8, 0, 0xcc } },
	{ "retf", { 0xcb, 0xcc } }, { "iret", { 0xcf, 0xcc } }, { "leave", { 0x8b, 0xec, 0xc9, 0xcc } },
	{ "leave16", { 0x66, 0x8b, 0xec, 0x66, 0xc9, 0xcc } }, { "mov r,[ebp]", { 0x8b, 0xec, 0x8b, 0x45, 0x00, 0xcc } },
	{ "add [esp+4],r", { 0x01, 0x44, 0x24, 0x04, 0xcc } }, { "ss: mov", { 0x8b, 0xdc, 0x36, 0x88, 0x03, 0xcc } },
	{ "int 80", { 0xcd, 0x80, 0xcc } },
};

static void stack(const struct kind *k, const struct operand *u, u32 esp)
{
	u32 at = k->flags & 4 ? esp : esp & 0xffff;

	start(3, k);
	__builtin_memset((void *)0, 0xcc, 0x100);	/* where 16-bit calls land */
	for (int i = -8; i < 10; i++)	/* all that returns take: a target, CS, flags, a selector */
		write32(DATA_AT + at + 4 * i, i == 1 ? UCODE : i == 2 ? 2 : i == 0 ? CODE_AT + 0x30 : 0x30 + i);
	write32(DATA_AT + at - 4, 0);
	in.ss = SEG3;
	in.esp = esp, in.ebp = esp;
	write32(in.edi, CODE_AT + 0x40);
	code(u->bytes, sizeof u->bytes);
	if (u->bytes[0] == 0x0f && u->bytes[1] == 0xa1)
		write32(DATA_AT + at, UDATA);
	label(k->name, u->name, esp);
	go("");
}

static void stack_users(void)
{
	static const int around[] = { -36, -32, -20, -12, -8, -6, -5, -4, -3, -2, -1, 0, 1, 2, 4, 8, 12, 16, 32 };

	for (u32 i = 0; i < COUNT(stacks); i++)
		for (u32 u = 0; u < COUNT(users); u++)
			for (u32 a = 0; a < COUNT(around); a++) {
				int d = around[a];
				if (i != 0 && i != 6 && (a + u) % 6)
					continue;	/* two kinds in full, of the others a part */
				stack(stacks + i, users + u, stacks[i].edge + d);
				if (stacks[i].far && a & 1)
					stack(stacks + i, users + u, stacks[i].far + d);
			}
	for (u32 u = 0; u < COUNT(users); u++)	/* through 0 */
		for (u32 i = 0; i < 4; i++)
			for (u32 esp = 0; esp <= 4; esp += 2 << (u & 1))
				stack(stacks + i, users + u, i & 1 ? 0xabcd0000 + esp : esp);
}

/* The same in ring 0: there an event's frame goes onto the stack that is bad, so #SS, or #DF, comes by a task. */
static void ring0_stacks(void)
{
	for (u32 vector = 8; vector <= 12; vector += 4)
		for (u32 wide = 0; wide < 2; wide++)
			for (u32 esp = 0; esp <= 0x14; esp += 4) {
				static const struct operand rows[] = {
					{ "push", { 0x50 } }, { "int", { 0xcd, 0x80 } }, { "ud2", { 0x0f, 0x0b } }, { "int3", { 0xcc } },
					{ "int through a 16-bit gate", { 0xcd, 0x81 } }, { "ss:", { 0x36, 0x8b, 0x05, D32(LIMIT) } },
				};
				for (u32 r = 0; r < COUNT(rows); r++) {
					static const u8 load[] = { 0x0f, 0xb2, 0x23 };	/* lss esp, [ebx] */
					struct kind k = { "", LIMIT, 0x93, wide ? 4 : 0, 0, 0 };
					start(0, &k);
					set_gate(vector, gate(TASK, 0, 0xe5, 0));
					set_gate(0x81, gate(LOWSTUBS, 0x81 * 16, 0xe6, 0));
					write32(DATA_AT + 0x180, esp);
					write32(DATA_AT + 0x184, SCRATCH);
					in.ebx = DATA_AT + 0x180;
					code(load, 3);
					__builtin_memcpy((void *)(CODE_AT + 3), rows[r].bytes, 8);
					label(wide ? "ring 0 esp" : "ring 0 sp", rows[r].name, esp | vector << 16);
					go("");
					puts_log("ring 0");
					dump(" tss", TSS_AT + 0x20, 16);
				}
			}
}

/* Virtual-8086 mode: every segment has 64 KiB. */
static void virtual8086(void)
{
	static const struct operand rows[] = {
		{ "mov al,[bx]", { 0x8a, 0x07, 0xcc } }, { "mov ax,[bx]", { 0x8b, 0x07, 0xcc } }, { "mov [bx],eax", { 0x66, 0x89, 0x07, 0xcc } },
		{ "add [bp],ax", { 0x01, 0x46, 0x00, 0xcc } }, { "les", { 0xc4, 0x07, 0xcc } }, { "mov ax,[ebx]", { 0x67, 0x8b, 0x03, 0xcc } },
		{ "cs: mov ax,[bx]", { 0x2e, 0x8b, 0x07, 0xcc } }, { "movsw", { 0x89, 0xde, 0xa5, 0xcc } }, { "stosd", { 0x89, 0xdf, 0x66, 0xab, 0xcc } },
		{ "push ax", { 0x89, 0xdc, 0x50, 0xcc } }, { "push eax", { 0x89, 0xdc, 0x66, 0x50, 0xcc } }, { "pop ax", { 0x89, 0xdc, 0x58, 0xcc } },
		{ "pop eax", { 0x89, 0xdc, 0x66, 0x58, 0xcc } }, { "pusha", { 0x89, 0xdc, 0x60, 0xcc } }, { "jmp bx", { 0xff, 0xe3, 0xcc } },
		{ "jmp ebx", { 0x66, 0xff, 0xe3, 0xcc } },
	};
	static const u32 offsets[] = { 0, 1, 2, 3, 0xfffc, 0xfffd, 0xfffe, 0xffff, 0x10002, 0xfffffffe };

	for (u32 i = 0; i < COUNT(rows); i++)
		for (u32 k = 0; k < COUNT(offsets); k++) {
			if (rows[i].name[0] == 'j' && offsets[k] < 0x10)
				continue;	/* to itself */
			reset_world();
			v86();
			in.ebx = in.ebp = offsets[k];
			__builtin_memset((void *)(CODE_AT + 0xfff0), 0xcc, 0x20);
			code(rows[i].bytes, 8);
			label("v86", rows[i].name, offsets[k]);
			go("");
		}
}

void cases(void)
{
	all_operands();
	all_kinds();
	fpu();
	through_cs();
	addressing();
	strings();
	stack_users();
	ring0_stacks();
	virtual8086();
}
