/*
 * Driver for the Intel 82540EM, what its files share.
 *
 *   e1000.c   probe, open, interrupt, watchdog, configuration by the kernel
 *   hw.c      the device itself: reset, EEPROM, PHY, addresses, link
 *   tx.c rx.c the two descriptor rings
 *   ioctl.c   SIOCETHTOOL and MII ioctls
 *
 * Left out: checksum and segmentation offload (the kernel sums in software as 2.4 did for fragments), VLANs, flow
 * control, jumbo frames, wake-up, fibre, the other members of the family.
 */
#ifndef E1000_H
#define E1000_H

#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <asm/io.h>
#include "regs.h"

#define DRV_NAME "e1000"
#define DRV_VERSION "1.0"

#define TX_RING 256 /* descriptors, at most 4096, a multiple of 8 */
#define RX_RING 256
#define RX_BUFFER_LEN 2048
#define RX_BUFFER_WRITE 16 /* fresh buffers that are announced together */
#define NET_IP_ALIGN 2    /* so that the IP header is on a word boundary */

struct e1000_buffer {
  struct sk_buff *skb;
  dma_addr_t dma;
  u16 length;
};

struct e1000_ring {
  void *desc; /* shared with the device */
  dma_addr_t dma;
  struct e1000_buffer *buffer;
  unsigned int next_to_use;   /* transmit: by hard_start_xmit; receive: by the refill */
  unsigned int next_to_clean; /* by the interrupt handler */
};

struct e1000_adapter {
  struct net_device *netdev;
  struct pci_dev *pdev;
  volatile u8 *hw_addr; /* BAR 0 */
  struct e1000_ring tx, rx;
  struct timer_list watchdog_timer;
  spinlock_t stats_lock; /* interrupts off: net_stats and the device's counters */
  struct net_device_stats net_stats;
  u8 mac[ETH_ALEN];  /* as in the EEPROM */
  volatile u8 link_up;
  volatile u8 tx_full;  /* the kernel's queue is stopped because the ring is full */
  u16 link_speed;  /* Mb/s */
  u8 link_full_duplex;
  u8 running;  /* between open and stop */
};

#define TX_DESC(adapter, i) (&((struct e1000_tx_desc *)(adapter)->tx.desc)[i])
#define RX_DESC(adapter, i) (&((struct e1000_rx_desc *)(adapter)->rx.desc)[i])

static inline u32 e1000_read(const struct e1000_adapter *adapter, u32 reg) {
  return readl(adapter->hw_addr + reg);
}

static inline void e1000_write(const struct e1000_adapter *adapter, u32 reg, u32 value) {
  writel(value, adapter->hw_addr + reg);
}

/* Makes sure that the writes before have reached the device. */
static inline void e1000_flush(const struct e1000_adapter *adapter) {
  e1000_read(adapter, E1000_STATUS);
}

/* hw.c. Process context or timer; those that wait say how long. */
int e1000_reset_hw(struct e1000_adapter *adapter);       /* up to 10 ms */
int e1000_read_mac(struct e1000_adapter *adapter, u8 *mac);   /* up to 64 ms */
int e1000_phy_read(struct e1000_adapter *adapter, u32 reg);   /* the value or a negative error; up to 1 ms */
int e1000_phy_write(struct e1000_adapter *adapter, u32 reg, u16 value);
int e1000_setup_phy(struct e1000_adapter *adapter);
int e1000_restart_autoneg(struct e1000_adapter *adapter);
void e1000_init_hw(struct e1000_adapter *adapter);
void e1000_set_rar(struct e1000_adapter *adapter, const u8 *mac, unsigned int index);
void e1000_set_filter(struct e1000_adapter *adapter, struct net_device *netdev);
int e1000_check_link(struct e1000_adapter *adapter);
void e1000_update_stats(struct e1000_adapter *adapter);

/* tx.c */
int e1000_setup_tx(struct e1000_adapter *adapter);
void e1000_configure_tx(struct e1000_adapter *adapter, int interrupt_delay);
void e1000_free_tx(struct e1000_adapter *adapter);
void e1000_empty_tx(struct e1000_adapter *adapter);
int e1000_clean_tx(struct e1000_adapter *adapter); /* 1 if something was sent */
int e1000_xmit_frame(struct sk_buff *skb, struct net_device *netdev);

/* rx.c */
int e1000_setup_rx(struct e1000_adapter *adapter);
void e1000_configure_rx(struct e1000_adapter *adapter, int interrupt_delay);
void e1000_free_rx(struct e1000_adapter *adapter);
void e1000_empty_rx(struct e1000_adapter *adapter);
int e1000_clean_rx(struct e1000_adapter *adapter); /* 1 if something was received */
void e1000_refill_rx(struct e1000_adapter *adapter);

/* ioctl.c */
int e1000_ioctl(struct net_device *netdev, struct ifreq *ifr, int cmd);

#endif
