/* System calls. They return -1 with errno set on failure, unless noted. */
#ifndef UNISTD_H
#define UNISTD_H

#include <linux/types.h>

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_APPEND 02000
#define O_NONBLOCK 04000
#define SEEK_SET 0
#define SEEK_CUR 1

void _exit(int code) __attribute__((noreturn));
pid_t fork(void);
int execve(const char *name, char *const argv[], char *const envp[]); /* argv NULL: those given at boot */
int execv(const char *name, char *const argv[]);
pid_t spawn(const char *name, char *const argv[]); /* fork and exec; -1 if there is no such program */
pid_t getpid(void);
pid_t getppid(void);
int kill(pid_t pid, int signal);
int sched_yield(void);

int open(const char *name, int flags);
int close(int fd);
int unlink(const char *name); /* of /etc and /tmp */
ssize_t read(int fd, void *buf, size_t count);
ssize_t write(int fd, const void *buf, size_t count);
long lseek(int fd, long offset, int whence);
int dup(int fd);
int ioctl(int fd, unsigned cmd, void *arg);

void sleep_ms(unsigned ms); /* at least that long; the clock ticks every 10 ms */
int brk(void *end);
void *sbrk(long increment);

int insmod(const char *name, const char *args); /* args NULL: those given at boot */
int rmmod(const char *name);
int reboot(int code); /* ends the run; init only */

/* Up to 5 arguments (6 in syscall6); the kernel's own result: -errno on failure. */
long syscall6(long nr, long a, long b, long c, long d, long e, long f);
#define syscall(nr, a, b, c, d, e) syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
long check(long result); /* -errno -> -1 and errno */

#endif
