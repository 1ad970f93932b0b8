/* Sockets as files, and their system calls. Process context. Only AF_INET datagram sockets so far. */
#include <kernel/syscalls.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/sockios.h>
#include <linux/string.h>
#include <linux/time.h>
#include <net/ip.h>
#include <net/sock.h>
#include <asm/uaccess.h>

static struct file_operations socket_fops;

/* The socket behind a descriptor; *file must be given to fput(). NULL and *err. */
static struct sock *sock_of(int fd, struct file **file, int *err) {
  *file = fget(fd);
  *err = -EBADF;
  if (!*file) return NULL;
  if ((*file)->f_op == &socket_fops) return (*file)->private_data;
  fput(*file);
  *err = -ENOTSOCK;
  return NULL;
}

/* Runs `call` with sk of fd; what a system call on a socket has in common. */
#define WITH_SOCK(fd, call)                      \
  ({                                             \
    struct file *file;                           \
    int _err;                                    \
    struct sock *sk = sock_of(fd, &file, &_err); \
    long _result = _err;                         \
    if (sk) {                                    \
      _result = (call);                          \
      fput(file);                                \
    }                                            \
    _result;                                     \
  })

static int get_address(const void *user, int len, struct sockaddr_in *address) {
  if (len < (int)sizeof(*address)) return -EINVAL;
  if (copy_from_user(address, user, sizeof(*address))) return -EFAULT;
  return address->sin_family == AF_INET ? 0 : -EAFNOSUPPORT;
}

/* Gives an address out; *user_len says how much room there is, and gets what was needed. */
static int put_address(const struct sockaddr_in *address, void *user, int *user_len) {
  int room;

  if (get_user(room, user_len)) return -EFAULT;
  if (room < 0) return -EINVAL;
  if (copy_to_user(user, address, min_t(unsigned int, (unsigned int)room, sizeof(*address)))) return -EFAULT;
  return put_user((int)sizeof(*address), user_len);
}

static unsigned int with_nonblock(const struct file *file, unsigned int flags) {
  return flags | (file->f_flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
}

static ssize_t socket_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  (void)ppos;
  return udp_recvmsg(file->private_data, buf, count, with_nonblock(file, 0), NULL);
}

static ssize_t socket_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  (void)ppos;
  return udp_sendmsg(file->private_data, buf, count, with_nonblock(file, 0), NULL);
}

static int socket_ioctl(struct inode *inode, struct file *file, unsigned cmd, unsigned long arg) {
  struct sock *sk = file->private_data;
  int err;

  (void)inode;
  if (cmd == SIOCOUTQ) return put_user(atomic_read(&sk->wmem_alloc), (int *)arg);
  rtnl_lock();
  switch (cmd) {
    case SIOCADDRT:
    case SIOCGIFADDR:
    case SIOCSIFADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCSIFNETMASK: err = devinet_ioctl(cmd, (void *)arg); break;
    default: err = dev_ioctl(cmd, (void *)arg);
  }
  rtnl_unlock();
  return err;
}

static int socket_release(struct inode *inode, struct file *file) {
  struct sock *sk = file->private_data;

  (void)inode;
  if (sk->num) udp_unhash(sk);
  skb_queue_purge(&sk->receive_queue);
  sock_put(sk);
  return 0;
}

static struct file_operations socket_fops = {
  .release = socket_release,
  .read = socket_read,
  .write = socket_write,
  .ioctl = socket_ioctl,
};

long sys_socket(int family, int type, int protocol) {
  struct sock *sk;
  int fd;

  if (family != AF_INET) return -EAFNOSUPPORT;
  if (type != SOCK_DGRAM || (protocol && protocol != IPPROTO_UDP)) return -EPROTONOSUPPORT;
  ip_auto_config();
  sk = sk_alloc();
  if (!sk) return -ENOMEM;
  fd = fd_install_new(&socket_fops, sk, O_RDWR);
  if (fd < 0) sock_put(sk);
  return fd;
}

static long do_bind(struct sock *sk, const void *addr, int addrlen) {
  struct sockaddr_in address;
  int err = get_address(addr, addrlen, &address);

  return err ? err : udp_bind(sk, &address);
}

long sys_bind(int fd, const void *addr, int addrlen) {
  return WITH_SOCK(fd, do_bind(sk, addr, addrlen));
}

static long do_connect(struct sock *sk, const void *addr, int addrlen) {
  struct sockaddr_in address;
  int err = get_address(addr, addrlen, &address);

  if (err == -EAFNOSUPPORT && address.sin_family == AF_UNSPEC) err = 0;
  return err ? err : udp_connect(sk, &address);
}

long sys_connect(int fd, const void *addr, int addrlen) {
  return WITH_SOCK(fd, do_connect(sk, addr, addrlen));
}

static long do_getsockname(struct sock *sk, void *addr, int *addrlen) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(sk->num), .sin_addr = { sk->rcv_saddr } };

  return put_address(&address, addr, addrlen);
}

long sys_getsockname(int fd, void *addr, int *addrlen) {
  return WITH_SOCK(fd, do_getsockname(sk, addr, addrlen));
}

static long do_sendto(struct sock *sk, const void *buf, size_t len, unsigned int flags, const void *addr,
                      int addrlen) {
  struct sockaddr_in to;
  int err = addr ? get_address(addr, addrlen, &to) : 0;

  if (!err && !access_ok(VERIFY_READ, buf, len)) err = -EFAULT;
  return err ? err : udp_sendmsg(sk, buf, len, flags, addr ? &to : NULL);
}

long sys_sendto(int fd, const void *buf, size_t len, unsigned int flags, const void *addr, int addrlen) {
  return WITH_SOCK(fd, do_sendto(sk, buf, len, with_nonblock(file, flags), addr, addrlen));
}

static long do_recvfrom(struct sock *sk, void *buf, size_t len, unsigned int flags, void *addr, int *addrlen) {
  struct sockaddr_in from;
  long result;
  int err;

  if (!access_ok(VERIFY_WRITE, buf, len)) return -EFAULT;
  result = udp_recvmsg(sk, buf, len, flags, &from);
  if (result < 0 || !addr) return result;
  err = put_address(&from, addr, addrlen);
  return err ? err : result;
}

long sys_recvfrom(int fd, void *buf, size_t len, unsigned int flags, void *addr, int *addrlen) {
  return WITH_SOCK(fd, do_recvfrom(sk, buf, len, with_nonblock(file, flags), addr, addrlen));
}

/* Twice the size asked for, within limits, as 2.4 accounts overhead too. */
static int buffer_size(int value) {
  return max(2 * min(max(value, 0), SK_BUF_MAX), SOCK_MIN_BUF);
}

static long set_timeout(struct sock *sk, const void *user, int len) {
  struct timeval tv;

  if (len < (int)sizeof(tv)) return -EINVAL;
  if (copy_from_user(&tv, user, sizeof(tv))) return -EFAULT;
  if (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= 1000000) return -EDOM;
  sk->rcvtimeo = MAX_SCHEDULE_TIMEOUT;
  if ((tv.tv_sec || tv.tv_usec) && tv.tv_sec < LONG_MAX / HZ - 1)
    sk->rcvtimeo = tv.tv_sec * HZ + DIV_ROUND_UP(tv.tv_usec, 1000000 / HZ);
  return 0;
}

static long do_setsockopt(struct sock *sk, int level, int name, const void *user, int len) {
  int value;

  if (level != SOL_SOCKET) return -ENOPROTOOPT;
  if (name == SO_RCVTIMEO) return set_timeout(sk, user, len);
  if (len < (int)sizeof(value)) return -EINVAL;
  if (copy_from_user(&value, user, sizeof(value))) return -EFAULT;
  switch (name) {
    case SO_SNDBUF: sk->sndbuf = buffer_size(value); return 0;
    case SO_RCVBUF: sk->rcvbuf = buffer_size(value); return 0;
    case SO_NO_CHECK: sk->no_check = value != 0; return 0;
    default: return -ENOPROTOOPT;
  }
}

long sys_setsockopt(int fd, int level, int name, const void *value, int len) {
  return WITH_SOCK(fd, do_setsockopt(sk, level, name, value, len));
}

static long do_getsockopt(struct sock *sk, int level, int name, void *user, int *user_len) {
  int value, len;

  if (level != SOL_SOCKET) return -ENOPROTOOPT;
  if (get_user(len, user_len)) return -EFAULT;
  if (len < (int)sizeof(value)) return -EINVAL;
  switch (name) {
    case SO_TYPE: value = SOCK_DGRAM; break;
    case SO_ERROR:
      value = sk->err;
      sk->err = 0;
      break;
    case SO_SNDBUF: value = sk->sndbuf; break;
    case SO_RCVBUF: value = sk->rcvbuf; break;
    case SO_NO_CHECK: value = sk->no_check; break;
    default: return -ENOPROTOOPT;
  }
  if (copy_to_user(user, &value, sizeof(value))) return -EFAULT;
  return put_user((int)sizeof(value), user_len);
}

long sys_getsockopt(int fd, int level, int name, void *value, int *len) {
  return WITH_SOCK(fd, do_getsockopt(sk, level, name, value, len));
}
