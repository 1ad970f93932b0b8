/* Program start: argc and argv lie on the stack (i386 ABI). */
.text
.global _start
_start:
  xorl %ebp, %ebp
  movl (%esp), %eax
  leal 4(%esp), %edx
  andl $-16, %esp
  subl $8, %esp
  pushl %edx
  pushl %eax
  call main
  pushl %eax
  call exit
  ud2

/* long syscall6(nr, a, b, c, d, e, f) */
.global syscall6
syscall6:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl 20(%esp), %eax
  movl 24(%esp), %ebx
  movl 28(%esp), %ecx
  movl 32(%esp), %edx
  movl 36(%esp), %esi
  movl 40(%esp), %edi
  movl 44(%esp), %ebp
  int $0x80
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret
