/*
 * The entry stubs that imports are bound to, one for each row of table.def: they run in the domain and
 * cross to the kernel with the number of their wrapper's record. Executable there like all kernel text.
 */
.section .text.wrapper, "ax"

#define WRAPPER(name, args, sleeps, refused) \
.global nooks_stub_##name; \
nooks_stub_##name: \
  movl $nooks_wrapper_##name, %eax; \
  jmp nooks_kernel_call;

#include "table.def"
