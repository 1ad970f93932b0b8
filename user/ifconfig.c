/*
 * ifconfig NAME [CHANGE]: changes or shows a network device. CHANGE is one of
 *
 *   up, down, promisc, -promisc     ADDRESS MASK        mtu BYTES
 *   mac ADDRESS                     multicast ADDRESS   mii REGISTER        renegotiate
 *
 * where the last but one shows a register of the PHY. Without a change it prints three lines: flags and address; link;
 * counters.
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

static struct ifreq request;
static int s;

/* Runs the ioctl; the program ends when it fails. */
static void must(unsigned cmd, const char *what) {
  if (ioctl(s, cmd, &request) == 0) return;
  printf("ifconfig: %s: %s: %s\n", request.ifr_name, what, strerror(errno));
  exit(1);
}

static void print_address(unsigned cmd, const char *what) {
  const unsigned char *a = (const unsigned char *)&((struct sockaddr_in *)&request.ifr_addr)->sin_addr;

  if (ioctl(s, cmd, &request))
    printf(" %s none", what);
  else
    printf(" %s %d.%d.%d.%d", what, a[0], a[1], a[2], a[3]);
}

static void show_link(void) {
  struct ethtool_cmd settings = { .cmd = ETHTOOL_GSET };
  struct ethtool_value link = { .cmd = ETHTOOL_GLINK };

  request.ifr_data = (char *)&link;
  if (ioctl(s, SIOCETHTOOL, &request)) {
    printf("link: not known\n");
    return;
  }
  request.ifr_data = (char *)&settings;
  must(SIOCETHTOOL, "settings");
  if (link.data)
    printf("link: up, %u Mb/s, %s duplex\n", settings.speed, settings.duplex == DUPLEX_FULL ? "full" : "half");
  else
    printf("link: down\n");
}

static void show_counters(void) {
  /* struct net_device_stats begins with these. */
  unsigned long stats[32];

  request.ifr_data = (char *)stats;
  must(SIOCGIFSTATS, "statistics");
  printf("received %lu packets %lu bytes %lu errors, sent %lu packets %lu bytes %lu errors %lu dropped\n", stats[0],
         stats[2], stats[4], stats[1], stats[3], stats[5], stats[7]);
}

static void show(void) {
  must(SIOCGIFFLAGS, "flags");
  printf("%s: %s%s", request.ifr_name, request.ifr_flags & IFF_UP ? "up" : "down",
         request.ifr_flags & IFF_RUNNING ? ", running," : ",");
  print_address(SIOCGIFADDR, "address");
  print_address(SIOCGIFNETMASK, "mask");
  must(SIOCGIFMTU, "mtu");
  printf(" mtu %d\n", request.ifr_mtu);
  show_link();
  show_counters();
}

static void set_flag(int flag, int on) {
  must(SIOCGIFFLAGS, "flags");
  request.ifr_flags = (short)(on ? request.ifr_flags | flag : request.ifr_flags & ~flag);
  must(SIOCSIFFLAGS, "flags");
}

/* Reads "02:00:00:00:00:01" and runs the ioctl with it. */
static void with_mac(unsigned cmd, const char *text) {
  char *end = NULL;
  int i;

  must(SIOCGIFHWADDR, "hardware address"); /* its family stays */
  for (i = 0; i < 6; i++) {
    request.ifr_hwaddr.sa_data[i] = (char)strtoul(text, &end, 16);
    if (end == text || *end != (i < 5 ? ':' : 0)) {
      printf("ifconfig: '%s' is no hardware address\n", text);
      exit(2);
    }
    text = end + 1;
  }
  must(cmd, "hardware address");
}

static void set_address(unsigned cmd, const char *text) {
  struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;

  memset(address, 0, sizeof(*address));
  address->sin_family = AF_INET;
  if (!inet_aton(text, &address->sin_addr)) {
    printf("ifconfig: '%s' is no address\n", text);
    exit(2);
  }
  must(cmd, "address");
}

static void show_mii(unsigned reg) {
  struct mii_ioctl_data *data = (struct mii_ioctl_data *)request.ifr_mii;

  must(SIOCGMIIPHY, "mii");
  data->reg_num = (u16)reg;
  must(SIOCGMIIREG, "mii");
  printf("mii register %u: %04x\n", reg, data->val_out);
}

static void renegotiate(void) {
  u32 cmd = ETHTOOL_NWAY_RST;

  request.ifr_data = (char *)&cmd;
  must(SIOCETHTOOL, "renegotiate");
}

/* 0, or 2 when the words make no sense. */
static int change(char **words, int count) {
  if (count == 1 && (!strcmp(words[0], "up") || !strcmp(words[0], "down"))) {
    set_flag(IFF_UP, words[0][0] == 'u');
  } else if (count == 1 && (!strcmp(words[0], "promisc") || !strcmp(words[0], "-promisc"))) {
    set_flag(IFF_PROMISC, words[0][0] == 'p');
  } else if (count == 2 && !strcmp(words[0], "mac")) {
    with_mac(SIOCSIFHWADDR, words[1]);
  } else if (count == 2 && !strcmp(words[0], "multicast")) {
    with_mac(SIOCADDMULTI, words[1]);
  } else if (count == 1 && !strcmp(words[0], "renegotiate")) {
    renegotiate();
  } else if (count == 2 && !strcmp(words[0], "mtu")) {
    request.ifr_mtu = atoi(words[1]);
    must(SIOCSIFMTU, "mtu");
  } else if (count == 2 && !strcmp(words[0], "mii")) {
    show_mii(strtoul(words[1], NULL, 0));
  } else if (count == 2) {
    set_address(SIOCSIFADDR, words[0]);
    set_address(SIOCSIFNETMASK, words[1]);
  } else {
    return 2;
  }
  return 0;
}

int main(int argc, char **argv) {
  int code = 0;

  s = socket(AF_INET, SOCK_DGRAM, 0);
  if (s < 0 || argc < 2) {
    code = 2;
  } else {
    strncpy(request.ifr_name, argv[1], IFNAMSIZ - 1);
    if (argc == 2)
      show();
    else
      code = change(argv + 2, argc - 2);
  }
  if (code) 
    printf("usage: ifconfig NAME [up | down | promisc | -promisc | ADDRESS MASK | mtu BYTES | mac ADDRESS |\n"
           "                      multicast ADDRESS | mii REGISTER | renegotiate]\n");
  return code;
}
