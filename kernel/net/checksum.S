/*
 * The Internet checksum's inner loops, 32 bytes a round, as Linux 2.4 has them for i686: words of 4 bytes are added
 * with the carry of the one before (ADC); LEA and DEC keep the carry flag through the loop. See <net/checksum.h>.
 */

/* An instruction that may touch a bad user address: the copy then ends with -EFAULT. */
.macro user insn:vararg
  .section __ex_table, "a"
  .align 4
  .long 9990f, copy_failed
  .previous
9990:
  \insn
.endm

  .text

/* u32 csum_partial(const void *buff, int len, u32 sum) */
  .globl csum_partial
  .type csum_partial, @function
csum_partial:
  pushl %ebp
  movl %esp, %ebp
  pushl %esi
  movl 8(%ebp), %esi
  movl 12(%ebp), %edx
  movl 16(%ebp), %eax
  movl %edx, %ecx
  shrl $5, %ecx
  jz 2f
  clc
1:
  adcl 0(%esi), %eax
  adcl 4(%esi), %eax
  adcl 8(%esi), %eax
  adcl 12(%esi), %eax
  adcl 16(%esi), %eax
  adcl 20(%esi), %eax
  adcl 24(%esi), %eax
  adcl 28(%esi), %eax
  leal 32(%esi), %esi
  decl %ecx
  jnz 1b
  adcl $0, %eax
2:
  movl %edx, %ecx
  andl $31, %ecx
  shrl $2, %ecx
  jz 4f
  clc
3:
  adcl 0(%esi), %eax
  leal 4(%esi), %esi
  decl %ecx
  jnz 3b
  adcl $0, %eax
4:
  testl $2, %edx
  jz 5f
  movzwl (%esi), %ecx
  addl $2, %esi
  addl %ecx, %eax
  adcl $0, %eax
5:
  testl $1, %edx
  jz 6f
  movzbl (%esi), %ecx
  addl %ecx, %eax
  adcl $0, %eax
6:
  popl %esi
  popl %ebp
  ret
  .size csum_partial, . - csum_partial

/*
 * u32 csum_partial_copy_generic(const void *src, void *dst, int len, u32 sum, int *err)
 * Copies and sums. Either side may be user memory whose range was checked; on a fault *err becomes -EFAULT.
 */
  .globl csum_partial_copy_generic
  .type csum_partial_copy_generic, @function
csum_partial_copy_generic:
  pushl %ebp
  movl %esp, %ebp
  pushl %esi
  pushl %edi
  pushl %ebx
  movl 8(%ebp), %esi
  movl 12(%ebp), %edi
  movl 20(%ebp), %eax
  movl 16(%ebp), %ecx
  shrl $5, %ecx
  jz 2f
  clc
1:
  user movl 0(%esi), %ebx
  user movl 4(%esi), %edx
  adcl %ebx, %eax
  user movl %ebx, 0(%edi)
  adcl %edx, %eax
  user movl %edx, 4(%edi)
  user movl 8(%esi), %ebx
  user movl 12(%esi), %edx
  adcl %ebx, %eax
  user movl %ebx, 8(%edi)
  adcl %edx, %eax
  user movl %edx, 12(%edi)
  user movl 16(%esi), %ebx
  user movl 20(%esi), %edx
  adcl %ebx, %eax
  user movl %ebx, 16(%edi)
  adcl %edx, %eax
  user movl %edx, 20(%edi)
  user movl 24(%esi), %ebx
  user movl 28(%esi), %edx
  adcl %ebx, %eax
  user movl %ebx, 24(%edi)
  adcl %edx, %eax
  user movl %edx, 28(%edi)
  leal 32(%esi), %esi
  leal 32(%edi), %edi
  decl %ecx
  jnz 1b
  adcl $0, %eax
2:
  movl 16(%ebp), %ecx
  andl $31, %ecx
  shrl $2, %ecx
  jz 4f
  clc
3:
  user movl 0(%esi), %ebx
  adcl %ebx, %eax
  user movl %ebx, 0(%edi)
  leal 4(%esi), %esi
  leal 4(%edi), %edi
  decl %ecx
  jnz 3b
  adcl $0, %eax
4:
  testb $2, 16(%ebp)
  jz 5f
  user movzwl (%esi), %ecx
  user movw %cx, (%edi)
  addl $2, %esi
  addl $2, %edi
  addl %ecx, %eax
  adcl $0, %eax
5:
  testb $1, 16(%ebp)
  jz 6f
  user movzbl (%esi), %ecx
  user movb %cl, (%edi)
  addl %ecx, %eax
  adcl $0, %eax
6:
  popl %ebx
  popl %edi
  popl %esi
  popl %ebp
  ret
copy_failed:
  movl 24(%ebp), %ecx
  movl $-14, (%ecx)             /* -EFAULT */
  jmp 6b
  .size csum_partial_copy_generic, . - csum_partial_copy_generic
