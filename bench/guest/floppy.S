/* 512-byte boot sector: reads a flat kernel image (at most 64 KiB) that follows
 * it on a 1.44 MB floppy, enters flat protected mode, copies the image to its
 * load address, clears its bss and jumps in the way a Multiboot loader would.
 * bench/peers/floppy.ts fills in the five words at "info". */
        .code16
        .text
        .globl  _start
_start:
        jmp     1f
        .org    4
info_sectors:   .long 0
info_load:      .long 0
info_bytes:     .long 0
info_bssend:    .long 0
info_entry:     .long 0
1:      ljmp    $0, $2f
2:      cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7C00, %sp
        movb    %dl, drive
        sti
        movw    $0x1000, %ax
        movw    %ax, %es
        movw    $1, %si                 /* LBA */
3:      movw    %si, %ax
        xorw    %dx, %dx
        movw    $18, %cx
        divw    %cx                     /* ax = track, dx = sector - 1 */
        incw    %dx
        movb    %dl, %cl
        xorw    %dx, %dx
        movw    $2, %bx
        divw    %bx                     /* ax = cylinder, dx = head */
        movb    %al, %ch
        movb    %dl, %dh
        movb    drive, %dl
        xorw    %bx, %bx
        movw    $5, %di
4:      movw    $0x0201, %ax
        int     $0x13
        jnc     5f
        xorw    %ax, %ax
        int     $0x13
        decw    %di
        jnz     4b
        hlt
5:      movw    %es, %ax
        addw    $0x20, %ax
        movw    %ax, %es
        incw    %si
        cmpw    info_sectors, %si
        jbe     3b

        movw    $0x2401, %ax
        int     $0x15                   /* A20 */
        inb     $0x92, %al
        orb     $2, %al
        andb    $0xFE, %al
        outb    %al, $0x92
        movb    $0x0C, %al              /* floppy motor off */
        movw    $0x3F2, %dx
        outb    %al, %dx
        cli
        lgdtl   gdtp
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmpl   $0x08, $6f
        .code32
6:      movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    $0x7C00, %esp
        movl    $0x10000, %esi
        movl    info_load, %edi
        movl    info_bytes, %ecx
        rep movsb
        movl    info_bssend, %ecx
        subl    %edi, %ecx
        xorl    %eax, %eax
        rep stosb
        movl    $0x2BADB002, %eax
        xorl    %ebx, %ebx
        jmp     *info_entry

        .align  8
gdt:    .quad   0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
gdtp:   .word   23
        .long   gdt
drive:  .byte   0
        .org    510
        .word   0xAA55
        .section .note.GNU-stack, "", @progbits
