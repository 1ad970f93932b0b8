#ifndef LINUX_IOCTL_H
#define LINUX_IOCTL_H

#define _IOC(dir, type, nr, size) ((dir) << 30 | (size) << 16 | (type) << 8 | (nr))
#define _IO(type, nr) _IOC(0u, type, nr, 0u)
#define _IOW(type, nr, t) _IOC(1u, type, nr, sizeof(t))
#define _IOR(type, nr, t) _IOC(2u, type, nr, sizeof(t))
#define _IOWR(type, nr, t) _IOC(3u, type, nr, sizeof(t))

#endif
