/*
 * INT 1Ah, AH = B1h: the real-mode PCI BIOS (PCI BIOS Specification 2.1) over configuration mechanism 1; bus 0 only.
 *
 * Left out: special cycles, IRQ routing options (the lines are wired), the 32-bit entry.
 */
#include "bios.h"

void pci_service(struct frame *f);

#define ADDRESS 0xcf8
#define DATA 0xcfc
#define ENABLE 0x80000000u

#define NOT_SUPPORTED 0x81
#define BAD_VENDOR 0x83
#define NOT_FOUND 0x86
#define BAD_REGISTER 0x87

static void select(u16 place, u16 at) { outl(ADDRESS, ENABLE | (u32)place << 8 | (at & 0xfc)); }

static u32 read32(u16 place, u16 at)
{
	select(place, at);
	return inl(DATA);
}

/* The SI-th function of which `mask` bits of dword `at` are `wanted`: its bus, device and function to BX. */
static void find(struct frame *f, u8 at, u8 shift, u32 wanted)
{
	u16 left = f->esi;

	for (u16 place = 0; place < 0x100; place++) {
		u32 id = read32(place, 0);

		if ((u16)id == 0xffff) {
			if ((place & 7) == 0)
				place += 7; /* no function 0, no device */
			continue;
		}
		if (read32(place, at) >> shift == wanted && left-- == 0) {
			set_word(&f->ebx, place);
			set_status(f, 0);
			return;
		}
		if ((place & 7) == 0 && !(read32(place, 0x0c) & 0x00800000))
			place += 7;
	}
	set_status(f, NOT_FOUND);
}

static void access(struct frame *f)
{
	u16 place = f->ebx, at = f->edi;
	u8 function = al(f), size = 1 << ((function - 0x08) % 3);

	if (at > 0xff || at & (size - 1)) {
		set_status(f, BAD_REGISTER);
		return;
	}
	select(place, at);
	switch (function) {
	case 0x08: set_low(&f->ecx, inb(DATA + (at & 3))); break;
	case 0x09: set_word(&f->ecx, inw(DATA + (at & 2))); break;
	case 0x0a: f->ecx = inl(DATA); break;
	case 0x0b: outb(DATA + (at & 3), f->ecx); break;
	case 0x0c: outw(DATA + (at & 2), f->ecx); break;
	case 0x0d: outl(DATA, f->ecx); break;
	}
	set_status(f, 0);
}

void pci_service(struct frame *f)
{
	u8 function = al(f);

	if (function == 0x01) {
		if ((u16)read32(0, 0) == 0xffff) {
			set_status(f, NOT_SUPPORTED);
			return;
		}
		set_low(&f->eax, 0x01); /* mechanism 1 */
		set_word(&f->ebx, 0x0210);
		set_low(&f->ecx, 0); /* the last bus */
		f->edx = 0x20494350; /* "PCI " */
		set_status(f, 0);
	} else if (function == 0x02) {
		if ((u16)f->edx == 0xffff)
			set_status(f, BAD_VENDOR);
		else
			find(f, 0, 0, (u32)(u16)f->ecx << 16 | (u16)f->edx);
	} else if (function == 0x03) {
		find(f, 8, 8, f->ecx & 0xffffff);
	} else if (function >= 0x08 && function <= 0x0d) {
		access(f);
	} else {
		set_status(f, NOT_SUPPORTED);
	}
}
