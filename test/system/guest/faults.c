/*
 * Faults in the middle of instructions: what is rolled back and what is not. Paging is on; HOLE is a page that is not
 * there, RDONLY one that ring 3 cannot write to. Each case has a memory operand or a stack that runs into one of them.
 */
#include "world.h"

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

/* Instructions whose memory operand is at [EBX]. */
static const struct { const char *name; u8 bytes[12]; } operands[] = {
	{ "mov [m],r", { 0x89, 0x03, 0xcc } },
	{ "mov r,[m]", { 0x8b, 0x03, 0xcc } },
	{ "mov [m],r16", { 0x66, 0x89, 0x03, 0xcc } },
	{ "mov [m],r8", { 0x88, 0x03, 0xcc } },
	{ "mov [m],imm", { 0xc7, 0x03, D32(0x12345678), 0xcc } },
	{ "add [m],r", { 0x01, 0x03, 0xcc } },
	{ "add r,[m]", { 0x03, 0x03, 0xcc } },
	{ "cmp [m],r", { 0x39, 0x03, 0xcc } },
	{ "inc [m]", { 0xff, 0x03, 0xcc } },
	{ "not [m]", { 0xf7, 0x13, 0xcc } },
	{ "neg [m]", { 0xf7, 0x1b, 0xcc } },
	{ "shl [m],3", { 0xc1, 0x23, 3, 0xcc } },
	{ "rcl [m],cl", { 0xd3, 0x13, 0xcc } },
	{ "shld [m],r,4", { 0x0f, 0xa4, 0x03, 4, 0xcc } },
	{ "xchg [m],r", { 0x87, 0x03, 0xcc } },
	{ "xadd [m],r", { 0x0f, 0xc1, 0x03, 0xcc } },
	{ "cmpxchg [m],r", { 0x0f, 0xb1, 0x0b, 0xcc } },
	{ "cmpxchg8b [m]", { 0x0f, 0xc7, 0x0b, 0xcc } },
	{ "lock bts [m],imm", { 0xf0, 0x0f, 0xba, 0x2b, 5, 0xcc } },
	{ "bt [m],imm", { 0x0f, 0xba, 0x23, 5, 0xcc } },
	{ "setc [m]", { 0x0f, 0x92, 0x03, 0xcc } },
	{ "cmovz r,[m]", { 0x0f, 0x44, 0x03, 0xcc } },
	{ "cmovnz r,[m]", { 0x0f, 0x45, 0x03, 0xcc } },
	{ "push [m]", { 0xff, 0x33, 0xcc } },
	{ "pop [m]", { 0x8f, 0x03, 0xcc } },
	{ "call [m]", { 0xff, 0x13, 0xcc } },
	{ "jmp [m]", { 0xff, 0x23, 0xcc } },
	{ "call far [m]", { 0xff, 0x1b, 0xcc } },
	{ "jmp far [m]", { 0xff, 0x2b, 0xcc } },
	{ "les r,[m]", { 0xc4, 0x03, 0xcc } },
	{ "lss r,[m]", { 0x0f, 0xb2, 0x03, 0xcc } },
	{ "mov ds,[m]", { 0x8e, 0x1b, 0xcc } },
	{ "mov [m],ds", { 0x8c, 0x1b, 0xcc } },
	{ "imul r,[m],imm", { 0x69, 0x03, D32(3), 0xcc } },
	{ "mul [m]", { 0xf7, 0x23, 0xcc } },
	{ "div [m]", { 0xf7, 0x33, 0xcc } },
	{ "bsf r,[m]", { 0x0f, 0xbc, 0x03, 0xcc } },
	{ "movzx r,[m16]", { 0x0f, 0xb7, 0x03, 0xcc } },
	{ "movsx r,[m8]", { 0x0f, 0xbe, 0x03, 0xcc } },
	{ "xlat", { 0xd7, 0xcc } },
	{ "sgdt [m]", { 0x0f, 0x01, 0x03, 0xcc } },
	{ "sidt [m]", { 0x0f, 0x01, 0x0b, 0xcc } },
	{ "smsw [m]", { 0x0f, 0x01, 0x23, 0xcc } },
	{ "sldt [m]", { 0x0f, 0x00, 0x03, 0xcc } },
	{ "str [m]", { 0x0f, 0x00, 0x0b, 0xcc } },
	{ "enter via ebp", { 0x8b, 0xeb, 0x89, 0xdc, 0xc8, 8, 0, 0, 0xcc } },
	{ "leave via ebp", { 0x8b, 0xeb, 0xc9, 0xcc } },
};

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
