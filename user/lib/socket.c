/* Socket calls under their POSIX names (sys/socket.h). */
#include <kernel/syscalls.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(nr, a, b, c, d, e) check(syscall(nr, a, b, c, d, e))

int socket(int family, int type, int protocol) { return CALL(NR_socket, family, type, protocol, 0, 0); }
int bind(int s, const struct sockaddr_in *address) { return CALL(NR_bind, s, address, sizeof *address, 0, 0); }
int connect(int s, const struct sockaddr_in *address) { return CALL(NR_connect, s, address, sizeof *address, 0, 0); }
int getsockname(int s, struct sockaddr_in *address) {
  int length = sizeof *address;
  return CALL(NR_getsockname, s, address, &length, 0, 0);
}
int setsockopt(int s, int level, int name, const void *value, int length) {
  return CALL(NR_setsockopt, s, level, name, value, length);
}
int getsockopt(int s, int level, int name, void *value, int *length) {
  return CALL(NR_getsockopt, s, level, name, value, length);
}
ssize_t sendto(int s, const void *buf, size_t count, int flags, const struct sockaddr_in *to) {
  return check(syscall6(NR_sendto, s, (long)buf, (long)count, flags, (long)to, to ? sizeof *to : 0));
}
ssize_t send(int s, const void *buf, size_t count, int flags) { return sendto(s, buf, count, flags, NULL); }
ssize_t recvfrom(int s, void *buf, size_t count, int flags, struct sockaddr_in *from) {
  int length = sizeof *from;
  return check(syscall6(NR_recvfrom, s, (long)buf, (long)count, flags, (long)from, from ? (long)&length : 0));
}
ssize_t recv(int s, void *buf, size_t count, int flags) { return recvfrom(s, buf, count, flags, NULL); }

int inet_aton(const char *text, struct in_addr *address) {
  unsigned char *out = (unsigned char *)&address->s_addr;
  for (int i = 0; i < 4; i++) {
    char *end;
    if (*text < '0' || *text > '9') return 0;
    unsigned long byte = strtoul(text, &end, 10);
    if (byte > 255 || *end != (i < 3 ? '.' : 0)) return 0;
    out[i] = (unsigned char)byte;
    text = end + 1;
  }
  return 1;
}
