/*
 * trialsend IP PORT SEED SNDBUF KILOCYCLES: sends messages without end (lib/trial.h). A small socket buffer paces it: it
 * waits for the device to say that packets are gone, so it sends as fast as interrupts come and never fills the CPU.
 *
 * Every KILOCYCLES it takes the interface down and up again: it does so itself, so that no message of a run without
 * failures meets a network that is away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "trial.h"

static struct message messages[MESSAGE_KINDS];

static void set_up(int s, int up) {
  struct ifreq request = { .ifr_name = "eth0" };
  u32 what = up ? TRIAL_UP : TRIAL_DOWN;

  if (ioctl(s, SIOCGIFFLAGS, &request)) {
    trial_error(what);
    return;
  }
  request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  if (ioctl(s, SIOCSIFFLAGS, &request)) trial_error(what);
}

static void send_one(int s) {
  struct message *m = &messages[trial.done % MESSAGE_KINDS];
  u32 bytes = trial_bytes[trial.done % MESSAGE_KINDS];

  m->number = trial.done;
  if (send(s, m, bytes, 0) == (ssize_t)bytes) {
    trial.done++;
    return;
  }
  trial_error(TRIAL_SEND);
  sleep_ms(1);
}

int main(int argc, char **argv) {
  struct sockaddr_in to = { .sin_family = AF_INET };
  int s = socket(AF_INET, SOCK_DGRAM, 0), buffer;
  u64 period, next;

  if (argc != 6 || !inet_aton(argv[1], &to.sin_addr)) {
    printf("usage: trialsend IP PORT SEED SNDBUF KILOCYCLES\n");
    return 2;
  }
  to.sin_port = htons((u16)strtoul(argv[2], NULL, 10));
  trial_messages(messages, strtoul(argv[3], NULL, 0));
  buffer = atoi(argv[4]);
  period = (u64)strtoul(argv[5], NULL, 10) * 1000;
  if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0 ||
      connect(s, (struct sockaddr *)&to, sizeof(to)) < 0) {
    printf("trialsend: cannot open a socket to %s\n", argv[1]);
    return 1;
  }
  trial_begin("trialsend");
  for (next = rdtsc() + period;; trial.rounds++) {
    send_one(s);
    if (rdtsc() < next) continue;
    set_up(s, 0);
    set_up(s, 1);
    next = rdtsc() + period;
  }
}
