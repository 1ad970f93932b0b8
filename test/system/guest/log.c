/* The log goes to port 0xE9, byte by byte; port 0xF4 ends the run (and port 0x8900 does where 0xF4 does not). */
#include "world.h"

void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

void puts_log(const char *s)
{
	for (; *s; s++)
		outb(0xe9, *s);
}

void hex_log(u32 v, int digits)
{
	for (int shift = 4 * digits - 4; shift >= 0; shift -= 4)
		outb(0xe9, "0123456789abcdef"[v >> shift & 15]);
}

void finish(void)
{
	static const char shutdown[] = "Shutdown";

	puts_log("end\n");
	outb(0xf4, 0);
	for (const char *s = shutdown; *s; s++)
		outb(0x8900, *s);
	for (;;)
		__asm__ volatile("cli; hlt");
}
