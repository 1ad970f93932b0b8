/*
 * INT 15h: A20, memory maps, block moves, waits; INT 17h, 18h and 19h.
 *
 * Left out: APM (53h), the switch to protected mode (89h), PS/2 mouse (C2h), joystick: CF = 1 and AH = 86h.
 */
#include "bios.h"

void int15(struct frame *f);
void int17(struct frame *f);
void int18(struct frame *f);
void int19(struct frame *f);
void event_wait(struct frame *f);
void move_block(u32 segment, u32 offset, u32 words);
void boot_sector(u8 drive) __attribute__((noreturn));
extern char system_table[];

#define UNSUPPORTED 0x86
#define SYSTEM_CONTROL 0x92
#define SMAP 0x534d4150u

struct range {
	u32 base, length, type;
};

/* What the machine has besides RAM above 1 MiB, which is entry 3. */
#define RAM 1
#define RESERVED 2
static const struct range map[] = {
	{ 0, BASE_MEMORY_KIB << 10, RAM },
	{ BASE_MEMORY_KIB << 10, EBDA_KIB << 10, RESERVED },
	{ 0xf0000, 0x10000, RESERVED },
	{ 0x100000, 0, RAM },
	{ 0xfec00000, 0x1000, RESERVED }, /* I/O APIC */
	{ 0xfee00000, 0x1000, RESERVED }, /* local APIC */
	{ 0xffff0000, 0x10000, RESERVED },
};
#define RANGES (sizeof map / sizeof *map)
#define EXTENDED_RANGE 3

static void memory_map(struct frame *f)
{
	u32 n = f->ebx;
	u16 at = f->edi;

	if (f->edx != SMAP || n >= RANGES || f->ecx < 20) {
		set_status(f, UNSUPPORTED);
		return;
	}
	u32 length = n == EXTENDED_RANGE ? extended_memory() : map[n].length;

	poke32(f->es, at, map[n].base);
	poke32(f->es, at + 4, 0);
	poke32(f->es, at + 8, length);
	poke32(f->es, at + 12, 0);
	poke32(f->es, at + 16, map[n].type);
	f->eax = SMAP;
	f->ebx = n + 1 < RANGES ? n + 1 : 0;
	f->ecx = 20;
	set_carry(f, 0);
}

static void a20(struct frame *f)
{
	u8 control = inb(SYSTEM_CONTROL);

	switch (al(f)) {
	case 0: outb(SYSTEM_CONTROL, control & ~3); break;
	case 1: outb(SYSTEM_CONTROL, (control | 2) & ~1); break;
	case 2: set_low(&f->eax, control >> 1 & 1); break;
	case 3: set_word(&f->ebx, 3); break; /* by the keyboard controller and by port 92h */
	default:
		set_status(f, UNSUPPORTED);
		return;
	}
	set_status(f, 0);
}

static void sizes(struct frame *f)
{
	u32 kib = extended_memory() >> 10;
	u16 low = kib > 15 << 10 ? 15 << 10 : kib, high = kib > 15 << 10 ? (kib - (15 << 10)) >> 6 : 0;

	switch (al(f)) {
	case 0x01: /* KiB from 1 to 16 MiB, 64 KiB above */
		set_word(&f->eax, low);
		set_word(&f->ecx, low);
		set_word(&f->ebx, high);
		set_word(&f->edx, high);
		set_carry(f, 0);
		break;
	case 0x20: memory_map(f); break;
	default: set_status(f, UNSUPPORTED);
	}
}

static void block_move(struct frame *f)
{
	u8 control = inb(SYSTEM_CONTROL);

	if ((u16)f->ecx > 0x8000) {
		set_status(f, 2);
		return;
	}
	cli();
	outb(SYSTEM_CONTROL, (control | 2) & ~1);
	move_block(f->es, (u16)f->esi, (u16)f->ecx);
	outb(SYSTEM_CONTROL, control & ~1);
	set_status(f, 0);
	set_zero(f, 1);
}

void int15(struct frame *f)
{
	u32 kib;

	switch (ah(f)) {
	case 0x24: a20(f); break;
	case 0x4f: set_carry(f, 1); break; /* the key counts */
	case 0x83: event_wait(f); break;
	case 0x86:
		sti();
		wait_microseconds((u32)(u16)f->ecx << 16 | (u16)f->edx);
		set_status(f, 0);
		break;
	case 0x87: block_move(f); break;
	case 0x88:
		kib = extended_memory() >> 10;
		set_word(&f->eax, kib > 63 << 10 ? 63 << 10 : kib);
		set_carry(f, 0);
		break;
	case 0x90:
	case 0x91: set_status(f, 0); break; /* a device waits, or is done: nobody else runs */
	case 0xc0:
		f->es = BIOS_SEGMENT;
		set_word(&f->ebx, (u32)system_table);
		set_status(f, 0);
		break;
	case 0xc1:
		f->es = EBDA_SEGMENT;
		set_carry(f, 0);
		break;
	case 0xe8: sizes(f); break;
	default: set_status(f, UNSUPPORTED);
	}
}

/* No printers: time-out. */
void int17(struct frame *f) { set_high(&f->eax, 0x01); }

void int18(struct frame *f)
{
	(void)f;
	panic("No bootable device.\r\n");
}

void int19(struct frame *f)
{
	static const char *const reasons[] = { "no disk", "disk cannot be read", "no boot signature 55 AA" };
	u8 why = 0;

	(void)f;
	sti();
	if (peek8(BDA, BDA_DISKS) > 0) {
		why = disk_read_first(0, 0x7c0) ? 1 : 2;
		if (why == 2 && peek16(0x7c0, 510) == 0xaa55)
			boot_sector(0x80);
	}
	print("Boot: ");
	print(reasons[why]);
	print(". ");
	call_interrupt(0x18);
	panic("");
}
