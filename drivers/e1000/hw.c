/* The 82540EM itself: reset, EEPROM, PHY, receive addresses, link and counters (manual, 14.3 to 14.5). */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/mii.h>
#include "e1000.h"

/* Polls until reg & mask equals want; -EIO after `limit` times 10 microseconds. */
static int wait_for(const struct e1000_adapter *adapter, u32 reg, u32 mask, u32 want, int limit) {
  while ((e1000_read(adapter, reg) & mask) != want) {
    if (!limit--) return -EIO;
    udelay(10);
  }
  return 0;
}

/* Stops everything and resets the MAC; the PHY keeps its link. Interrupts are masked afterwards. */
int e1000_reset_hw(struct e1000_adapter *adapter) {
  int err;

  e1000_write(adapter, E1000_IMC, ~0u);
  e1000_write(adapter, E1000_RCTL, 0);
  e1000_write(adapter, E1000_TCTL, TCTL_PSP);
  e1000_flush(adapter);
  mdelay(1); /* transfers under way end */
  e1000_write(adapter, E1000_CTRL, e1000_read(adapter, E1000_CTRL) | CTRL_RST);
  mdelay(5); /* the EEPROM is read again */
  err = wait_for(adapter, E1000_CTRL, CTRL_RST, 0, 400);
  e1000_write(adapter, E1000_IMC, ~0u);
  e1000_read(adapter, E1000_ICR);
  return err;
}

static int eeprom_read(struct e1000_adapter *adapter, u32 address, u16 *value) {
  int err;

  e1000_write(adapter, E1000_EERD, address << EERD_ADDR_SHIFT | EERD_START);
  err = wait_for(adapter, E1000_EERD, EERD_DONE, EERD_DONE, 100);
  *value = (u16)(e1000_read(adapter, E1000_EERD) >> EERD_DATA_SHIFT);
  return err;
}

/* Reads the station address; -EIO when the EEPROM does not answer or its sum is wrong. */
int e1000_read_mac(struct e1000_adapter *adapter, u8 *mac) {
  u16 sum = 0, word;
  u32 i;
  int err;

  for (i = 0; i < EEPROM_WORDS; i++) {
    err = eeprom_read(adapter, i, &word);
    if (err) return err;
    sum += word;
    if (i < ETH_ALEN / 2) {
      mac[2 * i] = (u8)word;
      mac[2 * i + 1] = (u8)(word >> 8);
    }
  }
  return sum == EEPROM_SUM && is_valid_ether_addr(mac) ? 0 : -EIO;
}

static int mdic(struct e1000_adapter *adapter, u32 command) {
  int err;
  u32 value;

  e1000_write(adapter, E1000_MDIC, command | PHY_ADDRESS << MDIC_PHY_SHIFT);
  err = wait_for(adapter, E1000_MDIC, MDIC_READY, MDIC_READY, 100);
  value = e1000_read(adapter, E1000_MDIC);
  if (err || (value & MDIC_ERROR)) return -EIO;
  return (int)(value & 0xFFFF);
}

int e1000_phy_read(struct e1000_adapter *adapter, u32 reg) {
  return mdic(adapter, MDIC_OP_READ | reg << MDIC_REG_SHIFT);
}

int e1000_phy_write(struct e1000_adapter *adapter, u32 reg, u16 value) {
  int result = mdic(adapter, MDIC_OP_WRITE | reg << MDIC_REG_SHIFT | value);

  return result < 0 ? result : 0;
}

int e1000_restart_autoneg(struct e1000_adapter *adapter) {
  int control = e1000_phy_read(adapter, MII_BMCR);

  if (control < 0) return control;
  control &= ~(BMCR_ISOLATE | BMCR_PDOWN | BMCR_LOOPBACK);
  return e1000_phy_write(adapter, MII_BMCR, (u16)(control | BMCR_ANENABLE | BMCR_ANRESTART));
}

/* Has the PHY negotiate all speeds. A PHY that does already keeps its link. */
int e1000_setup_phy(struct e1000_adapter *adapter) {
  int control = e1000_phy_read(adapter, MII_BMCR);
  int advertised = e1000_phy_read(adapter, MII_ADVERTISE);
  int gigabit = e1000_phy_read(adapter, MII_CTRL1000);
  int err;

  if (control < 0 || advertised < 0 || gigabit < 0) return -EIO;
  if ((control & BMCR_ANENABLE) && !(control & (BMCR_ISOLATE | BMCR_PDOWN | BMCR_LOOPBACK)) &&
      (advertised & ADVERTISE_ALL) == ADVERTISE_ALL && (gigabit & ADVERTISE_1000FULL))
    return 0;
  err = e1000_phy_write(adapter, MII_ADVERTISE, (u16)(advertised | ADVERTISE_ALL));
  if (!err) err = e1000_phy_write(adapter, MII_CTRL1000, (u16)(gigabit | ADVERTISE_1000FULL));
  return err ? err : e1000_restart_autoneg(adapter);
}

/* What e1000_update_stats() reads. */
static const u16 counters[] = {
  E1000_CRCERRS, E1000_ALGNERRC, E1000_RXERRC, E1000_MPC,   E1000_ECOL,  E1000_LATECOL, E1000_COLC,
  E1000_TNCRS,   E1000_CEXTERR,  E1000_RLEC,   E1000_GPRC,  E1000_MPRC,  E1000_GPTC,    E1000_GORCL,
  E1000_GORCH,   E1000_GOTCL,    E1000_GOTCH,
};

/* After a reset, before the rings are configured (manual, 14.3, 14.4). */
void e1000_init_hw(struct e1000_adapter *adapter) {
  u32 ctrl = e1000_read(adapter, E1000_CTRL), i;

  ctrl &= ~(CTRL_LRST | CTRL_PHY_RST | CTRL_ILOS | CTRL_FRCSPD | CTRL_FRCDPX | CTRL_RFCE | CTRL_TFCE | CTRL_VME);
  e1000_write(adapter, E1000_CTRL, ctrl | CTRL_ASDE | CTRL_SLU);
  e1000_write(adapter, E1000_FCAL, 0);
  e1000_write(adapter, E1000_FCAH, 0);
  e1000_write(adapter, E1000_FCT, 0);
  e1000_write(adapter, E1000_FCTTV, 0);
  e1000_write(adapter, E1000_WUC, 0);
  for (i = 0; i < MTA_WORDS; i++) e1000_write(adapter, E1000_MTA + 4 * i, 0);
  for (i = 0; i < VFTA_WORDS; i++) e1000_write(adapter, E1000_VFTA + 4 * i, 0);
  for (i = 1; i < RAR_ENTRIES; i++) e1000_set_rar(adapter, NULL, i);
  for (i = 0; i < ARRAY_SIZE(counters); i++) e1000_read(adapter, counters[i]);
}

/* Loads a receive address, or with NULL clears it. */
void e1000_set_rar(struct e1000_adapter *adapter, const u8 *mac, unsigned int index) {
  u32 low = 0, high = 0;

  if (mac) {
    low = mac[0] | mac[1] << 8 | mac[2] << 16 | (u32)mac[3] << 24;
    high = mac[4] | mac[5] << 8 | RAH_AV;
  }
  e1000_write(adapter, E1000_RAL + 8 * index, low);
  e1000_write(adapter, E1000_RAH + 8 * index, high);
}

/* Bit of the multicast table for a group address, with RCTL.MO = 0: address bits 47 to 36. */
static u32 hash_of(const u8 *mac) {
  return (mac[4] >> 4 | mac[5] << 4) & 0xFFF;
}

/* Loads promiscuity and group addresses: the first ones into exact filters, the others by hash. */
void e1000_set_filter(struct e1000_adapter *adapter, struct net_device *netdev) {
  u32 rctl = e1000_read(adapter, E1000_RCTL) & ~(RCTL_UPE | RCTL_MPE | RCTL_MO), i;
  const struct dev_mc_list *mc = netdev->mc_list;

  if (netdev->flags & IFF_PROMISC)
    rctl |= RCTL_UPE | RCTL_MPE;
  else if (netdev->flags & IFF_ALLMULTI)
    rctl |= RCTL_MPE;
  for (i = 1; i < RAR_ENTRIES; i++) {
    e1000_set_rar(adapter, mc ? mc->dmi_addr : NULL, i);
    if (mc) mc = mc->next;
  }
  for (i = 0; i < MTA_WORDS; i++) e1000_write(adapter, E1000_MTA + 4 * i, 0);
  for (; mc; mc = mc->next) {
    u32 hash = hash_of(mc->dmi_addr), reg = E1000_MTA + 4 * (hash >> 5);

    e1000_write(adapter, reg, e1000_read(adapter, reg) | 1u << (hash & 31));
  }
  e1000_write(adapter, E1000_RCTL, rctl);
}

/* Is there a link? When there is, notes speed and duplex and tells the transmit unit. */
int e1000_check_link(struct e1000_adapter *adapter) {
  u32 status = e1000_read(adapter, E1000_STATUS), tctl;

  if (!(status & STATUS_LU)) return 0;
  adapter->link_full_duplex = (status & STATUS_FD) != 0;
  switch (status & STATUS_SPEED) {
    case 0: adapter->link_speed = 10; break;
    case STATUS_SPEED_100: adapter->link_speed = 100; break;
    default: adapter->link_speed = 1000;
  }
  tctl = e1000_read(adapter, E1000_TCTL) & ~(0x3FFu << 12);
  tctl |= adapter->link_full_duplex ? TCTL_COLD_FULL : TCTL_COLD_HALF;
  e1000_write(adapter, E1000_TCTL, tctl);
  return 1;
}

/* Adds the device's counters, which reading clears. */
void e1000_update_stats(struct e1000_adapter *adapter) {
  struct net_device_stats *s = &adapter->net_stats;
  unsigned long flags;
  u32 crc, align, other, length, missed, late, excess, no_carrier;

  spin_lock_irqsave(&adapter->stats_lock, flags);
  s->rx_packets += e1000_read(adapter, E1000_GPRC);
  s->tx_packets += e1000_read(adapter, E1000_GPTC);
  s->rx_bytes += e1000_read(adapter, E1000_GORCL);
  e1000_read(adapter, E1000_GORCH);
  s->tx_bytes += e1000_read(adapter, E1000_GOTCL);
  e1000_read(adapter, E1000_GOTCH);
  s->multicast += e1000_read(adapter, E1000_MPRC);
  s->collisions += e1000_read(adapter, E1000_COLC);
  crc = e1000_read(adapter, E1000_CRCERRS);
  align = e1000_read(adapter, E1000_ALGNERRC);
  other = e1000_read(adapter, E1000_RXERRC) + e1000_read(adapter, E1000_CEXTERR);
  length = e1000_read(adapter, E1000_RLEC);
  missed = e1000_read(adapter, E1000_MPC);
  late = e1000_read(adapter, E1000_LATECOL);
  excess = e1000_read(adapter, E1000_ECOL);
  no_carrier = e1000_read(adapter, E1000_TNCRS);
  s->rx_crc_errors += crc;
  s->rx_frame_errors += align;
  s->rx_length_errors += length;
  s->rx_missed_errors += missed;
  s->rx_fifo_errors += missed;
  s->rx_errors += crc + align + other + length + missed;
  s->tx_window_errors += late;
  s->tx_aborted_errors += excess;
  s->tx_carrier_errors += no_carrier;
  s->tx_errors += late + excess;
  spin_unlock_irqrestore(&adapter->stats_lock, flags);
}
