/* The table of system calls, and the calls that belong to no other file. */
#include <asm/system.h>
#include <asm/uaccess.h>
#include <kernel/calls.h>
#include <kernel/process.h>
#include <kernel/syscalls.h>
#include <kernel/traps.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/time.h>

#define MSEC_PER_TICK (1000 / HZ)
#define NSEC_PER_TICK (1000000000 / HZ)

long sys_getpid(void) { return current->pid; }
long sys_getppid(void) { return current->parent ? current->parent->pid : 0; }

long sys_sched_yield(void) {
  yield();
  return 0;
}

/* At least the time asked for: up to the next tick, and one more for the part of a tick already gone. */
long sys_nanosleep(const struct timespec *want, struct timespec *left) {
  struct timespec t;
  if (copy_from_user(&t, want, sizeof t)) return -EFAULT;
  if (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= 1000000000) return -EINVAL;
  if (t.tv_sec > LONG_MAX / HZ - 2) return -EINVAL;
  long ticks = t.tv_sec * HZ + (t.tv_nsec + NSEC_PER_TICK - 1) / NSEC_PER_TICK;
  set_current_state(TASK_INTERRUPTIBLE);
  ticks = schedule_timeout(ticks + (ticks > 0));
  if (!ticks) return 0;
  t = (struct timespec){ ticks / HZ, ticks % HZ * NSEC_PER_TICK };
  return left && copy_to_user(left, &t, sizeof t) ? -EFAULT : -EINTR;
}

/* Ticks of this process, as struct tms; returns ticks since boot. Children are not added up. */
long sys_times(void *buf) {
  struct {
    long utime, stime, cutime, cstime;
  } tms = { (long)current->utime, (long)current->stime, 0, 0 };
  if (buf && copy_to_user(buf, &tms, sizeof tms)) return -EFAULT;
  return (long)jiffies;
}

long sys_gettimeofday(struct timeval *tv, void *zone) {
  struct timeval now;
  (void)zone;
  do_gettimeofday(&now);
  return copy_to_user(tv, &now, sizeof now) ? -EFAULT : 0;
}

/* Only init may end the run. */
long sys_reboot(u32 code) {
  if (current != init_task) return -EPERM;
  machine_exit(code & 0xff);
}

/* Without the network layer. */
__weak long sys_socket(int a, int b, int c) {
  (void)a, (void)b, (void)c;
  return -ENOSYS;
}
__weak long sys_bind(int a, const void *b, int c) {
  (void)a, (void)b, (void)c;
  return -ENOSYS;
}
__weak long sys_connect(int a, const void *b, int c) {
  (void)a, (void)b, (void)c;
  return -ENOSYS;
}
__weak long sys_getsockname(int a, void *b, int *c) {
  (void)a, (void)b, (void)c;
  return -ENOSYS;
}
__weak long sys_getsockopt(int a, int b, int c, void *d, int *e) {
  (void)a, (void)b, (void)c, (void)d, (void)e;
  return -ENOSYS;
}
__weak long sys_setsockopt(int a, int b, int c, const void *d, int e) {
  (void)a, (void)b, (void)c, (void)d, (void)e;
  return -ENOSYS;
}
__weak long sys_sendto(int a, const void *b, size_t c, unsigned d, const void *e, int f) {
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  return -ENOSYS;
}
__weak long sys_recvfrom(int a, void *b, size_t c, unsigned d, void *e, int *f) {
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  return -ENOSYS;
}

static long sys_ni(void) { return -ENOSYS; }

#define CALL(name) [NR_##name] = (void *)sys_##name

/* entry.S indexes it. */
extern void *const syscall_table[NR_syscalls];
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
void *const syscall_table[NR_syscalls] = {
  [0 ... NR_syscalls - 1] = (void *)sys_ni,
  CALL(exit),
  CALL(fork),
  CALL(read),
  CALL(write),
  CALL(open),
  CALL(close),
  CALL(waitpid),
  CALL(unlink),
  CALL(execve),
  CALL(lseek),
  CALL(getpid),
  CALL(kill),
  CALL(dup),
  CALL(times),
  CALL(brk),
  CALL(ioctl),
  CALL(getppid),
  CALL(gettimeofday),
  CALL(reboot),
  CALL(munmap),
  CALL(init_module),
  CALL(delete_module),
  CALL(sched_yield),
  CALL(nanosleep),
  CALL(mmap2),
  CALL(socket),
  CALL(bind),
  CALL(connect),
  CALL(getsockname),
  CALL(getsockopt),
  CALL(setsockopt),
  CALL(sendto),
  CALL(recvfrom),
};
#pragma clang diagnostic pop
