/*
 * trialctl DRIVER...: without end, asks the driver of eth0, one of those, what it seldom is asked (statistics, ethtool,
 * MII, multicast list, MAC address, MTU, promiscuity), a few questions a clock tick, and checks the answers that it can
 * know.
 */
#include <stdio.h>
#include <string.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/mii.h>
#include <linux/sockios.h>
#include <sys/socket.h>
#include <unistd.h>
#include "trial.h"

#define A_TICK 4 /* questions */
#define MTU 1500

static int s;
static struct ifreq request = { .ifr_name = "eth0" };
static struct sockaddr mac;
static int driver_count;
static char **drivers; /* that may answer, from [1] on */

/* 1 if the call was good. */
static int ask(unsigned cmd, u32 what) {
  if (ioctl(s, cmd, &request) == 0) return 1;
  trial_error(what);
  return 0;
}

static void statistics(void) {
  static unsigned long stats[64];

  request.ifr_data = (char *)stats;
  ask(SIOCGIFSTATS, TRIAL_STATS);
}

static void settings(void) {
  struct ethtool_cmd command = { .cmd = ETHTOOL_GSET };

  request.ifr_data = (char *)&command;
  if (ask(SIOCETHTOOL, TRIAL_SETTINGS) && command.autoneg != AUTONEG_ENABLE) trial_damage(TRIAL_SETTINGS);
}

static void link(void) {
  struct ethtool_value value = { .cmd = ETHTOOL_GLINK };

  request.ifr_data = (char *)&value;
  if (ask(SIOCETHTOOL, TRIAL_LINK) && value.data > 1) trial_damage(TRIAL_LINK);
}

static int known(const char *name) {
  for (int i = 1; i < driver_count; i++)
    if (!strcmp(name, drivers[i])) return 1;
  return 0;
}

static void driver_info(void) {
  struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

  request.ifr_data = (char *)&info;
  if (ask(SIOCETHTOOL, TRIAL_DRIVER_INFO) && !known(info.driver)) trial_damage(TRIAL_DRIVER_INFO);
}

static void mii(void) {
  struct mii_ioctl_data *data = (struct mii_ioctl_data *)request.ifr_mii;

  if (!ask(SIOCGMIIPHY, TRIAL_MII)) return;
  data->reg_num = MII_BMSR;
  ask(SIOCGMIIREG, TRIAL_MII);
}

static const unsigned char group[6] = { 0x01, 0x00, 0x5E, 0x00, 0x00, 0x2A };

static void multicast(unsigned cmd) {
  request.ifr_hwaddr.sa_family = mac.sa_family;
  memcpy(request.ifr_hwaddr.sa_data, group, sizeof(group));
  ask(cmd, TRIAL_MULTICAST);
}

static void join(void) { multicast(SIOCADDMULTI); }
static void leave(void) { multicast(SIOCDELMULTI); }

static void address(void) {
  request.ifr_hwaddr = mac;
  if (!ask(SIOCSIFHWADDR, TRIAL_ADDRESS) || !ask(SIOCGIFHWADDR, TRIAL_ADDRESS)) return;
  if (memcmp(request.ifr_hwaddr.sa_data, mac.sa_data, 6)) trial_damage(TRIAL_ADDRESS);
}

static void mtu(void) {
  request.ifr_mtu = MTU;
  if (!ask(SIOCSIFMTU, TRIAL_MTU) || !ask(SIOCGIFMTU, TRIAL_MTU)) return;
  if (request.ifr_mtu != MTU) trial_damage(TRIAL_MTU);
}

/* Twice changes nothing, and the frames that it lets in are ours anyway. */
static void promiscuous(void) {
  if (!ask(SIOCGIFFLAGS, TRIAL_PROMISCUOUS)) return;
  if (!(request.ifr_flags & IFF_UP)) return; /* do not bring it up */
  request.ifr_flags ^= IFF_PROMISC;
  ask(SIOCSIFFLAGS, TRIAL_PROMISCUOUS);
}

static void (*const questions[])(void) = {
  statistics, join, settings, link, address, mii, leave, driver_info, promiscuous, mtu, promiscuous,
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

int main(int argc, char **argv) {
  driver_count = argc;
  drivers = argv;
  s = socket(AF_INET, SOCK_DGRAM, 0);
  if (s < 0 || ioctl(s, SIOCGIFHWADDR, &request)) {
    printf("trialctl: no eth0\n");
    return 1;
  }
  mac = request.ifr_hwaddr;
  trial_begin("trialctl");
  for (;; trial.rounds++) {
    for (int i = 0; i < A_TICK; i++) questions[trial.done++ % QUESTIONS]();
    sleep_ms(1);
  }
}
