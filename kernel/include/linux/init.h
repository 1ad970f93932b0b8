/*
 * Initialisation. Built-in code: __initcall(fn) runs fn (int fn(void)) at boot, in link order, with
 * scheduling up but before the first process. Modules: module_init and module_exit (linux/module.h).
 */
#ifndef LINUX_INIT_H
#define LINUX_INIT_H

#include <linux/compiler.h>

typedef int (*initcall_t)(void);

#define __init
#define __exit
#define __devinit
#define __devexit
#define __devinitdata
#define __devexit_p(fn) (fn)

#define __initcall(fn) \
  static initcall_t const __initcall_##fn __used __attribute__((section(".initcall"))) = fn

#endif
