/*
 * netsend IP PORT COUNT [RATE [SEED]]: sends COUNT UDP messages of 32 KB (message.h), RATE a second or, without
 * RATE or with 0, as fast as the socket buffer lets it, like netperf's UDP_STREAM.
 *
 * Pacing: the clock tells how many messages are due; they are sent in one burst, then the program sleeps to the next
 * tick of the kernel's clock (10 ms; a burst may wait for up to two). It never spins.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "message.h"

#define SOCKET_BUFFER (256 * 1024)
#define STUCK_ROUNDS 50 /* of one or two clock ticks */
#define AWAY_ROUNDS 500

static struct message messages[MESSAGE_KINDS];

/* Sleeps until message number `next` is due; returns how many are due now. */
static u32 wait_until_due(u64 start, u32 rate, u32 next) {
  for (;;) {
    u64 due = (now_us() - start) * rate / 1000000 + 1;

    if (due > next) return due > 0xFFFFFFFFull ? 0xFFFFFFFFu : (u32)due;
    sleep_ms(1);
  }
}

/*
 * Sends one message; 0 when it is gone. While the network is away, as when its driver is being restarted, it tries
 * again on every tick.
 */
static int send_message(int s, const struct message *m) {
  int tries = AWAY_ROUNDS;

  while (send(s, m, MESSAGE_BYTES, 0) != MESSAGE_BYTES) {
    if ((errno != ENETUNREACH && errno != ENETDOWN && errno != ENOBUFS) || !tries--) return -1;
    sleep_ms(1);
  }
  return 0;
}

/* Waits until the driver has sent everything, or nothing has moved for a while. */
static void drain(int s) {
  int left, before = 0, patience = 0;

  while (ioctl(s, SIOCOUTQ, &left) == 0 && left) {
    patience = left == before ? patience - 1 : STUCK_ROUNDS;
    if (!patience) break;
    before = left;
    sleep_ms(1);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_in to = { .sin_family = AF_INET };
  int buffer = SOCKET_BUFFER, s;
  u32 count, rate, seed, i, due = 0;
  u64 start;

  if (argc < 4 || argc > 6 || !inet_aton(argv[1], &to.sin_addr)) {
    printf("usage: netsend IP PORT COUNT [RATE [SEED]]\n");
    return 2;
  }
  to.sin_port = htons((u16)strtoul(argv[2], NULL, 10));
  count = strtoul(argv[3], NULL, 10);
  rate = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
  seed = argc > 5 ? strtoul(argv[5], NULL, 0) : 1;
  s = socket(AF_INET, SOCK_DGRAM, 0);
  if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0 ||
      connect(s, (struct sockaddr *)&to, sizeof(to)) < 0) {
    printf("netsend: cannot open a socket to %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  for (i = 0; i < MESSAGE_KINDS; i++) message_make(&messages[i], seed, i);
  start = now_us();
  for (i = 0; i < count; i++) {
    struct message *m = &messages[i % MESSAGE_KINDS];

    if (rate && i >= due) due = wait_until_due(start, rate, i);
    m->number = i;
    if (send_message(s, m)) {
      printf("netsend: message %u: %s\n", i, strerror(errno));
      return 1;
    }
  }
  drain(s);
  printf("netsend: %u messages, %llu bytes, %u ms\n", count, (unsigned long long)count * MESSAGE_BYTES,
         (u32)((now_us() - start) / 1000));
  return 0;
}
