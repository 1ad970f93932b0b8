/*
 * Power-on self test, as far as a machine that cannot be broken needs one: puts the chips into the state that a PC/AT's
 * BIOS leaves them in, fills the interrupt vectors and the BIOS data area, looks for disks and option ROMs.
 *
 * PCI functions come with their BARs and interrupt lines assigned. Left out: memory test, setup, diskettes, printers,
 * PS/2 mouse, PnP and SMBIOS.
 */
#include "bios.h"

extern char entry_iret[], entry_eoi[], entry_eoi_slave[], entry_divide[], entry_opcode[];
extern char entry_10[], entry_11[], entry_12[], entry_13[], entry_14[], entry_15[], entry_16[], entry_17[];
extern char entry_18[], entry_19[], entry_1a[];
extern char entry_irq0[], entry_irq1[], entry_irq8[], entry_irq13[], entry_irq14[];
extern char diskette_table[];
void call_rom(u16 segment);
void store_physical(u32 address, u32 value);
void post_main(void);
void divide_error(struct frame *f);
void invalid_opcode(struct frame *f);

static void post_code(u8 code) { outb(0x80, code); }

u8 cmos_read(u8 at)
{
	outb(0x70, at);
	return inb(0x71);
}

void cmos_write(u8 at, u8 value)
{
	outb(0x70, at);
	outb(0x71, value);
}

static u32 cmos_word(u8 at) { return cmos_read(at) | cmos_read(at + 1) << 8; }

u32 extended_memory(void)
{
	u32 high = cmos_word(0x34) << 16; /* above 16 MiB, in 64 KiB */

	return high ? high + (15 << 20) : cmos_word(0x30) << 10;
}

static void set_vector(u8 n, const void *entry)
{
	poke16(0, 4 * n, (u32)entry);
	poke16(0, 4 * n + 2, BIOS_SEGMENT);
}

static void vectors_init(void)
{
	static const struct { u8 n; const char *entry; } vectors[] = {
		{ 0x00, entry_divide }, { 0x06, entry_opcode },
		{ 0x08, entry_irq0 }, { 0x09, entry_irq1 }, { 0x10, entry_10 }, { 0x11, entry_11 },
		{ 0x12, entry_12 }, { 0x13, entry_13 }, { 0x14, entry_14 }, { 0x15, entry_15 },
		{ 0x16, entry_16 }, { 0x17, entry_17 }, { 0x18, entry_18 }, { 0x19, entry_19 },
		{ 0x1a, entry_1a }, { 0x1e, diskette_table }, { 0x40, entry_13 },
		{ 0x70, entry_irq8 }, { 0x75, entry_irq13 }, { 0x76, entry_irq14 }, { 0x77, entry_irq14 },
	};

	for (u32 n = 0; n < 0x100; n++)
		if (n < 0x60 || n > 0x6f)
			set_vector(n, entry_iret);
	for (u8 n = 0x60; n < 0x68; n++) { /* for programs: no handler */
		poke16(0, 4 * n, 0);
		poke16(0, 4 * n + 2, 0);
	}
	for (u8 n = 0x0a; n < 0x10; n++)
		set_vector(n, entry_eoi);
	for (u8 n = 0x71; n < 0x78; n++)
		set_vector(n, entry_eoi_slave);
	for (u32 i = 0; i < sizeof vectors / sizeof *vectors; i++)
		set_vector(vectors[i].n, vectors[i].entry);
	static const u8 pointers[] = { 0x1d, 0x1f, 0x41, 0x43, 0x46 }; /* tables: there is none until someone has one */

	for (u32 i = 0; i < sizeof pointers; i++) {
		poke16(0, 4 * pointers[i], 0);
		poke16(0, 4 * pointers[i] + 2, 0);
	}
}

static void data_area_init(void)
{
	for (u16 at = 0; at < 0x100; at += 2)
		if (at != BDA_RESET_FLAG)
			poke16(BDA, at, 0);
	poke16(BDA, BDA_EBDA, EBDA_SEGMENT);
	poke16(BDA, BDA_EQUIPMENT, 0x0022); /* coprocessor, 80 columns in colour */
	poke16(BDA, BDA_MEMORY, BASE_MEMORY_KIB);
}

static void pic_init(void)
{
	static const u8 words[][2] = {
		{ 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x08 }, { 0xa1, 0x70 },
		{ 0x21, 0x04 }, { 0xa1, 0x02 }, { 0x21, 0x01 }, { 0xa1, 0x01 },
		/* timer, keyboard, cascade; RTC, coprocessor, disks */
		{ 0x21, 0xf8 }, { 0xa1, 0x1e },
	};

	for (u32 i = 0; i < sizeof words / sizeof *words; i++)
		outb(words[i][0], words[i][1]);
}

/*
 * The I/O APIC's ID, as the MP table has it, and virtual wire mode: the 8259's INTR goes through the local APIC's
 * LINT0 (MultiProcessor Specification 1.4, 3.6.2.2).
 */
static void apic_init(void)
{
	u32 eax = 1, ebx, ecx, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	if (!(edx & 1 << 9))
		return;
	store_physical(0xfec00000, 0);
	store_physical(0xfec00010, 1 << 24);
	store_physical(0xfee000f0, 0x1ff); /* on; spurious vector FFh */
	store_physical(0xfee00350, 0x700); /* LINT0: ExtINT */
	store_physical(0xfee00360, 0x400); /* LINT1: NMI */
}

/* Option ROMs between C0000 and the BIOS: 55 AA, length in 512 bytes, a sum of 0. */
static void roms_init(void)
{
	for (u16 seg = 0xc000; seg < 0xf000; seg += 0x80) {
		u8 sum = 0;

		if (peek16(seg, 0) != 0xaa55)
			continue;
		u32 length = peek8(seg, 2) * 512u;

		for (u32 at = 0; at < length; at++)
			sum += peek8(seg + (at >> 4), at & 15);
		if (sum == 0)
			call_rom(seg);
	}
}

void post_main(void)
{
	post_code(0x01);
	outb(0x92, (inb(0x92) | 2) & ~1); /* A20 on */
	vectors_init();
	data_area_init();
	post_code(0x02);
	pic_init();
	apic_init();
	clock_init();
	post_code(0x03);
	video_init();
	keyboard_init();
	serial_init();
	sti();
	post_code(0x04);
	print("nooks86 BIOS\r\n");
	roms_init();
	print_number(BASE_MEMORY_KIB);
	print(" KiB conventional, ");
	print_number(extended_memory() >> 10);
	print(" KiB extended memory\r\n");
	post_code(0x05);
	disk_init();
	post_code(0x06);
	cli();
}

void panic(const char *message)
{
	print(message);
	for (;;)
		__asm__ volatile("cli\n\thlt");
}

/* Divide errors and invalid opcodes that nobody else handles: going on would only repeat them. */
static void exception(struct frame *f, const char *what)
{
	print(what);
	print(" at ");
	print_hex(f->cs);
	print(":");
	print_hex(f->ip);
	panic("\r\n");
}

void divide_error(struct frame *f) { exception(f, "Divide error"); }
void invalid_opcode(struct frame *f) { exception(f, "Invalid opcode"); }
