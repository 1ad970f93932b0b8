/*
 * Paging permissions in all combinations: of PDE and PTE (present, writable, user, page size), CPL, CR0.WP, CR4.PSE and
 * CR4.PGE, for reads, writes and fetches; error code, CR2, accessed and dirty bits. INVLPG goes before every access:
 * how stale entries behave is not this program's.
 */
#include "world.h"

#define PAGE	0x00c00000		/* linear: the fourth PDE, whose table is TABLE */
#define TABLE	(DIRECTORY + 0x8000)
#define FRAME	0x00400000		/* physical, of a 4 KiB page and of a 4 MiB one */

static void set_cr4(u32 bits)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(bits));
}

static void set_wp(int on)
{
	u32 cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = on ? cr0 | 0x10000 : cr0 & ~0x10000;
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
}

static const struct { const char *name; u8 bytes[8]; u32 eip; } accesses[] = {
	{ "read", { 0x8b, 0x03, 0xcc }, CODE_AT },
	{ "write", { 0x89, 0x03, 0xcc }, CODE_AT },
	{ "update", { 0x83, 0x03, 1, 0xcc }, CODE_AT },
	{ "fetch", { 0 }, PAGE + 0x10 },
};

static void one(u32 pde, u32 pte, u32 cr4, int wp, int user, u32 a)
{
	reset_world();
	set_cr4(cr4);
	paging(1);
	set_wp(wp);
	*pde_of(PAGE) = pde;
	write32(TABLE, pte);
	write8(FRAME + 0x10, 0xcc);
	invlpg(PAGE);
	if (user)
		ring3();
	else
		ring0();
	in.ebx = PAGE + 0x10;
	in.eip = accesses[a].eip;
	code(accesses[a].bytes, sizeof accesses[a].bytes);
	puts_log("pde ");
	hex_log(pde, 8);
	puts_log(" pte ");
	hex_log(pte, 8);
	puts_log(" cr4 ");
	hex_log(cr4, 2);
	puts_log(wp ? " wp" : "   ");
	puts_log(user ? " user " : " ring0 ");
	go(accesses[a].name);
	/* Whether a walk that fails below marks the PDE is the implementation's affair (SDM vol. 3, 4.8). */
	puts_log("entries ");
	puts_log(accesses[a].name);
	puts_log(": ");
	hex_log((ev.vector & 0xff) == 14 ? *pde_of(PAGE) & ~0x20 : *pde_of(PAGE), 8);
	puts_log(" ");
	hex_log(read32(TABLE), 8);
	puts_log("\n");
}

void cases(void)
{
	for (u32 cr4 = 0; cr4 < 4; cr4++)
		for (u32 bits = 0; bits < 128; bits++) {
			u32 pde = (bits & 7) | (bits & 64 ? FRAME | 0x80 : TABLE);
			u32 pte = FRAME | (bits >> 3 & 7) | (cr4 & 1 ? 0x100 : 0);
			/* In a large page the PTE's bits are others': one choice will do. */
			if (pde & 0x80 && (bits & 0x38) != 0x38)
				continue;
			for (u32 context = 0; context < 4; context++)
				for (u32 a = 0; a < 4; a++)
					one(pde, pte, (cr4 & 1 ? 0x80 : 0) | (cr4 & 2 ? 0x10 : 0), context & 1, context >> 1, a);
		}
}
