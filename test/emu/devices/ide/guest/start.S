/* A Multiboot entry that keeps the loader's flat segments, with interrupts off, and goes to C. */
.section .multiboot, "a"
  .align 4
  .long 0x1BADB002, 0, -0x1BADB002

.text
.globl _start
_start:
  cli
  cld
  movl $stack_top, %esp
  call guest_main
1:
  hlt
  jmp 1b

.bss
  .align 16
  .skip 16384
stack_top:
