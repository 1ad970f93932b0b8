/* What happens without Nooks: weak defaults of kernel/hooks.h. */
#include <kernel/hooks.h>

__weak int nooks_fault(struct pt_regs *regs, u32 vector, u32 address, u32 domain) {
  (void)regs, (void)vector, (void)address, (void)domain;
  return 0;
}

__weak int nooks_double_fault(struct pt_regs *regs, u32 domain) {
  (void)regs, (void)domain;
  return 0;
}

__weak bool nooks_nmi(struct pt_regs *regs, u32 domain) {
  (void)regs, (void)domain;
  return false;
}

__weak void nooks_tick(struct pt_regs *regs) { (void)regs; }

__weak void nooks_interrupted(struct pt_regs *regs, u32 domain) { (void)regs, (void)domain; }

__weak void nooks_task_exit(struct task_struct *task) { (void)task; }

__weak int nooks_module_prepare(struct module *mod, const char *args) {
  (void)mod, (void)args;
  return 0;
}

__weak void *module_bind_hook(struct module *mod, const char *name, void *kernel_addr) {
  (void)mod, (void)name;
  return kernel_addr;
}

__weak int nooks_module_loaded(struct module *mod) {
  (void)mod;
  return 0;
}

__weak int nooks_call_init(struct module *mod) { return mod->init(); }

__weak void nooks_call_cleanup(struct module *mod) {
  if (mod->cleanup) mod->cleanup();
}

__weak void nooks_module_unload(struct module *mod) { (void)mod; }
