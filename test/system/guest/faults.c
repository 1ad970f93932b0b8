/*
 * Faults in the middle of instructions: what is rolled back and what is not. Paging is on; HOLE is a page that is not
 * there, RDONLY one that ring 3 cannot write to. Each case has a memory operand or a stack that runs into one of them.
 */
#include "operands.h"

#define HOLE	0x35000
#define RDONLY	0x37000

static void prepare(void)
{
	reset_world();
	for (u32 at = HOLE - 64; at < HOLE; at += 4)
		write32(at, 0x01010101 * (at & 0xff));
	for (u32 at = RDONLY; at < RDONLY + 64; at += 4)
		write32(at, 0x04040404 * (at & 0x3f) + 0x1b);
	paging(1);
	map(HOLE, HOLE, 0);
	map(RDONLY, RDONLY, 0x65);
	ring3();
}

static const struct { const char *name; u32 at; } places[] = {
	{ " not there", HOLE + 16 },
	{ " read-only", RDONLY + 16 },
	{ " into the hole", HOLE - 2 },
	{ " across to read-only", RDONLY - 2 },
	{ " six in", HOLE - 6 },
	{ " four in", HOLE - 4 },
};

static void memory_operands(void)
{
	for (u32 i = 0; i < sizeof operands / sizeof *operands; i++)
		for (u32 p = 0; p < sizeof places / sizeof *places; p++) {
			prepare();
			in.ebx = places[p].at;
			code(operands[i].bytes, sizeof operands[i].bytes);
			puts_log(operands[i].name);
			go(places[p].name);
			if (places[p].at < HOLE) {
				puts_log("memory ");
				dump(operands[i].name, HOLE - 8, 2);
			}
		}
}

/* Instructions that use the stack. */
static const struct { const char *name; u8 bytes[8]; } pushes[] = {
	{ "push r", { 0x50, 0xcc } },
	{ "push imm16", { 0x66, 0x6a, 1, 0xcc } },
	{ "push esp", { 0x54, 0xcc } },
	{ "push ds", { 0x1e, 0xcc } },
	{ "pushf", { 0x9c, 0xcc } },
	{ "pusha", { 0x60, 0xcc } },
	{ "pusha16", { 0x66, 0x60, 0xcc } },
	{ "call rel", { 0xe8, D32(0x20), 0xcc } },
	{ "call far", { 0x9a, D32(CODE_AT + 0x20), D16(UCODE), 0xcc } },
	{ "enter 8,0", { 0xc8, 8, 0, 0, 0xcc } },
	{ "enter 8,3", { 0xc8, 8, 0, 3, 0xcc } },
	{ "enter 4096,1", { 0xc8, 0, 0x10, 1, 0xcc } },
	{ "int 80", { 0xcd, 0x80, 0xcc } },
};
static const struct { const char *name; u8 bytes[8]; int selector; } pops[] = {
	{ "pop r", { 0x58, 0xcc }, 0 },
	{ "pop esp", { 0x5c, 0xcc }, 0 },
	{ "pop ds", { 0x1f, 0xcc }, 1 },
	{ "pop ss", { 0x17, 0xcc }, 1 },
	{ "popf", { 0x9d, 0xcc }, 0 },
	{ "popa", { 0x61, 0xcc }, 0 },
	{ "ret", { 0xc3, 0xcc }, 0 },
	{ "ret 8", { 0xc2, 8, 0, 0xcc }, 0 },
	{ "retf", { 0xcb, 0xcc }, 0 },
	{ "iret", { 0xcf, 0xcc }, 0 },
	{ "pop [esp]", { 0x8f, 0x04, 0x24, 0xcc }, 0 },
};

static void stacks(void)
{
	static const u32 above[] = { 0, 4, 8, 20, 2 };

	for (u32 i = 0; i < sizeof pushes / sizeof *pushes; i++)
		for (u32 k = 0; k < 5; k++) {
			prepare();
			in.esp = HOLE + 0x1000 + above[k];
			in.ebp = KERNEL_TOP - 0x100;
			code(pushes[i].bytes, sizeof pushes[i].bytes);
			puts_log(pushes[i].name);
			hex_log(above[k], 2);
			go(" push");
		}
	for (u32 i = 0; i < sizeof pops / sizeof *pops; i++)
		for (u32 k = 0; k < 5; k++) {
			prepare();
			in.esp = HOLE - above[k];
			for (u32 at = HOLE - 32; at < HOLE; at += 4)
				write32(at, pops[i].selector ? UDATA : CODE_AT + 0x40);
			code(pops[i].bytes, sizeof pops[i].bytes);
			puts_log(pops[i].name);
			hex_log(above[k], 2);
			go(" pop");
		}
}

/* String instructions that meet a page that is not there after some rounds. */
static void strings(void)
{
	static const struct { const char *name; u8 bytes[4]; } rows[] = {
		{ "rep movsb", { 0xf3, 0xa4, 0xcc } }, { "rep movsd", { 0xf3, 0xa5, 0xcc } }, { "movsd", { 0xa5, 0xcc } },
		{ "rep stosd", { 0xf3, 0xab, 0xcc } }, { "rep stosw", { 0x66, 0xf3, 0xab, 0xcc } }, { "rep lodsd", { 0xf3, 0xad, 0xcc } },
		{ "repe cmpsb", { 0xf3, 0xa6, 0xcc } }, { "repne cmpsd", { 0xf2, 0xa7, 0xcc } }, { "cmpsd", { 0xa7, 0xcc } },
		{ "repne scasb", { 0xf2, 0xae, 0xcc } }, { "repe scasd", { 0xf3, 0xaf, 0xcc } },
	};
	for (u32 i = 0; i < sizeof rows / sizeof *rows; i++)
		for (u32 k = 0; k < 6; k++) {
			prepare();
			in.esi = k & 1 ? DATA_AT : HOLE - 14;
			in.edi = k & 1 ? HOLE - 10 : DATA_AT;
			if (k >= 4)
				in.esi = HOLE - 8, in.edi = HOLE - 6;
			in.ecx = k & 2 ? 3 : 16;
			in.eax = 0;
			in.eflags = k == 5 ? 0x402 : 2;
			code(rows[i].bytes, sizeof rows[i].bytes);
			puts_log(rows[i].name);
			hex_log(k, 1);
			go(" string");
		}
}

/* Instruction fetch: the next page is not there, or not for us; and instructions of 15 bytes and more. */
static void fetches(void)
{
	for (u32 length = 1; length <= 6; length++) {
		prepare();
		static const u8 add[] = { 0x81, 0xc1, D32(0x10) };
		__builtin_memcpy((void *)(HOLE - length), add, length);
		in.eip = HOLE - length;
		hex_log(length, 1);
		go(" bytes before the hole");
	}
	prepare();
	in.eip = HOLE;
	go("fetch from the hole");
	prepare();
	map(RDONLY, RDONLY, 0x63);
	in.eip = RDONLY;
	go("fetch from a supervisor page");
	for (u32 prefixes = 12; prefixes <= 17; prefixes++) {
		prepare();
		for (u32 n = 0; n < prefixes; n++)
			write8(CODE_AT + n, 0x3e);
		write8(CODE_AT + prefixes, 0x40);
		write8(CODE_AT + prefixes + 1, 0xcc);
		hex_log(prefixes, 2);
		go(" prefixes before inc");
		prepare();
		in.eip = HOLE - prefixes;
		for (u32 n = 0; n < prefixes; n++)
			write8(HOLE - prefixes + n, 0x3e);
		hex_log(prefixes, 2);
		go(" prefixes before the hole");
	}
}

void cases(void)
{
	memory_operands();
	stacks();
	strings();
	fetches();
}
