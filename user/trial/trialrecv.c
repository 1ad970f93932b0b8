/*
 * trialrecv PORT SEED: receives messages without end (lib/trial.h) and compares every byte. Gaps in their numbers are
 * losses, which UDP allows; a number that comes again is damage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "trial.h"

#define SOCKET_BUFFER (128 * 1024)
#define PATIENCE_US 50000 /* then it goes round, to show that it lives */

static struct message made[MESSAGE_KINDS], received;
static u32 expected;

static int good(long length) {
  u32 kind = received.number % MESSAGE_KINDS;

  return length == (long)trial_bytes[kind] && message_header_ok(&received, made) &&
         !memcmp(received.words, made[kind].words, trial_bytes[kind] - MESSAGE_HEADER);
}

static void receive(int s) {
  long length = recv(s, &received, sizeof(received), 0);

  if (length < 0) {
    if (errno != EAGAIN) trial_error(TRIAL_RECEIVE);
    return;
  }
  if (!good(length) || received.number < expected) {
    trial_damage(TRIAL_DATA);
    return;
  }
  if (trial.done) trial.lost += received.number - expected;
  expected = received.number + 1;
  trial.done++;
}

int main(int argc, char **argv) {
  struct sockaddr_in here = { .sin_family = AF_INET };
  struct timeval patience = { 0, PATIENCE_US };
  int buffer = SOCKET_BUFFER, s = socket(AF_INET, SOCK_DGRAM, 0);

  if (argc != 3) {
    printf("usage: trialrecv PORT SEED\n");
    return 2;
  }
  here.sin_port = htons((u16)strtoul(argv[1], NULL, 10));
  trial_messages(made, strtoul(argv[2], NULL, 0));
  if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) < 0 ||
      setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
      bind(s, (struct sockaddr *)&here, sizeof(here)) < 0) {
    printf("trialrecv: cannot bind port %s\n", argv[1]);
    return 1;
  }
  trial_begin("trialrecv");
  printf("trialrecv: ready\n");
  for (;; trial.rounds++) receive(s);
}
