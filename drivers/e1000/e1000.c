/*
 * Driver for the Intel 82540EM gigabit Ethernet controller, written for Linux 2.4's driver interface: the module's
 * entry points, and what the kernel calls. See e1000.h for the other files.
 *
 * Interrupts are throttled by ITR to InterruptThrottleRate a second, as Intel's drivers of the time did (8000 by
 * default); transmit interrupts are delayed by TxIntDelay as well, so that a stream sent costs one interrupt for
 * many packets. All packets that are ready are handled in the interrupt handler (2.4.18 had no NAPI).
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/string.h>
#include "e1000.h"

#define WATCHDOG_PERIOD (2 * HZ)
#define TX_TIMEOUT (5 * HZ)
#define MAX_ROUNDS 10 /* of cleaning in one interrupt */

static int InterruptThrottleRate = 8000; /* interrupts a second, 0 does not throttle */
static int TxIntDelay = 64;  /* units of 1.024 microseconds */
static int RxIntDelay = 0;
MODULE_PARM(InterruptThrottleRate, "i");
MODULE_PARM(TxIntDelay, "i");
MODULE_PARM(RxIntDelay, "i");
MODULE_AUTHOR("nooks86");
MODULE_DESCRIPTION("Intel 82540EM gigabit Ethernet");

static const struct pci_device_id e1000_ids[] = {
  { PCI_VENDOR_ID_INTEL, 0x100E, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0 }, /* 82540EM, desktop */
  { PCI_VENDOR_ID_INTEL, 0x1015, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0 }, /* 82540EM, on the mainboard */
  { 0, 0, 0, 0, 0, 0, 0 },
};
MODULE_DEVICE_TABLE(pci, e1000_ids);

/* ITR counts 256 ns units between interrupts. */
static u32 throttle_interval(void) {
  return InterruptThrottleRate > 0 ? 1000000000u / ((u32)InterruptThrottleRate * 256u) : 0;
}

static void link_changed(struct e1000_adapter *adapter, int up) {
  struct net_device *netdev = adapter->netdev;

  adapter->link_up = (u8)up;
  if (up) {
    printk(KERN_INFO "e1000: %s: link up, %u Mb/s, %s duplex\n", netdev->name, adapter->link_speed,
           adapter->link_full_duplex ? "full" : "half");
    netif_carrier_on(netdev);
    adapter->tx_full = 0;
    netif_wake_queue(netdev);
  } else {
    printk(KERN_INFO "e1000: %s: link down\n", netdev->name);
    netif_carrier_off(netdev);
    netif_stop_queue(netdev);
  }
}

/* Timer: the link, the counters, and buffers that could not be had before. */
static void e1000_watchdog(unsigned long data) {
  struct e1000_adapter *adapter = (struct e1000_adapter *)data;
  unsigned long flags;
  int up;

  if (!adapter->running) return;
  up = e1000_check_link(adapter);
  if (up != adapter->link_up) link_changed(adapter, up);
  e1000_update_stats(adapter);
  local_irq_save(flags); /* the interrupt handler refills too */
  e1000_refill_rx(adapter);
  local_irq_restore(flags);
  mod_timer(&adapter->watchdog_timer, jiffies + WATCHDOG_PERIOD);
}

static void e1000_intr(int irq, void *dev_id, struct pt_regs *regs) {
  struct net_device *netdev = dev_id;
  struct e1000_adapter *adapter = netdev->priv;
  u32 icr = e1000_read(adapter, E1000_ICR);
  int rounds = MAX_ROUNDS;

  (void)irq;
  (void)regs;
  if (!icr || !adapter->running) return;
  if (icr & (INT_LSC | INT_RXSEQ)) mod_timer(&adapter->watchdog_timer, jiffies);
  while (rounds-- && (e1000_clean_rx(adapter) | e1000_clean_tx(adapter)))
    ;
}

/* From reset to running. Interrupts of the device are on afterwards. */
static int e1000_up(struct e1000_adapter *adapter) {
  struct net_device *netdev = adapter->netdev;
  int err = e1000_reset_hw(adapter);

  if (err) return err;
  e1000_init_hw(adapter);
  e1000_set_rar(adapter, netdev->dev_addr, 0);
  err = e1000_setup_phy(adapter);
  if (err) return err;
  e1000_configure_tx(adapter, TxIntDelay);
  e1000_configure_rx(adapter, RxIntDelay);
  e1000_set_filter(adapter, netdev);
  e1000_write(adapter, E1000_ITR, throttle_interval());
  adapter->running = 1;
  if (e1000_check_link(adapter)) {
    link_changed(adapter, 1);
  } else {
    adapter->link_up = 0;
    netif_carrier_off(netdev);
    netif_stop_queue(netdev);
  }
  mod_timer(&adapter->watchdog_timer, jiffies + WATCHDOG_PERIOD);
  e1000_write(adapter, E1000_IMS, INT_ENABLED);
  e1000_flush(adapter);
  return 0;
}

/* From running to silent. The rings are empty afterwards. */
static void e1000_down(struct e1000_adapter *adapter) {
  adapter->running = 0;
  e1000_write(adapter, E1000_IMC, ~0u);
  e1000_flush(adapter);
  del_timer_sync(&adapter->watchdog_timer);
  netif_stop_queue(adapter->netdev);
  e1000_update_stats(adapter);
  e1000_reset_hw(adapter);
  e1000_empty_tx(adapter);
  e1000_empty_rx(adapter);
  adapter->link_up = 0;
}

static int e1000_open(struct net_device *netdev) {
  struct e1000_adapter *adapter = netdev->priv;
  int err = e1000_setup_tx(adapter);

  if (err) return err;
  err = e1000_setup_rx(adapter);
  if (err) goto no_rx;
  err = request_irq(netdev->irq, e1000_intr, SA_SHIRQ | SA_SAMPLE_RANDOM, netdev->name, netdev);
  if (err) goto no_irq;
  err = e1000_up(adapter);
  if (err) goto no_hardware;
  return 0;

no_hardware:
  free_irq(netdev->irq, netdev);
no_irq:
  e1000_free_rx(adapter);
no_rx:
  e1000_free_tx(adapter);
  return err;
}

static int e1000_close(struct net_device *netdev) {
  struct e1000_adapter *adapter = netdev->priv;

  e1000_down(adapter);
  free_irq(netdev->irq, netdev);
  e1000_free_tx(adapter);
  e1000_free_rx(adapter);
  return 0;
}

/* The kernel's transmit watchdog, in a timer: packets were lost in the device. Start it again. */
static void e1000_tx_timeout(struct net_device *netdev) {
  struct e1000_adapter *adapter = netdev->priv;

  adapter->net_stats.tx_errors++;
  e1000_down(adapter);
  if (e1000_up(adapter)) printk(KERN_ERR "e1000: %s: device does not come back\n", netdev->name);
}

static struct net_device_stats *e1000_get_stats(struct net_device *netdev) {
  struct e1000_adapter *adapter = netdev->priv;

  if (adapter->running) e1000_update_stats(adapter);
  return &adapter->net_stats;
}

static void e1000_set_multi(struct net_device *netdev) {
  e1000_set_filter(netdev->priv, netdev);
}

static int e1000_set_mac(struct net_device *netdev, void *address) {
  const struct sockaddr *sa = address;

  if (!is_valid_ether_addr((const u8 *)sa->sa_data)) return -EADDRNOTAVAIL;
  memcpy(netdev->dev_addr, sa->sa_data, ETH_ALEN);
  e1000_set_rar(netdev->priv, netdev->dev_addr, 0);
  return 0;
}

/* A frame must fit into one buffer and below the limit for long packets. */
static int e1000_change_mtu(struct net_device *netdev, int mtu) {
  if (mtu < 68 || mtu > ETH_DATA_LEN) return -EINVAL;
  netdev->mtu = (unsigned int)mtu;
  return 0;
}

static void set_operations(struct net_device *netdev) {
  netdev->open = e1000_open;
  netdev->stop = e1000_close;
  netdev->hard_start_xmit = e1000_xmit_frame;
  netdev->get_stats = e1000_get_stats;
  netdev->set_multicast_list = e1000_set_multi;
  netdev->set_mac_address = e1000_set_mac;
  netdev->change_mtu = e1000_change_mtu;
  netdev->do_ioctl = e1000_ioctl;
  netdev->tx_timeout = e1000_tx_timeout;
  netdev->watchdog_timeo = TX_TIMEOUT;
}

/* Resets the device and reads its address. */
static int identify(struct e1000_adapter *adapter) {
  int err = e1000_reset_hw(adapter);

  if (!err) err = e1000_read_mac(adapter, adapter->mac);
  if (err) printk(KERN_ERR "e1000: %s: the EEPROM is not valid\n", adapter->pdev->slot_name);
  return err;
}

/* Takes the device's memory region. */
static int map_device(struct e1000_adapter *adapter) {
  struct pci_dev *pdev = adapter->pdev;
  int err = pci_request_regions(pdev, DRV_NAME);

  if (err) return err;
  pci_set_master(pdev);
  adapter->hw_addr = ioremap(pci_resource_start(pdev, 0), pci_resource_len(pdev, 0));
  if (adapter->hw_addr) return 0;
  pci_release_regions(pdev);
  return -EIO;
}

static void unmap_device(struct e1000_adapter *adapter) {
  iounmap((void *)adapter->hw_addr);
  pci_release_regions(adapter->pdev);
}

static int e1000_probe(struct pci_dev *pdev, const struct pci_device_id *id) {
  struct net_device *netdev;
  struct e1000_adapter *adapter;
  int err = pci_enable_device(pdev);

  (void)id;
  if (err) return err;
  err = pci_set_dma_mask(pdev, 0xFFFFFFFFull);
  if (err) goto no_device;
  netdev = alloc_etherdev(sizeof(*adapter));
  if (!netdev) {
    err = -ENOMEM;
    goto no_device;
  }
  adapter = netdev->priv;
  adapter->netdev = netdev;
  adapter->pdev = pdev;
  spin_lock_init(&adapter->stats_lock);
  init_timer(&adapter->watchdog_timer);
  adapter->watchdog_timer.function = e1000_watchdog;
  adapter->watchdog_timer.data = (unsigned long)adapter;
  err = map_device(adapter);
  if (err) goto no_map;
  err = identify(adapter);
  if (err) goto no_identity;
  memcpy(netdev->dev_addr, adapter->mac, ETH_ALEN);
  netdev->irq = pdev->irq;
  netdev->base_addr = pci_resource_start(pdev, 0);
  netdev->owner = THIS_MODULE;
  set_operations(netdev);
  pci_set_drvdata(pdev, netdev);
  err = register_netdev(netdev);
  if (err) goto no_identity;
  printk(KERN_INFO "e1000: %s: 82540EM at %s, irq %u, %02x:%02x:%02x:%02x:%02x:%02x\n", netdev->name,
         pdev->slot_name, netdev->irq, adapter->mac[0], adapter->mac[1], adapter->mac[2], adapter->mac[3],
         adapter->mac[4], adapter->mac[5]);
  return 0;

no_identity:
  pci_set_drvdata(pdev, NULL);
  unmap_device(adapter);
no_map:
  free_netdev(netdev);
no_device:
  pci_disable_device(pdev);
  return err;
}

static void e1000_remove(struct pci_dev *pdev) {
  struct net_device *netdev = pci_get_drvdata(pdev);

  unregister_netdev(netdev);
  unmap_device(netdev->priv);
  pci_set_drvdata(pdev, NULL);
  pci_disable_device(pdev);
  free_netdev(netdev);
}

static struct pci_driver e1000_driver = {
  .name = DRV_NAME,
  .id_table = e1000_ids,
  .probe = e1000_probe,
  .remove = e1000_remove,
};

static int e1000_init_module(void) {
  return pci_module_init(&e1000_driver);
}

static void e1000_exit_module(void) {
  pci_unregister_driver(&e1000_driver);
}

module_init(e1000_init_module);
module_exit(e1000_exit_module);
