/*
 * Drives the IDE controller through its commands and says what it saw, a line each, on COM1. It runs on any PC with
 * a PIIX3 and two disks on the primary channel. What ATA leaves to the drive is not printed: the count and address
 * registers after a transfer, IDNF or ABRT for a bad address, Status bits but BSY, DF, DRQ and ERR. Neither is where
 * QEMU leaves the standards: it shows no BSY while SRST is set and interrupts after it, takes sector 0 of a CHS
 * address for one, and ends a bus master's activity when the drive reports an error, though descriptors are left.
 *
 * Interrupts are off: INTRQ is seen as a request at the slave interrupt controller, and taken by polling it.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

static u8 inb(u16 port) {
  u8 v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static u16 inw(u16 port) {
  u16 v;
  __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static u32 inl(u16 port) {
  u32 v;
  __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
static void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static void insw(u16 port, void *to, u32 n) {
  __asm__ volatile("rep insw" : "+D"(to), "+c"(n) : "d"(port) : "memory");
}
static void insl(u16 port, void *to, u32 n) {
  __asm__ volatile("rep insl" : "+D"(to), "+c"(n) : "d"(port) : "memory");
}
static void outsw(u16 port, const void *from, u32 n) {
  __asm__ volatile("rep outsw" : "+S"(from), "+c"(n) : "d"(port) : "memory");
}
static void outsl(u16 port, const void *from, u32 n) {
  __asm__ volatile("rep outsl" : "+S"(from), "+c"(n) : "d"(port) : "memory");
}

/* ---- saying things ---- */

static void put(char c) {
  while (!(inb(0x3FD) & 0x20)) continue;
  outb(0x3F8, (u8)c);
}
static void say(const char *s) {
  while (*s) put(*s++);
}
static void hex(const char *name, u32 v) {
  int digits = 8;
  say(name);
  while (digits > 1 && !(v >> (4 * (digits - 1)))) digits--;
  while (digits--) put("0123456789abcdef"[(v >> (4 * digits)) & 15]);
}

/* ---- the controller ---- */

enum { DATA = 0x1F0, ERR = 0x1F1, COUNT, LOW, MID, HIGH, DEV, STATUS, CONTROL = 0x3F6 };
enum { BSY = 0x80, DF = 0x20, DRQ = 8, ERROR = 1, SHOWN = BSY | DF | DRQ | ERROR };

static u16 bm;       /* the bus master's ports */
static u8 unit;      /* 0 or 0x10 */
static u8 shown = 7; /* bits of the bus master's status */
static u32 buffer[32768];

static u32 sum(const void *from, u32 bytes) {
  const u8 *p = from;
  u32 s = 1;
  while (bytes--) s = s * 31 + *p++;
  return s;
}
static void fill(u32 seed, u32 bytes) {
  for (u32 i = 0; i < bytes / 4; i++) buffer[i] = seed = seed * 1664525 + 1013904223;
}

static void pause(void) {
  for (int i = 0; i < 20; i++) inb(CONTROL);
}
/* Waits until BSY is clear; Status as it is then, without acknowledging. */
static u8 ready(void) {
  pause();
  for (u32 i = 0; i < 100000000; i++) {
    u8 s = inb(CONTROL);
    if (!(s & BSY)) {
      pause();
      return inb(CONTROL);
    }
  }
  say("stuck busy\n");
  return 0xFF;
}
/* The interrupt that waits at the slave, or 0. */
static u32 irq(void) {
  outb(0xA0, 0x0C);
  u8 polled = inb(0xA0);
  if (!(polled & 0x80)) return 0;
  outb(0xA0, (u8)(0x60 | (polled & 7)));
  return 8 + (polled & 7);
}
/* One line of where a command stands; reads Status, and so acknowledges. */
static u8 stand(const char *name) {
  u8 s = ready();
  say(name);
  hex(": status ", s & SHOWN);
  if (s & ERROR) say(inb(ERR) & 0x14 ? " rejected" : " failed");
  hex(" irq ", irq());
  inb(STATUS);
  hex(" then ", irq());
  say("\n");
  return s;
}

static void address(u32 lba, u32 count) {
  outb(DEV, (u8)(0xE0 | unit | ((lba >> 24) & 15)));
  outb(COUNT, (u8)count);
  outb(LOW, (u8)lba);
  outb(MID, (u8)(lba >> 8));
  outb(HIGH, (u8)(lba >> 16));
}
static void address_ext(u32 lba, u32 count) {
  outb(DEV, (u8)(0x40 | unit));
  outb(COUNT, (u8)(count >> 8));
  outb(LOW, (u8)(lba >> 24));
  outb(MID, 0);
  outb(HIGH, 0);
  outb(COUNT, (u8)count);
  outb(LOW, (u8)lba);
  outb(MID, (u8)(lba >> 8));
  outb(HIGH, (u8)(lba >> 16));
}
static void chs(u32 cylinder, u32 head, u32 sector, u32 count) {
  outb(DEV, (u8)(0xA0 | unit | head));
  outb(COUNT, (u8)count);
  outb(LOW, (u8)sector);
  outb(MID, (u8)cylinder);
  outb(HIGH, (u8)(cylinder >> 8));
}

/* Reads what comes, in blocks of `block` sectors; dwords or words in turn. */
static void pio_in(const char *name, u8 command, u32 sectors, u32 block) {
  u8 *to = (u8 *)buffer;
  outb(STATUS, command);
  while (sectors) {
    u32 n = sectors < block ? sectors : block;
    if (!(stand(name) & DRQ)) return;
    if (n & 1) insw(DATA, to, 256 * n);
    else insl(DATA, to, 128 * n);
    to += 512 * n;
    sectors -= n;
  }
  hex("  sum ", sum(buffer, (u32)(to - (u8 *)buffer)));
  hex(" status ", ready() & SHOWN);
  hex(" irq ", irq());
  say("\n");
}
static void pio_out(const char *name, u8 command, u32 sectors, u32 block) {
  const u8 *from = (const u8 *)buffer;
  outb(STATUS, command);
  while (sectors) {
    u32 n = sectors < block ? sectors : block;
    if (!(stand(name) & DRQ)) return;
    if (n & 1) outsw(DATA, from, 256 * n);
    else outsl(DATA, from, 128 * n);
    from += 512 * n;
    sectors -= n;
  }
  stand(name);
}
static void plain(const char *name, u8 command) {
  outb(STATUS, command);
  stand(name);
}
static void features(const char *name, u8 feature, u8 count) {
  outb(DEV, (u8)(0xA0 | unit));
  outb(ERR, feature);
  outb(COUNT, count);
  plain(name, 0xEF);
}

/* ---- DMA ---- */

struct prd {
  u32 base;
  u32 count; /* and EOT */
};
static struct prd table[64] __attribute__((aligned(4096)));

/* Descriptors of `piece` bytes over the buffer, `total` bytes in all, beginning `skew` bytes in. */
static void describe(u32 skew, u32 piece, u32 total) {
  u32 n = 0, at = (u32)buffer + skew;
  while (total) {
    u32 here = total < piece ? total : piece;
    u32 to_border = 0x10000 - (at & 0xFFFF);
    if (here > to_border) here = to_border;
    table[n].base = at;
    table[n++].count = here & 0xFFFF;
    at += here;
    total -= here;
  }
  table[n - 1].count |= 0x80000000u;
}
static void dma(const char *name, u8 command, u8 direction) {
  outb(bm, direction);
  outb((u16)(bm + 2), 6);
  outl((u16)(bm + 4), (u32)table);
  outb(STATUS, command);
  outb(bm, (u8)(direction | 1));
  pause();
  for (u32 i = 0; i < 10000000 && (inb(CONTROL) & (BSY | DRQ)) && (inb((u16)(bm + 2)) & 1); i++) continue;
  pause();
  say(name);
  hex(": bus master ", inb((u16)(bm + 2)) & shown);
  hex(" command ", inb(bm));
  outb(bm, direction);
  hex(" then ", inb((u16)(bm + 2)) & shown);
  outb((u16)(bm + 2), 4);
  hex(" then ", inb((u16)(bm + 2)) & shown);
  say("\n");
}
static void dma_in(const char *name, u8 command, u32 skew, u32 bytes) {
  fill(99, sizeof buffer);
  dma(name, command, 8);
  stand(name);
  hex("  sum ", sum((u8 *)buffer + skew, bytes));
  hex(" round ", sum(buffer, bytes + skew + 512));
  say("\n");
}

/* ---- the tests ---- */

static void reset(void) {
  inb(STATUS);
  while (irq()) continue;
  outb(CONTROL, 4);
  pause();
  outb(CONTROL, 0);
  ready();
  hex("reset: status ", inb(STATUS) & SHOWN);
  while (irq()) continue;
  hex(" error ", inb(ERR));
  hex(" count ", inb(COUNT));
  hex(" low ", inb(LOW));
  hex(" mid ", inb(MID));
  hex(" high ", inb(HIGH));
  hex(" device ", inb(DEV) & 0x5F);
  say("\n");
}

static u32 config(u32 function, u32 offset) {
  outl(0xCF8, 0x80000800u | function << 8 | offset);
  return inl(0xCFC);
}
static void pci(void) {
  hex("bridge ", config(0, 0));
  hex(" class ", config(0, 8) >> 8);
  hex(" header ", config(0, 12) >> 16 & 0xFF);
  hex("\nide ", config(1, 0));
  hex(" class ", config(1, 8) >> 8);
  hex(" kind ", config(1, 0x20) & 0xF);
  outl(0xCFC, 0xFFFFFFFFu);
  u32 size = config(1, 0x20);
  hex(" size ", size);
  say("\n");
}

static void identify(void) {
  static const struct {
    u8 word;
    u16 mask;
  } shown[] = {
      {0, 0x8080}, {1, 0xFFFF},  {3, 0xFFFF},  {6, 0xFFFF},  {47, 0xFF},    {49, 0x300},   {53, 7},
      {54, 0xFFFF}, {55, 0xFFFF}, {56, 0xFFFF}, {57, 0xFFFF}, {58, 0xFFFF}, {60, 0xFFFF}, {61, 0xFFFF},
      {63, 7},     {64, 3},      {65, 0xFFFF}, {67, 0xFFFF}, {68, 0xFFFF}, {80, 0x30},    {82, 0x20},
      {83, 0xF400}, {86, 0x3400}, {87, 0xC000}, {88, 0x3F},   {100, 0xFFFF}, {101, 0xFFFF}, {102, 0xFFFF},
  };
  const u16 *words = (const u16 *)buffer;
  outb(DEV, (u8)(0xA0 | unit));
  outb(STATUS, 0xEC);
  stand("identify");
  for (u32 i = 0; i < 256; i++) ((u16 *)buffer)[i] = inw(DATA);
  hex("  end ", ready() & SHOWN);
  hex(" irq ", irq());
  for (u32 i = 0; i < sizeof shown / sizeof *shown; i++) {
    hex("\n  word ", shown[i].word);
    hex(" ", words[shown[i].word] & shown[i].mask);
  }
  say("\n");
}

static void reads(u32 sectors) {
  address(0, 1);
  pio_in("read", 0x20, 1, 1);
  address(7, 3);
  pio_in("read", 0x21, 3, 1);
  address_ext(100, 2);
  pio_in("read ext", 0x24, 2, 1);
  address(200, 0);
  pio_in("read 256, left after 3", 0x20, 3, 1);
  reset();
  chs(1, 2, 3, 2);
  pio_in("read chs", 0x20, 2, 1);
  address(10, 0);
  plain("multiple 0", 0xC6);
  address(10, 4);
  plain("read multiple while off", 0xC4);
  outb(COUNT, 3);
  plain("multiple 3", 0xC6);
  outb(COUNT, 32);
  plain("multiple 32", 0xC6);
  outb(COUNT, 8);
  plain("multiple 8", 0xC6);
  address(50, 20);
  pio_in("read multiple", 0xC4, 20, 8);
  address_ext(70, 17);
  pio_in("read multiple ext", 0x29, 17, 8);
  address(sectors - 2, 4);
  pio_in("read over the end", 0x20, 4, 1);
  address(sectors, 1);
  pio_in("read beyond", 0x20, 1, 1);
  address_ext(0x10000000, 1);
  pio_in("read ext beyond", 0x24, 1, 1);
}

static void writes(u32 sectors) {
  fill(1, 4096);
  address(300, 1);
  pio_out("write", 0x30, 1, 1);
  address(301, 2);
  fill(2, 4096);
  pio_out("write", 0x31, 2, 1);
  address_ext(310, 3);
  fill(3, 4096);
  pio_out("write ext", 0x34, 3, 1);
  address(320, 20);
  fill(4, 20 * 512);
  pio_out("write multiple", 0xC5, 20, 8);
  address_ext(350, 9);
  fill(5, 9 * 512);
  pio_out("write multiple ext", 0x39, 9, 8);
  chs(0, 6, 1, 1);
  fill(6, 512);
  pio_out("write chs", 0x30, 1, 1);
  plain("flush", 0xE7);
  plain("flush ext", 0xEA);
  address(299, 90);
  pio_in("read back", 0xC4, 90, 8);
  address(sectors - 1, 1);
  pio_out("write last", 0x30, 1, 1);
}

static void dmas(u32 sectors) {
  address(400, 8);
  describe(0, 4096, 4096);
  dma_in("read dma", 0xC8, 0, 4096);
  address(408, 16);
  describe(2, 514, 8192);
  dma_in("read dma in odd pieces", 0xC9, 2, 8192);
  address_ext(440, 130);
  describe(0x800, 0x10000, 130 * 512);
  dma_in("read dma ext, long", 0x25, 0x800, 130 * 512);
  address(500, 4);
  describe(0, 0x2000, 0x2000);
  dma_in("read dma, long table", 0xC8, 0, 4096);
  fill(7, 40 * 512);
  address(600, 40);
  describe(0, 1000, 40 * 512);
  dma("write dma", 0xCA, 0);
  stand("write dma");
  fill(8, 8 * 512);
  address_ext(650, 8);
  describe(0, 0x10000, 8 * 512);
  dma("write dma ext", 0x35, 0);
  stand("write dma ext");
  address(599, 60);
  describe(0, 0x10000, 60 * 512);
  dma_in("read dma back", 0xC8, 0, 60 * 512);
  address(sectors, 2);
  describe(0, 4096, 1024);
  shown = 6;
  dma("read dma beyond", 0xC8, 8);
  shown = 7;
  stand("read dma beyond");
  outb(bm + 2, 0x60);
  hex("capable ", inb((u16)(bm + 2)));
  outl((u16)(bm + 4), 0x12345677);
  hex(" table ", inl((u16)(bm + 4)));
  outw((u16)(bm + 4), 0xABCD);
  hex(" ", inl((u16)(bm + 4)));
  say("\n");
}

static void others(u32 sectors) {
  address(1000, 100);
  plain("verify", 0x40);
  address(sectors - 1, 1);
  plain("verify last", 0x41);
  address_ext(1000, 300);
  plain("verify ext", 0x42);
  address(1234, 0);
  plain("seek", 0x70);
  plain("recalibrate", 0x10);
  plain("power", 0xE5);
  hex("  count ", inb(COUNT));
  say("\n");
  plain("idle", 0xE1);
  plain("nop", 0x00);
  plain("packet identify", 0xA1);
  address(0, 0);
  plain("native max", 0xF8);
  hex("  is ", (u32)inb(LOW) | (u32)inb(MID) << 8 | (u32)inb(HIGH) << 16 | (u32)(inb(DEV) & 15) << 24);
  say("\n");
  plain("no such command", 0xFF);
  features("write cache on", 0x02, 0);
  features("write cache off", 0x82, 0);
  features("write cache on", 0x02, 0);
  features("look ahead", 0xAA, 0);
  features("pio 4", 0x03, 0x0C);
  features("multiword 2", 0x03, 0x22);
  features("ultra 2", 0x03, 0x42);
  features("no feature", 0x7F, 0);
  outb(DEV, (u8)(0xA0 | unit | 7));
  outb(COUNT, 21);
  plain("parameters", 0x91);
  chs(2, 7, 21, 1);
  pio_in("read chs, translated", 0x20, 1, 1);
  outb(DEV, (u8)(0xA0 | unit | 15));
  outb(COUNT, 63);
  plain("parameters", 0x91);
}

static void registers(void) {
  outb(CONTROL, 2);
  address(5, 1);
  outb(STATUS, 0x40);
  ready();
  hex("interrupts off: irq ", irq());
  inb(STATUS);
  outb(CONTROL, 0);
  hex(" then ", irq());
  say("\n");
  address_ext(0x12345678, 0xABCD);
  hex("registers ", inb(LOW));
  hex(" ", inb(COUNT));
  outb(CONTROL, 0x80);
  hex(" previous ", inb(LOW));
  hex(" ", inb(COUNT));
  outb(LOW, 0x11);
  hex(" then ", inb(LOW));
  outb(CONTROL, 0x80);
  hex(" previous ", inb(LOW));
  outb(CONTROL, 0);
  say("\n");
  address(3, 1);
  outb(STATUS, 0x20);
  ready();
  outb(COUNT, 0x77);
  outb(STATUS, 0xEC);
  hex("written while DRQ: status ", ready() & SHOWN);
  insw(DATA, buffer, 256);
  hex(" sum ", sum(buffer, 512));
  hex(" status ", inb(STATUS) & SHOWN);
  irq();
  say("\n");
  outb(DEV, 0xB0);
  outb(STATUS, 0x90);
  stand("diagnostic");
  hex("  device ", inb(DEV) & 0x5F);
  hex(" error ", inb(ERR));
  hex(" count ", inb(COUNT));
  hex(" low ", inb(LOW));
  outb(DEV, 0xB0);
  hex(" other ", inb(ERR));
  outb(DEV, 0xA0);
  say("\n");
}

void guest_main(void) {
  outb(0x3F9, 0);
  outb(0x3FB, 3);
  /* Interrupt controllers: nothing at the master, IRQ 14 and 15 at the slave. */
  outb(0x20, 0x11), outb(0x21, 0x20), outb(0x21, 4), outb(0x21, 1), outb(0x21, 0xFF);
  outb(0xA0, 0x11), outb(0xA1, 0x28), outb(0xA1, 2), outb(0xA1, 1), outb(0xA1, 0x3F);
  config(1, 4);
  outw(0xCFC, 5);
  bm = (u16)(config(1, 0x20) & 0xFFF0);
  reset();
  identify();
  u32 sectors = ((u32 *)buffer)[30];
  reads(sectors);
  writes(sectors);
  dmas(sectors);
  others(sectors);
  registers();
  say("the other drive\n");
  unit = 0x10;
  identify();
  sectors = ((u32 *)buffer)[30];
  outb(COUNT, 8);
  plain("multiple 8", 0xC6);
  writes(sectors);
  dmas(sectors);
  pci();
  say("end\n");
  outb(0xF4, 0);
}
