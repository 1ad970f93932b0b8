/* Registers of an MII PHY: IEEE 802.3 clause 22, and 40.5 for 1000BASE-T. */
#ifndef _LINUX_MII_H
#define _LINUX_MII_H

#include <linux/types.h>

#define MII_BMCR 0x00   /* control */
#define MII_BMSR 0x01   /* status */
#define MII_PHYSID1 0x02  /* identifier */
#define MII_PHYSID2 0x03
#define MII_ADVERTISE 0x04
#define MII_LPA 0x05   /* link partner's abilities */
#define MII_EXPANSION 0x06
#define MII_CTRL1000 0x09
#define MII_STAT1000 0x0A

#define BMCR_SPEED1000 0x0040
#define BMCR_FULLDPLX 0x0100
#define BMCR_ANRESTART 0x0200
#define BMCR_ISOLATE 0x0400
#define BMCR_PDOWN 0x0800
#define BMCR_ANENABLE 0x1000
#define BMCR_SPEED100 0x2000
#define BMCR_LOOPBACK 0x4000
#define BMCR_RESET 0x8000

#define BMSR_LSTATUS 0x0004 /* latches low: read twice for the link's state now */
#define BMSR_ANEGCAPABLE 0x0008
#define BMSR_ANEGCOMPLETE 0x0020

#define ADVERTISE_CSMA 0x0001
#define ADVERTISE_10HALF 0x0020
#define ADVERTISE_10FULL 0x0040
#define ADVERTISE_100HALF 0x0080
#define ADVERTISE_100FULL 0x0100
#define ADVERTISE_PAUSE 0x0400
#define ADVERTISE_ALL (ADVERTISE_10HALF | ADVERTISE_10FULL | ADVERTISE_100HALF | ADVERTISE_100FULL)

#define ADVERTISE_1000HALF 0x0100 /* in MII_CTRL1000 */
#define ADVERTISE_1000FULL 0x0200

/* What SIOCGMIIPHY, SIOCGMIIREG and SIOCSMIIREG pass in ifr_mii. */
struct mii_ioctl_data {
  u16 phy_id;
  u16 reg_num;
  u16 val_in;
  u16 val_out;
};

#endif
