/*
 * Tests of the kernel from ring 3: many small functions, each named by the question that it answers. Every one
 * runs in a process of its own and answers by its exit code. `usertests` runs all, `usertests NAME...` those
 * named. The exit code is 0 if all answered yes.
 */
#include <errno.h>
#include <kernel/syscalls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNEL_ADDR ((char *)0xC0100000)
#define ZONE_ADDR ((char *)0xF0000000)
#define TOP_ADDR ((char *)0xFFFFF000)
#define PAGE 4096u
#define TICK_MS 10

/* In a test: the answer is no unless cond. */
#define CHECK(cond)                                                      \
  do {                                                                   \
    if (!(cond)) {                                                       \
      printf("  line %d: %s (errno %d)\n", __LINE__, #cond, errno);      \
      exit(1);                                                           \
    }                                                                    \
  } while (0)
#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

static int wait_status(pid_t pid) {
  int status = -1;
  return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Runs fn in a child; returns the signal that it died of, 0 if it ended by itself. */
static int signal_of(void (*fn)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    fn();
    exit(0);
  }
  return WTERMSIG(wait_status(pid));
}
#define DIES_OF(signal, fn) CHECK(signal_of(fn) == (signal))

static unsigned long long proc_number(const char *file, const char *key) {
  char text[4096];
  CHECK(read_file(file, text, sizeof text) > 0);
  return find_number(text, key);
}

static void spin(void) {
  for (volatile unsigned i = 0;; i++) continue;
}

static void spin_ms(unsigned ms) {
  unsigned long long end = now_us() + ms * 1000ull;
  while (now_us() < end) continue;
}

/* ---- fork, exec, wait, kill ---- */

static void does_fork_return_twice(void) {
  pid_t me = getpid(), pid = fork();
  if (pid == 0) exit(getppid() == me && getpid() != me ? 7 : 8);
  CHECK(pid > 0 && pid != me);
  CHECK(wait_status(pid) == 7 << 8);
}

static void does_wait_report_the_exit_code(void) {
  for (int code = 0; code < 256; code += 51) {
    pid_t pid = fork();
    if (pid == 0) exit(code);
    int status = wait_status(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
  }
}

static void does_wait_fail_without_children(void) {
  FAILS(waitpid(-1, NULL, 0), ECHILD);
  FAILS(waitpid(1, NULL, 0), ECHILD);
  FAILS(waitpid(0, NULL, 0), EINVAL);
}

static void does_wait_return_at_once_if_told_to(void) {
  pid_t pid = fork();
  if (pid == 0) spin();
  CHECK(waitpid(pid, NULL, WNOHANG) == 0);
  CHECK(kill(pid, SIGKILL) == 0);
  CHECK(WTERMSIG(wait_status(pid)) == SIGKILL);
}

static void does_wait_find_the_child_that_was_named(void) {
  pid_t first = fork();
  if (first == 0) exit(1);
  pid_t second = fork();
  if (second == 0) exit(2);
  CHECK(wait_status(second) == 2 << 8);
  CHECK(wait_status(first) == 1 << 8);
}

static int global = 1;
static void does_a_child_have_memory_of_its_own(void) {
  int local = 1;
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(global == 1 && local == 1);
    global = local = 2;
    exit(0);
  }
  CHECK(wait_status(pid) == 0);
  CHECK(global == 1 && local == 1);
}

static void does_exec_pass_its_arguments(void) {
  char *argv[] = { "usertests", "--count", "a b", "", NULL };
  pid_t pid = spawn("usertests", argv);
  CHECK(pid > 0);
  CHECK(wait_status(pid) == 4 << 8); /* argc */
}

static void does_exec_fail_for_what_is_no_program(void) {
  char *argv[] = { "x", NULL };
  FAILS(execv("nosuch", argv), ENOENT);
  FAILS(execv("garbage", argv), ENOEXEC);
  FAILS(execv("", argv), ENOENT);
  FAILS(execv("a_name_that_is_much_longer_than_any_module_could_possibly_have", argv), ENAMETOOLONG);
}

static void does_exec_refuse_too_many_arguments(void) {
  static char big[8192];
  static char *many[200];
  memset(big, 'x', sizeof big - 1);
  char *argv[] = { "usertests", big, NULL };
  FAILS(execv("usertests", argv), E2BIG);
  for (int i = 0; i < 199; i++) many[i] = "y";
  FAILS(execv("usertests", many), E2BIG);
}

static void does_kill_end_a_sleeper_and_a_spinner(void) {
  pid_t sleeper = fork();
  if (sleeper == 0) sleep_ms(1000000), exit(0);
  pid_t spinner = fork();
  if (spinner == 0) spin();
  sleep_ms(2 * TICK_MS);
  CHECK(kill(sleeper, SIGTERM) == 0 && kill(spinner, SIGKILL) == 0);
  CHECK(WTERMSIG(wait_status(sleeper)) == SIGTERM);
  CHECK(WTERMSIG(wait_status(spinner)) == SIGKILL);
}

static void does_kill_know_whom_it_may_kill(void) {
  FAILS(kill(30000, SIGKILL), ESRCH);
  FAILS(kill(-1, SIGKILL), ESRCH);
  FAILS(kill(getpid(), 99), EINVAL);
  CHECK(kill(getpid(), 0) == 0);
  FAILS(reboot(0), EPERM);
}

static void is_an_orphan_adopted_by_init(void) {
  pid_t pid = fork();
  if (pid == 0) {
    if (fork() == 0) {
      sleep_ms(3 * TICK_MS);
      if (getppid() != 1) printf("usertests: FAIL an orphan's parent is %d\n", getppid());
      exit(getppid() != 1);
    }
    exit(0);
  }
  CHECK(wait_status(pid) == 0);
  sleep_ms(6 * TICK_MS);
}

static void can_there_be_many_processes(void) {
  enum { MANY = 60 };
  for (int i = 0; i < MANY; i++) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) exit(1);
  }
  int sum = 0, status;
  while (waitpid(-1, &status, 0) > 0) sum += WEXITSTATUS(status);
  CHECK(sum == MANY);
}

/* Forks until the kernel says no; that must be a clean no, and everything must come back. */
static void does_fork_say_no_in_the_end(void) {
  int n = 0, status;
  for (;; n++) {
    pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0) {
      sleep_ms(100000);
      exit(0);
    }
    CHECK(n < 10000);
  }
  CHECK(errno == EAGAIN || errno == ENOMEM);
  CHECK(n > 10);
  for (pid_t pid = getpid() + 1; pid < getpid() + 2 * n + 10; pid++) kill(pid, SIGKILL);
  while (waitpid(-1, &status, 0) > 0) n--;
  CHECK(n == 0);
}

static void fork_and_touch(void) {
  for (int i = 0; i < 5; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      memset(p, 1, 64 * PAGE);
      CHECK(malloc(100000) != NULL);
      CHECK(open("/proc/stat", O_RDONLY) >= 0);
      if (i & 1) abort();
      exit(0);
    }
    wait_status(pid);
  }
}

static void does_memory_come_back(void) {
  fork_and_touch();
  unsigned long long pages = proc_number("/proc/meminfo", "MemFree"), heap = proc_number("/proc/meminfo", "KernelHeap");
  fork_and_touch();
  CHECK(proc_number("/proc/meminfo", "MemFree") == pages);
  CHECK(proc_number("/proc/meminfo", "KernelHeap") == heap);
}

/* ---- Time and the scheduler ---- */

static void is_a_spinning_process_preempted(void) {
  pid_t pid = fork();
  if (pid == 0) spin();
  sleep_ms(5 * TICK_MS); /* comes back only if the spinner is made to stop */
  CHECK(kill(pid, SIGKILL) == 0);
  wait_status(pid);
}

static void do_two_spinners_share_the_processor(void) {
  pid_t pid[2];
  unsigned long long end = now_us() + 250000;
  for (int i = 0; i < 2; i++) {
    pid[i] = fork();
    if (pid[i] == 0) {
      struct tms t;
      while (now_us() < end) continue;
      times(&t);
      exit((int)(t.tms_utime + t.tms_stime));
    }
  }
  int a = WEXITSTATUS(wait_status(pid[0])), b = WEXITSTATUS(wait_status(pid[1]));
  CHECK(a + b > 10);
  CHECK(a * 3 > b && b * 3 > a);
}

static void does_sleep_last_as_long_as_asked(void) {
  static const unsigned times_ms[] = { 1, 10, 25, 100 };
  for (unsigned i = 0; i < 4; i++) {
    long start = times(NULL);
    sleep_ms(times_ms[i]);
    long ticks = times(NULL) - start, asked = (long)(times_ms[i] + TICK_MS - 1) / TICK_MS;
    CHECK(ticks >= asked && ticks <= asked + 3);
  }
}

static void do_sleepers_wake_in_order(void) {
  pid_t late = fork();
  if (late == 0) sleep_ms(9 * TICK_MS), exit(0);
  pid_t early = fork();
  if (early == 0) sleep_ms(3 * TICK_MS), exit(0);
  CHECK(waitpid(-1, NULL, 0) == early);
  CHECK(waitpid(-1, NULL, 0) == late);
}

static void does_a_woken_process_run_before_a_spinner_is_done(void) {
  pid_t pid = fork();
  if (pid == 0) spin();
  for (int i = 0; i < 5; i++) {
    unsigned long long start = now_us();
    sleep_ms(1);
    CHECK(now_us() - start < 6 * TICK_MS * 1000);
  }
  kill(pid, SIGKILL);
  wait_status(pid);
}

static void does_time_never_go_back(void) {
  unsigned long long last = now_us();
  long ticks = times(NULL);
  for (int i = 0; i < 20000; i++) {
    unsigned long long now = now_us();
    CHECK(now >= last);
    last = now;
  }
  CHECK(times(NULL) >= ticks);
}

static void is_only_idle_time_counted_as_idle(void) {
  unsigned long long idle = proc_number("/proc/stat", "idle_cycles"), all = proc_number("/proc/stat", "cycles");
  spin_ms(50);
  unsigned long long idle_spun = proc_number("/proc/stat", "idle_cycles"), all_spun = proc_number("/proc/stat", "cycles");
  sleep_ms(100);
  unsigned long long idle_slept = proc_number("/proc/stat", "idle_cycles"), all_slept = proc_number("/proc/stat", "cycles");
  CHECK((idle_spun - idle) * 20 < all_spun - all);
  CHECK((idle_slept - idle_spun) * 4 > (all_slept - all_spun) * 3);
}

/* A process that wakes at each tick takes the processor from us while we count in registers. */
static void do_registers_survive_preemption(void) {
  pid_t pid = fork();
  if (pid == 0)
    for (;;) sleep_ms(1);
  unsigned bad = 0;
  for (long end = times(NULL) + 10; times(NULL) < end;) {
    unsigned a = 0x11111111, b = 0x22222222, c = 50000, d = 0x44444444, s = 0x55555555, e = 0x66666666;
    __asm__ __volatile__("1: decl %%ecx; jnz 1b" : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(e) : : "cc");
    bad += a != 0x11111111 || b != 0x22222222 || c || d != 0x44444444 || s != 0x55555555 || e != 0x66666666;
  }
  kill(pid, SIGKILL);
  wait_status(pid);
  CHECK(bad == 0);
}

static void do_registers_survive_a_system_call(void) {
  unsigned a = NR_getpid, b = 2, c = 3, d = 4, s = 5, e = 6;
  __asm__ __volatile__("int $0x80" : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(e) : : "memory");
  CHECK(a == (unsigned)getpid() && b == 2 && c == 3 && d == 4 && s == 5 && e == 6);
}

static void does_the_direction_flag_not_matter_to_the_kernel(void) {
  char name[] = "/proc/uptime";
  int fd;
  __asm__ __volatile__("std; int $0x80; cld" : "=a"(fd) : "0"(NR_open), "b"(name), "c"(O_RDONLY) : "memory");
  CHECK(fd >= 0);
  char text[32];
  CHECK(read(fd, text, sizeof text) > 3);
}

/* ---- What a process must not do ---- */

static volatile int sink;
static void read_null(void) { sink = *(volatile int *)0; }
static void write_null(void) { *(volatile int *)0 = 1; }
static void call_null(void) { ((void (*)(void))0)(); }
static void read_kernel(void) { sink = *(volatile char *)KERNEL_ADDR; }
static void write_kernel(void) { *(volatile char *)KERNEL_ADDR = 1; }
static void call_kernel(void) { ((void (*)(void))KERNEL_ADDR)(); }
static void write_zone(void) { *(volatile char *)ZONE_ADDR = 1; }
static void read_top(void) { sink = *(volatile char *)TOP_ADDR; }
static void write_own_text(void) { *(volatile char *)(unsigned long)write_own_text = 1; }
static void write_constant(void) { *(volatile char *)(unsigned long)"constant" = 1; }
static void read_wild(void) { sink = *(volatile char *)0x30000000; }

static void does_a_null_pointer_kill(void) {
  DIES_OF(SIGSEGV, read_null);
  DIES_OF(SIGSEGV, write_null);
  DIES_OF(SIGSEGV, call_null);
}

static void is_the_kernel_out_of_reach(void) {
  DIES_OF(SIGSEGV, read_kernel);
  DIES_OF(SIGSEGV, write_kernel);
  DIES_OF(SIGSEGV, call_kernel);
  DIES_OF(SIGSEGV, write_zone);
  DIES_OF(SIGSEGV, read_top);
}

static void is_read_only_memory_read_only(void) {
  DIES_OF(SIGSEGV, write_own_text);
  DIES_OF(SIGSEGV, write_constant);
  DIES_OF(SIGSEGV, read_wild);
}

static void divide_by_zero(void) { __asm__ __volatile__("xorl %%ecx,%%ecx; divl %%ecx" : : "a"(1), "d"(0) : "ecx", "cc"); }
static void bad_opcode(void) { __asm__ __volatile__("ud2"); }
static void breakpoint(void) { __asm__ __volatile__("int3"); }
static void floating_point(void) { __asm__ __volatile__("fninit"); }
static void single_step(void) { __asm__ __volatile__("pushfl; orl $0x100,(%%esp); popfl; nop; nop" : : : "cc", "memory"); }

static void do_exceptions_kill_with_their_signal(void) {
  DIES_OF(SIGFPE, divide_by_zero);
  DIES_OF(SIGILL, bad_opcode);
  DIES_OF(SIGTRAP, breakpoint);
  DIES_OF(SIGFPE, floating_point);
  DIES_OF(SIGTRAP, single_step);
}

static void do_cli(void) { __asm__ __volatile__("cli"); }
static void do_hlt(void) { __asm__ __volatile__("hlt"); }
static void do_in(void) { __asm__ __volatile__("inb $0x21,%%al" : : : "eax"); }
static void do_exit_port(void) { __asm__ __volatile__("outb %%al,$0xF4" : : "a"(0)); }
static void do_read_cr3(void) { __asm__ __volatile__("movl %%cr3,%%eax" : : : "eax"); }
static void do_load_cr3(void) { __asm__ __volatile__("movl %0,%%cr3" : : "r"(0)); }
static void do_lidt(void) {
  static char zeros[6];
  __asm__ __volatile__("lidt %0" : : "m"(zeros));
}
static void do_invlpg(void) { __asm__ __volatile__("invlpg 0"); }
static void do_rdmsr(void) { __asm__ __volatile__("rdmsr" : : "c"(0x10) : "eax", "edx"); }
static void do_kernel_segment(void) { __asm__ __volatile__("movw %w0,%%ds" : : "r"(0x10)); }
static void do_kernel_stack_segment(void) { __asm__ __volatile__("movw %w0,%%ss" : : "r"(0x10)); }
static void do_interrupt_vector(void) { __asm__ __volatile__("int $0x20"); }
static void do_double_fault_vector(void) { __asm__ __volatile__("int $8"); }
static void do_far_jump(void) { __asm__ __volatile__("ljmp $0x08,$0xC0100000"); }

static void are_privileged_instructions_refused(void) {
  static void (*const fns[])(void) = { do_cli,    do_hlt,   do_in,    do_exit_port,      do_read_cr3,
                                       do_load_cr3, do_lidt, do_invlpg, do_rdmsr,         do_kernel_segment,
                                       do_kernel_stack_segment, do_interrupt_vector, do_double_fault_vector, do_far_jump };
  for (unsigned i = 0; i < sizeof fns / sizeof fns[0]; i++) {
    int signal = signal_of(fns[i]);
    if (signal != SIGSEGV) printf("  number %u died of %d\n", i, signal);
    CHECK(signal == SIGSEGV);
  }
}

static void can_popf_not_turn_interrupts_off(void) {
  pid_t pid = fork();
  if (pid == 0) {
    unsigned flags;
    __asm__ __volatile__("pushfl; andl $~0x200,(%%esp); popfl; pushfl; popl %0" : "=r"(flags) : : "cc", "memory");
    if (!(flags & 0x200)) exit(1);
    spin();
  }
  sleep_ms(3 * TICK_MS);
  CHECK(kill(pid, SIGKILL) == 0);
  CHECK(WTERMSIG(wait_status(pid)) == SIGKILL);
}

__attribute__((noinline)) static int use_stack(unsigned bytes) {
  volatile char frame[PAGE];
  frame[0] = frame[PAGE - 1] = 1;
  int below = bytes > PAGE ? use_stack(bytes - PAGE) : 0;
  return below + frame[bytes % PAGE];
}
static void use_half_a_megabyte(void) { sink = use_stack(512 * 1024); }
static void use_it_all(void) { sink = use_stack(64 * 1024 * 1024); }
static void lose_stack_pointer(void) { __asm__ __volatile__("movl $0x10,%%esp; pushl $1" : : : "memory"); }
static void stack_in_kernel(void) { __asm__ __volatile__("movl $0xC0200000,%%esp; pushl $1" : : : "memory"); }

static void does_the_stack_grow_but_not_for_ever(void) {
  DIES_OF(0, use_half_a_megabyte);
  DIES_OF(SIGSEGV, use_it_all);
}

static void does_a_ruined_stack_pointer_kill_only_the_process(void) {
  DIES_OF(SIGSEGV, lose_stack_pointer);
  DIES_OF(SIGSEGV, stack_in_kernel);
}

static void spin_on_ruined_stack(void) { __asm__ __volatile__("movl %0,%%esp; 1: jmp 1b" : : "r"(KERNEL_ADDR)); }
static void can_a_clock_tick_take_a_ruined_stack_pointer(void) {
  pid_t pid = fork();
  if (pid == 0) spin_on_ruined_stack();
  sleep_ms(3 * TICK_MS);
  kill(pid, SIGKILL);
  CHECK(WTERMSIG(wait_status(pid)) == SIGKILL);
}

/* ---- Bad arguments to system calls ---- */

static char *const bad_pointers[] = { (char *)0, (char *)1, (char *)0x30000000, KERNEL_ADDR,
                                      ZONE_ADDR, (char *)0xBFFFFFFF, TOP_ADDR, (char *)0xFFFFFFFF };
#define EACH_BAD(p) \
  for (char *const *_b = bad_pointers, *p; _b < bad_pointers + sizeof bad_pointers / sizeof bad_pointers[0] && ((p = *_b), 1); _b++)

static void does_read_refuse_bad_pointers(void) {
  int zero = open("/dev/zero", O_RDONLY), stat = open("/proc/stat", O_RDONLY);
  CHECK(zero >= 0 && stat >= 0);
  EACH_BAD(p) {
    FAILS(read(zero, p, 16), EFAULT);
    FAILS(read(stat, p, 16), EFAULT);
  }
}

static void does_write_refuse_bad_pointers(void) {
  EACH_BAD(p) FAILS(write(1, p, 16), EFAULT);
  FAILS(write(1, "x", 0xC0000000), EFAULT);
}

static void do_paths_refuse_bad_pointers(void) {
  EACH_BAD(p) {
    FAILS(open(p, O_RDONLY), EFAULT);
    FAILS(execve(p, NULL, NULL), EFAULT);
    FAILS(insmod(p, NULL), EFAULT);
    FAILS(rmmod(p), EFAULT);
  }
}

static void do_structures_refuse_bad_pointers(void) {
  EACH_BAD(p) {
    FAILS(gettimeofday((void *)p, NULL), EFAULT);
    FAILS(nanosleep((void *)p, NULL), EFAULT);
    if (p) FAILS(times((void *)p), EFAULT);
    if (p) FAILS(execve("usertests", (void *)p, NULL), EFAULT);
    if (!p) continue;
    pid_t pid = fork();
    if (pid == 0) exit(0);
    FAILS(waitpid(pid, (void *)p, 0), EFAULT);
    CHECK(waitpid(pid, NULL, 0) == pid);
  }
}

static void does_a_copy_stop_at_the_end_of_memory(void) {
  char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED && munmap(p + PAGE, PAGE) == 0);
  int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
  CHECK(read(zero, p + PAGE - 10, 100) == 10);
  CHECK(write(null, p, PAGE) == PAGE);
  strcpy(p + PAGE - 5, "/dev"); /* with its NUL: ends exactly at the page's end */
  FAILS(open(p + PAGE - 5, O_RDONLY), ENOENT);
  memcpy(p + PAGE - 5, "/dev/", 5);
  FAILS(open(p + PAGE - 5, O_RDONLY), EFAULT);
}

static void can_a_system_call_not_write_read_only_memory(void) {
  int zero = open("/dev/zero", O_RDONLY);
  FAILS(read(zero, (char *)(unsigned long)does_a_copy_stop_at_the_end_of_memory, 4), EFAULT);
}

/* Nobody types, so descriptor 0 is closed: reading the console would wait for ever. */
static void call_wildly(long nr) {
  static const unsigned long values[] = { 0, 1, 0xFFFFFFFF, 0xC0100000, 0x7FFFFFFF, 0x08048000, 0xBFFFE000 };
  for (int fd = 0; fd < 3; fd++) close(fd);
  srand((unsigned)nr + 1);
  for (int i = 0; i < 8; i++) {
    long a[6];
    for (int k = 0; k < 6; k++) a[k] = (long)values[rand() % 7];
    syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}

static void does_any_system_call_take_any_arguments(void) {
  for (long nr = 0; nr < NR_syscalls + 8; nr++) {
    if (nr == NR_exit || nr == NR_fork || nr == NR_kill || nr == NR_nanosleep) continue;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      call_wildly(nr);
      exit(0);
    }
    wait_status(pid);
  }
}

static void are_unknown_calls_refused(void) {
  FAILS(check(syscall(0, 0, 0, 0, 0, 0)), ENOSYS);
  FAILS(check(syscall(NR_syscalls, 0, 0, 0, 0, 0)), ENOSYS);
  FAILS(check(syscall(0x80000001, 0, 0, 0, 0, 0)), ENOSYS);
}

/* ---- Memory ---- */

static char *map(unsigned size) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void is_mapped_memory_zero_and_ones_own(void) {
  unsigned *p = (unsigned *)map(16 * PAGE);
  CHECK(p != MAP_FAILED);
  for (unsigned i = 0; i < 16 * PAGE / 4; i++) CHECK(p[i] == 0);
  for (unsigned i = 0; i < 16 * PAGE / 4; i++) p[i] = i;
  pid_t pid = fork();
  if (pid == 0) {
    for (unsigned i = 0; i < 16 * PAGE / 4; i++) CHECK(p[i] == i);
    memset(p, 0, 16 * PAGE);
    exit(0);
  }
  CHECK(wait_status(pid) == 0);
  for (unsigned i = 0; i < 16 * PAGE / 4; i++) CHECK(p[i] == i);
}

static char *victim;
static void touch_victim(void) { sink = *victim; }
static void write_victim(void) { *victim = 1; }

static void is_unmapped_memory_gone_and_the_rest_not(void) {
  char *p = map(3 * PAGE);
  memset(p, 9, 3 * PAGE);
  CHECK(munmap(p + PAGE, PAGE) == 0);
  CHECK(p[PAGE - 1] == 9 && p[2 * PAGE] == 9);
  victim = p + PAGE;
  DIES_OF(SIGSEGV, touch_victim);
  CHECK(munmap(p, 3 * PAGE) == 0);
  victim = p;
  DIES_OF(SIGSEGV, touch_victim);
  CHECK(map(3 * PAGE) == p); /* the first gap again */
  CHECK(p[0] == 0);
}

static void is_a_read_only_mapping_read_only(void) {
  victim = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(victim != MAP_FAILED && *victim == 0);
  DIES_OF(SIGSEGV, write_victim);
  int zero = open("/dev/zero", O_RDONLY);
  FAILS(read(zero, victim, 1), EFAULT);
}

static void does_mmap_refuse_nonsense(void) {
  CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(map(0xFFFFF000) == MAP_FAILED);
  CHECK(map(0x90000000) == MAP_FAILED);
  CHECK(mmap(NULL, PAGE, 0xFF, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 30, 0) == MAP_FAILED && errno == EBADF);
  CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 1, 0) == MAP_FAILED && errno == ENODEV);
  FAILS(munmap((void *)1, PAGE), EINVAL);
  FAILS(munmap((void *)0, 0), EINVAL);
  FAILS(munmap(KERNEL_ADDR, PAGE), EINVAL);
  FAILS(munmap((void *)0xBFFFF000, 0xFFFFF000), EINVAL);
}

static void eat_memory(void) {
  for (;;) {
    char *p = map(256 * PAGE);
    if (p == MAP_FAILED) exit(0);
    for (unsigned i = 0; i < 256 * PAGE; i += PAGE) p[i] = 1;
  }
}

static void does_running_out_of_memory_kill_only_the_eater(void) {
  unsigned long long before = proc_number("/proc/meminfo", "MemFree");
  DIES_OF(SIGSEGV, eat_memory);
  CHECK(proc_number("/proc/meminfo", "MemFree") + 64 > before);
}

static void does_brk_move_both_ways(void) {
  char *start = sbrk(0);
  CHECK(sbrk(5 * PAGE) == start);
  memset(start, 7, 5 * PAGE);
  CHECK(brk(start + PAGE) == 0 && sbrk(0) == start + PAGE);
  CHECK(brk(start + 5 * PAGE) == 0 && start[2 * PAGE] == 0);
  FAILS(brk((void *)0x80000000), ENOMEM);
}

static void does_malloc_give_what_nobody_else_has(void) {
  enum { N = 200 };
  static unsigned char *p[N];
  static unsigned size[N];
  srand(7);
  for (int round = 0; round < 2000; round++) {
    unsigned i = rand() % N;
    if (p[i]) {
      for (unsigned k = 0; k < size[i]; k++) CHECK(p[i][k] == (unsigned char)i);
      free(p[i]);
      p[i] = NULL;
    } else {
      size[i] = rand() % 3000;
      CHECK((p[i] = malloc(size[i])) && !((unsigned long)p[i] & 15));
      memset(p[i], (int)i, size[i]);
    }
  }
}

/* ---- Files ---- */

static void are_descriptors_given_lowest_first(void) {
  int a = open("/dev/null", O_RDWR), b = open("/dev/null", O_RDWR);
  CHECK(a == 3 && b == 4 && close(a) == 0);
  CHECK(open("/dev/zero", O_RDONLY) == 3);
  FAILS(close(17), EBADF);
  FAILS(close(-1), EBADF);
  FAILS(read(99999, &a, 1), EBADF);
}

static void is_there_an_end_to_descriptors(void) {
  int n = 0;
  while (open("/dev/null", O_RDWR) >= 0) CHECK(++n < 1000);
  CHECK(errno == EMFILE && n == 29);
  CHECK(dup(1) == -1 && errno == EMFILE);
}

static void do_names_lead_to_files(void) {
  FAILS(open("/dev/nosuch", O_RDONLY), ENOENT);
  FAILS(open("/proc/nosuch", O_RDONLY), ENOENT);
  FAILS(open("nosuch", O_RDONLY), ENOENT);
  FAILS(open("", O_RDONLY), ENOENT);
  FAILS(open("/dev/null9999999", O_RDONLY), ENOENT);
  FAILS(open("/boot/usertests", O_RDWR), EROFS);
  int fd = open("/boot/usertests", O_RDONLY);
  char magic[4];
  CHECK(fd >= 0 && read(fd, magic, 4) == 4 && !memcmp(magic, "\177ELF", 4));
  CHECK(lseek(fd, 1, SEEK_SET) == 1 && read(fd, magic, 3) == 3 && !memcmp(magic, "ELF", 3));
  CHECK(lseek(fd, 0x7fffffff, SEEK_SET) == 0x7fffffff && read(fd, magic, 4) == 0);
  FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
  FAILS(write(fd, magic, 4), EBADF);
}

static void do_devices_do_what_their_names_say(void) {
  char buf[100];
  memset(buf, 1, sizeof buf);
  CHECK(read(open("/dev/zero", O_RDONLY), buf, sizeof buf) == sizeof buf);
  for (unsigned i = 0; i < sizeof buf; i++) CHECK(buf[i] == 0);
  int null = open("/dev/null", O_RDWR);
  CHECK(read(null, buf, sizeof buf) == 0 && write(null, buf, sizeof buf) == sizeof buf);
  FAILS(ioctl(null, 1, NULL), ENOTTY);
}

static void do_parent_and_child_share_a_file_position(void) {
  int fd = open("/proc/stat", O_RDONLY);
  char c;
  pid_t pid = fork();
  if (pid == 0) exit(read(fd, &c, 1) != 1);
  CHECK(wait_status(pid) == 0);
  CHECK(lseek(fd, 0, SEEK_CUR) == 1);
}

static void does_a_file_live_as_long_as_a_descriptor(void) {
  int fd = open("/proc/uptime", O_RDONLY), copy = dup(fd);
  char c;
  CHECK(copy > fd && close(fd) == 0);
  CHECK(read(copy, &c, 1) == 1);
  CHECK(close(copy) == 0);
}

/* ---- Modules ---- */

static void are_bad_modules_refused(void) {
  FAILS(insmod("nosuch", NULL), ENOENT);
  FAILS(insmod("usertests", NULL), ENOEXEC); /* a program, not a module */
  FAILS(insmod("garbage", NULL), ENOEXEC);
  FAILS(rmmod("nosuch"), ENOENT);
}

/* Only where drivers/test/kerneltest.c is loaded. */
static void do_a_device_and_programs_share_a_page(void) {
  int fd = open("/dev/kerneltest", O_RDWR);
  if (fd < 0) {
    CHECK(errno == ENOENT);
    printf("  (without kerneltest.ko)\n");
    return;
  }
  unsigned *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), word = 0;
  CHECK(p != MAP_FAILED);
  CHECK(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
  FAILS(rmmod("kerneltest"), EBUSY);
  *p = 1;
  pid_t pid = fork();
  if (pid == 0) {
    *p = 0x1234;
    exit(0);
  }
  CHECK(wait_status(pid) == 0);
  CHECK(*p == 0x1234 && ioctl(fd, 1, &word) == 0 && word == 0x1234);
  FAILS(ioctl(fd, 1, KERNEL_ADDR), EFAULT);
  CHECK(close(fd) == 0 && *p == 0x1234);
}

/* ---- All of them ---- */

#define TEST(fn) { #fn, fn }
static const struct {
  const char *name;
  void (*fn)(void);
} tests[] = {
  TEST(does_fork_return_twice),
  TEST(does_wait_report_the_exit_code),
  TEST(does_wait_fail_without_children),
  TEST(does_wait_return_at_once_if_told_to),
  TEST(does_wait_find_the_child_that_was_named),
  TEST(does_a_child_have_memory_of_its_own),
  TEST(does_exec_pass_its_arguments),
  TEST(does_exec_fail_for_what_is_no_program),
  TEST(does_exec_refuse_too_many_arguments),
  TEST(does_kill_end_a_sleeper_and_a_spinner),
  TEST(does_kill_know_whom_it_may_kill),
  TEST(is_an_orphan_adopted_by_init),
  TEST(can_there_be_many_processes),
  TEST(does_fork_say_no_in_the_end),
  TEST(does_memory_come_back),
  TEST(is_a_spinning_process_preempted),
  TEST(do_two_spinners_share_the_processor),
  TEST(does_sleep_last_as_long_as_asked),
  TEST(do_sleepers_wake_in_order),
  TEST(does_a_woken_process_run_before_a_spinner_is_done),
  TEST(does_time_never_go_back),
  TEST(is_only_idle_time_counted_as_idle),
  TEST(do_registers_survive_preemption),
  TEST(do_registers_survive_a_system_call),
  TEST(does_the_direction_flag_not_matter_to_the_kernel),
  TEST(does_a_null_pointer_kill),
  TEST(is_the_kernel_out_of_reach),
  TEST(is_read_only_memory_read_only),
  TEST(do_exceptions_kill_with_their_signal),
  TEST(are_privileged_instructions_refused),
  TEST(can_popf_not_turn_interrupts_off),
  TEST(does_the_stack_grow_but_not_for_ever),
  TEST(does_a_ruined_stack_pointer_kill_only_the_process),
  TEST(can_a_clock_tick_take_a_ruined_stack_pointer),
  TEST(does_read_refuse_bad_pointers),
  TEST(does_write_refuse_bad_pointers),
  TEST(do_paths_refuse_bad_pointers),
  TEST(do_structures_refuse_bad_pointers),
  TEST(does_a_copy_stop_at_the_end_of_memory),
  TEST(can_a_system_call_not_write_read_only_memory),
  TEST(does_any_system_call_take_any_arguments),
  TEST(are_unknown_calls_refused),
  TEST(is_mapped_memory_zero_and_ones_own),
  TEST(is_unmapped_memory_gone_and_the_rest_not),
  TEST(is_a_read_only_mapping_read_only),
  TEST(does_mmap_refuse_nonsense),
  TEST(does_running_out_of_memory_kill_only_the_eater),
  TEST(does_brk_move_both_ways),
  TEST(does_malloc_give_what_nobody_else_has),
  TEST(are_descriptors_given_lowest_first),
  TEST(is_there_an_end_to_descriptors),
  TEST(do_names_lead_to_files),
  TEST(do_devices_do_what_their_names_say),
  TEST(do_parent_and_child_share_a_file_position),
  TEST(does_a_file_live_as_long_as_a_descriptor),
  TEST(are_bad_modules_refused),
  TEST(do_a_device_and_programs_share_a_page),
};

/* `usertests --console`: asks for lines until an empty one comes. */
static int console(void) {
  char line[300];
  for (;;) {
    printf("? ");
    ssize_t n = read(0, line, sizeof line);
    if (n <= 1) return n != 1;
    printf("%d: %.*s", (int)n, (int)n, line);
  }
}

static int run(const char *name, void (*fn)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    fn();
    exit(0);
  }
  int status = wait_status(pid);
  printf("%s %s\n", status == 0 ? "ok  " : "FAIL", name);
  return status != 0;
}

static int chosen(const char *name, char **names, int count) {
  for (int i = 0; i < count; i++)
    if (!strcmp(names[i], name)) return 1;
  return count == 0;
}

int main(int argc, char **argv) {
  int failed = 0, ran = 0;
  if (argc > 1 && !strcmp(argv[1], "--count")) return argc == 4 && !strcmp(argv[2], "a b") && !argv[3][0] ? argc : 0;
  if (argc > 1 && !strcmp(argv[1], "--console")) return console();
  for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
    if (!chosen(tests[i].name, argv + 1, argc - 1)) continue;
    failed += run(tests[i].name, tests[i].fn);
    ran++;
  }
  printf("usertests: %d of %d passed\n", ran - failed, ran);
  return failed != 0 || ran == 0;
}
