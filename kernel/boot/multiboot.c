/*
 * What the loader left: memory size, command line, modules. Strings are copied, because their place is
 * nobody's; module contents stay where they are and become reserved memory. Every number is checked: the
 * loader's data are the first input from outside.
 */
#include <asm/memlayout.h>
#include <kernel/boot.h>
#include <kernel/multiboot.h>
#include <linux/kernel.h>
#include <linux/string.h>

#define MIB 0x100000u
#define STRINGS_MAX 8192

u32 ram_end;
struct boot_module boot_modules[MAX_BOOT_MODULES];
u32 boot_module_count;

static char strings[STRINGS_MAX]; /* command line and module strings, each with its NUL */
static u32 strings_used;
static const char *cmdline = "";

static const void *at(u32 phys, u32 size) {
  if (phys > DIRECT_MAX || size > DIRECT_MAX - phys) panic("Multiboot data at %#x lie beyond the direct map", phys);
  return direct_map(phys);
}

static const char *keep_string(u32 phys) {
  const char *s = at(phys, 1);
  u32 n = (u32)strnlen(s, DIRECT_MAX - phys);
  if (n >= STRINGS_MAX - strings_used) panic("Multiboot strings are longer than %u bytes", STRINGS_MAX);
  char *copy = memcpy(strings + strings_used, s, n);
  strings_used += n + 1;
  return copy;
}

/* End of the RAM that starts at 1 MiB. */
static u32 find_ram_end(const struct multiboot_info *info) {
  if (info->flags & MB_MMAP) {
    const u8 *p = at(info->mmap_addr, info->mmap_length);
    const u8 *end = p + info->mmap_length;
    while (p + sizeof(struct multiboot_mmap) <= end) {
      const struct multiboot_mmap *m = (const void *)p;
      if (m->type == 1 && m->base <= MIB && m->base + m->length > MIB)
        return (u32)min_t(u64, m->base + m->length, DIRECT_MAX) & PAGE_MASK;
      if (m->size < sizeof(*m) - sizeof(m->size)) break;
      p += m->size + sizeof m->size;
    }
  }
  if (info->flags & MB_MEMORY) return min_t(u32, MIB + min_t(u32, info->mem_upper, 0x3FFFFF) * 1024, DIRECT_MAX) & PAGE_MASK;
  panic("the loader does not say how much memory there is");
}

/* "dir/name arg arg" -> name and arguments. */
static void split_name(const char *string, struct boot_module *m) {
  const char *end = strchr(string, ' ');
  if (!end) end = string + strlen(string);
  const char *name = string;
  for (const char *p = string; p < end; p++)
    if (*p == '/') name = p + 1;
  strlcpy(m->name, name, min_t(size_t, sizeof m->name, (size_t)(end - name) + 1));
  while (*end == ' ') end++;
  m->args = end;
}

static void read_modules(const struct multiboot_info *info) {
  if (info->mods_count > MAX_BOOT_MODULES) panic("more than %d Multiboot modules", MAX_BOOT_MODULES);
  const struct multiboot_module *list = at(info->mods_addr, info->mods_count * sizeof(*list));
  for (u32 i = 0; i < info->mods_count; i++) {
    struct boot_module *m = &boot_modules[boot_module_count++];
    if (list[i].end < list[i].start) panic("Multiboot module %u ends before it starts", i);
    m->size = list[i].end - list[i].start;
    m->data = at(list[i].start, m->size);
    split_name(list[i].string ? keep_string(list[i].string) : "", m);
    boot_reserve(list[i].start, list[i].end);
  }
}

void multiboot_read(const struct multiboot_info *info) {
  if (info->flags & MB_CMDLINE) cmdline = keep_string(info->cmdline);
  printk_init();
  ram_end = find_ram_end(info);
  if (info->flags & MB_MODULES) read_modules(info);
}

const struct boot_module *find_boot_module(const char *name) {
  for (u32 i = 0; i < boot_module_count; i++)
    if (!strcmp(boot_modules[i].name, name)) return &boot_modules[i];
  return NULL;
}

/* Finds " key=" at a word's start; the value ends at a space. */
const char *boot_option(const char *key) {
  static char values[32][2][48]; /* key, value: the results stay valid */
  static u32 used;
  size_t n = strlen(key);
  for (u32 i = 0; i < used; i++)
    if (!strcmp(values[i][0], key)) return values[i][1];
  for (const char *p = cmdline; *p; p++) {
    if ((p != cmdline && p[-1] != ' ') || strncmp(p, key, n) || p[n] != '=') continue;
    const char *value = p + n + 1, *end = strchr(value, ' ');
    size_t length = end ? (size_t)(end - value) : strlen(value);
    if (used == ARRAY_SIZE(values) || length >= sizeof values[0][1] || n >= sizeof values[0][0])
      panic("kernel option %s is too long", key);
    strlcpy(values[used][0], key, sizeof values[0][0]);
    strlcpy(values[used][1], value, length + 1);
    return values[used++][1];
  }
  return NULL;
}

bool boot_option_is(const char *key, const char *value) {
  const char *v = boot_option(key);
  return v && !strcmp(v, value);
}

u32 boot_option_u32(const char *key, u32 otherwise) {
  const char *v = boot_option(key);
  char *end;
  if (!v) return otherwise;
  u32 n = simple_strtoul(v, &end, 0);
  if (*end || end == v) panic("kernel option %s=%s is not a number", key, v);
  return n;
}
