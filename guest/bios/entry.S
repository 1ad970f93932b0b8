/*
 * Where the processor enters the BIOS: the reset vector, the stubs of the interrupts, the tables at addresses that
 * programs know (IBM PC/AT Technical Reference, section 5; the "compatibility" entry points).
 *
 * A stub saves the caller's registers as struct frame on one of the BIOS's own stacks, calls C with DS = ES = SS =
 * EBDA, and gives back what C left in the frame. When the caller is the BIOS itself (an interrupt during a service),
 * the stack stays. A fourth service inside three others has no stack: the processor stops.
 */
#include "layout.h"

	.code16
	.section .ebda_head, "aw"
ebda_size:	.byte	EBDA_KIB		/* the EBDA's first byte is its size in KiB */
	.balign	4
stack_top:	.long	STACK_TOP

	.text

/* ---- from reset to C ---------------------------------------------------------------------------------------- */

post:	cli
	cld
	wbinvd
	movl	%cr0, %eax			/* reset leaves the caches off: CD and NW */
	andl	$0x9fffffff, %eax
	movl	%eax, %cr0
	movb	$0x8f, %al			/* CMOS shutdown status: a program that resets to leave protected mode */
	outb	%al, $0x70
	inb	$0x71, %al
	movb	%al, %bl
	movb	$0x8f, %al
	outb	%al, $0x70
	movb	$0, %al
	outb	%al, $0x71
	cmpb	$0x05, %bl
	je	resume_eoi
	cmpb	$0x0a, %bl
	je	resume
cold:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	$EBDA_SEGMENT, %ax
	movw	%ax, %es
	movw	%ax, %ss
	movl	$STACK_TOP, %esp
	movw	$BIOS_SEGMENT, %ax		/* the EBDA: initial data from the ROM, then zeros */
	movw	%ax, %ds
	movw	$data_rom, %si
	xorw	%di, %di
	movw	$data_end, %cx
	rep movsb
	xorb	%al, %al
	movw	$STACK_TOP, %cx
	subw	%di, %cx
	rep stosb
	movw	%ss, %ax
	movw	%ax, %ds
	movl	$(STACK_TOP - STACK_SIZE), stack_top	/* POST is on the first stack */
	calll	post_main
	int	$0x19

resume_eoi:
	movb	$0x20, %al
	outb	%al, $0xa0
	outb	%al, $0x20
resume:	movw	$0x40, %ax
	movw	%ax, %ds
	ljmpw	*0x67

/* boot_sector(drive): leaves the BIOS for the boot sector at 0000:7C00. */
	.globl	boot_sector
boot_sector:
	movzbl	%al, %edx
	movl	$STACK_TOP, stack_top		/* POST is over: nobody returns to its stack */
	xorl	%eax, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$0x7c00, %esp
	xorl	%ebx, %ebx
	xorl	%ecx, %ecx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	movw	$0xaa55, %ax
	sti
	ljmpw	$0, $0x7c00

/* call_rom(segment): an option ROM's initialisation, at offset 3; it may change any register. */
	.globl	call_rom
call_rom:
	pushal
	pushw	%ds
	pushw	%es
	pushw	%ax
	movw	%sp, %bp
	movw	$rom_back, %bx
	pushw	%cs
	pushw	%bx
	pushw	%ax
	pushw	$3
	lretw
rom_back:
	cld
	addw	$2, %sp
	popw	%es
	popw	%ds
	popal
	retl

/* ---- stubs ---------------------------------------------------------------------------------------------------- */

	.macro	stub name, handler
	.globl	\name
\name:	pushw	$\handler
	jmp	common
	.endm

	stub	entry_10, int10
	stub	entry_13, int13
	stub	entry_14, int14
	stub	entry_15, int15
	stub	entry_16, int16
	stub	entry_17, int17
	stub	entry_18, int18
	stub	entry_19, int19
	stub	entry_1a, int1a
	stub	entry_irq0, irq0
	stub	entry_irq1, irq1
	stub	entry_irq8, irq8
	stub	entry_irq14, irq14
	stub	entry_divide, divide_error
	stub	entry_opcode, invalid_opcode

FRAME = 46		/* sizeof(struct frame) */
HANDLER = 38		/* offsetof(struct frame, handler) */

common:	cli
	cld
	pushw	%ds
	pushw	%es
	pushw	%fs
	pushal
	movl	%esp, %ebp			/* all of ESP: its high half is the caller's too */
	movzwl	%sp, %esi
	movw	%ss, %bx
	movw	$EBDA_SEGMENT, %ax
	movw	%ax, %ds
	movw	%ax, %es
	cmpw	%ax, %bx
	jne	1f
	movl	%esi, %esp			/* nested */
	movl	%esi, %eax
	movzwl	HANDLER(%si), %ecx
	calll	*%ecx
	movl	%ebp, %esp
	jmp	3f

1:	cmpw	$STACK_LIMIT + STACK_SIZE, stack_top
	jb	4f
	movl	stack_top, %edi
	subw	$STACK_SIZE, stack_top
	subl	$FRAME, %edi
	movl	%edi, %edx
	movw	%bx, %ds
	movw	$(FRAME / 2), %cx
	rep movsw
	movw	%ax, %ds
	movw	%ax, %ss
	movl	%edx, %esp
	pushl	%ebx
	pushl	%edx
	movl	%edx, %eax
	movl	%edx, %ebx
	movzwl	HANDLER(%bx), %ecx
	calll	*%ecx
	cli
	cld
	popl	%esi				/* the frame back to the caller's stack */
	popl	%ebx
	movw	%bx, %es
	movzwl	%bp, %edi
	movw	$(FRAME / 2), %cx
	rep movsw
	addw	$STACK_SIZE, stack_top
	movw	%bx, %ss
	movl	%ebp, %esp
3:	popal
	popw	%fs
	popw	%es
	popw	%ds
	addw	$2, %sp
	iretw
4:	cli
	hlt
	jmp	4b

	.globl	entry_iret, entry_eoi, entry_eoi_slave, entry_11, entry_12
entry_eoi_slave:
	pushw	%ax
	movb	$0x20, %al
	outb	%al, $0xa0
	outb	%al, $0x20
	popw	%ax
	iretw
entry_eoi:
	pushw	%ax
	movb	$0x20, %al
	outb	%al, $0x20
	popw	%ax
entry_iret:
	iretw
entry_11:
	pushw	%ds
	movw	$0x40, %ax
	movw	%ax, %ds
	movw	0x10, %ax
	popw	%ds
	iretw
entry_12:
	pushw	%ds
	movw	$0x40, %ax
	movw	%ax, %ds
	movw	0x13, %ax
	popw	%ds
	iretw
/* IRQ 13, the coprocessor's FERR#: clears its latch and goes on as NMI, as the PC/AT does. */
	.globl	entry_irq13
entry_irq13:
	pushw	%ax
	xorb	%al, %al
	outb	%al, $0xf0
	movb	$0x20, %al
	outb	%al, $0xa0
	outb	%al, $0x20
	popw	%ax
	int	$2
	iretw

/* ---- memory above 1 MiB ------------------------------------------------------------------------------------------ */

/* store_physical(address, value): a dword anywhere in physical memory, with interrupts off. */
	.globl	store_physical
store_physical:					/* EAX address, EDX value */
	pushl	%ebx
	movl	%cr0, %ecx
	orb	$1, %cl
	lgdtl	%cs:flat_gdtr
	movl	%ecx, %cr0
	movw	$8, %bx
	movw	%bx, %fs
	andb	$0xfe, %cl
	movl	%edx, %fs:(%eax)
	movw	$16, %bx			/* a real-mode limit again */
	movw	%bx, %fs
	movl	%ecx, %cr0
	popl	%ebx
	retl

/* ---- INT 15h, AH = 87h ----------------------------------------------------------------------------------------- */

/*
 * move_block(gdt_segment, gdt_offset, words): the caller's GDT has source at 10h and destination at 18h; the slots for
 * BIOS code and stack are filled here. Interrupts are off. Returns to real mode with all limits as they were.
 */
	.globl	move_block
move_block:				/* EAX segment, EDX offset, ECX words */
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	pushw	%es
	pushw	%ds
	movw	%ax, %es
	movw	%dx, %si
	movzwl	%ax, %eax
	shll	$4, %eax
	movzwl	%dx, %edx
	addl	%edx, %eax			/* linear address of the GDT */
	movw	$0x2f, %es:8(%si)		/* 08h: the GDT itself, which is also what LGDT reads */
	movl	%eax, %es:10(%si)
	movl	$0x0000ffff, %es:32(%si)	/* 20h: code, F0000 */
	movl	$0x00009b0f, %es:36(%si)
	movl	$0x0000ffff, %es:40(%si)	/* 28h: data with a real-mode limit */
	movl	$0x00009300, %es:44(%si)
	lgdtw	%es:8(%si)
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpw	$0x20, $1f
1:	movw	$0x10, %ax
	movw	%ax, %ds
	movw	$0x18, %ax
	movw	%ax, %es
	xorw	%si, %si
	xorw	%di, %di
	rep movsw
	movw	$0x28, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movl	%cr0, %eax
	andb	$0xfe, %al
	movl	%eax, %cr0
	ljmpw	$BIOS_SEGMENT, $2f
2:	popw	%ds
	popw	%es
	popl	%edi
	popl	%esi
	popl	%ebx
	retl

/* ---- tables ---------------------------------------------------------------------------------------------------- */

	.section .tables, "a"
	.globl	system_table
system_table:					/* INT 15h, AH = C0h */
	.word	8
	.byte	0xfc, 0x01, 0x00		/* AT, submodel, revision */
	.byte	0x70				/* second 8259, RTC, keyboard intercept */
	.byte	0x40				/* INT 16h/09h */
	.byte	0, 0, 0

	.balign	8
flat_gdt:
	.quad	0
	.quad	0x00cf93000000ffff		/* data, 4 GiB */
	.quad	0x000093000000ffff		/* data, 64 KiB */
flat_gdtr:
	.word	. - flat_gdt - 1
	.long	0xf0000 + flat_gdt

/* PCI IRQ routing table (Microsoft, 1.0): our lines are wired, so each link names its IRQ. Checksum: guest/bios.ts. */
	.balign	16
	.globl	pir_table
pir_table:
	.ascii	"$PIR"
	.word	0x0100, 32 + 16 * 2
	.byte	0, 1 << 3			/* the router's place: 0:1.0 */
	.word	0
	.long	0x70008086, 0			/* PIIX3 */
	.zero	11
	.byte	0				/* checksum */
	.macro	slot device, irq
	.byte	0, \device << 3
	.byte	0xf0 | \irq
	.word	1 << \irq
	.zero	9
	.byte	0, 0
	.endm
	slot	3, 11
	slot	4, 10

/* ---- addresses that programs know ---------------------------------------------------------------------------- */

	.section .fixed, "ax"
fixed:	.macro	at address
	.org	\address - 0xe000, 0
	.endm
	at	0xe05b
	jmp	post
	at	0xe2c3
	jmp	entry_iret
	at	0xe3fe
	jmp	entry_13
	at	0xe6f2
	jmp	entry_19
	at	0xe739
	jmp	entry_14
	at	0xe82e
	jmp	entry_16
	at	0xe987
	jmp	entry_irq1
	at	0xec59
	jmp	entry_13
	at	0xefc7
	.globl	diskette_table
diskette_table:					/* INT 1Eh: 1.44 MB */
	.byte	0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08
	at	0xefd2
	jmp	entry_17
	at	0xf065
	jmp	entry_10
	at	0xf841
	jmp	entry_12
	at	0xf84d
	jmp	entry_11
	at	0xf859
	jmp	entry_15
	at	0xfe6e
	jmp	entry_1a
	at	0xfea5
	jmp	entry_irq0
	at	0xff53
	jmp	entry_iret
	at	0xfff0
	.globl	reset
reset:	ljmpw	$BIOS_SEGMENT, $0xe05b
	at	0xfff5
	.ascii	"10/19/03"
	at	0xfffe
	.byte	0xfc, 0				/* an AT */
