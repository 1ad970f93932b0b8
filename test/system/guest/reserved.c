/*
 * Bits 12 to 21 of an entry that maps 4 MiB: the PAT bit, bits 32-35 of the address (PSE-36), and a reserved one, for every
 * kind of access at both privileges; and PS without CR4.PSE. Where nothing answers (bits 13-16) what is read is the
 * board's affair, so that only writes are made; bits 17-20 are reserved with 36 bits of address, which QEMU has not.
 */
#include "world.h"

#define PAGE	0x00c00000		/* linear: the fourth PDE */
#define TABLE	(DIRECTORY + 0x8000)
#define FRAME	0x00400000

static const struct { const char *name; u8 bytes[8]; u32 eip; } accesses[] = {
	{ "read", { 0x8b, 0x03, 0xcc }, CODE_AT },
	{ "write", { 0x89, 0x03, 0xcc }, CODE_AT },
	{ "fetch", { 0 }, PAGE + 0x10 },
};

static void one(u32 pde, u32 cr4, int user, u32 a)
{
	reset_world();
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
	paging(1);
	*pde_of(PAGE) = pde;
	write32(FRAME + 0x10, 0xcccccccc);
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
	puts_log(user ? " user " : " ring0 ");
	go(accesses[a].name);
}

void cases(void)
{
	for (u32 bit = 12; bit < 22; bit = bit == 16 ? 21 : bit + 1)
		for (u32 rights = 0; rights < 8; rights++)
			for (u32 user = 0; user < 2; user++)
				for (u32 a = bit > 12 && bit < 21; a < (bit > 12 && bit < 21 ? 2 : 3); a++)
					one(FRAME | 0x80 | rights | 1 << bit, 0x10, user, a);
	for (u32 a = 0; a < 3; a++) {
		for (u32 at = 0; at < 4096; at += 4)
			write32(TABLE + at, FRAME | 7);
		one(TABLE | 0x80 | 7, 0, 0, a);
	}
}
