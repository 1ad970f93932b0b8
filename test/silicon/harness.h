/*
 * What the silicon oracle's harnesses share (harness.c, x87/harness.c): raw system calls, buffered input and output, the
 * memory that a vector sees, the signal frame, and what a vector changed. A program includes it first and has
 * `handle`, the signal handler that all of it lives in, and `run`.
 *
 * Memory that a vector can see, everything else being unmapped (but for the program's image at IMAGE_BASE):
 *   CODE, 2 pages, readable and executable;   DATA, 2 pages, read/write, the pattern below;
 *   LOW, the same two pages again where 16-bit addresses reach;   RODATA, 1 page, read-only, the same pattern.
 * Mapping LOW needs CAP_SYS_RAWIO or vm.mmap_min_addr below it: else the exit code is NO_LOW.
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
#define USER_LIMIT 0xffffe000u /* TASK_SIZE of a 32-bit process under a 64-bit kernel */

#define INT3 0xcc
#define USER_EFLAGS 0x202u
#define NO_LOW 30

/* struct sigcontext_32 and ucontext_ia32 of arch/x86/include/asm/sigcontext.h and uapi/asm/ucontext.h */
struct context {
  u32 uc_flags, uc_link, stack_sp, stack_flags, stack_size;
  u32 gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
  u32 trapno, err, eip, cs, eflags, esp_at_signal, ss;
  u8 *fpstate;
  u32 oldmask, cr2;
};

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

static void handle(int signal, void *info, struct context *c);

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

/* The memory operand of a vector: what DATA held there before it ran. */
struct operand {
  const u8 *bytes;
  u32 offset, length; /* from DATA */
};

/* The byte that DATA held before the vector ran. */
static u8 initial(const struct operand *o, u32 offset) {
  u32 i = offset - o->offset;
  return i < o->length ? o->bytes[i] : ((u8 *)pattern)[offset];
}

/* Does the group of 16 bytes hold a byte of the memory operand? The vector may have set that back to the pattern. */
static int overlaps_operand(const struct operand *o, u32 group) {
  return group + 16 > o->offset && group < o->offset + o->length;
}

/* Collects what changed in DATA and puts the pattern back. */
static u32 collect(u32 *changes, const struct operand *operand) {
  volatile u32 *data = (volatile u32 *)DATA;
  u32 n = 0;
  for (u32 i = 0; i < DATA_SIZE / 4; i += 4) {
    u32 differs = (data[i] ^ pattern[i]) | (data[i + 1] ^ pattern[i + 1]) | (data[i + 2] ^ pattern[i + 2]) |
                  (data[i + 3] ^ pattern[i + 3]);
    if (!differs && !overlaps_operand(operand, i * 4)) continue;
    for (u32 o = i * 4; o < i * 4 + 16; o++) {
      u8 value = ((volatile u8 *)data)[o];
      if (value != initial(operand, o)) changes[n++] = o << 8 | value;
    }
    for (u32 k = 0; k < 4; k++) data[i + k] = pattern[i + k];
  }
  return n;
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

/* Gives the file behind DATA and LOW, for more mappings of it. */
static int set_up_memory(void) {
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
  /* A period of 64 bytes, so that strings can be compared equal. format.ts has the same. */
  for (u32 i = 0; i < DATA_SIZE; i++) ((u8 *)pattern)[i] = (i & 63) * 37 + 11;
  memcpy((void *)DATA, pattern, DATA_SIZE);
  memcpy((void *)RODATA, pattern, 4096);
  check(call(SYS_mprotect, RODATA, 4096, PROT_READ) == 0, 23);
  return data;
}

static void catch_signals(const u8 *signals, u32 count) {
  struct {
    u32 sp, flags, size;
  } stack = {(u32)signal_stack, 0, sizeof signal_stack};
  check(call(SYS_sigaltstack, (u32)&stack, 0, 0) == 0, 24);
  for (u32 i = 0; i < count; i++) catch_signal(signals[i]);
}

__asm__(".globl _start\n_start: leal main_stack_top, %esp\n xorl %ebp, %ebp\n call run\n"
        ".set main_stack_top, main_stack + 16384\n");
