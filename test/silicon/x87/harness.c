/*
 * The x87 oracle's harness: a 32-bit static Linux program that loads a whole FPU state, runs one instruction of the
 * FPU on the host CPU in user mode, and reports registers, memory and the FPU's state behind it.
 *
 * As ../harness.c, whose memory a vector sees the same of, it lives in one signal handler. Each vector starts in a
 * trampoline (FNCLEX, FRSTOR of its state, a jump) and consists of the instruction under test, FNSAVE and INT3. When
 * the instruction faults, the state is that of the signal frame: the kernel saved it with XSAVE and writes it as an
 * FSAVE image, without the last instruction's CS and DS, and with its pointers only if an exception is pending.
 * Vectors come on stdin, results go to stdout; the layouts are struct vector and struct result (format.ts).
 */
#include "../harness.h"

#define USER_CS 0x23
#define USER_DS 0x2b
#define IMAGE 108
#define FXSAVE_AT 112 /* in struct _fpstate_32 */

struct vector {
  u8 code_length, memory_length;
  u16 code_offset; /* from CODE */
  u8 code[16];
  u32 reg[8]; /* eax ecx edx ebx esp ebp esi edi */
  u32 eflags;
  u16 memory_offset; /* from DATA */
  u16 unused;
  u8 memory[112];
  u8 state[IMAGE]; /* as FRSTOR takes it */
};

struct result {
  u32 reg[8];
  u32 eip, eflags, cr2;
  u16 error;
  u8 trap, signal;
  u8 state[IMAGE];
  u32 changes; /* this many words follow: offset from DATA << 8 | the byte's new value */
};

_Static_assert(sizeof(struct vector) == 280, "format.ts knows this layout");
_Static_assert(sizeof(struct result) == 160, "format.ts knows this layout");

static struct vector now;
static u32 running;
u8 state_in[IMAGE] __attribute__((used, aligned(16))), state_out[IMAGE] __attribute__((used, aligned(16)));
u32 target __attribute__((used));

__asm__("trampoline: fnclex\n frstor state_in\n jmp *target\n");
extern void trampoline(void);

static void report(int signal, const struct context *c) {
  static u32 changes[DATA_SIZE];
  struct result r = {
      .reg = {c->eax, c->ecx, c->edx, c->ebx, c->esp, c->ebp, c->esi, c->edi},
      .eip = c->eip, .eflags = c->eflags, .cr2 = c->trapno == 14 ? c->cr2 : 0, .error = c->err,
      .trap = c->trapno, .signal = signal,
  };
  if (c->trapno == 3) memcpy(r.state, state_out, IMAGE);
  else {
    memcpy(r.state, c->fpstate, IMAGE);
    memcpy(r.state + 18, c->fpstate + FXSAVE_AT + 6, 2); /* the opcode */
  }
  struct operand operand = {now.memory, now.memory_offset, now.memory_length};
  r.changes = collect(changes, &operand);
  put(&r, sizeof r);
  put(changes, r.changes * 4);
}

static void load(struct context *c) {
  take(&now, sizeof now);
  check(now.code_length <= 16 && now.code_offset + now.code_length + 8 <= CODE_SIZE, 15);
  check(now.memory_length <= 112 && now.memory_offset + now.memory_length <= DATA_SIZE, 16);
  u8 *code = code_alias + now.code_offset;
  memcpy(code, now.code, now.code_length);
  u32 out = (u32)state_out;
  u8 fnsave[] = {0xdd, 0x35, out, out >> 8, out >> 16, out >> 24};
  memcpy(code + now.code_length, fnsave, sizeof fnsave);
  memcpy((u8 *)DATA + now.memory_offset, now.memory, now.memory_length);
  memcpy(state_in, now.state, IMAGE);
  target = CODE + now.code_offset;
  c->eax = now.reg[0], c->ecx = now.reg[1], c->edx = now.reg[2], c->ebx = now.reg[3];
  c->esp = now.reg[4], c->ebp = now.reg[5], c->esi = now.reg[6], c->edi = now.reg[7];
  c->eip = (u32)trampoline;
  c->eflags = now.eflags;
  c->cs = USER_CS, c->ss = c->es = c->ds = USER_DS, c->fs = c->gs = 0;
  running = 1;
}

static void handle(int signal, void *info, struct context *c) {
  (void)info;
  __asm__ volatile("pushl %0; popfl" ::"i"(USER_EFLAGS) : "memory", "cc");
  if (running) {
    report(signal, c);
    memset(code_alias + now.code_offset, INT3, now.code_length + 6);
  }
  load(c);
}

__attribute__((used)) static void run(void) {
  set_up_memory();
  static const u8 caught[] = {4, 5, 7, 8, 11}; /* ILL TRAP BUS FPE SEGV */
  catch_signals(caught, sizeof caught);
  __asm__ volatile("int3");
  die(26);
}
