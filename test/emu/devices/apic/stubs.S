/* 256 interrupt entries that call on_interrupt(vector) with interrupts off; `stubs` has their addresses. */
        .text
        .set    vector, 0
        .rept   256
        .pushsection .data.stubs, "aw"
        .long   1f
        .popsection
1:
        /* exceptions with an error code end the run: nothing here may raise one */
        pushl   $vector
        jmp     common
        .set    vector, vector + 1
        .endr

common:
        pushal
        cld
        pushl   32(%esp)
        call    on_interrupt
        addl    $4, %esp
        popal
        addl    $4, %esp
        iretl

        .section .data.stubs, "aw"
        .globl  stubs
        .set    stubs, . - 1024

        .section .note.GNU-stack, "", @progbits
