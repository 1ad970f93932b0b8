/*
 * A source of non-maskable interrupts for a watchdog: the clock's own output through pin 2 of the I/O APIC (Intel
 * 82093AA, data sheet 290566) in NMI delivery mode, or the MC146818's periodic interrupt through pin 8 for periods
 * that divide no clock tick.
 *
 * The clock costs least, for nothing of it must be acknowledged: in mode 3 its output rises at the tick and falls in
 * the middle, and the pin's polarity is turned over at each NMI, so that both edges count. QEMU's I/O APIC knows no
 * polarity: there only the tick itself brings an NMI. The I/O APIC is at its architectural address or there is none.
 */
#include <asm/io.h>
#include <kernel/nmi.h>
#include <kernel/traps.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#define IO_APIC 0xFEC00000u
#define IOREGSEL 0x00
#define IOWIN 0x10
#define VERSION 1
#define REDIRECTION 0x10 /* two registers a pin */
#define DELIVER_NMI (4u << 8)
#define ACTIVE_LOW (1u << 13)
#define EVERYBODY (0xFFu << 24) /* physical destination: one processor */
#define PIN_CLOCK 2
#define PIN_RTC 8
#define CPUID_APIC (1u << 9)

#define RTC_INDEX 0x70
#define RTC_DATA 0x71
#define RTC_A 0x0A
#define RTC_B 0x0B
#define RTC_C 0x0C
#define RTC_A_DIVIDER 0x20 /* 32.768 kHz */
#define RTC_B_PERIODIC 0x40
#define RTC_FASTEST 6 /* 1024 Hz, 976 microseconds; each step doubles the period */
#define RTC_SLOWEST 9

static u8 *apic;
static u32 pin, entry;
static u8 rtc_rate;     /* 0: the clock is the source */
static bool both_edges; /* of it */

static u32 apic_read(u32 reg) {
  writel(reg, apic + IOREGSEL);
  return readl(apic + IOWIN);
}

static void apic_write(u32 reg, u32 value) {
  writel(reg, apic + IOREGSEL);
  writel(value, apic + IOWIN);
}

static bool find_apic(void) {
  u32 eax = 1, ebx, ecx, edx;
  __asm__ __volatile__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  if (!(edx & CPUID_APIC)) return false;
  if (!apic) apic = ioremap(IO_APIC, 0x20);
  if (!apic) return false;
  u32 version = apic_read(VERSION);
  return (version >> 16 & 0xFF) >= PIN_RTC && (version >> 16 & 0xFF) < 0xF0;
}

static void start_rtc(void) {
  outb(RTC_A, RTC_INDEX);
  outb(RTC_A_DIVIDER | rtc_rate, RTC_DATA);
  outb(RTC_B, RTC_INDEX);
  outb((u8)(inb(RTC_DATA) | RTC_B_PERIODIC), RTC_DATA);
  outb(RTC_C, RTC_INDEX); /* and there the index stays */
  inb(RTC_DATA);
}

/* The low dword's register stays selected, so turning over is one write. */
void nmi_arm(void) {
  if (rtc_rate) start_rtc();
  apic_write(REDIRECTION + 2 * pin + 1, EVERYBODY);
  apic_write(REDIRECTION + 2 * pin, entry);
}

static u32 use_clock(u32 us) {
  pin = PIN_CLOCK;
  entry = DELIVER_NMI;
  if (us >= 1000000 / HZ || !clock_square_wave()) return 1000000 / HZ;
  return 500000 / HZ;
}

static u32 use_rtc(u32 us) {
  rtc_rate = RTC_FASTEST;
  while (rtc_rate < RTC_SLOWEST && (976u << (rtc_rate + 1 - RTC_FASTEST)) <= us) rtc_rate++;
  pin = PIN_RTC;
  entry = DELIVER_NMI;
  return 976u << (rtc_rate - RTC_FASTEST);
}

u32 nmi_start(u32 us) {
  if (!find_apic()) return 0;
  u32 period = us >= 500000 / HZ ? use_clock(us) : use_rtc(us);
  both_edges = pin == PIN_CLOCK && period < 1000000 / HZ;
  nmi_arm();
  return period;
}

void nmi_acknowledge(void) {
  if (both_edges) {
    entry ^= ACTIVE_LOW;
    writel(entry, apic + IOWIN);
  } else if (rtc_rate) {
    inb(RTC_DATA);
  }
}
