/*
 * Running a program: an ELF32 executable that came as a Multiboot module. The file is input from outside, so
 * every number in it is checked; a bad one gives -ENOEXEC and leaves the caller as it was.
 */
#include <asm/system.h>
#include <asm/uaccess.h>
#include <kernel/boot.h>
#include <kernel/calls.h>
#include <kernel/process.h>
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#define ARGS_MAX 4096 /* bytes of all arguments */
#define ARGC_MAX 128
#define MIN_VADDR 0x1000u /* page 0 is never mapped: NULL must fault */

static const Elf32_Ehdr *check_header(const struct boot_module *m) {
  const Elf32_Ehdr *eh = (const void *)m->data;
  if (m->size < sizeof *eh || eh->e_magic != ELF_MAGIC || eh->e_class != ELFCLASS32 || eh->e_data != ELFDATA2LSB)
    return NULL;
  if (eh->e_type != ET_EXEC || eh->e_machine != EM_386 || eh->e_phentsize != sizeof(Elf32_Phdr)) return NULL;
  if (eh->e_phoff > m->size || eh->e_phnum > (m->size - eh->e_phoff) / sizeof(Elf32_Phdr)) return NULL;
  return eh;
}

static bool check_segment(const struct boot_module *m, const Elf32_Phdr *ph) {
  u32 last = USER_MMAP_BASE; /* programs lie below the mappings */
  return ph->p_filesz <= ph->p_memsz && ph->p_offset <= m->size && ph->p_filesz <= m->size - ph->p_offset &&
         ph->p_vaddr >= MIN_VADDR && ph->p_vaddr < last && ph->p_memsz <= last - ph->p_vaddr;
}

static u32 segment_prot(const Elf32_Phdr *ph) {
  return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
         (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

static int load_segment(struct mm_struct *mm, const struct boot_module *m, const Elf32_Phdr *ph) {
  u32 end = PAGE_ALIGN(ph->p_vaddr + ph->p_memsz);
  if (!check_segment(m, ph)) return -ENOEXEC;
  int err = mm_add_area(mm, ph->p_vaddr & PAGE_MASK, end, segment_prot(ph));
  if (err) return err == -EEXIST ? -ENOEXEC : err;
  if (mm->brk_start < end) mm->brk_start = mm->brk = end;
  return mm_copy_in(mm, ph->p_vaddr, m->data + ph->p_offset, ph->p_filesz);
}

static int load_program(struct mm_struct *mm, const struct boot_module *m, u32 *entry) {
  const Elf32_Ehdr *eh = check_header(m);
  if (!eh) return -ENOEXEC;
  const Elf32_Phdr *ph = (const void *)(m->data + eh->e_phoff);
  for (u32 i = 0; i < eh->e_phnum; i++) {
    int err = ph[i].p_type == PT_LOAD && ph[i].p_memsz ? load_segment(mm, m, &ph[i]) : 0;
    if (err) return err;
  }
  *entry = eh->e_entry;
  return mm_find_area(mm, eh->e_entry) ? 0 : -ENOEXEC;
}

/* Down from the top: the strings, then NULL (environment), argv, argc as the i386 ABI has it at _start. */
static int build_stack(struct mm_struct *mm, const struct exec_args *args, u32 *esp) {
  u32 strings = (USER_STACK_TOP - args->length) & ~15u;
  u32 table[ARGC_MAX + 3], n = 0, at = 0;
  int err = mm_add_area(mm, USER_STACK_TOP - USER_STACK_MAX, USER_STACK_TOP, PROT_READ | PROT_WRITE | VM_GROWSDOWN);
  if (!err) err = mm_copy_in(mm, strings, args->strings, args->length);
  if (err) return err;
  table[n++] = (u32)args->argc;
  for (int i = 0; i < args->argc; i++) {
    table[n++] = strings + at;
    at += strlen(args->strings + at) + 1;
  }
  table[n++] = 0;
  table[n++] = 0;
  *esp = (strings - n * sizeof(u32)) & ~15u;
  return mm_copy_in(mm, *esp, table, n * sizeof(u32));
}

static void start_in(struct mm_struct *mm, u32 entry, u32 esp, struct pt_regs *regs) {
  struct mm_struct *old = current->mm;
  current->mm = mm;
  current->cr3 = mm->pgd_phys;
  write_cr3(mm->pgd_phys);
  if (old) mm_free(old);
  *regs = (struct pt_regs){ .ds = USER_DS, .es = USER_DS, .eip = entry, .cs = USER_CS, .eflags = EFLAGS_IF | 2,
                            .esp = esp, .ss = USER_DS };
}

int do_exec(const struct boot_module *m, const struct exec_args *args, struct pt_regs *regs) {
  u32 entry, esp;
  struct mm_struct *mm = mm_alloc();
  if (!mm) return -ENOMEM;
  int err = load_program(mm, m, &entry);
  if (!err) err = build_stack(mm, args, &esp);
  if (err) {
    mm_free(mm);
    return err;
  }
  strlcpy(current->comm, m->name, sizeof current->comm);
  start_in(mm, entry, esp, regs);
  return 0;
}

/* ---- Arguments ---- */

static int add_arg(struct exec_args *args, const char *s, u32 n) {
  if (args->argc == ARGC_MAX || args->length + n + 1 > ARGS_MAX) return -E2BIG;
  memcpy(args->strings + args->length, s, n);
  args->strings[args->length + n] = 0;
  args->length += n + 1;
  args->argc++;
  return 0;
}

/* A program's name and the words of its Multiboot module's string. */
static int args_from_module(struct exec_args *args, const struct boot_module *m) {
  int err = add_arg(args, m->name, strlen(m->name));
  for (const char *s = m->args; *s && !err;) {
    const char *end = strchr(s, ' ');
    u32 n = end ? (u32)(end - s) : (u32)strlen(s);
    if (n) err = add_arg(args, s, n);
    s += n + (end != NULL);
  }
  return err;
}

static int args_from_user(struct exec_args *args, char *const *argv) {
  char *s;
  for (;; argv++) {
    if (get_user(s, argv)) return -EFAULT;
    if (!s) return 0;
    if (args->argc == ARGC_MAX) return -E2BIG;
    long room = (long)(ARGS_MAX - args->length);
    long n = strncpy_from_user(args->strings + args->length, s, room);
    if (n < 0) return (int)n;
    if (n >= room) return -E2BIG;
    args->length += (u32)n + 1;
    args->argc++;
  }
}

int exec_init(const struct boot_module *m) {
  struct exec_args args = { kmalloc(ARGS_MAX, GFP_KERNEL), 0, 0 };
  if (!args.strings) return -ENOMEM;
  int err = args_from_module(&args, m);
  for (int fd = 0; fd < 3 && !err; fd++) err = min(kernel_open("/dev/console", O_RDWR), 0);
  if (!err) err = do_exec(m, &args, task_regs(current));
  kfree(args.strings);
  if (err) return err;
  enter_user(task_regs(current));
}

/* argv NULL: the arguments that the Multiboot module was given. There is no environment. */
long sys_execve(const char *user_name, char *const *argv, char *const *envp) {
  char name[BOOT_NAME_MAX];
  (void)envp;
  long n = strncpy_from_user(name, user_name, sizeof name);
  if (n < 0) return n;
  if (n >= (long)sizeof name) return -ENAMETOOLONG;
  const struct boot_module *m = find_boot_module(name);
  if (!m) return -ENOENT;
  struct exec_args args = { kmalloc(ARGS_MAX, GFP_KERNEL), 0, 0 };
  if (!args.strings) return -ENOMEM;
  int err = argv ? args_from_user(&args, argv) : args_from_module(&args, m);
  if (!err) err = do_exec(m, &args, task_regs(current));
  kfree(args.strings);
  return err;
}
