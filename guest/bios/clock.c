/*
 * Time: the interval timer's 18.2 ticks a second (IRQ 0), the real-time clock (IRQ 8), INT 1Ah and the waits of
 * INT 15h. Counter 0 runs in mode 2, so that its value tells how far a tick has gone.
 */
#include "bios.h"

void irq0(struct frame *f);
void irq8(struct frame *f);
void int1a(struct frame *f);
void pci_service(struct frame *f);

#define PIT_HZ 1193182u
#define TICKS_A_DAY 0x1800b0u
#define RTC_A 0x0a
#define RTC_B 0x0b
#define RTC_C 0x0c
#define B_SET 0x80
#define B_PERIODIC 0x40
#define B_ALARM 0x20
#define REFRESHES 66u /* a millisecond: bit 4 of port 61h changes every 15.085 microseconds, whatever counter 0 does */
#define RTC_PERIOD 976u /* microseconds between ticks at 1024 Hz */

static u8 from_bcd(u8 v) { return (v >> 4) * 10 + (v & 15); }

/* Sets the tick count to the time of day that the RTC has. */
void clock_init(void)
{
	outb(0x43, 0x34);
	outb(0x40, 0);
	outb(0x40, 0);
	outb(0x43, 0x54); /* counter 1: refresh */
	outb(0x41, 0x12);
	cmos_write(RTC_A, 0x26);
	cmos_write(RTC_B, 0x02);
	cmos_read(RTC_C);
	u32 seconds = (from_bcd(cmos_read(4)) * 60u + from_bcd(cmos_read(2))) * 60u + from_bcd(cmos_read(0));

	/* 1193182 / 65536 = 18.2065 ticks a second, without overflow. */
	poke32(BDA, BDA_TICKS, seconds * 18 + seconds * 2065 / 10000);
}

static u16 pit_count(void)
{
	outb(0x43, 0);
	u16 low = inb(0x40);

	return low | inb(0x40) << 8;
}

void wait_microseconds(u32 us)
{
	/* Seconds apart, so that the product keeps below 32 bits. */
	u32 left = us / 1000000 * PIT_HZ + us % 1000000 / 1000 * (PIT_HZ / 1000) + us % 1000 * 1193 / 1000 + 1;
	u16 last = pit_count();

	for (;;) {
		u16 now = pit_count();
		u16 passed = last - now;

		if (passed >= left)
			return;
		left -= passed;
		last = now;
	}
}

static u8 refresh(void) { return inb(0x61) >> 4 & 1; }

u32 time_limit(u32 ms) { return (ms * REFRESHES + 1) << 1 | refresh(); }

u32 time_left(u32 limit)
{
	if ((limit & 1) == refresh())
		return limit;
	limit = (limit - 2) ^ 1;
	return limit < 2 ? 0 : limit;
}

void irq0(struct frame *f)
{
	(void)f;
	u32 ticks = peek32(BDA, BDA_TICKS) + 1;

	if (ticks >= TICKS_A_DAY) {
		ticks = 0;
		poke8(BDA, BDA_MIDNIGHT, 1);
	}
	poke32(BDA, BDA_TICKS, ticks);
	call_interrupt(0x1c);
	cli();
	outb(0x20, 0x20);
}

static void stop_wait(void)
{
	cmos_write(RTC_B, cmos_read(RTC_B) & ~B_PERIODIC);
	poke8(BDA, BDA_WAIT_ACTIVE, 0);
}

void irq8(struct frame *f)
{
	(void)f;
	u8 why = cmos_read(RTC_C) & cmos_read(RTC_B);

	if (why & B_PERIODIC && peek8(BDA, BDA_WAIT_ACTIVE) & 1) {
		u32 left = peek32(BDA, BDA_WAIT_COUNT);

		if (left > RTC_PERIOD) {
			poke32(BDA, BDA_WAIT_COUNT, left - RTC_PERIOD);
		} else {
			u16 off = peek16(BDA, BDA_WAIT_POINTER), seg = peek16(BDA, BDA_WAIT_POINTER + 2);

			stop_wait();
			poke8(seg, off, peek8(seg, off) | 0x80);
		}
	}
	if (why & B_ALARM)
		call_interrupt(0x4a);
	cli();
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

/* INT 15h, AH = 83h: sets bit 7 of ES:BX after CX:DX microseconds; AL = 1 cancels. */
void event_wait(struct frame *f)
{
	if (al(f) == 1) {
		stop_wait();
		set_status(f, 0);
		return;
	}
	if (al(f) != 0 || peek8(BDA, BDA_WAIT_ACTIVE) & 1) {
		set_carry(f, 1);
		return;
	}
	poke16(BDA, BDA_WAIT_POINTER, f->ebx);
	poke16(BDA, BDA_WAIT_POINTER + 2, f->es);
	poke32(BDA, BDA_WAIT_COUNT, (u32)(u16)f->ecx << 16 | (u16)f->edx);
	poke8(BDA, BDA_WAIT_ACTIVE, 1);
	cmos_write(RTC_B, cmos_read(RTC_B) | B_PERIODIC);
	set_status(f, 0);
}

/* Waits until the time may be read; false when the RTC does not run. */
static int rtc_ready(void)
{
	for (u32 tries = 0; tries < 100000; tries++)
		if (!(cmos_read(RTC_A) & 0x80))
			return 1;
	return 0;
}

static void rtc_set(u8 at, u8 value) { cmos_write(at, value); }

static void rtc_time(struct frame *f)
{
	set_high(&f->ecx, cmos_read(4));
	set_low(&f->ecx, cmos_read(2));
	set_high(&f->edx, cmos_read(0));
	set_low(&f->edx, cmos_read(RTC_B) & 1);
	set_low(&f->eax, ch(f));
	set_status(f, 0);
}

static void rtc_date(struct frame *f)
{
	set_high(&f->ecx, cmos_read(0x32));
	set_low(&f->ecx, cmos_read(9));
	set_high(&f->edx, cmos_read(8));
	set_low(&f->edx, cmos_read(7));
	set_low(&f->eax, ch(f));
	set_status(f, 0);
}

static void rtc_set_time(struct frame *f)
{
	u8 b = cmos_read(RTC_B) & 0x60;

	rtc_set(RTC_B, b | B_SET | 2);
	rtc_set(0, dh(f));
	rtc_set(2, cl(f));
	rtc_set(4, ch(f));
	rtc_set(RTC_B, b | 2 | (dl(f) & 1));
	set_status(f, 0);
}

static void rtc_set_date(struct frame *f)
{
	u8 b = cmos_read(RTC_B);

	rtc_set(RTC_B, b | B_SET);
	rtc_set(7, dl(f));
	rtc_set(8, dh(f));
	rtc_set(9, cl(f));
	rtc_set(0x32, ch(f));
	rtc_set(RTC_B, b & ~B_SET);
	set_status(f, 0);
}

static void rtc_set_alarm(struct frame *f)
{
	u8 b = cmos_read(RTC_B);

	if (b & B_ALARM) {
		set_carry(f, 1);
		return;
	}
	rtc_set(1, dh(f));
	rtc_set(3, cl(f));
	rtc_set(5, ch(f));
	outb(0xa1, inb(0xa1) & ~1);
	rtc_set(RTC_B, b | B_ALARM);
	set_status(f, 0);
}

void int1a(struct frame *f)
{
	if (ah(f) == 0xb1) {
		pci_service(f);
		return;
	}
	if (ah(f) >= 2 && ah(f) <= 6 && !rtc_ready()) {
		set_carry(f, 1);
		return;
	}
	switch (ah(f)) {
	case 0x00:
		set_word(&f->ecx, peek16(BDA, BDA_TICKS + 2));
		set_word(&f->edx, peek16(BDA, BDA_TICKS));
		set_low(&f->eax, peek8(BDA, BDA_MIDNIGHT));
		poke8(BDA, BDA_MIDNIGHT, 0);
		set_status(f, 0);
		break;
	case 0x01:
		poke16(BDA, BDA_TICKS, f->edx);
		poke16(BDA, BDA_TICKS + 2, f->ecx);
		poke8(BDA, BDA_MIDNIGHT, 0);
		set_status(f, 0);
		break;
	case 0x02: rtc_time(f); break;
	case 0x03: rtc_set_time(f); break;
	case 0x04: rtc_date(f); break;
	case 0x05: rtc_set_date(f); break;
	case 0x06: rtc_set_alarm(f); break;
	case 0x07:
		rtc_set(RTC_B, cmos_read(RTC_B) & ~B_ALARM);
		set_status(f, 0);
		break;
	default:
		set_carry(f, 1);
	}
}
