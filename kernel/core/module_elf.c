/*
 * Reads a module's object file (System V ABI, i386). The image in the zone has three parts, each starting on a
 * page: code, read-only data, and data with bss; within a part, sections come in the file's order. The host
 * finds each by section_addr.
 */
#include <kernel/hooks.h>
#include <kernel/module_elf.h>
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#define MAX_IMAGE (4u << 20)
#define MAX_ALIGN 4096u

extern const struct kernel_symbol __start___ksymtab[], __stop___ksymtab[];

/* What is known about the file while it is read. */
struct loader {
  struct module *mod;
  const u8 *image;
  u32 size;
  const Elf32_Ehdr *eh;
  const Elf32_Shdr *sections;
  const Elf32_Sym *symbols;
  u32 symbol_count;
  const char *strings;
  u32 strings_size;
  u32 *values; /* of each symbol, once bound */
};

static int refuse(const struct loader *l, const char *why, const char *what) {
  printk(KERN_ERR "module %s: %s%s%s\n", l->mod->name, why, *what ? " " : "", what);
  return -ENOEXEC;
}

/* ---- The file ---- */

static bool in_file(const struct loader *l, u32 offset, u32 size) { return offset <= l->size && size <= l->size - offset; }

static int read_header(struct loader *l) {
  const Elf32_Ehdr *eh = l->eh = (const void *)l->image;
  if (l->size < sizeof *eh || eh->e_magic != ELF_MAGIC || eh->e_class != ELFCLASS32 || eh->e_data != ELFDATA2LSB)
    return refuse(l, "not a 32-bit ELF file", "");
  if (eh->e_type != ET_REL || eh->e_machine != EM_386) return refuse(l, "not a relocatable object for the i386", "");
  if (eh->e_shentsize != sizeof(Elf32_Shdr) || eh->e_shoff & 3 || !eh->e_shnum || eh->e_shnum >= SHN_LORESERVE ||
      !in_file(l, eh->e_shoff, eh->e_shnum * (u32)sizeof(Elf32_Shdr)))
    return refuse(l, "bad section headers", "");
  l->sections = (const void *)(l->image + eh->e_shoff);
  for (u32 i = 0; i < eh->e_shnum; i++) {
    const Elf32_Shdr *s = &l->sections[i];
    if (s->sh_type != SHT_NOBITS && !in_file(l, s->sh_offset, s->sh_size)) return refuse(l, "a section lies outside the file", "");
    if (s->sh_addralign & (s->sh_addralign - 1) || s->sh_addralign > MAX_ALIGN || s->sh_size > MAX_IMAGE)
      return refuse(l, "a section's size or alignment is unreasonable", "");
  }
  return 0;
}

static int find_symbols(struct loader *l) {
  for (u32 i = 0; i < l->eh->e_shnum; i++) {
    const Elf32_Shdr *s = &l->sections[i];
    if (s->sh_type != SHT_SYMTAB) continue;
    if (s->sh_link >= l->eh->e_shnum || s->sh_offset & 3) return refuse(l, "bad symbol table", "");
    const Elf32_Shdr *strings = &l->sections[s->sh_link];
    l->symbols = (const void *)(l->image + s->sh_offset);
    l->symbol_count = s->sh_size / sizeof(Elf32_Sym);
    l->strings = (const char *)l->image + strings->sh_offset;
    l->strings_size = strings->sh_size;
    if (strings->sh_type != SHT_STRTAB || !l->strings_size || l->strings[l->strings_size - 1])
      return refuse(l, "bad symbol names", "");
    return 0;
  }
  return refuse(l, "no symbol table", "");
}

/* NULL for an offset outside the table. */
static const char *symbol_name(const struct loader *l, const Elf32_Sym *sym) {
  return sym->st_name < l->strings_size ? l->strings + sym->st_name : NULL;
}

/* ---- Layout ---- */

enum part { CODE, READ_ONLY, DATA, PARTS };

static enum part part_of(const Elf32_Shdr *s) {
  return s->sh_flags & SHF_EXECINSTR ? CODE : s->sh_flags & SHF_WRITE ? DATA : READ_ONLY;
}

/* Gives each loaded section an offset + 1 in section_addr; returns the image's size. */
static u32 lay_out(struct loader *l, u32 ends[PARTS]) {
  u32 at = 0;
  for (enum part part = CODE; part < PARTS; part++) {
    at = PAGE_ALIGN(at);
    for (u32 i = 0; i < l->eh->e_shnum && at < MAX_IMAGE; i++) {
      const Elf32_Shdr *s = &l->sections[i];
      if (!(s->sh_flags & SHF_ALLOC) || !s->sh_size || part_of(s) != part) continue;
      at = ALIGN(at, s->sh_addralign ? s->sh_addralign : 1);
      l->mod->section_addr[i] = at + 1;
      at += s->sh_size;
    }
    ends[part] = at;
  }
  return PAGE_ALIGN(at);
}

static int place(struct loader *l) {
  struct module *mod = l->mod;
  u32 ends[PARTS];
  mod->section_count = l->eh->e_shnum;
  mod->section_addr = kzalloc(mod->section_count * sizeof(u32), GFP_KERNEL);
  if (!mod->section_addr) return -ENOMEM;
  u32 size = lay_out(l, ends);
  if (!size || size > MAX_IMAGE) return refuse(l, size ? "too large" : "nothing to load", "");
  mod->base = __get_free_pages(GFP_KERNEL | __GFP_DRIVER, get_order(size));
  if (!mod->base) return -ENOMEM;
  mod->size = size;
  mod->text_start = mod->base;
  mod->text_end = mod->base + ends[CODE];
  mod->ro_end = mod->base + PAGE_ALIGN(ends[READ_ONLY]);
  memset((void *)mod->base, 0, size);
  for (u32 i = 0; i < mod->section_count; i++) {
    const Elf32_Shdr *s = &l->sections[i];
    if (!mod->section_addr[i]) continue;
    mod->section_addr[i] += mod->base - 1;
    if (s->sh_type != SHT_NOBITS) memcpy((void *)mod->section_addr[i], l->image + s->sh_offset, s->sh_size);
  }
  return 0;
}

/* ---- Symbols ---- */

static void *find_export(const char *name) {
  for (const struct kernel_symbol *k = __start___ksymtab; k < __stop___ksymtab; k++)
    if (!strcmp(k->name, name)) return k->value;
  return NULL;
}

static int bind_import(struct loader *l, const Elf32_Sym *sym, u32 *value) {
  const char *name = symbol_name(l, sym);
  if (!name) return refuse(l, "bad symbol name", "");
  if (!*name) return 0; /* symbol 0 */
  if (!strcmp(name, "__this_module")) {
    *value = (u32)l->mod;
    return 0;
  }
  *value = (u32)module_bind_hook(l->mod, name, find_export(name));
  if (*value || ELF32_ST_BIND(sym->st_info) == STB_WEAK) return 0;
  return refuse(l, "unresolved symbol", name);
}

static int bind_symbols(struct loader *l) {
  l->values = kzalloc((l->symbol_count + 1) * sizeof(u32), GFP_KERNEL);
  if (!l->values) return -ENOMEM;
  for (u32 i = 0; i < l->symbol_count; i++) {
    const Elf32_Sym *sym = &l->symbols[i];
    int err = 0;
    if (sym->st_shndx == SHN_UNDEF) err = bind_import(l, sym, &l->values[i]);
    else if (sym->st_shndx == SHN_ABS) l->values[i] = sym->st_value;
    else if (sym->st_shndx >= l->mod->section_count) err = refuse(l, "a symbol's section does not exist", "");
    else if (l->mod->section_addr[sym->st_shndx]) l->values[i] = l->mod->section_addr[sym->st_shndx] + sym->st_value;
    if (err) return err;
  }
  return 0;
}

/* A function of the module itself, 0 if there is none of that name. */
static u32 find_own(const struct loader *l, const char *name) {
  for (u32 i = 0; i < l->symbol_count; i++) {
    const Elf32_Sym *sym = &l->symbols[i];
    const char *s = symbol_name(l, sym);
    if (sym->st_shndx == SHN_UNDEF || sym->st_shndx >= SHN_LORESERVE || !s || strcmp(s, name)) continue;
    u32 value = l->values[i];
    return value >= l->mod->text_start && value < l->mod->text_end ? value : 0;
  }
  return 0;
}

/* ---- Relocation ---- */

static int relocate_one(struct loader *l, const Elf32_Rel *rel, u32 base, u32 size) {
  u32 symbol = ELF32_R_SYM(rel->r_info);
  if (size < 4 || rel->r_offset > size - 4 || symbol >= l->symbol_count) return refuse(l, "bad relocation", "");
  u32 place = base + rel->r_offset, *word = (u32 *)place;
  switch (ELF32_R_TYPE(rel->r_info)) {
    case R_386_NONE:
      return 0;
    case R_386_32:
      *word += l->values[symbol];
      return 0;
    case R_386_PC32:
    case R_386_PLT32:
      *word += l->values[symbol] - place;
      return 0;
  }
  return refuse(l, "relocation of an unknown type", "");
}

static int relocate(struct loader *l) {
  for (u32 i = 0; i < l->mod->section_count; i++) {
    const Elf32_Shdr *s = &l->sections[i];
    if ((s->sh_type != SHT_REL && s->sh_type != SHT_RELA) || s->sh_info >= l->mod->section_count) continue;
    u32 base = l->mod->section_addr[s->sh_info];
    if (!base) continue; /* of a section that is not loaded: debug information */
    if (s->sh_type == SHT_RELA || s->sh_offset & 3) return refuse(l, "relocations of an unknown form", "");
    const Elf32_Rel *rel = (const void *)(l->image + s->sh_offset);
    for (u32 n = s->sh_size / sizeof *rel; n--; rel++) {
      int err = relocate_one(l, rel, base, l->sections[s->sh_info].sh_size);
      if (err) return err;
    }
  }
  return 0;
}

/* ---- Parameters: "name=value" words ---- */

static const char *section_name(const struct loader *l, const Elf32_Shdr *s) {
  const Elf32_Shdr *names = &l->sections[l->eh->e_shstrndx];
  if (l->eh->e_shstrndx >= l->eh->e_shnum || s->sh_name >= names->sh_size) return "";
  const char *text = (const char *)l->image + names->sh_offset;
  return text[names->sh_size - 1] ? "" : text + s->sh_name;
}

static const struct module_parm *find_parm(const struct loader *l, const char *name, size_t length) {
  for (u32 i = 0; i < l->mod->section_count; i++) {
    if (!l->mod->section_addr[i] || strcmp(section_name(l, &l->sections[i]), "__param")) continue;
    const struct module_parm *p = (const void *)l->mod->section_addr[i];
    for (u32 n = l->sections[i].sh_size / sizeof *p; n--; p++)
      if (strlen(p->name) == length && !strncmp(p->name, name, length)) return p;
  }
  return NULL;
}

/* The most values that a type like "1-4i" or "i" takes; *kind becomes its letter. */
static u32 parm_count(const char *type, char *kind) {
  char *end;
  u32 n = simple_strtoul(type, &end, 10);
  if (*end == '-') n = simple_strtoul(end + 1, &end, 10);
  *kind = *end;
  return n ? n : 1;
}

static int set_ints(const struct module_parm *p, u32 max, const char *s) {
  for (u32 i = 0; i < max; i++) {
    char *end;
    long v = simple_strtol(s, &end, 0);
    if (end == s) return -EINVAL;
    ((int *)p->addr)[i] = (int)v;
    if (!*end || *end == ' ') return 0;
    if (*end != ',') return -EINVAL;
    s = end + 1;
  }
  return -EINVAL;
}

/* The string lives in the driver heap as long as the module. */
static int set_string(struct module *mod, const struct module_parm *p, const char *s, size_t length) {
  u32 i = 0;
  while (i < MODULE_STRINGS && mod->strings[i]) i++;
  char *copy = i < MODULE_STRINGS ? kmalloc(length + 1, GFP_KERNEL | __GFP_DRIVER) : NULL;
  if (!copy) return -ENOMEM;
  mod->strings[i] = copy;
  memcpy(copy, s, length);
  copy[length] = 0;
  *(char **)p->addr = copy;
  return 0;
}

static int set_parm(struct loader *l, const char *word, size_t length) {
  const char *eq = memchr(word, '=', length);
  size_t name_length = eq ? (size_t)(eq - word) : length;
  const struct module_parm *p = eq ? find_parm(l, word, name_length) : NULL;
  char shown[64], kind;
  strlcpy(shown, word, min_t(size_t, sizeof shown, length + 1));
  if (!p) return refuse(l, "no such parameter:", shown);
  u32 max = parm_count(p->type, &kind);
  int err = kind == 's' ? set_string(l->mod, p, eq + 1, length - name_length - 1) : set_ints(p, max, eq + 1);
  return err ? refuse(l, "bad value:", shown) : 0;
}

static int set_parms(struct loader *l, const char *args) {
  while (*args) {
    const char *end = strchr(args, ' ');
    size_t n = end ? (size_t)(end - args) : strlen(args);
    int err = n ? set_parm(l, args, n) : 0;
    if (err) return err;
    args += n + (end != NULL);
  }
  return 0;
}

/* ---- All of it ---- */

static int find_entries(struct loader *l) {
  l->mod->init = (int (*)(void))find_own(l, "init_module");
  l->mod->cleanup = (void (*)(void))find_own(l, "cleanup_module");
  return l->mod->init ? 0 : refuse(l, "it has no init_module (module_init)", "");
}

int module_read(struct module *mod, const u8 *image, u32 size, const char *args) {
  struct loader l = { .mod = mod, .image = image, .size = size };
  bool prepared = false;
  int err = read_header(&l);
  if (!err) err = find_symbols(&l);
  if (!err) err = place(&l);
  if (!err) err = nooks_module_prepare(mod, args);
  if (!err) prepared = true;
  if (!err) err = bind_symbols(&l);
  if (!err) err = relocate(&l);
  if (!err) err = set_parms(&l, args);
  if (!err) err = find_entries(&l);
  if (!err) err = nooks_module_loaded(mod);
  if (err && prepared) nooks_module_unload(mod);
  kfree(l.values);
  return err;
}
