/* Integer types under their Linux 2.4 names. IA-32: int, long and pointers are 32 bits. */
#ifndef LINUX_TYPES_H
#define LINUX_TYPES_H

#include <linux/stddef.h>

typedef signed char s8;
typedef unsigned char u8;
typedef signed short s16;
typedef unsigned short u16;
typedef signed int s32;
typedef unsigned int u32;
typedef signed long long s64;
typedef unsigned long long u64;

typedef s8 __s8;
typedef u8 __u8;
typedef s16 __s16;
typedef u16 __u16;
typedef s32 __s32;
typedef u32 __u32;
typedef s64 __s64;
typedef u64 __u64;
typedef u16 __be16;
typedef u32 __be32;
typedef u16 __le16;
typedef u32 __le32;
typedef u64 __le64;

typedef __INTPTR_TYPE__ intptr_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef u8 uint8_t;
typedef u16 uint16_t;
typedef u32 uint32_t;
typedef u64 uint64_t;

typedef int ssize_t;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned short kdev_t; /* major << 8 | minor */
typedef unsigned int dev_t;
typedef unsigned int mode_t;
typedef long time_t;
typedef long long loff_t;
typedef u32 dma_addr_t; /* an address as a device sees it: here the physical address */

#define MAJOR(dev) ((unsigned)(dev) >> 8)
#define MINOR(dev) ((unsigned)(dev) & 0xff)
#define MKDEV(major, minor) ((kdev_t)((major) << 8 | (minor)))

#endif
