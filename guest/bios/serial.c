/* INT 14h: the serial ports that POST found (COM1 to COM4), polled. */
#include "bios.h"

void int14(struct frame *f);

#define RATE 1 /* offsets of a 16550's registers; with DLAB the divisor */
#define LINE_CONTROL 3
#define MODEM_CONTROL 4
#define LINE_STATUS 5
#define MODEM_STATUS 6
#define DLAB 0x80
#define READY 0x01
#define EMPTY 0x20
#define TIMED_OUT 0x80
#define ANSWER_MS 500u

void serial_init(void)
{
	static const u16 candidates[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	u8 found = 0;

	for (u8 n = 0; n < 4; n++) {
		u16 port = candidates[n];

		outb(port + 1, 0x02); /* the interrupt enable register keeps what is written */
		if (inb(port + 1) != 0x02)
			continue;
		outb(port + 1, 0);
		poke16(BDA, BDA_COM + 2 * found, port);
		poke8(BDA, BDA_SERIAL_TIMEOUT + found, 10);
		found++;
	}
	poke16(BDA, BDA_EQUIPMENT, (peek16(BDA, BDA_EQUIPMENT) & ~0x0e00) | found << 9);
}

static int wait_for(u16 port, u8 bit)
{
	for (u32 t = time_limit(ANSWER_MS); t; t = time_left(t))
		if (inb(port + LINE_STATUS) & bit)
			return 1;
	return 0;
}

static void set_line(u16 port, u8 parameters)
{
	static const u16 divisors[] = { 1047, 768, 384, 192, 96, 48, 24, 12 }; /* 110 to 9600 baud */
	u16 divisor = divisors[parameters >> 5];

	outb(port + LINE_CONTROL, DLAB);
	outb(port, divisor);
	outb(port + RATE, divisor >> 8);
	outb(port + LINE_CONTROL, parameters & 0x1f);
	outb(port + MODEM_CONTROL, 0x03);
}

void int14(struct frame *f)
{
	u16 n = f->edx, port = n < 4 ? peek16(BDA, BDA_COM + 2 * n) : 0;

	sti();
	if (!port) {
		set_high(&f->eax, TIMED_OUT);
		return;
	}
	switch (ah(f)) {
	case 0x00:
		set_line(port, al(f));
		break;
	case 0x01:
		if (!wait_for(port, EMPTY)) {
			set_high(&f->eax, inb(port + LINE_STATUS) | TIMED_OUT);
			return;
		}
		outb(port, al(f));
		set_high(&f->eax, inb(port + LINE_STATUS) & ~TIMED_OUT);
		return;
	case 0x02:
		if (!wait_for(port, READY)) {
			set_high(&f->eax, TIMED_OUT);
			return;
		}
		set_high(&f->eax, inb(port + LINE_STATUS) & 0x1e);
		set_low(&f->eax, inb(port));
		return;
	case 0x03:
		break;
	default:
		return;
	}
	set_high(&f->eax, inb(port + LINE_STATUS));
	set_low(&f->eax, inb(port + MODEM_STATUS));
}
