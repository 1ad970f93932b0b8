/*
 * A second, independent driver for the Intel 82540EM: what the recovery policy `alternate` loads when e1000 has failed.
 * It shares no code with that one and does everything another way, the plain way: legacy descriptors only, every
 * frame copied to or from a fixed buffer that the device never loses, sent frames reclaimed by the next
 * hard_start_xmit, the station address from the receive address registers, no throttling and no delay of interrupts,
 * no timer, all multicast groups or none.
 *
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), 3.2.3, 3.3.3, 13,
 * 14. Left out, beside what e1000 leaves out: PHY set-up (it negotiates after power-up, and keeps what it was told),
 * ioctls, the device's own counters.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <asm/io.h>
#include <asm/system.h>

#define SLOTS 64         /* of each ring */
#define SLOT_BYTES 2048u /* RCTL.BSIZE */
#define TX_WAKE 16       /* free slots before a stopped queue goes on */

/* Registers: bytes in BAR 0. */
#define CTRL 0x0000
#define STATUS 0x0008
#define ICR 0x00C0
#define ITR 0x00C4
#define IMS 0x00D0
#define IMC 0x00D8
#define RCTL 0x0100
#define TCTL 0x0400
#define TIPG 0x0410
#define RX_RING 0x2800 /* base low, high, length, head, tail: 0, 4, 8, 16, 24 */
#define RDTR 0x2820
#define TX_RING 0x3800
#define RAL0 0x5400
#define RAH0 0x5404
#define MTA 0x5200
#define MTA_LENGTH 128
#define RING_HIGH 4
#define RING_LENGTH 8
#define RING_HEAD 16
#define RING_TAIL 24

#define CTRL_ASDE_SLU (1u << 5 | 1u << 6)
#define CTRL_RST (1u << 26)
#define STATUS_LINK (1u << 1)
#define CAUSE_TXDW (1u << 0)
#define CAUSE_LSC (1u << 2)
#define CAUSE_RXO (1u << 6)
#define CAUSE_RXT0 (1u << 7)
#define CAUSES (CAUSE_TXDW | CAUSE_LSC | CAUSE_RXO | CAUSE_RXT0)
#define RCTL_ON (1u << 1 | 1u << 15 | 1u << 26) /* enabled, broadcasts, FCS stripped, buffers of 2048 bytes */
#define RCTL_ALL_UNICAST (1u << 3)
#define RCTL_ALL_MULTICAST (1u << 4)
#define TCTL_ON (1u << 1 | 1u << 3 | 0x0Fu << 4 | 0x40u << 12) /* enabled, short frames padded, collisions */
#define TIPG_COPPER (10u | 8u << 10 | 6u << 20)

#define DONE 0x01u
#define TX_COMMAND 0x0Bu   /* end of packet, insert FCS, report status */
#define RX_WHOLE 0x02u
#define RX_BAD 0x97u

/* Both kinds, as much of them as is used. */
struct descriptor {
  u64 address;
  u16 length;
  u8 unused;  /* transmit: checksum offset; receive: checksum, with the next byte */
  u8 command; /* transmit */
  u8 status;
  u8 errors;
  u16 special;
};
_Static_assert(sizeof(struct descriptor) == 16, "a legacy descriptor is 16 bytes");

/* A ring and its buffers, one block that the device can always reach. */
struct ring {
  struct {
    volatile struct descriptor slot[SLOTS];
    u8 frame[SLOTS][SLOT_BYTES];
  } *memory;
  dma_addr_t bus;
  u32 registers;
  u32 next; /* slot to be used next */
  u32 used; /* slots that the device has; transmit only. Interrupts off. */
};

struct card {
  struct net_device *dev;
  struct pci_dev *pdev;
  volatile u8 *registers;
  struct ring rx, tx;
  struct net_device_stats stats;
};

static u32 get(const struct card *c, u32 where) { return readl(c->registers + where); }
static void put(const struct card *c, u32 where, u32 value) { writel(value, c->registers + where); }

/* ---- Rings ---- */

static dma_addr_t frame_bus(const struct ring *r, u32 i) {
  return r->bus + (u32)((u8 *)r->memory->frame[i] - (u8 *)r->memory);
}

static int make_ring(struct card *c, struct ring *r, u32 registers) {
  r->registers = registers;
  r->memory = pci_alloc_consistent(c->pdev, sizeof *r->memory, &r->bus);
  return r->memory ? 0 : -ENOMEM;
}

static void free_ring(struct card *c, struct ring *r) {
  if (r->memory) pci_free_consistent(c->pdev, sizeof *r->memory, r->memory, r->bus);
  r->memory = NULL;
}

static void start_ring(struct card *c, struct ring *r, u32 tail) {
  u32 i;
  r->next = r->used = 0;
  for (i = 0; i < SLOTS; i++)
    r->memory->slot[i] = (struct descriptor){ .address = frame_bus(r, i) };
  put(c, r->registers, (u32)r->bus);
  put(c, r->registers + RING_HIGH, 0);
  put(c, r->registers + RING_LENGTH, sizeof r->memory->slot);
  put(c, r->registers + RING_HEAD, 0);
  put(c, r->registers + RING_TAIL, tail);
}

/* ---- Receiving ---- */

static void take_frame(struct card *c, const u8 *frame, u32 length) {
  struct sk_buff *skb = dev_alloc_skb(length + 2);
  if (!skb) {
    c->stats.rx_dropped++;
    return;
  }
  skb_reserve(skb, 2); /* the IP header on a word boundary */
  memcpy(skb_put(skb, length), frame, length);
  skb->dev = c->dev;
  skb->protocol = eth_type_trans(skb, c->dev);
  c->stats.rx_packets++;
  c->stats.rx_bytes += length;
  netif_rx(skb);
}

static void receive(struct card *c) {
  struct ring *r = &c->rx;
  u32 most = SLOTS;
  while (most-- && r->memory->slot[r->next].status & DONE) {
    volatile struct descriptor *slot = &r->memory->slot[r->next];
    u32 length = slot->length;
    if (slot->status & RX_WHOLE && !(slot->errors & RX_BAD) && length >= ETH_HLEN && length <= ETH_HLEN + ETH_DATA_LEN)
      take_frame(c, r->memory->frame[r->next], length);
    else c->stats.rx_errors++;
    slot->status = 0;
    put(c, r->registers + RING_TAIL, r->next); /* it is the device's again */
    r->next = (r->next + 1) % SLOTS;
  }
}

/* ---- Sending. Interrupts off. ---- */

static void reclaim(struct card *c) {
  struct ring *r = &c->tx;
  while (r->used && r->memory->slot[(r->next + SLOTS - r->used) % SLOTS].status & DONE) r->used--;
}

static int full(const struct ring *r) { return r->used >= SLOTS - 1; }

static int simple_xmit(struct sk_buff *skb, struct net_device *dev) {
  struct card *c = dev->priv;
  struct ring *r = &c->tx;
  unsigned long flags;
  int refused;
  local_irq_save(flags);
  reclaim(c);
  refused = full(r) || skb->len > SLOT_BYTES;
  if (!refused) {
    volatile struct descriptor *slot = &r->memory->slot[r->next];
    memcpy(r->memory->frame[r->next], skb->data, skb->len);
    slot->length = (u16)skb->len;
    slot->status = 0;
    slot->command = TX_COMMAND;
    wmb(); /* the descriptor before the tail */
    r->next = (r->next + 1) % SLOTS;
    r->used++;
    c->stats.tx_packets++;
    c->stats.tx_bytes += skb->len;
    put(c, r->registers + RING_TAIL, r->next);
  }
  if (full(r)) {
    netif_stop_queue(dev);
    put(c, IMS, CAUSE_TXDW); /* which is off otherwise: nobody waits for a sent frame */
  }
  local_irq_restore(flags);
  if (!refused) dev_kfree_skb_any(skb);
  return refused;
}

static void go_on_sending(struct card *c) {
  reclaim(c);
  if (SLOTS - 1 - c->tx.used < TX_WAKE) return;
  put(c, IMC, CAUSE_TXDW);
  netif_wake_queue(c->dev);
}

/* ---- Link and interrupt ---- */

static void look_at_link(struct card *c) {
  if (get(c, STATUS) & STATUS_LINK) {
    netif_carrier_on(c->dev);
    netif_wake_queue(c->dev);
  } else {
    netif_carrier_off(c->dev);
    netif_stop_queue(c->dev);
  }
}

static void simple_interrupt(int irq, void *dev_id, struct pt_regs *regs) {
  struct net_device *dev = dev_id;
  struct card *c = dev->priv;
  u32 causes = get(c, ICR);
  (void)irq, (void)regs;
  if (!(causes & CAUSES)) return;
  if (causes & CAUSE_LSC) look_at_link(c);
  if (causes & CAUSE_TXDW && netif_queue_stopped(dev) && netif_carrier_ok(dev)) go_on_sending(c);
  receive(c);
}

/* ---- The device ---- */

/* The EEPROM is read again meanwhile (14.3): 5 ms. */
static int reset(struct card *c) {
  put(c, IMC, ~0u);
  put(c, RCTL, 0);
  put(c, TCTL, 0);
  get(c, STATUS);
  mdelay(1);
  put(c, CTRL, get(c, CTRL) | CTRL_RST);
  mdelay(5);
  put(c, IMC, ~0u);
  get(c, ICR);
  return get(c, CTRL) & CTRL_RST ? -EIO : 0;
}

static void load_address(struct card *c, const u8 *mac) {
  put(c, RAL0, mac[0] | mac[1] << 8 | mac[2] << 16 | (u32)mac[3] << 24);
  put(c, RAH0, mac[4] | mac[5] << 8 | 1u << 31);
}

static void simple_set_filter(struct net_device *dev) {
  struct card *c = dev->priv;
  u32 rctl = RCTL_ON;
  if (dev->flags & IFF_PROMISC) rctl |= RCTL_ALL_UNICAST | RCTL_ALL_MULTICAST;
  if (dev->flags & IFF_ALLMULTI || dev->mc_count) rctl |= RCTL_ALL_MULTICAST;
  put(c, RCTL, rctl);
}

static int start_device(struct card *c) {
  u32 i;
  int err = reset(c);
  if (err) return err;
  put(c, CTRL, get(c, CTRL) | CTRL_ASDE_SLU);
  for (i = 0; i < MTA_LENGTH; i++) put(c, MTA + 4 * i, 0);
  load_address(c, c->dev->dev_addr);
  put(c, ITR, 0);
  put(c, RDTR, 0);
  put(c, TIPG, TIPG_COPPER);
  start_ring(c, &c->tx, 0);
  start_ring(c, &c->rx, SLOTS - 1);
  put(c, TCTL, TCTL_ON);
  simple_set_filter(c->dev);
  return 0;
}

/* ---- What the kernel calls ---- */

static void free_rings(struct card *c) {
  free_ring(c, &c->rx);
  free_ring(c, &c->tx);
}

static int simple_open(struct net_device *dev) {
  struct card *c = dev->priv;
  int err = make_ring(c, &c->rx, RX_RING);
  if (!err) err = make_ring(c, &c->tx, TX_RING);
  if (!err) err = start_device(c);
  if (!err) err = request_irq(dev->irq, simple_interrupt, SA_SHIRQ, dev->name, dev);
  if (err) {
    free_rings(c);
    return err;
  }
  netif_stop_queue(dev);
  look_at_link(c);
  put(c, IMS, CAUSES & ~CAUSE_TXDW);
  return 0;
}

static int simple_stop(struct net_device *dev) {
  struct card *c = dev->priv;
  netif_stop_queue(dev);
  reset(c);
  free_irq(dev->irq, dev);
  free_rings(c);
  return 0;
}

/* Frames are stuck in the device. They were counted as sent. */
static void simple_tx_timeout(struct net_device *dev) {
  struct card *c = dev->priv;
  c->stats.tx_errors++;
  if (start_device(c)) return;
  put(c, IMS, CAUSES & ~CAUSE_TXDW);
  look_at_link(c);
}

static struct net_device_stats *simple_stats(struct net_device *dev) {
  struct card *c = dev->priv;
  return &c->stats;
}

static int simple_set_mac(struct net_device *dev, void *address) {
  const struct sockaddr *sa = address;
  if (!is_valid_ether_addr((const u8 *)sa->sa_data)) return -EADDRNOTAVAIL;
  memcpy(dev->dev_addr, sa->sa_data, ETH_ALEN);
  load_address(dev->priv, dev->dev_addr);
  return 0;
}

/* ---- Finding it ---- */

static void read_address(struct card *c) {
  u32 low = get(c, RAL0), high = get(c, RAH0), i;
  for (i = 0; i < 4; i++) c->dev->dev_addr[i] = (u8)(low >> 8 * i);
  c->dev->dev_addr[4] = (u8)high;
  c->dev->dev_addr[5] = (u8)(high >> 8);
}

static int take_device(struct card *c) {
  int err = pci_request_regions(c->pdev, "e1000_simple");
  if (err) return err;
  pci_set_master(c->pdev);
  c->registers = ioremap(pci_resource_start(c->pdev, 0), pci_resource_len(c->pdev, 0));
  err = c->registers ? reset(c) : -EIO;
  if (!err) {
    read_address(c);
    return 0;
  }
  if (c->registers) iounmap((void *)c->registers);
  pci_release_regions(c->pdev);
  return err;
}

static void set_methods(struct net_device *dev) {
  dev->open = simple_open;
  dev->stop = simple_stop;
  dev->hard_start_xmit = simple_xmit;
  dev->tx_timeout = simple_tx_timeout;
  dev->get_stats = simple_stats;
  dev->set_multicast_list = simple_set_filter;
  dev->set_mac_address = simple_set_mac;
  dev->watchdog_timeo = 5 * HZ;
}

static int simple_probe(struct pci_dev *pdev, const struct pci_device_id *id) {
  struct net_device *dev;
  struct card *c;
  int err = pci_enable_device(pdev);
  (void)id;
  if (err) return err;
  dev = alloc_etherdev(sizeof *c);
  if (!dev) return -ENOMEM;
  c = dev->priv;
  c->dev = dev;
  c->pdev = pdev;
  err = take_device(c);
  if (err) {
    free_netdev(dev);
    return err;
  }
  dev->irq = pdev->irq;
  dev->base_addr = pci_resource_start(pdev, 0);
  dev->owner = THIS_MODULE;
  set_methods(dev);
  pci_set_drvdata(pdev, dev);
  err = register_netdev(dev);
  if (err) {
    iounmap((void *)c->registers);
    pci_release_regions(pdev);
    free_netdev(dev);
    return err;
  }
  printk(KERN_INFO "e1000_simple: %s at %s\n", dev->name, pdev->slot_name);
  return 0;
}

static void simple_remove(struct pci_dev *pdev) {
  struct net_device *dev = pci_get_drvdata(pdev);
  struct card *c = dev->priv;
  unregister_netdev(dev);
  iounmap((void *)c->registers);
  pci_release_regions(pdev);
  pci_set_drvdata(pdev, NULL);
  pci_disable_device(pdev);
  free_netdev(dev);
}

static const struct pci_device_id simple_ids[] = {
  { PCI_VENDOR_ID_INTEL, 0x100E, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0 },
  { PCI_VENDOR_ID_INTEL, 0x1015, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0 },
  { 0, 0, 0, 0, 0, 0, 0 },
};
MODULE_DEVICE_TABLE(pci, simple_ids);
MODULE_DESCRIPTION("Intel 82540EM, the plain way");

static struct pci_driver simple_driver = {
  .name = "e1000_simple", .id_table = simple_ids, .probe = simple_probe, .remove = simple_remove,
};

static int simple_init(void) { return pci_module_init(&simple_driver); }
static void simple_exit(void) { pci_unregister_driver(&simple_driver); }
module_init(simple_init);
module_exit(simple_exit);
