/* The kernel's system calls (core/syscall.c has the table). Pointers are user addresses. */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include <linux/time.h>
#include <linux/types.h>

long sys_exit(int code);
long sys_fork(void);
long sys_waitpid(pid_t pid, int *status, int options);
long sys_kill(pid_t pid, int signal);
long sys_execve(const char *name, char *const *argv, char *const *envp);
long sys_getpid(void);
long sys_getppid(void);
long sys_sched_yield(void);
long sys_nanosleep(const struct timespec *want, struct timespec *left);
long sys_times(void *buf);
long sys_gettimeofday(struct timeval *tv, void *zone);
long sys_reboot(u32 code);

long sys_read(int fd, char *buf, size_t count);
long sys_write(int fd, const char *buf, size_t count);
long sys_open(const char *name, int flags);
long sys_close(int fd);
long sys_unlink(const char *name);
long sys_lseek(int fd, long offset, int whence);
long sys_dup(int fd);
long sys_ioctl(int fd, unsigned cmd, unsigned long arg);

long sys_brk(u32 end);
long sys_mmap2(u32 addr, u32 length, u32 prot, u32 flags, int fd, u32 page_offset);
long sys_munmap(u32 addr, u32 length);

long sys_init_module(const char *name, const char *args);
long sys_delete_module(const char *name, u32 flags);

#endif
