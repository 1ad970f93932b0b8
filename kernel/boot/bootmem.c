/*
 * Physical memory before there are page structures: a list of ranges in use. Allocation takes the lowest
 * gap, so it is the same on every boot of the same image.
 */
#include <asm/memlayout.h>
#include <kernel/boot.h>
#include <linux/kernel.h>

#define MAX_RANGES (MAX_BOOT_MODULES + 16)
#define LOW_MEMORY 0x100000u /* BIOS, video, option ROMs: never ours */

static struct {
  u32 start, end;
} ranges[MAX_RANGES] = { { 0, LOW_MEMORY } };
static u32 range_count = 1;

void boot_reserve(u32 start, u32 end) {
  BUG_ON(range_count == MAX_RANGES);
  ranges[range_count].start = start;
  ranges[range_count++].end = end;
}

/* End of a reserved range that overlaps, 0 if there is none. */
static u32 overlap(u32 start, u32 end) {
  for (u32 i = 0; i < range_count; i++)
    if (start < ranges[i].end && ranges[i].start < end) return ranges[i].end;
  return 0;
}

bool boot_reserved(u32 page) {
  return overlap(page, page + PAGE_SIZE) != 0;
}

u32 boot_alloc(u32 size, u32 align) {
  u32 start = ALIGN(LOW_MEMORY, align);
  for (;;) {
    if (start > ram_end || size > ram_end - start)
      panic("%u MiB of memory are too small: nothing is left for %u KiB", ram_end >> 20, size >> 10);
    u32 end = overlap(start, start + size);
    if (!end) break;
    start = ALIGN(end, align);
  }
  boot_reserve(start, start + size);
  return start;
}
