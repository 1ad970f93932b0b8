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
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

#define CODE 0x10000000u
#define CODE_SIZE 0x2000u
#define DATA 0x20000000u
#define DATA_SIZE 0x2000u
#define LOW 0x8000u
#define RODATA 0x20004000u
#define IMAGE_BASE 0x70000000u
#define IMAGE_LIMIT 0x71000000u
#define USER_LIMIT 0xffffe000u

#define INT3 0xcc
#define USER_EFLAGS 0x202u
#define USER_CS 0x23
#define USER_DS 0x2b
#define NO_LOW 30
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

struct context {
  u32 uc_flags, uc_link, stack_sp, stack_flags, stack_size;
  u32 gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
  u32 trapno, err, eip, cs, eflags, esp_at_signal, ss;
  u8 *fpstate;
  u32 oldmask, cr2;
};

enum { SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_munmap = 91, SYS_ftruncate = 93, SYS_mprotect = 125,
       SYS_sigaction = 174, SYS_sigaltstack = 186, SYS_mmap2 = 192, SYS_memfd_create = 356 };
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANON = 32 };
enum { SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_NODEFER = 0x40000000 };

static u8 main_stack[16384] __attribute__((used, aligned(16)));
static u8 signal_stack[65536] __attribute__((aligned(64)));
static u8 code_alias[CODE_SIZE] __attribute__((aligned(4096)));
static u32 pattern[DATA_SIZE / 4];
static u8 in_buffer[1 << 20], out_buffer[1 << 20];
static u32 in_at, in_end, out_end;
static struct vector now;
static u32 running;
u8 state_in[IMAGE] __attribute__((used, aligned(16))), state_out[IMAGE] __attribute__((used, aligned(16)));
u32 target __attribute__((used));

__asm__("trampoline: fnclex\n frstor state_in\n jmp *target\n");
extern void trampoline(void);

static int call(u32 number, u32 a, u32 b, u32 c) {
  int r;
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return r;
}

static u32 map(u32 address, u32 size, u32 protection, u32 flags, u32 fd) {
  u32 r;
  __asm__ volatile("pushl %%ebp; xorl %%ebp, %%ebp; int $0x80; popl %%ebp"
                   : "=a"(r)
                   : "a"(SYS_mmap2), "b"(address), "c"(size), "d"(protection), "S"(flags), "D"(fd)
                   : "memory");
  return r;
}

static void check(int ok, int code) {
  if (ok) return;
  call(SYS_exit, code, 0, 0);
  __builtin_unreachable();
}

void *memcpy(void *to, const void *from, u32 n) {
  void *t = to;
  __asm__ volatile("rep movsb" : "+D"(t), "+S"(from), "+c"(n)::"memory");
  return to;
}

void *memset(void *to, int value, u32 n) {
  void *t = to;
  __asm__ volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(value) : "memory");
  return to;
}

static void flush(void) {
  u32 at = 0;
  while (at < out_end) {
    int n = call(SYS_write, 1, (u32)(out_buffer + at), out_end - at);
    check(n > 0, 12);
    at += n;
  }
  out_end = 0;
}

static void put(const void *from, u32 n) {
  if (out_end + n > sizeof out_buffer) flush();
  memcpy(out_buffer + out_end, from, n);
  out_end += n;
}

static void refill(void) {
  u32 left = in_end - in_at;
  memcpy(in_buffer, in_buffer + in_at, left);
  in_at = 0;
  in_end = left;
  while (in_end < sizeof now) {
    int n = call(SYS_read, 0, (u32)(in_buffer + in_end), sizeof in_buffer - in_end);
    check(n >= 0, 13);
    if (n == 0) {
      flush();
      check(0, in_end == 0 ? 0 : 14);
    }
    in_end += n;
  }
}

static u8 initial(u32 offset) {
  u32 i = offset - now.memory_offset;
  return i < now.memory_length ? now.memory[i] : ((u8 *)pattern)[offset];
}

/* Collects what changed in DATA and puts the pattern back. */
static u32 collect(u32 *changes) {
  volatile u32 *data = (volatile u32 *)DATA;
  u32 n = 0;
  for (u32 i = 0; i < DATA_SIZE / 4; i++) {
    int operand = i * 4 + 4 > now.memory_offset && i * 4 < (u32)now.memory_offset + now.memory_length;
    if (data[i] == pattern[i] && !operand) continue;
    for (u32 o = i * 4; o < i * 4 + 4; o++) {
      u8 value = ((volatile u8 *)data)[o];
      if (value != initial(o)) changes[n++] = o << 8 | value;
    }
    data[i] = pattern[i];
  }
  return n;
}

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
  r.changes = collect(changes);
  put(&r, sizeof r);
  put(changes, r.changes * 4);
}

static void load(struct context *c) {
  if (in_end - in_at < sizeof now) refill();
  memcpy(&now, in_buffer + in_at, sizeof now);
  in_at += sizeof now;
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

__asm__(".globl restore\nrestore: movl $173, %eax\n int $0x80\n");
extern void restore(void);

static void catch_signal(int signal) {
  struct {
    u32 handler, flags, restorer, mask[2];
  } action = {(u32)handle, SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER, (u32)restore, {0, 0}};
  int r;
  __asm__ volatile("int $0x80" : "=a"(r) : "a"(SYS_sigaction), "b"(signal), "c"(&action), "d"(0), "S"(8) : "memory");
  check(r == 0, 17);
}

static int memory_file(u32 size) {
  int fd = call(SYS_memfd_create, (u32) "vector", 0, 0);
  check(fd >= 0 && call(SYS_ftruncate, fd, size, 0) == 0, 18);
  return fd;
}

static void set_up_memory(void) {
  call(SYS_munmap, 0x10000, IMAGE_BASE - 0x10000, 0);
  call(SYS_munmap, IMAGE_LIMIT, USER_LIMIT - IMAGE_LIMIT, 0);
  int code = memory_file(CODE_SIZE), data = memory_file(DATA_SIZE);
  u32 alias = (u32)code_alias, shared = MAP_SHARED | MAP_FIXED, rw = PROT_READ | PROT_WRITE;
  check(map(alias, CODE_SIZE, rw, shared, code) == alias, 19);
  check(map(CODE, CODE_SIZE, PROT_READ | PROT_EXEC, shared, code) == CODE, 20);
  check(map(DATA, DATA_SIZE, rw, shared, data) == DATA, 21);
  check(map(LOW, DATA_SIZE, rw, shared, data) == LOW, NO_LOW);
  check(map(RODATA, 4096, rw, MAP_PRIVATE | MAP_FIXED | MAP_ANON, -1) == RODATA, 22);
  memset(code_alias, INT3, CODE_SIZE);
  for (u32 i = 0; i < DATA_SIZE; i++) ((u8 *)pattern)[i] = (i & 63) * 37 + 11;
  memcpy((void *)DATA, pattern, DATA_SIZE);
  memcpy((void *)RODATA, pattern, 4096);
  check(call(SYS_mprotect, RODATA, 4096, PROT_READ) == 0, 23);
}

__attribute__((used)) static void run(void) {
  set_up_memory();
  struct {
    u32 sp, flags, size;
  } stack = {(u32)signal_stack, 0, sizeof signal_stack};
  check(call(SYS_sigaltstack, (u32)&stack, 0, 0) == 0, 24);
  static const u8 caught[] = {4, 5, 7, 8, 11}; /* ILL TRAP BUS FPE SEGV */
  for (u32 i = 0; i < sizeof caught; i++) catch_signal(caught[i]);
  __asm__ volatile("int3");
  check(0, 26);
}

__asm__(".globl _start\n_start: leal main_stack_top, %esp\n xorl %ebp, %ebp\n call run\n"
        ".set main_stack_top, main_stack + 16384\n");
