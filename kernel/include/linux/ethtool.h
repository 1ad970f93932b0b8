/* SIOCETHTOOL's commands as Linux 2.4 has them, as far as drivers here answer them. */
#ifndef _LINUX_ETHTOOL_H
#define _LINUX_ETHTOOL_H

#include <linux/types.h>

#define ETHTOOL_GSET 0x01    /* struct ethtool_cmd */
#define ETHTOOL_SSET 0x02    /* struct ethtool_cmd; autonegotiation only */
#define ETHTOOL_GDRVINFO 0x03 /* struct ethtool_drvinfo */
#define ETHTOOL_NWAY_RST 0x09 /* restart autonegotiation */
#define ETHTOOL_GLINK 0x0A   /* struct ethtool_value: 1 with link */

struct ethtool_cmd {
  u32 cmd;
  u32 supported;  /* SUPPORTED_ bits */
  u32 advertising; /* same bits */
  u16 speed;  /* Mb/s, 0xFFFF without link */
  u8 duplex;  /* DUPLEX_ */
  u8 port;  /* PORT_ */
  u8 phy_address;
  u8 transceiver; /* XCVR_ */
  u8 autoneg; /* AUTONEG_ */
  u32 maxtxpkt;
  u32 maxrxpkt;
  u32 reserved[4];
};

struct ethtool_drvinfo {
  u32 cmd;
  char driver[32];
  char version[32];
  char fw_version[32];
  char bus_info[32];
  char reserved1[32];
  char reserved2[24];
  u32 eedump_len;
  u32 regdump_len;
};

struct ethtool_value {
  u32 cmd;
  u32 data;
};

#define SUPPORTED_10baseT_Half (1 << 0)
#define SUPPORTED_10baseT_Full (1 << 1)
#define SUPPORTED_100baseT_Half (1 << 2)
#define SUPPORTED_100baseT_Full (1 << 3)
#define SUPPORTED_1000baseT_Full (1 << 5)
#define SUPPORTED_Autoneg (1 << 6)
#define SUPPORTED_TP (1 << 7)

#define SPEED_10 10
#define SPEED_100 100
#define SPEED_1000 1000
#define SPEED_UNKNOWN 0xFFFF

#define DUPLEX_HALF 0
#define DUPLEX_FULL 1
#define DUPLEX_UNKNOWN 0xFF

#define PORT_TP 0
#define XCVR_INTERNAL 0
#define AUTONEG_DISABLE 0
#define AUTONEG_ENABLE 1

#endif
