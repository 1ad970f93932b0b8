/*
 * Tests of the kernel's driver interface from inside a module: many small functions, each named by the question
 * that it answers. Loading the module runs them; its init fails if an answer is no. With `deed=NAME` it does one
 * thing instead that the kernel must answer with a panic. It stays loaded as /dev/kerneltest, a page that
 * programs can map.
 */
#include <asm/atomic.h>
#include <asm/semaphore.h>
#include <asm/system.h>
#include <asm/uaccess.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *deed = "";
static int numbers[3] = { 1, 2, 3 };
static char *words = "default";
MODULE_PARM(deed, "s");
MODULE_PARM(numbers, "1-3i");
MODULE_PARM(words, "s");

static int failures;

#define CHECK(cond)                                                    \
  do {                                                                 \
    if (cond) break;                                                   \
    printk(KERN_ERR "kerneltest: line %d: %s\n", __LINE__, #cond);     \
    failures++;                                                        \
    return;                                                            \
  } while (0)

static void sleep_ticks(long ticks) {
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule_timeout(ticks);
}

/* ---- Memory ---- */

static void does_kmalloc_serve_every_size_from_the_zone(void) {
  for (size_t size = 1; size <= KMALLOC_MAX; size = size * 3 / 2 + 1) {
    u8 *p = kmalloc(size, GFP_KERNEL);
    CHECK(p && in_zone(p) && in_zone(p + size - 1) && !((u32)p & 31));
    CHECK(ksize(p) >= size);
    memset(p, 0xA5, size);
    CHECK(phys_to_virt(virt_to_phys(p)) == p);
    kfree(p);
  }
  CHECK(!kmalloc(KMALLOC_MAX + 1, GFP_KERNEL));
  kfree(NULL);
}

static void is_memory_nobody_elses(void) {
  enum { N = 300 };
  static u32 *p[N];
  for (u32 i = 0; i < N; i++) {
    p[i] = kmalloc(100, GFP_ATOMIC);
    CHECK(p[i]);
    for (u32 k = 0; k < 25; k++) p[i][k] = i;
  }
  for (u32 i = 0; i < N; i += 2) kfree(p[i]);
  for (u32 i = 0; i < N; i += 2) {
    p[i] = kzalloc(100, GFP_ATOMIC);
    for (u32 k = 0; k < 25; k++) CHECK(p[i][k] == 0);
  }
  for (u32 i = 1; i < N; i += 2)
    for (u32 k = 0; k < 25; k++) CHECK(p[i][k] == i);
  for (u32 i = 0; i < N; i++) kfree(p[i]);
}

static int constructed;
static void construct(void *obj, kmem_cache_t *cache, unsigned long flags) {
  (void)cache, (void)flags;
  *(u32 *)obj = 0xC0FFEE;
  constructed++;
}

static void does_a_cache_construct_its_objects_once(void) {
  static void *objs[100];
  kmem_cache_t *cache = kmem_cache_create("kerneltest", 52, 0, SLAB_HWCACHE_ALIGN, construct, NULL);
  CHECK(cache);
  for (int i = 0; i < 100; i++) {
    objs[i] = kmem_cache_alloc(cache, GFP_KERNEL);
    CHECK(objs[i] && in_zone(objs[i]) && *(u32 *)objs[i] == 0xC0FFEE);
  }
  int made = constructed;
  CHECK(made >= 100);
  kmem_cache_free(cache, objs[50]);
  CHECK(kmem_cache_alloc(cache, GFP_KERNEL) == objs[50] && constructed == made);
  CHECK(kmem_cache_destroy(cache) != 0); /* in use */
  for (int i = 0; i < 100; i++) kmem_cache_free(cache, objs[i]);
  CHECK(kmem_cache_destroy(cache) == 0);
}

static void do_pages_and_vmalloc_work(void) {
  u32 page = get_zeroed_page(GFP_KERNEL);
  CHECK(page && in_zone((void *)page) && !(page & ~PAGE_MASK));
  for (u32 i = 0; i < PAGE_SIZE; i += 4) CHECK(*(u32 *)(page + i) == 0);
  free_pages(page, 0);
  u8 *big = vmalloc(300000);
  CHECK(big);
  memset(big, 1, 300000);
  vfree(big);
}

static void does_ioremap_refuse_ram(void) {
  CHECK(!ioremap(0x100000, PAGE_SIZE));
  CHECK(!ioremap(0xF0000000, 0));
  CHECK(!ioremap(0xFFFFF000, 2 * PAGE_SIZE));
  u8 *p = ioremap(0xFEE00123, 4);
  CHECK(p && ((u32)p & 0xFFF) == 0x123);
  iounmap(p);
  CHECK(ioremap(0xFEE00000, PAGE_SIZE) == (u8 *)((u32)p & PAGE_MASK)); /* the first gap again */
  iounmap((void *)((u32)p & PAGE_MASK));
}

/* ---- Time and deferred work ---- */

static char order[16];
static void note(unsigned long c) {
  size_t n = strlen(order);
  if (n < sizeof order - 1) order[n] = (char)c, order[n + 1] = 0;
}

static unsigned long fired_at;
static int fired_in_interrupt;
static void fire(unsigned long c) {
  fired_at = jiffies;
  fired_in_interrupt = in_interrupt();
  note(c);
}

static void start(struct timer_list *t, unsigned long ticks, char c) {
  init_timer(t);
  t->expires = jiffies + ticks;
  t->function = fire;
  t->data = (unsigned long)c;
  add_timer(t);
}

static void do_timers_fire_in_order(void) {
  struct timer_list a, b, c, d, e;
  order[0] = 0;
  start(&c, 4, 'c');
  start(&a, 2, 'a');
  start(&d, 4, 'd'); /* as late as c: after it */
  start(&b, 3, 'b');
  start(&e, 2, 'e');
  CHECK(timer_pending(&e) && del_timer(&e) == 1 && !timer_pending(&e) && del_timer(&e) == 0);
  unsigned long end = jiffies + 4;
  sleep_ticks(7);
  CHECK(!strcmp(order, "abcd"));
  CHECK(fired_at == end && fired_in_interrupt);
  CHECK(!timer_pending(&a));
}

static void can_a_timer_be_moved(void) {
  struct timer_list t;
  order[0] = 0;
  start(&t, 1000, 'x');
  CHECK(mod_timer(&t, jiffies + 2) == 1);
  sleep_ticks(4);
  CHECK(!strcmp(order, "x"));
  CHECK(mod_timer(&t, jiffies + 1000) == 0 && del_timer_sync(&t) == 1);
}

static void does_a_tasklet_run_once_each_time_it_is_scheduled(void) {
  struct tasklet_struct t, off;
  order[0] = 0;
  tasklet_init(&t, note, 't');
  tasklet_init(&off, note, 'o');
  local_bh_disable();
  tasklet_schedule(&t);
  tasklet_schedule(&t);
  CHECK(!order[0]);
  local_bh_enable();
  CHECK(!strcmp(order, "t"));
  tasklet_schedule(&t);
  CHECK(!strcmp(order, "tt"));
  tasklet_disable(&off);
  tasklet_schedule(&off);
  sleep_ticks(2);
  CHECK(!strcmp(order, "tt"));
  tasklet_enable(&off);
  CHECK(!strcmp(order, "tto"));
  local_bh_disable();
  tasklet_schedule(&t);
  tasklet_kill(&t);
  local_bh_enable();
  CHECK(!strcmp(order, "tto"));
}

static int task_in_interrupt = -1;
static void task_function(void *data) {
  task_in_interrupt = in_interrupt();
  sleep_ticks(1); /* may sleep */
  note((unsigned long)data);
}

static void does_keventd_run_tasks_in_order(void) {
  static struct tq_struct a, b;
  order[0] = 0;
  INIT_TQUEUE(&a, task_function, (void *)'a');
  INIT_TQUEUE(&b, task_function, (void *)'b');
  CHECK(schedule_task(&a) == 1 && schedule_task(&a) == 0 && schedule_task(&b) == 1);
  flush_scheduled_tasks();
  CHECK(!strcmp(order, "ab") && task_in_interrupt == 0);
}

static void does_udelay_last_long_enough(void) {
  unsigned long start = jiffies;
  mdelay(35);
  unsigned long ticks = jiffies - start;
  CHECK(ticks >= 1 && ticks <= 20); /* QEMU loses some on a busy host */
  udelay(0);
}

/* ---- Sleeping ---- */

static DECLARE_WAIT_QUEUE_HEAD(queue);
static volatile int condition;
static void make_true(unsigned long v) {
  condition = (int)v;
  wake_up(&queue);
}

static void does_wait_event_wait_for_the_event(void) {
  struct timer_list t;
  init_timer(&t);
  t.function = make_true;
  t.data = 5;
  t.expires = jiffies + 3;
  condition = 0;
  add_timer(&t);
  wake_up(&queue); /* not true yet: must sleep on */
  wait_event(queue, condition == 5);
  CHECK(condition == 5 && !waitqueue_active(&queue));
  CHECK(wait_event_interruptible(queue, condition == 5) == 0);
}

static void does_a_timeout_end_a_sleep(void) {
  unsigned long start = jiffies;
  CHECK(sleep_on_timeout(&queue, 3) == 0);
  CHECK(jiffies - start >= 3 && jiffies - start <= 4);
  CHECK(!waitqueue_active(&queue));
}

static DECLARE_MUTEX(mutex);
static int thread(void *data) {
  down(&mutex);
  note((unsigned long)data);
  up(&mutex);
  make_true(9);
  return 0;
}

static void does_a_semaphore_keep_a_thread_out(void) {
  order[0] = 0;
  condition = 0;
  CHECK(down_trylock(&mutex) == 0 && down_trylock(&mutex) != 0);
  CHECK(kernel_thread(thread, (void *)'t', "kerneltest") > 0);
  sleep_ticks(2);
  CHECK(!order[0]);
  note('m');
  up(&mutex);
  wait_event(queue, condition == 9);
  CHECK(!strcmp(order, "mt"));
}

/* ---- Claims ---- */

static void ignore(int irq, void *dev_id, struct pt_regs *regs) { (void)irq, (void)dev_id, (void)regs; }

static void are_interrupt_lines_guarded(void) {
  CHECK(request_irq(99, ignore, 0, "x", NULL) == -EINVAL);
  CHECK(request_irq(0, ignore, SA_SHIRQ, "x", &queue) == -EBUSY);
  CHECK(request_irq(6, ignore, SA_SHIRQ, "x", NULL) == -EINVAL);
  CHECK(request_irq(6, ignore, SA_SHIRQ, "x", &order) == 0);
  CHECK(request_irq(6, ignore, SA_SHIRQ, "y", &queue) == 0);
  CHECK(request_irq(6, ignore, 0, "z", &mutex) == -EBUSY);
  free_irq(6, &order);
  free_irq(6, &queue);
  CHECK(request_irq(6, ignore, 0, "z", &mutex) == 0);
  free_irq(6, &mutex);
}

static void are_ranges_guarded(void) {
  CHECK(request_region(0x1000, 16, "a") && !request_region(0x100F, 1, "b") && !request_region(0xFFF, 2, "b"));
  CHECK(request_region(0x1010, 1, "c") && request_mem_region(0x1000, 1, "d"));
  release_region(0x1000, 16);
  CHECK(request_region(0x1008, 8, "e"));
  release_region(0x1008, 8);
  release_region(0x1010, 1);
  release_mem_region(0x1000, 1);
}

static void does_pci_find_the_host_bridge(void) {
  struct pci_dev *dev = pci_find_slot(0, 0);
  u16 vendor;
  u32 dword;
  CHECK(dev && dev->class >> 8 == 0x0600);
  CHECK(pci_read_config_word(dev, PCI_VENDOR_ID, &vendor) == 0 && vendor == dev->vendor);
  CHECK(pci_read_config_dword(dev, 2, &dword) == -EINVAL);
  CHECK(pci_find_device(dev->vendor, dev->device, NULL) == dev);
  CHECK(!pci_find_device(0x1111, 0x2222, NULL));
}

static void does_coherent_memory_have_an_address_for_the_device(void) {
  dma_addr_t bus;
  u8 *p = pci_alloc_consistent(pci_find_slot(0, 0), 5000, &bus);
  CHECK(p && in_zone(p) && bus == virt_to_phys(p) && !(bus & 0xFFF));
  for (u32 i = 0; i < 5000; i++) CHECK(p[i] == 0);
  CHECK(pci_map_single(NULL, p + 17, 8, PCI_DMA_TODEVICE) == bus + 17);
  pci_free_consistent(NULL, 5000, p, bus);
}

/* ---- Library ---- */

static bool prints(const char *want, const char *fmt, ...) __printf(2, 3);
static bool prints(const char *want, const char *fmt, ...) {
  char got[64];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(got, sizeof got, fmt, args);
  va_end(args);
  if (!strcmp(got, want) && n == (int)strlen(want)) return true;
  printk(KERN_ERR "kerneltest: \"%s\" gives \"%s\", not \"%s\"\n", fmt, got, want);
  return false;
}

static void does_printing_follow_the_standard(void) {
  CHECK(prints("-2147483648 4294967295 0", "%d %u %x", (int)0x80000000, 0xFFFFFFFFu, 0));
  CHECK(prints("[   42][42   ][00042][+42]", "[%5d][%-5d][%05d][%+d]", 42, 42, 42, 42));
  CHECK(prints("0xff FF 0x00ff 377", "%#x %X %#06x %o", 255, 255, 255, 255));
  CHECK(prints("18446744073709551615 -9223372036854775808", "%llu %lld", ~0ull, (s64)(1ull << 63)));
  CHECK(prints("ab   ab|    x|%|(null)", "%.2s %*s|%5s|%%|%s", "abc", 4, "ab", "x", (char *)NULL));
  CHECK(prints("c0100000 255 -1", "%p %hhu %hd", (void *)0xC0100000, 0x1FF, 0xFFFF));
  char small[4];
  CHECK(snprintf(small, sizeof small, "%s", "abcdef") == 6 && !strcmp(small, "abc"));
  CHECK(simple_strtoul("0x1fz", NULL, 0) == 31 && simple_strtol("-12", NULL, 10) == -12);
}

static void do_string_functions_mind_their_edges(void) {
  char buf[32] = "0123456789abcdef";
  memmove(buf + 1, buf, 10);
  CHECK(!strcmp(buf, "00123456789bcdef"));
  memmove(buf, buf + 1, 10);
  CHECK(!memcmp(buf, "01234567899bcdef", 16));
  CHECK(strlcpy(buf, "longer than it is", 5) == 17 && !strcmp(buf, "long"));
  CHECK(strcmp("a", "b") < 0 && strcmp("\xff", "a") > 0 && strncmp("abc", "abd", 2) == 0);
  CHECK(strstr("haystack", "st") && !strstr("hay", "hay!") && !strrchr("abc", 'd') && *strrchr("abcabc", 'b') == 'b');
  for (u32 n = 0; n < 20; n++) {
    memset(buf, '.', sizeof buf);
    memset(buf + 3, 'x', n);
    CHECK(buf[2] == '.' && buf[3 + n] == '.' && (!n || (buf[3] == 'x' && buf[2 + n] == 'x')));
    memcpy(buf + 3, "abcdefghijklmnopqrst", n);
    CHECK(buf[2] == '.' && buf[3 + n] == '.' && !memcmp(buf + 3, "abcdefghijklmnopqrst", n));
  }
}

static void does_64_bit_division_work_in_a_module(void) {
  volatile u64 n = 0x123456789ABCDEFull, d = 1000000007;
  CHECK(n / d == 81985528u && n % d == n - 81985528ull * d);
}

/* ---- What must panic ---- */

static void double_free(void) {
  void *p = kmalloc(40, GFP_KERNEL);
  kfree(p);
  kfree(p);
}
static void free_inside(void) { kfree((u8 *)kmalloc(40, GFP_KERNEL) + 4); }
static void free_page_twice(void) {
  u32 page = __get_free_pages(GFP_KERNEL, 0);
  free_pages(page, 0);
  free_pages(page, 0);
}
static void use_after_free(void) { /* is only reported */
  u8 *p = kmalloc(40, GFP_KERNEL);
  kfree(p);
  p[3] = 1;
  p = kmalloc(40, GFP_KERNEL);
  panic("went on with %#x", p[3]);
}
static void read_null(void) { (void)*(volatile int *)0x18; }
static void jump_wild(void) { ((void (*)(void))0x30000000)(); }
static void sleep_in_tasklet(unsigned long unused) {
  (void)unused;
  schedule();
}
static void schedule_in_interrupt(void) {
  static struct tasklet_struct t;
  tasklet_init(&t, sleep_in_tasklet, 0);
  tasklet_schedule(&t);
}
static void lock_twice(void) {
  static spinlock_t lock;
  spin_lock(&lock);
  spin_lock(&lock);
}
static void write_descriptor_table(void) { *(volatile u32 *)0xFFFFE008 = 0; }
static void overflow_stack(void) {
  volatile u8 frame[512];
  frame[0] = 1;
  *(volatile u32 *)current->kstack = 0; /* as if frames had come this far */
  sleep_ticks(1);
}
static void ruin_stack(void) { __asm__ __volatile__("movl $0x00000010,%%esp; pushl %%eax" : : : "memory"); }
static void fail_init(void) {}

#define NAMED(fn) { #fn, fn }
static const struct {
  const char *name;
  void (*fn)(void);
} deeds[] = {
  NAMED(double_free), NAMED(free_inside), NAMED(free_page_twice), NAMED(use_after_free),
  NAMED(read_null), NAMED(jump_wild), NAMED(schedule_in_interrupt), NAMED(lock_twice),
  NAMED(write_descriptor_table), NAMED(overflow_stack), NAMED(ruin_stack), NAMED(fail_init),
}, tests[] = {
  NAMED(does_kmalloc_serve_every_size_from_the_zone),
  NAMED(is_memory_nobody_elses),
  NAMED(does_a_cache_construct_its_objects_once),
  NAMED(do_pages_and_vmalloc_work),
  NAMED(does_ioremap_refuse_ram),
  NAMED(do_timers_fire_in_order),
  NAMED(can_a_timer_be_moved),
  NAMED(does_a_tasklet_run_once_each_time_it_is_scheduled),
  NAMED(does_keventd_run_tasks_in_order),
  NAMED(does_udelay_last_long_enough),
  NAMED(does_wait_event_wait_for_the_event),
  NAMED(does_a_timeout_end_a_sleep),
  NAMED(does_a_semaphore_keep_a_thread_out),
  NAMED(are_interrupt_lines_guarded),
  NAMED(are_ranges_guarded),
  NAMED(does_pci_find_the_host_bridge),
  NAMED(does_coherent_memory_have_an_address_for_the_device),
  NAMED(does_printing_follow_the_standard),
  NAMED(do_string_functions_mind_their_edges),
  NAMED(does_64_bit_division_work_in_a_module),
};

/* ---- /dev/kerneltest: one page, mapped or read; ioctl 1 returns its first word ---- */

static u32 shared_page;

static int device_mmap(struct file *file, unsigned long addr, unsigned long len) {
  (void)file;
  return len == PAGE_SIZE ? vm_insert_page(addr, virt_to_page((void *)shared_page), 1) : -EINVAL;
}
static int device_ioctl(struct inode *inode, struct file *file, unsigned cmd, unsigned long arg) {
  (void)inode, (void)file;
  return cmd == 1 ? put_user(*(u32 *)shared_page, (u32 *)arg) : -ENOTTY;
}
static struct file_operations fops = { .mmap = device_mmap, .ioctl = device_ioctl };
static int major;

static int do_deed(void) {
  for (u32 i = 0; i < ARRAY_SIZE(deeds); i++)
    if (!strcmp(deeds[i].name, deed)) {
      deeds[i].fn();
      return -EIO;
    }
  return -EINVAL;
}

static int __init kerneltest_init(void) {
  if (*deed) return do_deed();
  for (u32 i = 0; i < ARRAY_SIZE(tests); i++) {
    int before = failures;
    tests[i].fn();
    printk(KERN_NOTICE "%s %s\n", failures == before ? "ok  " : "FAIL", tests[i].name);
  }
  printk(KERN_NOTICE "kerneltest: %d of %d passed; numbers %d %d %d, words %s\n", (int)ARRAY_SIZE(tests) - failures,
         (int)ARRAY_SIZE(tests), numbers[0], numbers[1], numbers[2], words);
  if (failures) return -EIO;
  shared_page = get_zeroed_page(GFP_KERNEL);
  fops.owner = THIS_MODULE;
  major = register_chrdev(0, "kerneltest", &fops);
  return major < 0 ? major : 0;
}

static void __exit kerneltest_exit(void) {
  unregister_chrdev((unsigned)major, "kerneltest");
  free_pages(shared_page, 0);
}

module_init(kerneltest_init);
module_exit(kerneltest_exit);
MODULE_DESCRIPTION("tests of the kernel's driver interface");
MODULE_LICENSE("GPL");
