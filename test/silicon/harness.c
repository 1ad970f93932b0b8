/*
 * The silicon oracle's harness: runs instruction vectors on the host CPU in 32-bit user mode and reports what
 * each did to registers, flags and memory. A freestanding static Linux program, raw system calls only.
 *
 * Everything happens in one signal handler. The code pages hold int3 everywhere but where the instruction under
 * test lies, so that each vector ends in an exception: its own, or the int3 at which it landed. The handler writes
 * the interrupted state out, puts the next vector's state into the signal frame and returns into it.
 *
 * The memory that a vector sees is harness.h's; here WRAP is the first page of DATA once more.
 * The local descriptor table comes first on stdin (ldt.ts), then the vectors; results go to stdout. The layouts are
 * struct vector and struct result (format.ts). It leaves out x87 and vector registers.
 */
#include "harness.h"

#define WRAP 0x20010000u
#define SIGALRM 14
#define STUCK_TICKS 4
#define NO_LDT 31

struct vector {
  u8 code_length, memory_length;
  u16 code_offset; /* from CODE */
  u8 code[16];
  u32 reg[8]; /* eax ecx edx ebx esp ebp esi edi */
  u32 eflags;
  u32 eip;           /* CODE + code_offset as an offset in the code segment */
  u16 memory_offset; /* from DATA */
  u16 segment[6];    /* es cs ss ds fs gs */
  u8 memory[32];
  u16 unused;
};

struct result {
  u32 reg[8];
  u32 eip, eflags, cr2;
  u16 error;
  u8 trap, signal; /* Linux's trapno is the exception vector */
  u16 ds, es, fs, gs, ss, cs;
  u32 changes; /* this many words follow: offset from DATA << 8 | the byte's new value */
};

_Static_assert(sizeof(struct vector) == 108, "format.ts knows this layout");
_Static_assert(sizeof(struct result) == 64, "format.ts knows this layout");

/* Linux's struct user_desc (arch/x86/include/uapi/asm/ldt.h). */
struct user_desc {
  u32 entry, base, limit, flags;
};
#define WRITE_LDT 0x11

static struct vector now;
static u32 running, count, tick_count, ticks;

static void report(int signal, const struct context *c) {
  static u32 changes[DATA_SIZE];
  struct result r = {
      .reg = {c->eax, c->ecx, c->edx, c->ebx, c->esp, c->ebp, c->esi, c->edi},
      .eip = c->eip, .eflags = c->eflags, .cr2 = c->trapno == 14 ? c->cr2 : 0, .error = c->err,
      .trap = c->trapno, .signal = signal,
      .ds = c->ds, .es = c->es, .fs = c->fs, .gs = c->gs, .ss = c->ss, .cs = c->cs,
  };
  struct operand operand = {now.memory, now.memory_offset, now.memory_length};
  r.changes = collect(changes, &operand);
  put(&r, sizeof r);
  put(changes, r.changes * 4);
}

static void load(struct context *c) {
  take(&now, sizeof now);
  check(now.code_length <= 16 && now.code_offset + now.code_length <= CODE_SIZE, 15);
  check(now.memory_length <= 32 && now.memory_offset + now.memory_length <= DATA_SIZE, 16);
  memcpy(code_alias + now.code_offset, now.code, now.code_length);
  memcpy((u8 *)DATA + now.memory_offset, now.memory, now.memory_length);
  c->eax = now.reg[0], c->ecx = now.reg[1], c->edx = now.reg[2], c->ebx = now.reg[3];
  c->esp = now.reg[4], c->ebp = now.reg[5], c->esi = now.reg[6], c->edi = now.reg[7];
  c->eip = now.eip;
  c->eflags = now.eflags;
  c->es = now.segment[0], c->cs = now.segment[1], c->ss = now.segment[2];
  c->ds = now.segment[3], c->fs = now.segment[4], c->gs = now.segment[5];
  running = 1;
  count++;
}

/* A vector that runs for several ticks of the timer will never end: it is reported with signal 14. */
static int stuck(void) {
  if (tick_count != count) tick_count = count, ticks = 0;
  return ++ticks >= STUCK_TICKS;
}

static void handle(int signal, void *info, struct context *c) {
  (void)info;
  /* Linux restores only some flags from the frame: ID, NT and AC that a vector has set would stay. */
  __asm__ volatile("pushl %0; popfl" ::"i"(USER_EFLAGS) : "memory", "cc");
  if (signal == SIGALRM && !(running && stuck())) return;
  u32 was_running = running;
  running = 0; /* a tick that comes while we read or write is not the vector's */
  if (was_running) {
    report(signal, c);
    memset(code_alias + now.code_offset, INT3, now.code_length);
  }
  load(c);
}

static void install_ldt(void) {
  u32 entries;
  for (take(&entries, 4); entries > 0; entries--) {
    struct user_desc d;
    take(&d, sizeof d);
    check(call(SYS_modify_ldt, WRITE_LDT, (u32)&d, sizeof d) == 0, NO_LDT);
  }
}

__attribute__((used)) static void run(void) {
  int data = set_up_memory();
  check(map(WRAP, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, data) == WRAP, 27);
  install_ldt();
  static const u8 caught[] = {4, 5, 7, 8, 11, SIGALRM}; /* ILL TRAP BUS FPE SEGV ALRM */
  catch_signals(caught, sizeof caught);
  u32 timer[4] = {0, 20000, 0, 20000};
  check(call(SYS_setitimer, 0, (u32)timer, 0) == 0, 25);
  __asm__ volatile("int3");
  die(26);
}
