#ifndef SYS_WAIT_H
#define SYS_WAIT_H

#include <linux/types.h>

#define WNOHANG 1
pid_t waitpid(pid_t pid, int *status, int options); /* pid -1: any child */
#define WIFEXITED(status) (((status) & 0x7f) == 0)
#define WEXITSTATUS(status) ((status) >> 8 & 0xff)
#define WIFSIGNALED(status) (((status) & 0x7f) != 0)
#define WTERMSIG(status) ((status) & 0x7f)

#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15

#endif
