/*
 * Two processes of one program. A process keeps in registers: EBX its record, EBP the other's, EDI its loads a turn,
 * ECX its turns. Each turn reads its memory and switches.
 */
        .set    WINDOW, 0x60100000
        .set    FIRST, records+0x500
        .set    SECOND, records+0x540

        .macro  work
        movl    $WINDOW, %esi
        movl    %edi, %edx
        testl   %edx, %edx
        jz      2f
1:      movl    (%esi), %eax
        addl    $32, %esi
        decl    %edx
        jnz     1b
2:
        .endm

        .text
        .balign 64
switch_to:
        pushl   %ebp
        pushl   %ebx
        pushl   %edi
        pushl   %ecx
        movl    %esp, (%ebx)
        movl    (%ebp), %esp
        movl    4(%ebp), %eax
        movl    %eax, %cr3
        popl    %ecx
        popl    %edi
        popl    %ebx
        popl    %ebp
        ret

        .balign 64
turns:
        work
        call    switch_to
        decl    %ecx
        jnz     turns
        ret

        .globl  run_pair                /* u32 run_pair(u32 loads, u32 rounds): cycles of the first's turns */
run_pair:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    20(%esp), %edi
        movl    24(%esp), %ecx
        movl    %esp, caller
        movl    $stacks+4096, %esp
        movl    $stacks+8192-20, %edx   /* the second starts as if it had switched at the end of a turn of its own */
        movl    %ecx, (%edx)
        incl    (%edx)
        movl    %edi, 4(%edx)
        movl    $SECOND, 8(%edx)
        movl    $FIRST, 12(%edx)
        movl    $second, 16(%edx)
        movl    %edx, SECOND
        movl    $FIRST, %ebx
        movl    $SECOND, %ebp
        rdtsc
        pushl   %eax
        call    turns
        rdtsc
        popl    %edx
        subl    %edx, %eax
        movl    caller, %esp
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
second:
        call    turns                   /* never ends: the first stops switching before */

        .globl  run_alone               /* u32 run_alone(u32 loads, u32 rounds): cycles */
run_alone:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    20(%esp), %edi
        movl    24(%esp), %ecx
        rdtsc
        pushl   %eax
3:      work
        decl    %ecx
        jnz     3b
        rdtsc
        popl    %edx
        subl    %edx, %eax
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
        .section .bss
        .align  4
caller: .skip   4
        .section .note.GNU-stack, "", @progbits
