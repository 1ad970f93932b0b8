/*
 * Clocks: the 8254's channel 0 ticks HZ times a second (IRQ 0); channel 2 times the TSC once at boot, and the TSC
 * then serves short delays and the time of day. Without a TSC, channel 0's count serves.
 */
#include <asm/io.h>
#include <asm/irq.h>
#include <asm/system.h>
#include <kernel/traps.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/time.h>

#define PIT_HZ 1193182u
#define PIT_CH0 0x40
#define PIT_CH2 0x42
#define PIT_CMD 0x43
#define PIT_CH0_RATE 0x34     /* channel 0, low then high byte, mode 2 */
#define PIT_CH0_SQUARE 0x36   /* mode 3: the output falls in the middle of the tick */
#define PIT_CH0_LATCH 0x00
#define PIT_CH2_ONE_SHOT 0xB0 /* channel 2, low then high byte, mode 0 */
#define PORT_B 0x61           /* bit 0: gate of channel 2, bit 1: speaker, bit 5: output of channel 2 */
#define TICK_COUNT ((PIT_HZ + HZ / 2) / HZ)
#define CALIBRATE_COUNT TICK_COUNT /* 10 ms */
#define CALIBRATE_PATIENCE 10000000u
#define CPUID_TSC (1u << 4)

u32 tsc_khz;
u64 idle_cycles, idle_since;
static u64 boot_tsc;

static bool has_tsc(void) {
  u32 eax = 1, ebx, ecx, edx;
  __asm__ __volatile__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  return edx & CPUID_TSC;
}

/* TSC cycles while channel 2 counts CALIBRATE_COUNT down; 0 if it never ends. */
static u32 time_channel_2(void) {
  u32 patience = CALIBRATE_PATIENCE;
  outb((inb(PORT_B) & ~0x03) | 0x01, PORT_B);
  outb(PIT_CH2_ONE_SHOT, PIT_CMD);
  outb(CALIBRATE_COUNT & 0xFF, PIT_CH2);
  outb(CALIBRATE_COUNT >> 8, PIT_CH2);
  u64 start = rdtsc();
  while (!(inb(PORT_B) & 0x20) && --patience) continue;
  u32 cycles = (u32)(rdtsc() - start);
  outb(inb(PORT_B) & ~0x03, PORT_B);
  return patience ? cycles : 0;
}

static void timer_interrupt(int irq, void *dev_id, struct pt_regs *regs) {
  (void)irq, (void)dev_id;
  do_timer(regs);
}

static void set_clock(u8 mode) {
  outb(mode, PIT_CMD);
  outb(TICK_COUNT & 0xFF, PIT_CH0);
  outb(TICK_COUNT >> 8, PIT_CH0);
}

/* Delays by the PIT count in steps of one, which mode 3 does not. */
bool clock_square_wave(void) {
  if (tsc_khz) set_clock(PIT_CH0_SQUARE);
  return tsc_khz != 0;
}

void time_init(void) {
  if (has_tsc()) {
    u32 cycles = time_channel_2();
    tsc_khz = (u32)((u64)cycles * PIT_HZ / CALIBRATE_COUNT / 1000);
    boot_tsc = rdtsc();
  }
  set_clock(PIT_CH0_RATE);
  if (request_irq(IRQ_TIMER, timer_interrupt, SA_INTERRUPT, "timer", NULL)) panic("no timer interrupt");
}

/* ---- Delays ---- */

static u32 pit_count(void) {
  unsigned long flags;
  local_irq_save(flags);
  outb(PIT_CH0_LATCH, PIT_CMD);
  u32 count = inb(PIT_CH0);
  count |= (u32)inb(PIT_CH0) << 8;
  local_irq_restore(flags);
  return count;
}

static void delay_by_pit(u32 counts) {
  u32 last = pit_count(), passed = 0;
  while (passed < counts) {
    u32 now = pit_count();
    passed += now <= last ? last - now : last + TICK_COUNT - now;
    last = now;
  }
}

void udelay(unsigned long usecs) {
  if (!tsc_khz) {
    delay_by_pit((u32)((u64)usecs * PIT_HZ / 1000000) + 1);
    return;
  }
  u64 end = rdtsc() + (u64)usecs * tsc_khz / 1000;
  while ((s64)(rdtsc() - end) < 0) cpu_relax();
}

void mdelay(unsigned long msecs) {
  while (msecs--) udelay(1000);
}

void do_gettimeofday(struct timeval *tv) {
  u64 usecs = tsc_khz ? (rdtsc() - boot_tsc) * 1000 / tsc_khz : (u64)jiffies * (1000000 / HZ);
  tv->tv_sec = (long)(usecs / 1000000);
  tv->tv_usec = (long)(usecs % 1000000);
}

EXPORT_SYMBOL(udelay);
EXPORT_SYMBOL(mdelay);
EXPORT_SYMBOL(do_gettimeofday);
