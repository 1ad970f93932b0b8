/*
 * System calls: INT 0x80, number in EAX, arguments in EBX, ECX, EDX, ESI, EDI, EBP, result in EAX,
 * errors as -errno (core/syscall.c). Numbers are Linux's for i386. User programs include this file too.
 */
#ifndef KERNEL_SYSCALLS_H
#define KERNEL_SYSCALLS_H

#define NR_exit 1
#define NR_fork 2
#define NR_read 3
#define NR_write 4
#define NR_open 5
#define NR_close 6
#define NR_waitpid 7
#define NR_unlink 10
#define NR_execve 11
#define NR_lseek 19
#define NR_getpid 20
#define NR_kill 37
#define NR_dup 41
#define NR_times 43
#define NR_brk 45
#define NR_ioctl 54
#define NR_getppid 64
#define NR_gettimeofday 78
#define NR_reboot 88
#define NR_munmap 91
#define NR_init_module 128
#define NR_delete_module 129
#define NR_sched_yield 158
#define NR_nanosleep 162
#define NR_mmap2 192
#define NR_socket 359
#define NR_bind 361
#define NR_connect 362
#define NR_getsockopt 365
#define NR_setsockopt 366
#define NR_getsockname 367
#define NR_sendto 369
#define NR_recvfrom 371
#define NR_syscalls 372

#if defined(__KERNEL__) && !defined(__ASSEMBLER__)
#include <linux/types.h>

/* The network layer defines these; without it they return -ENOSYS. All pointers are user addresses. */
long sys_socket(int family, int type, int protocol);
long sys_bind(int fd, const void *addr, int addrlen);
long sys_connect(int fd, const void *addr, int addrlen);
long sys_getsockname(int fd, void *addr, int *addrlen);
long sys_getsockopt(int fd, int level, int name, void *value, int *len);
long sys_setsockopt(int fd, int level, int name, const void *value, int len);
long sys_sendto(int fd, const void *buf, size_t len, unsigned flags, const void *addr, int addrlen);
long sys_recvfrom(int fd, void *buf, size_t len, unsigned flags, void *addr, int *addrlen);
#endif

#endif
