/*
 * Copies between kernel and user memory. A fault in one of them that cannot be resolved continues at its fixup
 * (arch/fault.c), which returns what was left. The C names check the range first.
 */
#include <asm/memlayout.h>

.macro may_fault insn, fixup
  .section __ex_table, "a"
  .align 4
  .long \insn, \fixup
  .previous
.endm

/* The 2nd argument of the caller's range check: jumps to \bad unless [\addr, \addr + \size) is below TASK_SIZE. */
.macro check_range addr, size, bad
  movl \addr, %eax
  addl \size, %eax
  jc \bad
  cmpl $TASK_SIZE, %eax
  ja \bad
.endm

.text

/* unsigned long copy_to_user(void *to, const void *from, unsigned long n) */
.global copy_to_user
copy_to_user:
  pushl %ebp
  movl %esp, %ebp
  pushl %esi
  pushl %edi
  movl 8(%ebp), %edi
  movl 12(%ebp), %esi
  movl 16(%ebp), %ecx
  check_range %edi, %ecx, copy_bad
  jmp copy

/* unsigned long copy_from_user(void *to, const void *from, unsigned long n) */
.global copy_from_user
copy_from_user:
  pushl %ebp
  movl %esp, %ebp
  pushl %esi
  pushl %edi
  movl 8(%ebp), %edi
  movl 12(%ebp), %esi
  movl 16(%ebp), %ecx
  check_range %esi, %ecx, copy_bad

copy:
  movl %ecx, %edx
  shrl $2, %ecx
  andl $3, %edx
copy_words:
  rep
  movsl
  movl %edx, %ecx
copy_bytes:
  rep
  movsb
copy_bad:
  movl %ecx, %eax
  popl %edi
  popl %esi
  popl %ebp
  ret
copy_words_failed:
  leal (%edx, %ecx, 4), %ecx
  jmp copy_bad
  may_fault copy_words, copy_words_failed
  may_fault copy_bytes, copy_bad

/* unsigned long clear_user(void *to, unsigned long n) */
.global clear_user
clear_user:
  pushl %ebp
  movl %esp, %ebp
  pushl %edi
  movl 8(%ebp), %edi
  movl 12(%ebp), %ecx
  check_range %edi, %ecx, clear_bad
  xorl %eax, %eax
clear_bytes:
  rep
  stosb
clear_bad:
  movl %ecx, %eax
  popl %edi
  popl %ebp
  ret
  may_fault clear_bytes, clear_bad

/* long strncpy_from_user(char *to, const char *from, long max) */
.global strncpy_from_user
strncpy_from_user:
  pushl %ebp
  movl %esp, %ebp
  pushl %esi
  pushl %edi
  movl 8(%ebp), %edi
  movl 12(%ebp), %esi
  movl 16(%ebp), %ecx
1:
  testl %ecx, %ecx
  jz 2f
  cmpl $TASK_SIZE, %esi
  jae strncpy_failed
strncpy_byte:
  movb (%esi), %al
  movb %al, (%edi)
  testb %al, %al
  jz 2f
  incl %esi
  incl %edi
  decl %ecx
  jmp 1b
2:
  movl 16(%ebp), %eax
  subl %ecx, %eax
3:
  popl %edi
  popl %esi
  popl %ebp
  ret
strncpy_failed:
  movl $-14, %eax               /* -EFAULT */
  jmp 3b
  may_fault strncpy_byte, strncpy_failed
