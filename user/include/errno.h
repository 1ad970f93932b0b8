#ifndef ERRNO_H
#define ERRNO_H
#include <linux/errno.h>
extern int errno;
const char *strerror(int error);
#endif
