/*
 * The silicon oracle's harness: runs instruction vectors on the host CPU in 32-bit user mode and reports what
 * each did to registers, flags and memory. A freestanding static Linux program, raw system calls only.
 *
 * Everything happens in one signal handler. The code pages hold int3 everywhere but where the instruction under
 * test lies, so that each vector ends in an exception: its own, or the int3 at which it landed. The handler writes
 * the interrupted state out, puts the next vector's state into the signal frame and returns into it.
 *
 * Memory that a vector can see, everything else being unmapped (but for this program's image at IMAGE_BASE):
 *   CODE, 2 pages, readable and executable;   DATA, 2 pages, read/write, the pattern below;
 *   LOW, the same two pages again where 16-bit addresses reach;   WRAP, the first of them once more;
 *   RODATA, 1 page, read-only, the same pattern.
 * Mapping LOW needs CAP_SYS_RAWIO or vm.mmap_min_addr below it: else the exit code is NO_LOW.
 * The local descriptor table comes first on stdin (ldt.ts), then the vectors; results go to stdout. The layouts are
 * struct vector and struct result (format.ts). It leaves out x87 and vector registers.
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
#define WRAP 0x20010000u
#define IMAGE_BASE 0x70000000u
#define IMAGE_LIMIT 0x71000000u
#define USER_LIMIT 0xffffe000u /* TASK_SIZE of a 32-bit process under a 64-bit kernel */

#define INT3 0xcc
#define USER_EFLAGS 0x202u
#define SIGALRM 14
#define STUCK_TICKS 4
#define NO_LOW 30
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

/* struct sigcontext_32 and ucontext_ia32 of arch/x86/include/asm/sigcontext.h and uapi/asm/ucontext.h */
struct context {
  u32 uc_flags, uc_link, stack_sp, stack_flags, stack_size;
  u32 gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
  u32 trapno, err, eip, cs, eflags, esp_at_signal, ss, fpstate, oldmask, cr2;
};

/* Linux's struct user_desc (arch/x86/include/uapi/asm/ldt.h). */
struct user_desc {
  u32 entry, base, limit, flags;
};
#define WRITE_LDT 0x11

enum { SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_munmap = 91, SYS_ftruncate = 93, SYS_setitimer = 104, SYS_modify_ldt = 123,
       SYS_mprotect = 125, SYS_sigaction = 174, SYS_sigaltstack = 186, SYS_mmap2 = 192, SYS_memfd_create = 356 };
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANON = 32 };
enum { SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000 };

static u8 main_stack[16384] __attribute__((used, aligned(16)));
static u8 signal_stack[65536] __attribute__((aligned(64)));
static u8 code_alias[CODE_SIZE] __attribute__((aligned(4096)));
static u32 pattern[DATA_SIZE / 4];

static u8 in_buffer[1 << 20], out_buffer[1 << 20];
static u32 in_at, in_end, out_end;

static struct vector now;
static u32 running, count, tick_count, ticks;

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

static void die(int code) {
  call(SYS_exit, code, 0, 0);
  __builtin_unreachable();
}

static void check(int ok, int code) {
  if (!ok) die(code);
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

/* Moves what is left to the front and reads more; at the end of the input, ends the program. */
static void refill(u32 wanted) {
  u32 left = in_end - in_at;
  memcpy(in_buffer, in_buffer + in_at, left);
  in_at = 0;
  in_end = left;
  while (in_end < wanted) {
    int n = call(SYS_read, 0, (u32)(in_buffer + in_end), sizeof in_buffer - in_end);
    check(n >= 0, 13);
    if (n == 0) {
      flush();
      die(in_end == 0 ? 0 : 14);
    }
    in_end += n;
  }
}

static void take(void *to, u32 n) {
  if (in_end - in_at < n) refill(n);
  memcpy(to, in_buffer + in_at, n);
  in_at += n;
}

/* The byte that DATA held before the vector ran. */
static u8 initial(u32 offset) {
  u32 i = offset - now.memory_offset;
  return i < now.memory_length ? now.memory[i] : ((u8 *)pattern)[offset];
}

/* Does the group of 16 bytes hold a byte of the memory operand? The vector may have set that back to the pattern. */
static int overlaps_operand(u32 group) {
  return group + 16 > now.memory_offset && group < (u32)now.memory_offset + now.memory_length;
}

/* Collects what changed in DATA and puts the pattern back. */
static u32 collect(u32 *changes) {
  volatile u32 *data = (volatile u32 *)DATA;
  u32 n = 0;
  for (u32 i = 0; i < DATA_SIZE / 4; i += 4) {
    u32 differs = (data[i] ^ pattern[i]) | (data[i + 1] ^ pattern[i + 1]) | (data[i + 2] ^ pattern[i + 2]) |
                  (data[i + 3] ^ pattern[i + 3]);
    if (!differs && !overlaps_operand(i * 4)) continue;
    for (u32 o = i * 4; o < i * 4 + 16; o++) {
      u8 value = ((volatile u8 *)data)[o];
      if (value != initial(o)) changes[n++] = o << 8 | value;
    }
    for (u32 k = 0; k < 4; k++) data[i + k] = pattern[i + k];
  }
  return n;
}

static void report(int signal, const struct context *c) {
  static u32 changes[DATA_SIZE];
  struct result r = {
      .reg = {c->eax, c->ecx, c->edx, c->ebx, c->esp, c->ebp, c->esi, c->edi},
      .eip = c->eip, .eflags = c->eflags, .cr2 = c->trapno == 14 ? c->cr2 : 0, .error = c->err,
      .trap = c->trapno, .signal = signal,
      .ds = c->ds, .es = c->es, .fs = c->fs, .gs = c->gs, .ss = c->ss, .cs = c->cs,
  };
  r.changes = collect(changes);
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

__asm__(".globl restore\nrestore: movl $173, %eax\n int $0x80\n");
extern void restore(void);

static void catch_signal(int signal) {
  struct {
    u32 handler, flags, restorer, mask[2];
  } action = {(u32)handle, SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_RESTART | SA_NODEFER, (u32)restore, {0, 0}};
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
  check(map(WRAP, 4096, rw, shared, data) == WRAP, 27);
  check(map(RODATA, 4096, rw, MAP_PRIVATE | MAP_FIXED | MAP_ANON, -1) == RODATA, 22);
  memset(code_alias, INT3, CODE_SIZE);
  /* A period of 64 bytes, so that strings can be compared equal. format.ts has the same. */
  for (u32 i = 0; i < DATA_SIZE; i++) ((u8 *)pattern)[i] = (i & 63) * 37 + 11;
  memcpy((void *)DATA, pattern, DATA_SIZE);
  memcpy((void *)RODATA, pattern, 4096);
  check(call(SYS_mprotect, RODATA, 4096, PROT_READ) == 0, 23);
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
  set_up_memory();
  install_ldt();
  struct {
    u32 sp, flags, size;
  } stack = {(u32)signal_stack, 0, sizeof signal_stack};
  check(call(SYS_sigaltstack, (u32)&stack, 0, 0) == 0, 24);
  static const u8 caught[] = {4, 5, 7, 8, 11, SIGALRM}; /* ILL TRAP BUS FPE SEGV ALRM */
  for (u32 i = 0; i < sizeof caught; i++) catch_signal(caught[i]);
  u32 timer[4] = {0, 20000, 0, 20000};
  check(call(SYS_setitimer, 0, (u32)timer, 0) == 0, 25);
  __asm__ volatile("int3");
  die(26);
}

__asm__(".globl _start\n_start: leal main_stack_top, %esp\n xorl %ebp, %ebp\n call run\n"
        ".set main_stack_top, main_stack + 16384\n");
