/*
 * INT 13h: ATA disks by PIO (ATA/ATAPI-5; Phoenix Enhanced Disk Drive Specification 3.0), up to four on the two
 * legacy channels. Disks of more than 1024 cylinders get the usual LBA-assisted geometry.
 *
 * Left out: diskettes and CD-ROMs, DMA, disks beyond 2^32 sectors, removable media.
 */
#include "bios.h"

void int13(struct frame *f);
void irq14(struct frame *f);

#define DISKS 4
#define BUFFER_SEGMENT 0x7c0 /* for IDENTIFY during POST: where boot sectors go */

/* Offsets from a channel's base. */
#define DATA 0
#define ERROR 1
#define COUNT 2
#define LBA_LOW 3
#define LBA_MIDDLE 4
#define LBA_HIGH 5
#define DEVICE 6
#define STATUS 7
#define COMMAND 7
#define CONTROL 0x206
#define BUSY 0x80
#define READY 0x40
#define FAULT 0x20
#define REQUEST 0x08
#define FAILED 0x01
#define NO_INTERRUPT 0x02

#define READ 0x20
#define WRITE 0x30
#define VERIFY 0x40
#define EXTENDED 0x04 /* READ EXT is 24h, WRITE EXT 34h; VERIFY EXT 42h is unlike them */
#define VERIFY_EXT 0x42
#define IDENTIFY 0xec
#define LBA28_END 0x10000000u
#define ANSWER_MS 5000u

/* Statuses of INT 13h. */
#define OK 0x00
#define BAD_PARAMETER 0x01
#define NOT_FOUND 0x04
#define CONTROLLER 0x20
#define TIMEOUT 0x80

struct disk {
	u16 port;
	u8 slave;
	u8 heads; /* 1 to 255 */
	u8 sectors;
	u16 cylinders;
	u32 size; /* in sectors */
};

static struct disk disks[DISKS];
static u8 count;

static int wait_clear(u16 port, u8 bits)
{
	for (u32 t = time_limit(ANSWER_MS); t; t = time_left(t))
		if (!(inb(port + STATUS) & bits))
			return 1;
	return 0;
}

static u8 wait_data(u16 port)
{
	for (u32 t = time_limit(ANSWER_MS); t; t = time_left(t)) {
		u8 status = inb(port + STATUS);

		if (status & BUSY)
			continue;
		if (status & (FAILED | FAULT))
			return NOT_FOUND;
		if (status & REQUEST)
			return OK;
	}
	return TIMEOUT;
}

static void settle(u16 port)
{
	for (u8 n = 0; n < 4; n++)
		inb(port + CONTROL); /* the status is valid 400 ns after a command */
}

static void read_words(u16 port, u16 seg, u16 off)
{
	u32 edi = off, ecx = 256;

	__asm__ volatile("pushw %%es\n\tmovw %w3,%%es\n\trep insw\n\tpopw %%es"
			 : "+D"(edi), "+c"(ecx) : "d"(port), "a"(seg) : "memory");
}

static void write_words(u16 port, u16 seg, u16 off)
{
	u32 esi = off, ecx = 256;

	__asm__ volatile("pushw %%ds\n\tmovw %w3,%%ds\n\trep outsw\n\tpopw %%ds"
			 : "+S"(esi), "+c"(ecx) : "d"(port), "a"(seg) : "memory");
}

/* `command` (READ, WRITE or VERIFY) on 1 to 128 sectors from `lba` on; counts those done. */
static u8 transfer(const struct disk *d, u8 command, u32 lba, u8 sectors, u16 seg, u16 off, u8 *done)
{
	u16 port = d->port;
	u8 select = 0xe0 | d->slave << 4, opcode = command, status;

	if (!wait_clear(port, BUSY))
		return TIMEOUT;
	outb(port + CONTROL, 0x08 | NO_INTERRUPT);
	outb(port + DEVICE, select);
	settle(port);
	if (!wait_clear(port, BUSY | REQUEST))
		return TIMEOUT;
	if (lba + sectors > LBA28_END) {
		opcode = command == VERIFY ? VERIFY_EXT : command | EXTENDED;
		outb(port + COUNT, 0);
		outb(port + LBA_LOW, lba >> 24);
		outb(port + LBA_MIDDLE, 0);
		outb(port + LBA_HIGH, 0);
	} else {
		select |= lba >> 24 & 15;
	}
	outb(port + COUNT, sectors);
	outb(port + LBA_LOW, lba);
	outb(port + LBA_MIDDLE, lba >> 8);
	outb(port + LBA_HIGH, lba >> 16);
	outb(port + DEVICE, select);
	outb(port + COMMAND, opcode);
	settle(port);
	for (u8 n = 0; n < sectors && command != VERIFY; n++, off += 512) {
		if ((status = wait_data(port)) != OK)
			return status;
		seg += off >> 4;
		off &= 15;
		if (command == READ)
			read_words(port + DATA, seg, off);
		else
			write_words(port + DATA, seg, off);
		(*done)++;
		settle(port);
	}
	status = wait_clear(port, BUSY) ? OK : TIMEOUT;
	if (status == OK && inb(port + STATUS) & (FAILED | FAULT))
		status = command == VERIFY ? NOT_FOUND : CONTROLLER;
	if (status == OK && command == VERIFY)
		*done = sectors;
	outb(port + CONTROL, 0x08);
	return status;
}

/* The whole request of a call, 128 sectors at a time; counts the sectors done. */
static u8 access(const struct disk *d, u8 command, u32 lba, u16 sectors, u16 seg, u16 off, u16 *done)
{
	*done = 0;
	while (sectors > 0) {
		u8 part = sectors > 128 ? 128 : sectors, moved = 0;
		u8 status = transfer(d, command, lba, part, seg, off, &moved);

		*done += moved;
		if (status != OK)
			return status;
		lba += part;
		seg += part * 32;
		sectors -= part;
	}
	return OK;
}

/* BIOS geometry: the disk's own when cylinders fit into ten bits, else more heads (Phoenix's LBA assist). */
static void choose_geometry(struct disk *d, u16 cylinders, u16 heads, u16 sectors)
{
	if (cylinders == 0 || cylinders > 1024 || heads == 0 || heads > 16 || sectors == 0 || sectors > 63) {
		sectors = 63;
		heads = 16;
		while (heads < 128 && d->size / (heads * 63u) > 1024)
			heads *= 2;
		if (d->size / (heads * 63u) > 1024)
			heads = 255;
		u32 all = d->size / (heads * 63u);

		cylinders = all > 1024 ? 1024 : all == 0 ? 1 : all;
	}
	d->cylinders = cylinders;
	d->heads = heads;
	d->sectors = sectors;
}

static void identify(u16 port, u8 slave)
{
	struct disk *d = &disks[count];
	u8 select = 0xa0 | slave << 4;

	if (inb(port + STATUS) == 0xff)
		return;
	outb(port + CONTROL, 0x08 | NO_INTERRUPT);
	outb(port + DEVICE, select);
	settle(port);
	u8 status = inb(port + STATUS);

	if (status == 0xff || status == 0 || !wait_clear(port, BUSY) || inb(port + DEVICE) != select)
		return;
	outb(port + COUNT, 0x55);
	outb(port + LBA_LOW, 0xaa);
	if (inb(port + COUNT) != 0x55 || inb(port + LBA_LOW) != 0xaa)
		return;
	outb(port + COMMAND, IDENTIFY);
	settle(port);
	if (wait_data(port) != OK)
		return; /* a packet device, or none */
	read_words(port + DATA, BUFFER_SEGMENT, 0);
	outb(port + CONTROL, 0x08);
	d->port = port;
	d->slave = slave;
	d->size = peek32(BUFFER_SEGMENT, 2 * 60);
	if (peek16(BUFFER_SEGMENT, 2 * 83) & 0x0400) /* 48-bit addresses */
		d->size = peek32(BUFFER_SEGMENT, 2 * 102) ? 0xffffffff : peek32(BUFFER_SEGMENT, 2 * 100);
	if (d->size == 0)
		return;
	choose_geometry(d, peek16(BUFFER_SEGMENT, 2), peek16(BUFFER_SEGMENT, 6), peek16(BUFFER_SEGMENT, 12));
	print("disk ");
	print_number(count);
	print(": ");
	print_number(d->size);
	print(" sectors\r\n");
	count++;
}

void disk_init(void)
{
	for (u8 n = 0; n < DISKS; n++)
		identify(n < 2 ? 0x1f0 : 0x170, n & 1);
	poke8(BDA, BDA_DISKS, count);
}

u8 disk_read_first(u8 n, u16 seg)
{
	u16 done;

	return n < count ? access(&disks[n], READ, 0, 1, seg, 0, &done) : TIMEOUT;
}

void irq14(struct frame *f)
{
	(void)f;
	inb(0x1f7);
	poke8(BDA, BDA_DISK_DONE, 0xff);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

static void finish(struct frame *f, u8 status)
{
	poke8(BDA, BDA_DISK_STATUS, status);
	set_status(f, status);
}

/* AH = 02h to 04h: AL sectors at cylinder, head and sector CH, CL, DH. */
static void chs_access(struct frame *f, const struct disk *d, u8 command)
{
	u16 cylinder = ch(f) | (cl(f) & 0xc0) << 2, done = 0;
	u8 sector = cl(f) & 63, head = dh(f), sectors = al(f);

	if (sectors == 0 || sectors > 128 || sector == 0 || sector > d->sectors || head >= d->heads ||
	    cylinder >= d->cylinders) {
		set_low(&f->eax, 0);
		finish(f, BAD_PARAMETER);
		return;
	}
	u32 lba = ((u32)cylinder * d->heads + head) * d->sectors + sector - 1;
	u8 status = lba + sectors > d->size ? NOT_FOUND : access(d, command, lba, sectors, f->es, f->ebx, &done);

	set_low(&f->eax, done);
	finish(f, status);
}

static void parameters(struct frame *f, const struct disk *d)
{
	u16 last = d->cylinders - 1;

	set_low(&f->eax, 0);
	set_low(&f->ebx, 0);
	set_word(&f->ecx, (u8)last << 8 | (last >> 2 & 0xc0) | d->sectors);
	set_word(&f->edx, (d->heads - 1) << 8 | count);
	finish(f, OK);
}

/* AH = 42h to 44h, 47h: DS:SI is a disk address packet; its count is set to what was done. */
static void packet_access(struct frame *f, const struct disk *d, u8 command)
{
	u16 si = f->esi, sectors = peek16(f->ds, si + 2), done = 0;
	u32 lba = peek32(f->ds, si + 8);

	if (peek8(f->ds, si) < 16 || (command != VERIFY && sectors > 127)) {
		finish(f, BAD_PARAMETER);
		return;
	}
	if (peek32(f->ds, si + 12) != 0 || lba >= d->size || sectors > d->size - lba) {
		finish(f, BAD_PARAMETER);
		return;
	}
	u8 status = command ? access(d, command, lba, sectors, peek16(f->ds, si + 6), peek16(f->ds, si + 4), &done) : OK;

	if (command)
		poke16(f->ds, si + 2, done);
	finish(f, status);
}

/* AH = 48h: the drive parameters of EDD 1, 26 bytes. */
static void packet_parameters(struct frame *f, const struct disk *d)
{
	u16 si = f->esi;

	if (peek16(f->ds, si) < 26) {
		finish(f, BAD_PARAMETER);
		return;
	}
	poke16(f->ds, si, 26);
	poke16(f->ds, si + 2, 2); /* the geometry is valid */
	poke32(f->ds, si + 4, d->size / (d->heads * d->sectors));
	poke32(f->ds, si + 8, d->heads);
	poke32(f->ds, si + 12, d->sectors);
	poke32(f->ds, si + 16, d->size);
	poke32(f->ds, si + 20, 0);
	poke16(f->ds, si + 24, 512);
	finish(f, OK);
}

void int13(struct frame *f)
{
	u8 n = dl(f) - 0x80;
	const struct disk *d = &disks[n & 3];

	sti();
	if (ah(f) == 0x01) {
		u8 last = peek8(BDA, BDA_DISK_STATUS);

		poke8(BDA, BDA_DISK_STATUS, 0);
		set_status(f, last);
		return;
	}
	if (n >= count) {
		if (ah(f) == 0x15)
			set_status(f, 0); /* AH = 0: no such drive */
		else if (ah(f) == 0x00 && dl(f) < 0x80)
			finish(f, OK);
		else
			finish(f, BAD_PARAMETER);
		return;
	}
	switch (ah(f)) {
	case 0x00:
	case 0x0d: /* reset */
	case 0x09:
	case 0x0c: /* seek */
	case 0x10:
	case 0x11:
	case 0x14: finish(f, OK); break;
	case 0x02: chs_access(f, d, READ); break;
	case 0x03: chs_access(f, d, WRITE); break;
	case 0x04: chs_access(f, d, VERIFY); break;
	case 0x08: parameters(f, d); break;
	case 0x15: /* a fixed disk of CX:DX sectors */
		finish(f, OK);
		set_high(&f->eax, 3);
		u32 all = (u32)d->cylinders * d->heads * d->sectors;

		set_word(&f->ecx, all >> 16);
		set_word(&f->edx, all);
		break;
	case 0x41:
		if ((u16)f->ebx != 0x55aa) {
			finish(f, BAD_PARAMETER);
			break;
		}
		finish(f, OK);
		set_word(&f->ebx, 0xaa55);
		set_high(&f->eax, 0x21); /* version 1.1 */
		set_word(&f->ecx, 0x0005); /* packets, and AH = 48h */
		break;
	case 0x42: packet_access(f, d, READ); break;
	case 0x43: packet_access(f, d, WRITE); break;
	case 0x44: packet_access(f, d, VERIFY); break;
	case 0x47: packet_access(f, d, 0); break;
	case 0x48: packet_parameters(f, d); break;
	default: finish(f, BAD_PARAMETER);
	}
}
