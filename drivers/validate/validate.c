/*
 * A network driver that makes one forbidden access, `case=NAME`, when its MTU is set: so in process context,
 * called by the kernel, at a moment that a program chooses. Some cases want an address that only the kernel's
 * symbol table has, `target=ADDRESS`; everything else it finds as a wild driver would. Before and after it is a
 * driver without a device that drops what it is given. nooks86 validate runs it (inject/validate/cases.ts).
 */
#include <asm/byteorder.h>
#include <asm/memlayout.h>
#include <asm/pgtable.h>
#include <asm/system.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../e1000/e1000.h"
#include "touch.h"

#define OBJECT_BYTES 64
#define PACKET_BYTES 64
#define ETH_P_EXPERIMENT 0x88B5 /* IEEE 802: local experimental */

static char *case_name = "";
static u32 target;
/* A parameter is called what it is called in C, and `case` is taken. */
static const struct module_parm parm_case __used __attribute__((section("__param"))) = { "case", "s", &case_name };
MODULE_PARM(target, "i");
MODULE_DESCRIPTION("makes one forbidden access");

static struct net_device *netdev;
static u32 own_data = POISON;
static const u32 own_rodata[] = { 1, 2, 3 };

/* ---- Addresses of what it may not write ---- */

static bool in_domain(void) { return read_cr3() != current_task->cr3; }
static u32 *directory_at(u32 phys) { return direct_map(phys); }
static u32 *table_of(const u32 *directory, u32 addr) { return direct_map(directory[PDE_INDEX(addr)] & PTE_FRAME); }

static u32 at_target(void) { return target; }
static u32 through_target(void) { return *(u32 *)target; }
static u32 task_record(void) { return (u32)&current_task->comm; }
static u32 kernel_stack(void) { return (u32)current_task->kstack + KSTACK_SIZE - 16; }
static u32 own_directory(void) { return (u32)&directory_at(read_cr3())[PDE_INDEX(KERNEL_BASE)]; }
static u32 kernel_directory(void) { return through_target() + 4 * PDE_INDEX(KERNEL_BASE); }
static u32 own_table(void) { return (u32)table_of(directory_at(read_cr3()), ZONE_BASE); }
static u32 kernel_table(void) { return (u32)table_of((u32 *)through_target(), ZONE_BASE); }
static u32 gdt(void) { return GDT_ADDR + KERNEL_CS; }
static u32 tss(void) { return TSS_ADDR + 4; }
static u32 gdt_alias(void) { return target + KERNEL_CS; }
static u32 tss_alias(void) { return target + 4; }
static u32 null(void) { return 0; }
static u32 user_memory(void) { return USER_STACK_TOP - 64; }
static u32 own_text(void) { return (u32)(void *)touch_overrun; }
static u32 own_constant(void) { return (u32)own_rodata; }
static u32 module_record(void) { return (u32)&THIS_MODULE->domain_id; }
static u32 own_variable(void) { return (u32)&own_data; }

static u32 idt(void) {
  struct {
    u16 limit;
    u32 base;
  } __packed idtr;
  __asm__ __volatile__("sidt %0" : "=m"(idtr));
  return idtr.base + 8 * 13;
}

/* The e1000 driver's record of its nth card. The kernel may be read: pci_devices (`target`) leads there. */
static struct e1000_adapter *adapter(unsigned n) {
  struct pci_dev *dev;
  list_for_each_entry(dev, (struct list_head *)target, global_list)
    if (dev->driver_data && !n--) return ((struct net_device *)dev->driver_data)->priv;
  return NULL;
}

static u32 other_heap(void) { return (u32)&adapter(0)->netdev; }
static u32 other_device(void) { return (u32)adapter(1)->hw_addr + E1000_RAL; }

static u32 freed_page(void) {
  u32 page = __get_free_page(GFP_KERNEL);
  *(volatile u32 *)page = 1;
  free_page(page);
  return page;
}

static struct sk_buff *new_packet(void) {
  struct sk_buff *skb = dev_alloc_skb(PACKET_BYTES);
  u8 *frame = memset(skb_put(skb, PACKET_BYTES), 0, PACKET_BYTES);
  *(u16 *)(frame + 2 * ETH_ALEN) = htons(ETH_P_EXPERIMENT);
  skb->dev = netdev;
  skb->protocol = eth_type_trans(skb, netdev);
  return skb;
}

static u32 freed_packet(void) {
  struct sk_buff *skb = new_packet();
  u32 data = (u32)skb->data;
  kfree_skb(skb);
  return data;
}

/* netif_rx may be deferred until the next crossing: any call of the kernel. */
static u32 given_packet(void) {
  struct sk_buff *skb = new_packet();
  u32 data = (u32)skb->data;
  netif_rx(skb);
  kfree(kmalloc(OBJECT_BYTES, GFP_KERNEL));
  return data;
}

static u32 own_packet(void) { return (u32)new_packet()->data; }

/* Its neighbour lives, so the page stays the driver's. */
static void *neighbour;
static u32 freed_object(void) {
  void *object = kmalloc(OBJECT_BYTES, GFP_KERNEL);
  neighbour = kmalloc(OBJECT_BYTES, GFP_KERNEL);
  kfree(object);
  return (u32)object;
}

/* ---- Stacks ---- */

static u32 own_floor(void) {
  return in_domain() ? (u32)__builtin_frame_address(0) & PAGE_MASK : (u32)current_task->kstack;
}
static u32 unmapped_stack(void) { return 0x12345678; }
static u32 top_stack(void) { return DF_TSS_ADDR; }

/* ---- The cases ---- */

static void write(u32 addr) { touch_write(addr, POISON); }
static void read(u32 addr) { touch_read(addr); }

static const struct {
  const char *name;
  void (*touch)(u32 addr);
  u32 (*address)(void);
} cases[] = {
  { "kernel-text", write, at_target },
  { "kernel-rodata", write, at_target },
  { "kernel-data", write, at_target },
  { "kernel-object", write, task_record },
  { "kernel-stack", write, kernel_stack },
  { "own-directory", write, own_directory },
  { "kernel-directory", write, kernel_directory },
  { "own-table", write, own_table },
  { "kernel-table", write, kernel_table },
  { "idt", write, idt },
  { "gdt", write, gdt },
  { "gdt-alias", write, gdt_alias },
  { "tss", write, tss },
  { "tss-alias", write, tss_alias },
  { "other-heap", write, other_heap },
  { "other-device", write, other_device },
  { "own-text", write, own_text },
  { "own-rodata", write, own_constant },
  { "module-record", write, module_record },
  { "freed-page", write, freed_page },
  { "null", write, null },
  { "user-memory", write, user_memory },
  { "given-packet", write, given_packet },
  { "freed-packet", write, freed_packet },
  { "stack-overrun", touch_overrun, own_floor },
  { "stack-recursion", touch_recursion, own_floor },
  { "esp-unmapped", touch_esp, unmapped_stack },
  { "esp-kernel", touch_esp, kernel_stack },
  { "esp-tss", touch_esp, top_stack },
  { "freed-object", write, freed_object },
  { "read-kernel", read, at_target },
  { "read-own", read, own_variable },
  { "read-packet", read, own_packet },
  { "write-own", write, own_variable },
  { "write-packet", write, own_packet },
};

static int change_mtu(struct net_device *dev, int mtu) {
  dev->mtu = (unsigned)mtu;
  for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
    if (!strcmp(cases[i].name, case_name)) cases[i].touch(cases[i].address());
  return 0;
}

static int open(struct net_device *dev) {
  (void)dev;
  return 0;
}

static int xmit(struct sk_buff *skb, struct net_device *dev) {
  (void)dev;
  dev_kfree_skb_any(skb);
  return 0;
}

static int validate_init(void) {
  netdev = alloc_etherdev(0);
  if (!netdev) return -ENOMEM;
  netdev->open = netdev->stop = open;
  netdev->hard_start_xmit = xmit;
  netdev->change_mtu = change_mtu;
  int err = register_netdev(netdev);
  if (err) free_netdev(netdev);
  else printk("validate: %s\n", netdev->name);
  return err;
}

static void validate_exit(void) {
  unregister_netdev(netdev);
  free_netdev(netdev);
}

module_init(validate_init);
module_exit(validate_exit);
