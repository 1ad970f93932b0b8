/*
 * Privileged and IOPL-sensitive instructions at every CPL and IOPL, what control registers take, LMSW and SMSW, forms that
 * are invalid wherever they are, table registers of both sizes, 16-bit code in protected mode, SYSENTER and SYSEXIT.
 */
#include "world.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))

static void ring(u32 cpl)
{
	static const u32 codes[] = { KCODE, CODE1, CODE2, UCODE };
	static const u32 stacks[] = { KDATA, DATA1, DATA2, UDATA };
	static const u32 tops[] = { KERNEL_TOP, RING1_TOP, RING2_TOP, USER_TOP };

	ring0();
	in.cs = codes[cpl];
	in.es = in.ss = in.ds = in.fs = in.gs = stacks[cpl];
	in.esp = tops[cpl] - 64;
}

static void label(const char *a, const char *b, u32 n)
{
	puts_log(a);
	puts_log(" ");
	puts_log(b);
	puts_log(" ");
	hex_log(n, 8);
}

struct row { const char *name; u8 bytes[12]; };

/* Values that machines do not share are cleared: what counts is whether it was let through. */
#define GONE 0x31, 0xc0, 0x31, 0xd2, 0xcc	/* xor eax, eax; xor edx, edx; int3 */

static const struct row guarded[] = {
	{ "cli", { 0xfa, 0xcc } },
	{ "sti", { 0xfb, 0x90, 0xcc } },
	{ "pushf", { 0x9c, 0x58, 0xcc } },
	{ "popf", { 0x9d, 0xcc } },
	{ "popf16", { 0x66, 0x9d, 0xcc } },
	{ "in al, dx", { 0xec, GONE } },
	{ "in eax, imm", { 0xe5, 0x84, GONE } },
	{ "out dx, al", { 0xee, 0xcc } },
	{ "out imm, ax", { 0x66, 0xe7, 0x84, 0xcc } },
	{ "insb", { 0x6c, 0xcc } },
	{ "rep outsb", { 0xf3, 0x6e, 0xcc } },
	{ "lgdt", { 0x0f, 0x01, 0x13, 0xcc } },
	{ "lidt", { 0x0f, 0x01, 0x59, 0x08, 0xcc } },
	{ "lldt", { 0x0f, 0x00, 0xd6, 0xcc } },
	{ "ltr", { 0x0f, 0x00, 0xdf, 0xcc } },
	{ "lmsw", { 0x0f, 0x01, 0xf6, 0xcc } },
	{ "clts", { 0x0f, 0x06, 0xcc } },
	{ "wbinvd", { 0x0f, 0x09, 0xcc } },
	{ "invlpg", { 0x0f, 0x01, 0x3b, 0xcc } },
	{ "mov r, cr0", { 0x0f, 0x20, 0xc0, GONE } },
	{ "mov r, cr2", { 0x0f, 0x20, 0xd0, 0xcc } },
	{ "mov cr2, r", { 0x0f, 0x22, 0xd0, 0xcc } },
	{ "mov r, cr3", { 0x0f, 0x20, 0xd8, 0xcc } },
	{ "mov r, cr4", { 0x0f, 0x20, 0xe0, 0xcc } },
	{ "mov r, dr0", { 0x0f, 0x21, 0xc0, 0xcc } },
	{ "mov dr1, r", { 0x0f, 0x23, 0xc8, 0xcc } },
	{ "mov r, dr7", { 0x0f, 0x21, 0xf8, 0xcc } },
	{ "rdmsr", { 0x0f, 0x32, 0xcc } },
	{ "wrmsr", { 0x0f, 0x30, 0xcc } },
	{ "rdtsc", { 0x0f, 0x31, GONE } },
	{ "sysexit", { 0x0f, 0x35, 0xcc } },
	{ "sgdt", { 0x0f, 0x01, 0x06, 0xcc } },
	{ "sidt", { 0x0f, 0x01, 0x0e, 0xcc } },
	{ "sldt", { 0x0f, 0x00, 0xc0, 0xcc } },
	{ "str", { 0x0f, 0x00, 0xc8, 0xcc } },
	{ "smsw", { 0x0f, 0x01, 0xe0, GONE } },
	{ "cpuid", { 0x0f, 0xa2, 0x31, 0xdb, 0x31, 0xc9, GONE } },
	{ "hlt", { 0xf4 } },
	{ "iret", { 0xcf } },
};

static void wrmsr(u32 number, u32 v)
{
	__asm__ volatile("wrmsr" : : "c"(number), "a"(v), "d"(0));
}

static void matrix(void)
{
	for (u32 i = 0; i < COUNT(guarded); i++)
		for (u32 cpl = 0; cpl < 4; cpl++)
			for (u32 iopl = 0; iopl < 4; iopl++) {
				if (guarded[i].bytes[0] == 0xf4 && cpl == 0)
					continue;
				reset_world();
				wrmsr(0x174, KCODE);
				ring(cpl);
				/* The descriptor tables as they are, one behind the other. */
				in.ebx = DATA_AT + 0x300;
				in.ecx = guarded[i].bytes[1] == 0x32 || guarded[i].bytes[1] == 0x30 ? 0x174 : in.ebx;
				if (guarded[i].bytes[0] == 0xf3)
					in.ecx = 3;
				__asm__ volatile("sgdt (%0); sidt 8(%0)" : : "r"(in.ebx) : "memory");
				in.eax = KCODE, in.edx = guarded[i].bytes[1] == 0x30 ? 0 : 0x84;
				if (guarded[i].bytes[1] == 0x35)
					in.edx = CODE_AT + 0x40, in.ecx = USER_TOP - 64;
				if (guarded[i].bytes[1] == 0)	/* LLDT, LTR */
					in.esi = LDT, in.edi = TASK;
				if (guarded[i].bytes[1] == 1 && guarded[i].bytes[2] == 0xf6)
					in.esi = 1;
				in.eflags = iopl << 12 | ((cpl + iopl) & 1 ? 0x202 : 2);
				/* POPF's flags, or IRET's frame: IF and IOPL the other way round. */
				u32 flags = 0x3ed7 ^ in.eflags;
				write32(in.esp, guarded[i].bytes[0] == 0xcf ? CODE_AT + 0x40 : flags);
				write32(in.esp + 4, in.cs);
				write32(in.esp + 8, flags | 0x240000);
				code(guarded[i].bytes, sizeof guarded[i].bytes);
				label("guarded", guarded[i].name, cpl << 4 | iopl);
				go("");
			}
}

/* Forms that are #UD at every CPL: it comes before #GP for privilege. */
static const struct row invalid[] = {
	{ "lgdt r", { 0x0f, 0x01, 0xd7, 0xcc } },
	{ "lidt r", { 0x0f, 0x01, 0xdf, 0xcc } },
	{ "sgdt r", { 0x0f, 0x01, 0xc7, 0xcc } },
	{ "sidt r", { 0x0f, 0x01, 0xcf, 0xcc } },
	{ "0f 01 /5", { 0x0f, 0x01, 0x2b, 0xcc } },
	{ "invlpg r", { 0x0f, 0x01, 0xff, 0xcc } },
	{ "0f 00 /6", { 0x0f, 0x00, 0xf0, 0xcc } },
	{ "0f 00 /7", { 0x0f, 0x00, 0x3b, 0xcc } },
	{ "mov cr1, r", { 0x0f, 0x22, 0xc8, 0xcc } },
	{ "mov r, cr5", { 0x0f, 0x20, 0xe8, 0xcc } },
	{ "mov cr7, r", { 0x0f, 0x22, 0xf8, 0xcc } },
	{ "mov cs, r", { 0x8e, 0xc8, 0xcc } },
	{ "mov sreg 6, r", { 0x8e, 0xf0, 0xcc } },
	{ "mov r, sreg 7", { 0x8c, 0xf8, 0xcc } },
	{ "les r", { 0xc4, 0xc0, 0xcc } },
	{ "lss r", { 0x0f, 0xb2, 0xc0, 0xcc } },
	{ "bound r", { 0x62, 0xc0, 0xcc } },
	{ "lea r", { 0x8d, 0xc0, 0xcc } },
	{ "cmpxchg8b r", { 0x0f, 0xc7, 0xc8, 0xcc } },
	{ "call far r", { 0xff, 0xd8, 0xcc } },
	{ "jmp far r", { 0xff, 0xe8, 0xcc } },
	{ "ff /7", { 0xff, 0x3b, 0xcc } },
	{ "fe /2", { 0xfe, 0x13, 0xcc } },
	{ "8f /1", { 0x8f, 0x0b, 0xcc } },
	{ "c6 /1", { 0xc6, 0x0b, 0xcc } },
	{ "ud2", { 0x0f, 0x0b, 0xcc } },
	{ "lock cli", { 0xf0, 0xfa, 0xcc } },
	{ "lock mov", { 0xf0, 0x89, 0x03, 0xcc } },
	{ "lock add r", { 0xf0, 0x01, 0xc3, 0xcc } },
	{ "lock cmp", { 0xf0, 0x39, 0x03, 0xcc } },
	{ "rsm", { 0x0f, 0xaa, 0xcc } },
};

static void invalid_forms(void)
{
	for (u32 i = 0; i < COUNT(invalid); i++)
		for (u32 cpl = 0; cpl < 4; cpl += 3) {
			reset_world();
			ring(cpl);
			in.ebx = DATA_AT;
			code(invalid[i].bytes, sizeof invalid[i].bytes);
			label("invalid", invalid[i].name, cpl);
			go("");
		}
}

/* CR0: each value written in ring 0, and what is read back; PG with tables that map everything. Cache bits last. */
static void cr0(void)
{
	static const u32 values[] = {
		0x00000011, 0x80000011, 0x80000010, 0x80010011, 0x20000011, 0x40000011, 0x60000011, 0x00050011, 0x0000001f, 0x00000031,
		0x00000001, 0xa0000011, 0x8000003b, 0x0000ffd1, 0x1ffaffd1,
	};

	for (u32 i = 0; i < COUNT(values); i++) {
		reset_world();
		ring0();
		in.eax = values[i];
		CODE(0x0f, 0x20, 0xc7,				/* mov edi, cr0 */
		     0x0f, 0x22, 0xc0, 0xeb, 0x00,		/* mov cr0, eax; jmp */
		     0x0f, 0x20, 0xc3,				/* mov ebx, cr0 */
		     0x0f, 0x22, 0xc7, 0x31, 0xff, 0xcc);	/* mov cr0, edi; xor edi, edi */
		label("cr0", "", values[i]);
		go("");
	}
}

/* CR4: the bits that this family has, and the first that it lacks. (QEMU takes any bit, and hangs by some.) */
static void cr4(void)
{
	for (u32 bit = 2; bit <= 10; bit++) {
		if (bit == 5 || bit == 6 || bit == 9)
			continue;	/* PAE, MCE, OSFXSR: a matter of the model */
		reset_world();
		ring0();
		in.eax = 1u << bit;
		CODE(0x0f, 0x22, 0xe0, 0x0f, 0x20, 0xe3, 0x31, 0xc9, 0x0f, 0x22, 0xe1, 0xcc); /* mov cr4, eax; mov ebx, cr4; mov cr4, 0 */
		label("cr4", "", bit);
		go("");
	}
	for (u32 tsd = 0; tsd < 2; tsd++)
		for (u32 cpl = 0; cpl < 4; cpl++) {
			reset_world();
			__asm__ volatile("mov %0, %%cr4" : : "r"(tsd << 2));
			ring(cpl);
			CODE(0x0f, 0x31, GONE);
			label("tsd", "rdtsc", tsd << 4 | cpl);
			go("");
		}
	for (u32 pce = 0; pce < 2; pce++)
		for (u32 cpl = 0; cpl < 4; cpl++)
			for (u32 counter = 0; counter < 3; counter++) {
				reset_world();
				__asm__ volatile("mov %0, %%cr4" : : "r"(pce << 8));
				ring(cpl);
				in.ecx = counter;
				CODE(0x0f, 0x33, GONE);
				label("pce", "rdpmc", counter << 8 | pce << 4 | cpl);
				go("");
			}
	for (u32 de = 0; de < 2; de++)
		for (u32 cpl = 0; cpl < 4; cpl += 3)
			for (u32 n = 4; n < 6; n++) {
				reset_world();
				__asm__ volatile("mov %0, %%cr4" : : "r"(de << 3));
				ring(cpl);
				CODE(0x0f, 0x21, 0xc0 | n << 3, 0xcc);
				label("de", "mov r, dr", de << 8 | cpl << 4 | n);
				go("");
			}
}

/* LMSW sets PE, MP, EM and TS; PE stays. SMSW of all sizes, with what a 16-bit register keeps. */
static void machine_status(void)
{
	for (u32 v = 0; v < 16; v++)
		for (u32 memory = 0; memory < 2; memory++) {
			reset_world();
			ring0();
			in.eax = 0xfff0 | v;
			write32(in.esi, in.eax);
			CODE(0x0f, 0x01, memory ? 0x36 : 0xf0,		/* lmsw */
			     0x0f, 0x20, 0xc3, 0x83, 0xe3, 0x0f,	/* mov ebx, cr0; and ebx, 15 */
			     0x0f, 0x01, 0xe1, 0x81, 0xe1, D32(0x8005000f), /* smsw ecx; and */
			     0x66, 0x0f, 0x01, 0xe2, 0x81, 0xe2, D32(0xffff000f), /* smsw dx; and */
			     0x0f, 0x01, 0x26,				/* smsw [esi] */
			     0x0f, 0x06, 0xcc);				/* clts */
			label("lmsw", memory ? "m" : "r", v);
			go("");
			label("stored", "", v);
			puts_log(":");
			hex_log(read32(DATA_AT + 0x100) & 0xffff000f, 8);
			puts_log("\n");
		}
}

/* A 16-bit operand has 24 bits of base. */
static void table_registers(void)
{
	for (u32 idt = 0; idt < 2; idt++)
		for (u32 narrow = 0; narrow < 2; narrow++) {
			u32 at = DATA_AT + 0x300;
			u8 load = idt ? 0x1b : 0x13, store = idt ? 0x09 : 0x01;
			reset_world();
			ring0();
			in.ebx = at;
			in.ecx = at + 0x10, in.edi = at + 0x20;
			write32(at, 0x8765ffff);
			write32(at + 4, 0x4321);
			write32(at + 6, 0xfeed);
			__builtin_memset((void *)(at + 0x10), 0xee, 8);
			const u8 p = narrow ? 0x66 : 0x3e;
			/* Interrupts are off; nothing happens between the load and the way back. */
			CODE(0x0f, 0x01, idt ? 0x0f : 0x07,		/* sgdt/sidt [edi] */
			     p, 0x0f, 0x01, load, 0x0f, 0x01, store,	/* load [ebx]; store [ecx] */
			     0x0f, 0x01, idt ? 0x1f : 0x17, 0xcc);	/* load [edi] */
			write32(at, 0x5432ffff);
			write16(at + 4, 0x9876);
			label(idt ? "lidt" : "lgdt", narrow ? "16" : "32", 0);
			go("");
			dump("image", at + 0x10, 2);
		}
}

/* Instructions whose size is the segment's: 16-bit code at CODE_AT, with a 16-bit stack. */
static const struct row narrow[] = {
	{ "push pop", { 0x50, 0x59, 0x66, 0x50, 0x66, 0x5a, 0xcc } },
	{ "pusha", { 0x60, 0xcc } },
	{ "popa", { 0x61, 0xcc } },
	{ "popa32", { 0x66, 0x61, 0xcc } },
	{ "pushf", { 0x9c, 0x5b, 0x66, 0x9c, 0x66, 0x5a, 0xcc } },
	{ "call", { 0xe8, 0x20, 0x00, 0xcc } },
	{ "call32", { 0x66, 0xe8, D32(0x20), 0xcc } },
	{ "call r", { 0xb8, 0x40, 0x00, 0xff, 0xd0, 0xcc } },
	{ "call far", { 0x9a, 0x40, 0x00, D16(CODE16), 0xcc } },
	{ "call far32", { 0x66, 0x9a, D32(0x40), D16(CODE16), 0xcc } },
	{ "call to 32-bit code", { 0x66, 0x9a, D32(CODE_AT + 0x40), D16(KCODE), 0xcc } },
	{ "jmp", { 0xeb, 0x06, 0x90, 0x90, 0x90, 0x90, 0x90, 0xcc, 0xe9, 0xf9, 0xff, 0xcc } },
	{ "jz", { 0x31, 0xc0, 0x0f, 0x84, 0x20, 0x00, 0xcc } },
	{ "loop", { 0xb9, 0x03, 0x00, 0xe2, 0xfe, 0xcc } },
	{ "loop ecx", { 0x66, 0xb9, D32(0x10001), 0x67, 0xe2, 0xfd, 0xcc } },
	{ "jcxz", { 0xb9, 0x00, 0x00, 0xe3, 0x10, 0xcc } },
	{ "jecxz", { 0xb9, 0x00, 0x00, 0x67, 0xe3, 0x10, 0xcc } },
	{ "enter", { 0xc8, 0x08, 0x00, 0x02, 0xcc } },
	{ "leave", { 0x89, 0xe5, 0xc9, 0xcc } },
	{ "lea", { 0x8d, 0x40, 0x7f, 0x66, 0x67, 0x8d, 0x54, 0x88, 0x10, 0xcc } },
	{ "mov imm", { 0xb8, 0x34, 0x12, 0x66, 0xb9, D32(0x12345678), 0xcc } },
	{ "imul", { 0x69, 0xc3, 0x03, 0x00, 0x66, 0x0f, 0xaf, 0xca, 0xcc } },
	{ "cwd", { 0x98, 0x99, 0xcc } },
	{ "cdq", { 0x66, 0x98, 0x66, 0x99, 0xcc } },
	{ "rep movsb", { 0xb9, 0x04, 0x00, 0xf3, 0xa4, 0xcc } },
	{ "rep stosd", { 0xb9, D16(4), 0x66, 0xf3, 0xab, 0xcc } },
	{ "moffs", { 0xa1, 0x00, 0x01, 0x67, 0xa0, D32(0x101), 0xcc } },
	{ "ret", { 0x6a, 0x40, 0xc3 } },
	{ "retf", { 0x6a, CODE16, 0x6a, 0x40, 0xcb } },
	{ "iret", { 0x9c, 0x6a, CODE16, 0x6a, 0x40, 0xcf } },
	{ "int", { 0xcd, 0x85, 0xcc } },
	{ "int through a 16-bit gate", { 0xcd, 0x86, 0xcc } },
	{ "push imm", { 0x68, 0x34, 0x12, 0x66, 0x6a, 0x80, 0xcc } },
	{ "push fs", { 0x0f, 0xa0, 0x66, 0x0f, 0xa8, 0xcc } },
	{ "les", { 0x31, 0xdb, 0xc4, 0x07, 0xcc } },
	{ "mov r, cr3", { 0x0f, 0x20, 0xd8, 0xcc } },
	{ "str", { 0x0f, 0x00, 0xc8, 0x66, 0x0f, 0x00, 0xc9, 0xcc } },
	{ "lar", { 0xb8, D16(UCODE), 0x0f, 0x02, 0xd0, 0x0f, 0x03, 0xc8, 0xcc } },
	{ "bswap", { 0x66, 0x0f, 0xc8, 0xcc } },
	{ "xlat", { 0x31, 0xc0, 0x31, 0xdb, 0xd7, 0xcc } },
};

static void narrow_code(void)
{
	for (u32 i = 0; i < COUNT(narrow); i++) {
		reset_world();
		code16();
		set_descriptor(SCRATCH, segment(DATA_AT, 0xffff, 0x93, 0));
		set_gate(0x86, gate(LOWSTUBS, 0x86 * 16, 0xe6, 0));
		in.ds = in.es = SCRATCH;
		in.esi = 0xaaaa0100, in.edi = 0xbbbb0200;
		write32(DATA_AT, 0x00980040);
		write32(DATA_AT + 0x100, 0x01234567);
		for (u32 n = 0; n < 8; n++)
			write32(KERNEL_TOP - 64 + 4 * n, 0x10203040 + n);
		code(narrow[i].bytes, sizeof narrow[i].bytes);
		label("narrow", narrow[i].name, 0);
		go("");
		dump("data", DATA_AT + 0x200, 4);
	}
}

/* SYSENTER from everywhere, SYSEXIT, and a code selector of 0 in the MSR. */
static void fast_calls(void)
{
	for (u32 cpl = 0; cpl < 4; cpl++)
		for (u32 cs = 0; cs < 3; cs++) {
			static const u32 selectors[] = { 0, 3, KCODE | 3 };
			reset_world();
			wrmsr(0x174, selectors[cs]);
			wrmsr(0x175, KERNEL_TOP - 128);
			wrmsr(0x176, handler(0x90));
			ring(cpl);
			in.eflags = 0x243ed7 & ~0x4100;	/* all but NT and TF */
			CODE(0x0f, 0x34);
			label("sysenter", "", cpl << 8 | selectors[cs]);
			go("");
			reset_world();
			ring(cpl);
			in.ecx = USER_TOP - 64, in.edx = CODE_AT + 0x40;
			in.eflags = 0x40cd7;
			CODE(0x0f, 0x35);
			label("sysexit", "", cpl << 8 | selectors[cs]);
			go("");
		}
	for (u32 msr = 0x174; msr <= 0x176; msr++) {
		reset_world();
		ring0();
		in.ecx = msr, in.eax = msr == 0x174 ? 0x12348 : 0x89abcdef, in.edx = 0;
		CODE(0x0f, 0x30, 0x31, 0xc0, 0x0f, 0x32, 0xcc);
		label("msr", "", msr);
		go("");
	}
	reset_world();	/* the tables of the world know nothing of MSRs */
	wrmsr(0x174, 0);
}

void cases(void)
{
	matrix();
	invalid_forms();
	cr0();
	cr4();
	machine_status();
	table_registers();
	narrow_code();
	fast_calls();
}
