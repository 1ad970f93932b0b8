/* Handlers that do nothing, and the ways into and out of ring 3. */
        .text
        .globl  user_enter                      /* void user_enter(void (*user)(void), u32 *esp) */
user_enter:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    20(%esp), %eax
        movl    24(%esp), %ecx
        movl    %esp, saved_esp
        movl    %esp, tss+4                     /* esp0 */
        pushl   $0x23
        pushl   %ecx
        pushl   $0x02                           /* EFLAGS: IF clear */
        pushl   $0x1B
        pushl   %eax
        movw    $0x23, %dx
        movw    %dx, %ds
        movw    %dx, %es
        iretl

        .balign 64
        .globl  trap_null
trap_null:
        iretl

        .balign 64
        .globl  trap_fault                      /* steps over the faulting instruction's two bytes */
trap_fault:
        addl    $4, %esp
        addl    $2, (%esp)
        iretl

        .balign 64
        .globl  sysenter_null
sysenter_null:
        sysexit

        .globl  trap_exit                       /* back to whoever called user_enter */
trap_exit:
        movl    saved_esp, %esp
        movw    $0x10, %dx
        movw    %dx, %ds
        movw    %dx, %es
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
        .section .note.GNU-stack, "", @progbits
