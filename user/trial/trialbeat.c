/*
 * trialbeat: shows that the kernel lives. On every clock tick or two it wakes, makes a system call, and sends itself a
 * datagram over the loopback device: clock, scheduler, system calls and network layer, without any driver.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "trial.h"

#define PORT 7777
#define PATIENCE_US 100000

static void echo(int s) {
  u32 sent = trial.rounds, got = ~sent;

  if (send(s, &sent, sizeof(sent), 0) != sizeof(sent) || recv(s, &got, sizeof(got), 0) != sizeof(got))
    trial_error(TRIAL_LOOPBACK);
  else if (got != sent)
    trial_damage(TRIAL_LOOPBACK);
  else
    trial.done++;
}

int main(void) {
  struct sockaddr_in me = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = { htonl(INADDR_LOOPBACK) } };
  struct timeval patience = { 0, PATIENCE_US };
  int s = socket(AF_INET, SOCK_DGRAM, 0);

  if (s < 0 || bind(s, (struct sockaddr *)&me, sizeof(me)) < 0 || connect(s, (struct sockaddr *)&me, sizeof(me)) < 0 ||
      setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
    printf("trialbeat: no loopback\n");
    return 1;
  }
  trial_begin("trialbeat");
  for (;; trial.rounds++) {
    getpid();
    echo(s);
    sleep_ms(1);
  }
}
