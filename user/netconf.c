/*
 * netconf NAME IP ROUNDS [PAUSE]: a program that must not notice that the driver of interface NAME is restarted. In each
 * round it sets and reads back MTU, hardware address, multicast and promiscuity, a register of the PHY and the
 * autonegotiation, asks for flags, link and counters, sends a datagram to IP, and in every eighth takes the interface
 * down and up; then it sleeps PAUSE milliseconds. It tolerates nothing and counts: system calls that failed, values that
 * were not as it had set them, and counters that went backwards.
 *
 * Exit code 0 if there was none of that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/mii.h>
#include <linux/sockios.h>

#define COUNTERS 23
#define SHOWN 5 /* failed calls that are printed */

static struct ifreq request;
static unsigned errors, wrong, backwards;
static int s;

static int do_ioctl(unsigned cmd, const char *what) {
  if (ioctl(s, cmd, &request) == 0) return 0;
  if (errors++ < SHOWN) printf("netconf: %s: %s\n", what, strerror(errno));
  return -1;
}

static void expect(int right, const char *what) {
  if (!right && wrong++ < SHOWN) printf("netconf: %s is not as it was set\n", what);
}

static void mtu(unsigned round) {
  int wanted = 1400 + (int)(round % 100);
  request.ifr_mtu = wanted;
  if (do_ioctl(SIOCSIFMTU, "set mtu")) return;
  if (!do_ioctl(SIOCGIFMTU, "mtu")) expect(request.ifr_mtu == wanted, "mtu");
}

static void hardware_address(unsigned round) {
  char wanted = (char)(round & 0x7F);
  if (do_ioctl(SIOCGIFHWADDR, "hardware address")) return;
  request.ifr_hwaddr.sa_data[5] = wanted;
  if (do_ioctl(SIOCSIFHWADDR, "set hardware address")) return;
  if (!do_ioctl(SIOCGIFHWADDR, "hardware address")) expect(request.ifr_hwaddr.sa_data[5] == wanted, "hardware address");
}

static void multicast(unsigned round) {
  static const char group[6] = { 1, 0, 0x5E, 0, 0, 1 };
  memcpy(request.ifr_hwaddr.sa_data, group, sizeof group);
  do_ioctl(round & 1 ? SIOCDELMULTI : SIOCADDMULTI, "multicast");
}

static void flags(unsigned round) {
  if (do_ioctl(SIOCGIFFLAGS, "flags")) return;
  expect(request.ifr_flags & IFF_UP && !(request.ifr_flags & IFF_PROMISC) == !(round & 1), "flags");
  request.ifr_flags = (short)(request.ifr_flags ^ IFF_PROMISC);
  do_ioctl(SIOCSIFFLAGS, "set promiscuity");
}

static void settings(void) {
  struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
  struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
  request.ifr_data = (char *)&cmd;
  if (!do_ioctl(SIOCETHTOOL, "settings")) expect(cmd.autoneg == AUTONEG_ENABLE, "autonegotiation");
  request.ifr_data = (char *)&link;
  do_ioctl(SIOCETHTOOL, "link");
}

static void phy(void) {
  struct mii_ioctl_data *data = (struct mii_ioctl_data *)request.ifr_mii;
  if (do_ioctl(SIOCGMIIPHY, "phy")) return;
  data->reg_num = MII_ADVERTISE;
  if (do_ioctl(SIOCGMIIREG, "register")) return;
  data->val_in = data->val_out;
  do_ioctl(SIOCSMIIREG, "set register");
}

static void counters(void) {
  static unsigned long before[COUNTERS];
  unsigned long now[COUNTERS];
  request.ifr_data = (char *)now;
  if (do_ioctl(SIOCGIFSTATS, "counters")) return;
  for (int i = 0; i < COUNTERS; i++) backwards += now[i] < before[i];
  memcpy(before, now, sizeof before);
}

static void down_and_up(void) {
  for (int i = 0; i < 2; i++) {
    if (do_ioctl(SIOCGIFFLAGS, "flags")) return;
    request.ifr_flags = (short)(request.ifr_flags ^ IFF_UP);
    do_ioctl(SIOCSIFFLAGS, i ? "up" : "down");
  }
}

static void say_something(void) {
  if (send(s, "netconf", 7, 0) == 7) return;
  if (errors++ < SHOWN) printf("netconf: send: %s\n", strerror(errno));
}

int main(int argc, char **argv) {
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
  unsigned rounds, pause;
  if (argc < 4 || !inet_aton(argv[2], &to.sin_addr)) {
    printf("usage: netconf NAME IP ROUNDS [PAUSE]\n");
    return 2;
  }
  rounds = (unsigned)atoi(argv[3]);
  pause = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
  s = socket(AF_INET, SOCK_DGRAM, 0);
  strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
  if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to)) return 2;
  for (unsigned i = 0; i < rounds; i++) {
    mtu(i);
    hardware_address(i);
    multicast(i);
    flags(i);
    settings();
    phy();
    counters();
    say_something();
    if (i % 8 == 7) down_and_up();
    sleep_ms(pause);
  }
  printf("netconf: %u rounds, %u errors, %u wrong, %u backwards\n", rounds, errors, wrong, backwards);
  return errors || wrong || backwards;
}
