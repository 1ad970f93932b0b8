/*
 * Tests of the socket calls, on the loopback device: many small functions, each named by its question. Prints each that
 * fails, and at the end `nettests: all N passed`; exit code 0 if so.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 7000
#define BUFFER_BYTES 66000

static unsigned char out[BUFFER_BYTES], in[BUFFER_BYTES];
static const char *failed;
static int failed_line;

#define EXPECT(condition)           \
  do {                              \
    if (!(condition) && !failed) {  \
      failed = #condition;          \
      failed_line = __LINE__;       \
    }                               \
  } while (0)
#define EXPECT_ERROR(call, error)   \
  do {                              \
    errno = 0;                      \
    EXPECT((call) == -1);           \
    EXPECT(errno == (error));       \
  } while (0)

static struct sockaddr_in address(u32 host, u16 port) {
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(host) } };
  return a;
}

static int open_socket(void) { return socket(AF_INET, SOCK_DGRAM, 0); }

static int do_bind(int s, u32 host, u16 port) {
  struct sockaddr_in a = address(host, port);
  return bind(s, (struct sockaddr *)&a, sizeof a);
}

static int do_connect(int s, u32 host, u16 port) {
  struct sockaddr_in a = address(host, port);
  return connect(s, (struct sockaddr *)&a, sizeof a);
}

static int receiver(void) {
  int s = open_socket();
  EXPECT(do_bind(s, 0, PORT) == 0);
  return s;
}

static int sender(void) {
  int s = open_socket();
  EXPECT(do_connect(s, INADDR_LOOPBACK, PORT) == 0);
  return s;
}

static void set_timeout(int s, long usec) {
  long tv[2] = { usec / 1000000, usec % 1000000 };
  EXPECT(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, tv, sizeof tv) == 0);
}

static void are_lengths_0_to_65507_carried(void) {
  static const int lengths[] = { 0, 1, 2, 3, 7, 8, 1471, 1472, 1473, 1480, 2952, 32768, 65506, 65507 };
  int r = receiver(), s = sender(), size = 256 * 1024;
  EXPECT(setsockopt(r, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
  for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    int n = lengths[i];
    EXPECT(send(s, out, n, 0) == n);
    EXPECT(recv(r, in, sizeof in, 0) == n);
    EXPECT(!memcmp(in, out, n));
  }
  EXPECT_ERROR(send(s, out, 65508, 0), EMSGSIZE);
  close(r);
  close(s);
}

static void is_a_datagram_cut_to_the_buffer(void) {
  int r = receiver(), s = sender();
  send(s, out, 3000, 0);
  send(s, out, 20, 0);
  EXPECT(recv(r, in, 10, 0) == 10);
  EXPECT(!memcmp(in, out, 10));
  EXPECT(recv(r, in, sizeof in, 0) == 20);
  send(s, out, 3000, 0);
  EXPECT(recv(r, in, 10, MSG_TRUNC) == 3000);
  close(r);
  close(s);
}

static void does_peek_leave_the_datagram(void) {
  int r = receiver(), s = sender();
  send(s, out, 100, 0);
  EXPECT(recv(r, in, sizeof in, MSG_PEEK) == 100);
  EXPECT(recv(r, in, sizeof in, 0) == 100);
  EXPECT_ERROR(recv(r, in, sizeof in, MSG_DONTWAIT), EAGAIN);
  close(r);
  close(s);
}

static void does_recvfrom_tell_the_sender(void) {
  int r = receiver(), s = open_socket(), length = sizeof(struct sockaddr_in);
  struct sockaddr_in to = address(INADDR_LOOPBACK, PORT), from, mine;
  EXPECT(sendto(s, out, 10, 0, (struct sockaddr *)&to, sizeof to) == 10);
  EXPECT(getsockname(s, (struct sockaddr *)&mine, &length) == 0);
  EXPECT(mine.sin_port != 0);
  EXPECT(recvfrom(r, in, sizeof in, 0, (struct sockaddr *)&from, &length) == 10);
  EXPECT(length == sizeof from);
  EXPECT(from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  EXPECT(from.sin_port == mine.sin_port);
  close(r);
  close(s);
}

static void does_the_best_socket_get_it(void) {
  int any = receiver(), other = open_socket(), s = sender();
  EXPECT_ERROR(do_bind(other, 0, PORT), EADDRINUSE);
  EXPECT_ERROR(do_bind(other, INADDR_LOOPBACK, PORT), EADDRINUSE);
  EXPECT_ERROR(do_bind(other, 0x01020304, PORT), EADDRNOTAVAIL);
  EXPECT(do_bind(other, INADDR_LOOPBACK, PORT + 1) == 0);
  EXPECT_ERROR(do_bind(other, 0, PORT + 2), EINVAL);
  EXPECT(do_connect(other, INADDR_LOOPBACK, 9) == 0);
  struct sockaddr_in to = address(INADDR_LOOPBACK, PORT + 1);
  /* other only listens to port 9 */
  EXPECT(sendto(s, out, 5, 0, (struct sockaddr *)&to, sizeof to) == 5);
  EXPECT_ERROR(recv(other, in, sizeof in, MSG_DONTWAIT), EAGAIN);
  close(any);
  close(other);
  close(s);
}

static void is_a_closed_port_free_again(void) {
  int r = receiver();
  close(r);
  r = receiver();
  close(r);
}

static void does_a_wait_end(void) {
  int r = receiver();
  unsigned long long start = now_us();
  set_timeout(r, 50000);
  EXPECT_ERROR(recv(r, in, sizeof in, 0), EAGAIN);
  EXPECT(now_us() - start >= 40000);
  EXPECT(now_us() - start < 200000);
  close(r);
}

static void does_a_sleeping_reader_wake(void) {
  int r = receiver(), status = -1;
  pid_t child = fork();
  if (!child) {
    int s = sender();
    sleep_ms(30);
    _exit(send(s, out, 5000, 0) == 5000 ? 0 : 1);
  }
  set_timeout(r, 2000000);
  EXPECT(recv(r, in, sizeof in, 0) == 5000);
  EXPECT(waitpid(child, &status, 0) == child && status == 0);
  close(r);
}

static void does_a_full_buffer_drop(void) {
  int r = receiver(), s = sender(), size = 8192, got = 0;
  EXPECT(setsockopt(r, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
  for (int i = 0; i < 100; i++) EXPECT(send(s, out, 1000, 0) == 1000);
  while (recv(r, in, sizeof in, MSG_DONTWAIT) == 1000) got++;
  EXPECT(got >= 8 && got <= 16);
  EXPECT(send(s, out, 1000, 0) == 1000);
  EXPECT(recv(r, in, sizeof in, MSG_DONTWAIT) == 1000);
  close(r);
  close(s);
}

static void are_buffer_sizes_doubled_and_bounded(void) {
  int s = open_socket(), size = 100000, length = sizeof size;
  EXPECT(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  EXPECT(getsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0);
  EXPECT(size == 200000);
  size = 0x7FFFFFFF;
  EXPECT(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
  EXPECT(getsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, &length) == 0);
  EXPECT(size == 512 * 1024);
  size = -5;
  EXPECT(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
  EXPECT(getsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, &length) == 0);
  EXPECT(size == 2048);
  EXPECT_ERROR(setsockopt(s, SOL_SOCKET, 99, &size, sizeof size), ENOPROTOOPT);
  EXPECT_ERROR(setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, 3), EINVAL);
  close(s);
}

static void are_bad_pointers_refused(void) {
  void *kernel = (void *)0xC0100000, *nothing = (void *)16;
  int r = receiver(), s = sender(), length = sizeof(struct sockaddr_in);
  EXPECT_ERROR(send(s, kernel, 100, 0), EFAULT);
  EXPECT_ERROR(send(s, nothing, 5000, 0), EFAULT);
  EXPECT_ERROR(send(s, (void *)0xBFFFFFF0, 60000, 0), EFAULT);
  EXPECT_ERROR(recv(r, kernel, 100, 0), EFAULT);
  send(s, out, 3000, 0);
  EXPECT_ERROR(recv(r, nothing, 3000, 0), EFAULT);
  EXPECT_ERROR(bind(s, nothing, sizeof(struct sockaddr_in)), EFAULT);
  EXPECT_ERROR(bind(s, (struct sockaddr *)in, 3), EINVAL);
  EXPECT_ERROR(getsockname(s, nothing, &length), EFAULT);
  EXPECT_ERROR(ioctl(s, SIOCGIFFLAGS, kernel), EFAULT);
  close(r);
  close(s);
}

static void are_bad_calls_refused(void) {
  int s = open_socket();
  struct sockaddr_in a = address(0x08080808, 9);
  EXPECT_ERROR(socket(1, SOCK_DGRAM, 0), EAFNOSUPPORT);
  EXPECT_ERROR(socket(AF_INET, SOCK_STREAM, 0), EPROTONOSUPPORT);
  EXPECT_ERROR(send(99, out, 1, 0), EBADF);
  EXPECT_ERROR(send(1, out, 1, 0), ENOTSOCK);
  EXPECT_ERROR(send(s, out, 1, 0), EDESTADDRREQ);
  EXPECT_ERROR(sendto(s, out, 1, 0, (struct sockaddr *)&a, sizeof a), ENETUNREACH);
  a.sin_family = 7;
  EXPECT_ERROR(sendto(s, out, 1, 0, (struct sockaddr *)&a, sizeof a), EAFNOSUPPORT);
  EXPECT_ERROR(ioctl(s, 0x1234, out), ENODEV);
  close(s);
}

static void can_read_and_write_be_used(void) {
  int r = receiver(), s = sender();
  EXPECT(write(s, out, 500) == 500);
  EXPECT(read(r, in, sizeof in) == 500);
  close(r);
  close(s);
}

static void do_many_sockets_work(void) {
  int sockets[24];
  for (int i = 0; i < 24; i++) {
    sockets[i] = open_socket();
    EXPECT(do_bind(sockets[i], 0, PORT + 64 * i) == 0); /* all in one hash chain */
  }
  for (int i = 0; i < 24; i++) {
    struct sockaddr_in to = address(INADDR_LOOPBACK, PORT + 64 * i);
    EXPECT(sendto(sockets[0], out, 100 + i, 0, (struct sockaddr *)&to, sizeof to) == 100 + i);
  }
  for (int i = 0; i < 24; i++) EXPECT(recv(sockets[i], in, sizeof in, MSG_DONTWAIT) == 100 + i);
  for (int i = 0; i < 24; i++) close(sockets[i]);
}

#define TEST(name) { #name, name }
static const struct {
  const char *name;
  void (*run)(void);
} tests[] = {
  TEST(are_lengths_0_to_65507_carried), TEST(is_a_datagram_cut_to_the_buffer),
  TEST(does_peek_leave_the_datagram),   TEST(does_recvfrom_tell_the_sender),
  TEST(does_the_best_socket_get_it),    TEST(is_a_closed_port_free_again),
  TEST(does_a_wait_end),                TEST(does_a_sleeping_reader_wake),
  TEST(does_a_full_buffer_drop),        TEST(are_buffer_sizes_doubled_and_bounded),
  TEST(are_bad_pointers_refused),       TEST(are_bad_calls_refused),
  TEST(can_read_and_write_be_used),     TEST(do_many_sockets_work),
};

int main(void) {
  int count = sizeof tests / sizeof tests[0], bad = 0;
  for (int i = 0; i < BUFFER_BYTES; i++) out[i] = (unsigned char)(i * 7 + (i >> 8));
  for (int i = 0; i < count; i++) {
    failed = NULL;
    tests[i].run();
    if (!failed) continue;
    printf("nettests: %s: line %d: not so: %s (errno %d)\n", tests[i].name, failed_line, failed, errno);
    bad++;
  }
  if (bad)
    printf("nettests: %d of %d failed\n", bad, count);
  else
    printf("nettests: all %d passed\n", count);
  return bad != 0;
}
