/*
 * netrecv PORT COUNT [K [SEED]]: receives the messages 0 to COUNT - 1 (message.h) of one sender. Checks the header of
 * each and compares every byte of each Kth (default: each) with what it must be for SEED (default 1; another one is
 * taken from the first message, which costs time then). It ends when the last message is there or nothing came for
 * two seconds after the first one, and prints
 *
 *   netrecv: N messages, B bytes, bad X, lost Y
 *
 * Exit code 0 if nothing was bad (losses are reported, not judged), 1 otherwise.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "message.h"

#define SOCKET_BUFFER (256 * 1024)
#define FIRST_WAIT 30 /* seconds */
#define NEXT_WAIT 2

static struct message made[MESSAGE_KINDS], received;

static void set_patience(int s, int seconds) {
  struct timeval tv = { seconds, 0 };

  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void make_all(u32 seed) {
  u32 i;

  for (i = 0; i < MESSAGE_KINDS; i++) message_make(&made[i], seed, i);
}

/* Is the message right? All its bytes are looked at when `all`. */
static int good(long length, int all) {
  const struct message *want = &made[received.number % MESSAGE_KINDS];

  if (length != MESSAGE_BYTES || !message_header_ok(&received, made)) return 0;
  return !all || !memcmp(received.words, want->words, sizeof(want->words));
}

int main(int argc, char **argv) {
  struct sockaddr_in here = { .sin_family = AF_INET };
  int buffer = SOCKET_BUFFER, s;
  u32 count, k, n = 0, bad = 0;
  unsigned long long bytes = 0;

  if (argc < 3 || argc > 5) {
    printf("usage: netrecv PORT COUNT [K [SEED]]\n");
    return 2;
  }
  here.sin_port = htons((u16)strtoul(argv[1], NULL, 10));
  count = strtoul(argv[2], NULL, 10);
  k = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
  s = socket(AF_INET, SOCK_DGRAM, 0);
  if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0 ||
      bind(s, (struct sockaddr *)&here, sizeof(here)) < 0) {
    printf("netrecv: cannot bind port %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  make_all(argc > 4 ? strtoul(argv[4], NULL, 0) : 1);
  printf("netrecv: ready\n");
  set_patience(s, FIRST_WAIT);
  while (n < count) {
    long length = recv(s, &received, sizeof(received), 0);

    if (length < 0) break;
    if (!n++) {
      if (received.seed != made[0].seed) make_all(received.seed);
      set_patience(s, NEXT_WAIT);
    }
    bytes += (unsigned long)length;
    if (!good(length, k && (n - 1) % k == 0)) bad++;
    if (received.number == count - 1) break;
  }
  printf("netrecv: %u messages, %llu bytes, bad %u, lost %u\n", n, bytes, bad, count - n);
  return bad ? 1 : 0;
}
