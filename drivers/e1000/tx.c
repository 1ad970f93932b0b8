/*
 * The transmit ring (manual, 3.3, 14.5). One descriptor a packet.
 *
 * Descriptors from next_to_clean up to next_to_use belong to the device; one always stays unused, since head equal
 * to tail means empty. hard_start_xmit moves next_to_use, the interrupt handler next_to_clean.
 */
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/system.h>
#include "e1000.h"

#define TX_RING_BYTES (TX_RING * sizeof(struct e1000_tx_desc))
/*
 * Free descriptors before a stopped queue goes on. The rest of the ring and the kernel's queue of 100 packets must
 * hold what one socket buffer of 256 KB lets out, about 330 frames, or those would be dropped.
 */
#define TX_WAKE_ROOM 16

int e1000_setup_tx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->tx;

  ring->buffer = kmalloc(TX_RING * sizeof(*ring->buffer), GFP_KERNEL);
  if (!ring->buffer) return -ENOMEM;
  memset(ring->buffer, 0, TX_RING * sizeof(*ring->buffer));
  ring->desc = pci_alloc_consistent(adapter->pdev, TX_RING_BYTES, &ring->dma);
  if (!ring->desc) {
    kfree(ring->buffer);
    ring->buffer = NULL;
    return -ENOMEM;
  }
  return 0;
}

/* Starts the unit on an empty ring. The delay is in units of 1.024 microseconds. */
void e1000_configure_tx(struct e1000_adapter *adapter, int interrupt_delay) {
  struct e1000_ring *ring = &adapter->tx;

  ring->next_to_use = ring->next_to_clean = 0;
  adapter->tx_full = 0;
  e1000_write(adapter, E1000_TDBAL, (u32)ring->dma);
  e1000_write(adapter, E1000_TDBAH, 0);
  e1000_write(adapter, E1000_TDLEN, TX_RING_BYTES);
  e1000_write(adapter, E1000_TDH, 0);
  e1000_write(adapter, E1000_TDT, 0);
  e1000_write(adapter, E1000_TIPG, TIPG_COPPER);
  e1000_write(adapter, E1000_TIDV, (u32)interrupt_delay);
  e1000_write(adapter, E1000_TADV, (u32)interrupt_delay);
  e1000_write(adapter, E1000_TCTL, TCTL_EN | TCTL_PSP | TCTL_CT | TCTL_COLD_FULL);
}

static void release(struct e1000_adapter *adapter, struct e1000_buffer *buffer) {
  pci_unmap_single(adapter->pdev, buffer->dma, buffer->length, PCI_DMA_TODEVICE);
  dev_kfree_skb_any(buffer->skb);
  buffer->skb = NULL;
}

/* Frees what was not sent. The unit is off. */
void e1000_empty_tx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->tx;
  unsigned int i;

  for (i = 0; i < TX_RING; i++)
    if (ring->buffer[i].skb) release(adapter, &ring->buffer[i]);
  memset(ring->desc, 0, TX_RING_BYTES);
  ring->next_to_use = ring->next_to_clean = 0;
}

void e1000_free_tx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->tx;

  e1000_empty_tx(adapter);
  pci_free_consistent(adapter->pdev, TX_RING_BYTES, ring->desc, ring->dma);
  kfree(ring->buffer);
  ring->desc = NULL;
  ring->buffer = NULL;
}

static unsigned int room(const struct e1000_ring *ring) {
  return (*(volatile const unsigned int *)&ring->next_to_clean + TX_RING - 1 - ring->next_to_use) % TX_RING;
}

/* Tells the kernel to stop; the interrupt handler may have made room meanwhile. */
static void stop_queue(struct e1000_adapter *adapter) {
  adapter->tx_full = 1;
  netif_stop_queue(adapter->netdev);
  if (room(&adapter->tx) >= TX_WAKE_ROOM) {
    adapter->tx_full = 0;
    netif_wake_queue(adapter->netdev);
  }
}

/* hard_start_xmit: 0, or 1 when the packet must wait. */
int e1000_xmit_frame(struct sk_buff *skb, struct net_device *netdev) {
  struct e1000_adapter *adapter = netdev->priv;
  struct e1000_ring *ring = &adapter->tx;
  unsigned int i = ring->next_to_use;
  struct e1000_buffer *buffer = &ring->buffer[i];
  struct e1000_tx_desc *desc = TX_DESC(adapter, i);

  if (!room(ring)) {
    stop_queue(adapter);
    return 1;
  }
  buffer->skb = skb;
  buffer->length = (u16)skb->len;
  buffer->dma = pci_map_single(adapter->pdev, skb->data, skb->len, PCI_DMA_TODEVICE);
  desc->buffer_addr = buffer->dma;
  desc->length = buffer->length;
  desc->cso = 0;
  desc->status = 0;
  desc->css = 0;
  desc->special = 0;
  desc->cmd = TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS | TXD_CMD_IDE;
  wmb(); /* the descriptor before the tail */
  ring->next_to_use = (i + 1) % TX_RING;
  e1000_write(adapter, E1000_TDT, ring->next_to_use);
  if (!room(ring)) stop_queue(adapter);
  return 0;
}

int e1000_clean_tx(struct e1000_adapter *adapter) {
  struct e1000_ring *ring = &adapter->tx;
  unsigned int i = ring->next_to_clean;
  int cleaned = 0;

  while (i != ring->next_to_use && (*(volatile u8 *)&TX_DESC(adapter, i)->status & TXD_STAT_DD)) {
    release(adapter, &ring->buffer[i]);
    i = (i + 1) % TX_RING;
    cleaned = 1;
  }
  ring->next_to_clean = i;
  if (cleaned && adapter->tx_full && adapter->link_up && room(ring) >= TX_WAKE_ROOM) {
    adapter->tx_full = 0;
    netif_wake_queue(adapter->netdev);
  }
  return cleaned;
}
