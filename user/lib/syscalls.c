/* System calls under their POSIX names (unistd.h and sys/). */
#include <errno.h>
#include <kernel/syscalls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

int errno;

long check(long result) {
  if ((unsigned long)result < (unsigned long)-MAX_ERRNO) return result;
  errno = (int)-result;
  return -1;
}

#define CALL(nr, a, b, c, d, e) check(syscall(nr, a, b, c, d, e))

void _exit(int code) {
  for (;;) syscall(NR_exit, code, 0, 0, 0, 0);
}
void exit(int code) { _exit(code); }
pid_t fork(void) { return CALL(NR_fork, 0, 0, 0, 0, 0); }
int execve(const char *name, char *const argv[], char *const envp[]) { return CALL(NR_execve, name, argv, envp, 0, 0); }
int execv(const char *name, char *const argv[]) { return execve(name, argv, NULL); }
pid_t getpid(void) { return CALL(NR_getpid, 0, 0, 0, 0, 0); }
pid_t getppid(void) { return CALL(NR_getppid, 0, 0, 0, 0, 0); }
int kill(pid_t pid, int signal) { return CALL(NR_kill, pid, signal, 0, 0, 0); }
int sched_yield(void) { return CALL(NR_sched_yield, 0, 0, 0, 0, 0); }
pid_t waitpid(pid_t pid, int *status, int options) { return CALL(NR_waitpid, pid, status, options, 0, 0); }

int open(const char *name, int flags) { return CALL(NR_open, name, flags, 0, 0, 0); }
int unlink(const char *name) { return CALL(NR_unlink, name, 0, 0, 0, 0); }
int close(int fd) { return CALL(NR_close, fd, 0, 0, 0, 0); }
ssize_t read(int fd, void *buf, size_t count) { return CALL(NR_read, fd, buf, count, 0, 0); }
ssize_t write(int fd, const void *buf, size_t count) { return CALL(NR_write, fd, buf, count, 0, 0); }
long lseek(int fd, long offset, int whence) { return CALL(NR_lseek, fd, offset, whence, 0, 0); }
int dup(int fd) { return CALL(NR_dup, fd, 0, 0, 0, 0); }
int ioctl(int fd, unsigned cmd, void *arg) { return CALL(NR_ioctl, fd, cmd, arg, 0, 0); }

int insmod(const char *name, const char *args) { return CALL(NR_init_module, name, args, 0, 0, 0); }
int rmmod(const char *name) { return CALL(NR_delete_module, name, 0, 0, 0, 0); }
int reboot(int code) { return CALL(NR_reboot, code, 0, 0, 0, 0); }

void sleep_ms(unsigned ms) {
  struct timespec t = { (long)(ms / 1000), (long)(ms % 1000) * 1000000 };
  syscall(NR_nanosleep, &t, NULL, 0, 0, 0);
}

int nanosleep(const struct timespec *want, struct timespec *left) { return CALL(NR_nanosleep, want, left, 0, 0, 0); }
int gettimeofday(struct timeval *tv, void *zone) { return CALL(NR_gettimeofday, tv, zone, 0, 0, 0); }
long times(struct tms *buf) { return CALL(NR_times, buf, 0, 0, 0, 0); }

unsigned long long now_us(void) {
  struct timeval tv = { 0, 0 };
  gettimeofday(&tv, NULL);
  return (unsigned long long)tv.tv_sec * 1000000 + (unsigned long long)tv.tv_usec;
}

void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset) {
  return (void *)check(syscall6(NR_mmap2, (long)addr, (long)length, prot, flags, fd, offset >> 12));
}
int munmap(void *addr, size_t length) { return CALL(NR_munmap, addr, length, 0, 0, 0); }

static char *current_brk;

int brk(void *end) {
  char *got = (char *)syscall(NR_brk, end, 0, 0, 0, 0);
  current_brk = got;
  if (got >= (char *)end) return 0;
  errno = ENOMEM;
  return -1;
}

void *sbrk(long increment) {
  if (!current_brk) current_brk = (char *)syscall(NR_brk, 0, 0, 0, 0, 0);
  char *old = current_brk;
  return increment && brk(old + increment) ? (void *)-1 : old;
}

int socket(int family, int type, int protocol) { return CALL(NR_socket, family, type, protocol, 0, 0); }
int bind(int fd, const struct sockaddr *addr, int length) { return CALL(NR_bind, fd, addr, length, 0, 0); }
int connect(int fd, const struct sockaddr *addr, int length) { return CALL(NR_connect, fd, addr, length, 0, 0); }
int getsockname(int fd, struct sockaddr *addr, int *length) { return CALL(NR_getsockname, fd, addr, length, 0, 0); }
int setsockopt(int fd, int level, int name, const void *value, int length) {
  return CALL(NR_setsockopt, fd, level, name, value, length);
}
int getsockopt(int fd, int level, int name, void *value, int *length) {
  return CALL(NR_getsockopt, fd, level, name, value, length);
}
ssize_t sendto(int fd, const void *buf, size_t size, unsigned flags, const struct sockaddr *to, int length) {
  return check(syscall6(NR_sendto, fd, (long)buf, (long)size, (long)flags, (long)to, length));
}
ssize_t recvfrom(int fd, void *buf, size_t size, unsigned flags, struct sockaddr *from, int *length) {
  return check(syscall6(NR_recvfrom, fd, (long)buf, (long)size, (long)flags, (long)from, (long)length));
}
ssize_t send(int fd, const void *buf, size_t size, unsigned flags) { return sendto(fd, buf, size, flags, NULL, 0); }
ssize_t recv(int fd, void *buf, size_t size, unsigned flags) { return recvfrom(fd, buf, size, flags, NULL, NULL); }

/* "10.0.0.2"; 0 if it is not an address. */
int inet_aton(const char *s, struct in_addr *addr) {
  u32 value = 0;
  for (int i = 0; i < 4; i++) {
    char *end;
    unsigned long byte = strtoul(s, &end, 10);
    if (end == s || byte > 255 || *end != (i < 3 ? '.' : 0)) return 0;
    value = value << 8 | byte;
    s = end + 1;
  }
  addr->s_addr = htonl(value);
  return 1;
}

/* The child reports a failed exec by its exit code before anyone uses the pid. */
pid_t spawn(const char *name, char *const argv[]) {
  char path[64] = "/boot/";
  strlcpy(path + 6, name, sizeof path - 6);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  close(fd);
  pid_t pid = fork();
  if (pid) return pid;
  execv(name, argv);
  _exit(127);
}

const char *strerror(int error) {
  static const struct {
    int error;
    const char *text;
  } names[] = {
    { EPERM, "not permitted" },       { ENOENT, "no such file" },         { EIO, "I/O error" },
    { E2BIG, "too many arguments" },  { ENOEXEC, "not a program" },       { EBADF, "bad file descriptor" },
    { ECHILD, "no child" },           { EAGAIN, "try again" },            { ENOMEM, "no memory" },
    { ESRCH, "no such extension or process" }, { ENOSPC, "no space" },     { EROFS, "read-only" },
    { EFAULT, "bad address" },        { EBUSY, "busy" },                  { EEXIST, "exists already" },
    { ENODEV, "no such device" },     { EINVAL, "invalid argument" },     { EMFILE, "too many open files" },
    { ENOTTY, "no such ioctl" },      { ENOSYS, "not implemented" },      { ETIMEDOUT, "timed out" },
    { ENETUNREACH, "network is unreachable" }, { EHOSTUNREACH, "no route to host" },
  };
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
    if (names[i].error == error) return names[i].text;
  return "error";
}
