/*
 * The receive ring (manual, 3.2, 14.4). Each descriptor has a packet buffer of 2048 bytes; a received buffer goes to
 * the kernel as it is, and a fresh one takes its place.
 */
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/system.h>
#include "e1000.h"

#define RX_RING_BYTES (RX_RING * sizeof(struct e1000_rx_desc))

int e1000_setup_rx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->rx;

  ring->buffer = kmalloc(RX_RING * sizeof(*ring->buffer), GFP_KERNEL);
  if (!ring->buffer) return -ENOMEM;
  memset(ring->buffer, 0, RX_RING * sizeof(*ring->buffer));
  ring->desc = pci_alloc_consistent(adapter->pdev, RX_RING_BYTES, &ring->dma);
  if (!ring->desc) {
    kfree(ring->buffer);
    ring->buffer = NULL;
    return -ENOMEM;
  }
  return 0;
}

/* Starts the unit and gives it buffers. The delay is in units of 1.024 microseconds, 0 is none. */
void e1000_configure_rx(struct e1000_adapter *adapter, int interrupt_delay) {
  struct e1000_ring *ring = &adapter->rx;
  u32 filter = e1000_read(adapter, E1000_RCTL) & (RCTL_UPE | RCTL_MPE);

  ring->next_to_use = ring->next_to_clean = 0;
  e1000_write(adapter, E1000_RCTL, 0);
  e1000_write(adapter, E1000_RDTR, (u32)interrupt_delay);
  e1000_write(adapter, E1000_RADV, (u32)interrupt_delay);
  e1000_write(adapter, E1000_RDBAL, (u32)ring->dma);
  e1000_write(adapter, E1000_RDBAH, 0);
  e1000_write(adapter, E1000_RDLEN, RX_RING_BYTES);
  e1000_write(adapter, E1000_RDH, 0);
  e1000_write(adapter, E1000_RDT, 0);
  e1000_write(adapter, E1000_RXCSUM, 0);
  e1000_write(adapter, E1000_RCTL, RCTL_EN | RCTL_BAM | RCTL_RDMTS_HALF | RCTL_BSIZE_2048 | RCTL_SECRC | filter);
  e1000_refill_rx(adapter);
}

static struct sk_buff *detach(struct e1000_adapter *adapter, struct e1000_buffer *buffer) {
  struct sk_buff *skb = buffer->skb;

  pci_unmap_single(adapter->pdev, buffer->dma, buffer->length, PCI_DMA_FROMDEVICE);
  buffer->skb = NULL;
  return skb;
}

/* Frees all buffers. The unit is off. */
void e1000_empty_rx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->rx;
  unsigned int i;

  for (i = 0; i < RX_RING; i++)
    if (ring->buffer[i].skb) dev_kfree_skb_any(detach(adapter, &ring->buffer[i]));
  memset(ring->desc, 0, RX_RING_BYTES);
  ring->next_to_use = ring->next_to_clean = 0;
}

void e1000_free_rx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->rx;

  e1000_empty_rx(adapter);
  pci_free_consistent(adapter->pdev, RX_RING_BYTES, ring->desc, ring->dma);
  kfree(ring->buffer);
  ring->desc = NULL;
  ring->buffer = NULL;
}

/*
 * Gives every empty descriptor a buffer, as far as memory goes, and announces them RX_BUFFER_WRITE at a time. The
 * tail is the last descriptor that the device may use, plus one; one descriptor stays empty.
 */
void e1000_refill_rx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->rx;
  unsigned int i = ring->next_to_use, last = (ring->next_to_clean + RX_RING - 1) % RX_RING, fresh = 0;

  while (i != last) {
    struct e1000_buffer *buffer = &ring->buffer[i];
    struct e1000_rx_desc *desc = RX_DESC(adapter, i);
    struct sk_buff *skb = dev_alloc_skb(RX_BUFFER_LEN + NET_IP_ALIGN);

    if (!skb) break; /* the watchdog tries again */
    skb_reserve(skb, NET_IP_ALIGN);
    buffer->skb = skb;
    buffer->length = RX_BUFFER_LEN;
    buffer->dma = pci_map_single(adapter->pdev, skb->data, RX_BUFFER_LEN, PCI_DMA_FROMDEVICE);
    desc->status = 0;
    desc->buffer_addr = buffer->dma;
    i = (i + 1) % RX_RING;
    if (++fresh % RX_BUFFER_WRITE == 0) {
      wmb();
      e1000_write(adapter, E1000_RDT, i);
    }
  }
  ring->next_to_use = i;
  if (fresh % RX_BUFFER_WRITE) {
    wmb();
    e1000_write(adapter, E1000_RDT, i);
  }
}

/* Hands one received packet to the kernel, or drops a bad one. */
static void receive(struct e1000_adapter *adapter, struct sk_buff *skb, const struct e1000_rx_desc *desc) {
  struct net_device *netdev = adapter->netdev;

  /* A frame longer than a buffer cannot be: RCTL.LPE is off. */
  if (!(desc->status & RXD_STAT_EOP) || (desc->errors & RXD_ERRORS) || desc->length < ETH_HLEN ||
      desc->length > RX_BUFFER_LEN) {
    dev_kfree_skb_irq(skb);
    return;
  }
  skb_put(skb, desc->length);
  skb->dev = netdev;
  skb->protocol = eth_type_trans(skb, netdev);
  netif_rx(skb);
}

int e1000_clean_rx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->rx;
  unsigned int i = ring->next_to_clean;
  int cleaned = 0;

  while (i != ring->next_to_use && (*(volatile u8 *)&RX_DESC(adapter, i)->status & RXD_STAT_DD)) {
    receive(adapter, detach(adapter, &ring->buffer[i]), RX_DESC(adapter, i));
    i = (i + 1) % RX_RING;
    cleaned = 1;
  }
  ring->next_to_clean = i;
  if (cleaned) e1000_refill_rx(adapter);
  return cleaned;
}
