/* What programs may ask the driver: link and settings (SIOCETHTOOL), the PHY's registers (MII). Process context. */
#include <linux/errno.h>
#include <linux/ethtool.h>
#include <linux/mii.h>
#include <linux/sockios.h>
#include <linux/string.h>
#include <asm/uaccess.h>
#include "e1000.h"

#define SUPPORTED                                                                                            \
  (SUPPORTED_10baseT_Half | SUPPORTED_10baseT_Full | SUPPORTED_100baseT_Half | SUPPORTED_100baseT_Full |     \
   SUPPORTED_1000baseT_Full | SUPPORTED_Autoneg | SUPPORTED_TP)

static int get_settings(struct e1000_adapter *adapter, void *user) {
  struct ethtool_cmd cmd;

  memset(&cmd, 0, sizeof(cmd));
  cmd.cmd = ETHTOOL_GSET;
  cmd.supported = cmd.advertising = SUPPORTED;
  cmd.port = PORT_TP;
  cmd.phy_address = PHY_ADDRESS;
  cmd.transceiver = XCVR_INTERNAL;
  cmd.autoneg = AUTONEG_ENABLE;
  cmd.speed = adapter->link_up ? adapter->link_speed : SPEED_UNKNOWN;
  cmd.duplex = !adapter->link_up ? DUPLEX_UNKNOWN : adapter->link_full_duplex ? DUPLEX_FULL : DUPLEX_HALF;
  return copy_to_user(user, &cmd, sizeof(cmd)) ? -EFAULT : 0;
}

/* Only autonegotiation of everything can be asked for. */
static int set_settings(struct e1000_adapter *adapter, const void *user) {
  struct ethtool_cmd cmd;

  if (copy_from_user(&cmd, user, sizeof(cmd))) return -EFAULT;
  return cmd.autoneg == AUTONEG_ENABLE ? e1000_restart_autoneg(adapter) : -EINVAL;
}

static int get_driver_info(struct e1000_adapter *adapter, void *user) {
  struct ethtool_drvinfo info;

  memset(&info, 0, sizeof(info));
  info.cmd = ETHTOOL_GDRVINFO;
  strcpy(info.driver, DRV_NAME);
  strcpy(info.version, DRV_VERSION);
  strcpy(info.fw_version, "N/A");
  strncpy(info.bus_info, adapter->pdev->slot_name, sizeof(info.bus_info) - 1);
  return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static int get_link(struct e1000_adapter *adapter, void *user) {
  struct ethtool_value value = { ETHTOOL_GLINK, adapter->link_up };

  return copy_to_user(user, &value, sizeof(value)) ? -EFAULT : 0;
}

static int ethtool_ioctl(struct e1000_adapter *adapter, void *user) {
  u32 cmd;

  if (copy_from_user(&cmd, user, sizeof(cmd))) return -EFAULT;
  switch (cmd) {
    case ETHTOOL_GSET: return get_settings(adapter, user);
    case ETHTOOL_SSET: return set_settings(adapter, user);
    case ETHTOOL_GDRVINFO: return get_driver_info(adapter, user);
    case ETHTOOL_NWAY_RST: return e1000_restart_autoneg(adapter);
    case ETHTOOL_GLINK: return get_link(adapter, user);
    default: return -EOPNOTSUPP;
  }
}

static int mii_ioctl(struct e1000_adapter *adapter, struct ifreq *ifr, int cmd) {
  struct mii_ioctl_data *data = (struct mii_ioctl_data *)ifr->ifr_mii;
  int value;

  if (cmd == SIOCGMIIPHY) {
    data->phy_id = PHY_ADDRESS;
    return 0;
  }
  if (data->phy_id != PHY_ADDRESS || data->reg_num > 31) return -EIO;
  if (cmd == SIOCSMIIREG) return e1000_phy_write(adapter, data->reg_num, data->val_in);
  value = e1000_phy_read(adapter, data->reg_num);
  if (value < 0) return value;
  data->val_out = (u16)value;
  return 0;
}

int e1000_ioctl(struct net_device *netdev, struct ifreq *ifr, int cmd) {
  struct e1000_adapter *adapter = netdev->priv;

  switch (cmd) {
    case SIOCETHTOOL: return ethtool_ioctl(adapter, ifr->ifr_data);
    case SIOCGMIIPHY:
    case SIOCGMIIREG:
    case SIOCSMIIREG: return mii_ioctl(adapter, ifr, cmd);
    default: return -EOPNOTSUPP;
  }
}
