/* One forbidden instruction each; see touch.h. */
.text

.macro label name
.global \name
\name:
.endm

label touch_write
  movl 4(%esp), %eax
  movl 8(%esp), %edx
label touch_store
  movl %edx, (%eax)
label touch_store_end
  ret

label touch_read
  movl 4(%esp), %eax
label touch_load
  movl (%eax), %eax
label touch_load_end
  ret

/* Interrupts stay off, so that the instruction itself is what finds the stack gone. */
.macro begin
  pushl %ebp
  movl %esp, %ebp
  pushfl
  cli
  movl 8(%ebp), %ecx
.endm

.macro finish
  leal -4(%ebp), %esp
  popfl
  popl %ebp
  ret
.endm

label touch_overrun
  begin
1:
  cmpl %ecx, %esp
  je touch_push
  pushl $0xBAADF00D
  jmp 1b
label touch_push
  pushl $0xBAADF00D
label touch_push_end
  finish

label touch_recursion
  begin
1:
  cmpl %ecx, %esp
  je touch_call
  call 1b
label touch_call
  call touch_call_end
label touch_call_end
  finish

label touch_esp
  begin
  movl %ecx, %esp
label touch_ruined
  pushl $0xBAADF00D
label touch_ruined_end
  finish
