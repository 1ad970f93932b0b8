/*
 * Real-address mode and back. real_start to real_end is copied to REAL_AT, below 64 KiB, and runs there: `real_enter`
 * leaves protected mode, loads the state `real_in` and goes there by IRET; every vector of the IVT leads to a stub that
 * saves the state in `real_ev` and comes back.
 */
#include "world.h"

#define REAL(label) (label - real_start + REAL_AT)

	.text
	.code32
/* void enter_real(void) */
	.globl	enter_real
enter_real:
	pushal
	mov	%esp, REAL(kept_esp)
	ljmp	$LOWCODE16, $REAL(down)

	.globl	real_start, real_end
real_start:
	.code16
down:	mov	$LOWDATA16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	lidtl	REAL(real_idt)
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$0, $REAL(1f)
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	REAL(real_in) + 40, %es
	mov	REAL(real_in) + 48, %ss
	mov	REAL(real_in) + 16, %esp
	mov	REAL(real_in) + 56, %fs
	mov	REAL(real_in) + 60, %gs
	pushl	REAL(real_in) + 36
	pushl	REAL(real_in) + 44
	pushl	REAL(real_in) + 32
	mov	REAL(real_in) + 0, %eax
	mov	REAL(real_in) + 4, %ecx
	mov	REAL(real_in) + 8, %edx
	mov	REAL(real_in) + 12, %ebx
	mov	REAL(real_in) + 20, %ebp
	mov	REAL(real_in) + 24, %esi
	mov	REAL(real_in) + 28, %edi
	mov	REAL(real_in) + 52, %ds
	iretl

/* Saved as words and dwords behind one another; CS and IP of the event are in the frame. */
up:	push	%ds
	pushl	%eax
	xor	%ax, %ax
	mov	%ax, %ds
	popl	%eax
	mov	%eax, REAL(real_ev) + 28
	mov	%ecx, REAL(real_ev) + 32
	mov	%edx, REAL(real_ev) + 36
	mov	%ebx, REAL(real_ev) + 40
	mov	%ebp, REAL(real_ev) + 44
	mov	%esi, REAL(real_ev) + 48
	mov	%edi, REAL(real_ev) + 52
	pushfl
	popl	%eax
	mov	%eax, REAL(real_ev) + 24
	mov	%es, REAL(real_ev) + 0
	popw	%ax
	mov	%ax, REAL(real_ev) + 4
	mov	%fs, REAL(real_ev) + 8
	mov	%gs, REAL(real_ev) + 12
	mov	%ss, REAL(real_ev) + 16
	popw	%ax
	mov	%ax, REAL(real_ev) + 20	/* vector */
	mov	%esp, REAL(real_ev) + 56
	xor	%ecx, %ecx
2:	popw	%ax
	mov	%ax, REAL(real_ev) + 60(, %ecx, 2)
	inc	%ecx
	cmp	$REAL_STACK, %ecx
	jne	2b
	lgdtl	REAL(real_gdt)
	mov	%cr0, %eax
	mov	%eax, REAL(real_ev) + 60 + 2 * REAL_STACK
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$KCODE, $3f

	.align	4
	.globl	real_in, real_ev
real_in: .skip	64
real_ev: .skip	60 + 2 * REAL_STACK + 4
kept_esp: .long	0
real_idt: .word	0x3ff
	.long	0
real_gdt: .word	8 * GDT_ENTRIES - 1
	.long	gdt
	.align	16
	.globl	real_stubs
real_stubs:
	.set	vector, 0
	.rept	256
	.align	8
	pushw	$vector + 0x1000
	jmp	up
	.set	vector, vector + 1
	.endr
real_end:

	.code32
3:	mov	$KDATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	REAL(kept_esp), %esp
	pushl	$2
	popfl
	popal
	ret
