/*
 * Multiboot entry, the stubs of all 256 vectors, and the two ways between C and a case: `enter` loads the state `in`
 * and goes there; whatever event comes next lands in `common`, which saves the state in `ev` and returns from `enter`.
 * Nothing here interprets a frame: the stack's dwords are saved as they are.
 */
#include "world.h"

	.section .multiboot, "a"
	.align	4
	.long	0x1BADB002, 3, -(0x1BADB002 + 3)

	.text
	.globl	_start
_start:
	cli
	cld
	lgdt	gdt_pointer
	ljmp	$KCODE, $1f
1:	mov	$KDATA, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	$boot_stack_top, %esp
	pushl	$2
	popfl
	call	main
2:	hlt
	jmp	2b

/* void enter(void): to the state `in`; returns when an event came. */
	.globl	enter
enter:
	pushal
	mov	%esp, saved_esp
	testl	$0x20000, in_eflags
	jnz	3f
	mov	in_es, %es
	mov	in_fs, %fs
	mov	in_gs, %gs
	testl	$3, in_cs
	jnz	4f
	mov	in_ss, %ss		/* ring 0: the frame goes onto the case's own stack */
	mov	in_esp, %esp
	jmp	5f
3:	pushl	in_gs
	pushl	in_fs
	pushl	in_ds
	pushl	in_es
4:	pushl	in_ss
	pushl	in_esp
5:	pushl	in_eflags
	pushl	in_cs
	pushl	in_eip
	mov	in_ecx, %ecx
	mov	in_edx, %edx
	mov	in_ebx, %ebx
	mov	in_ebp, %ebp
	mov	in_esi, %esi
	mov	in_edi, %edi
	mov	in_eax, %eax
	testl	$0x20000, in_eflags
	jnz	6f
	mov	in_ds, %ds
6:	iretl

/* Sixteen bytes a vector. */
	.align	16
	.globl	stubs
stubs:
	.set	vector, 0
	.rept	256
	.align	16
	pushal
	pushfl
	pushl	$vector + 0x1000	/* never a short form: every stub is alike */
	jmp	common
	.set	vector, vector + 1
	.endr

/* From a stub: on the stack the vector's number, flags, PUSHA's block, then what the processor pushed. */
common:
	pushl	%ds
	pushl	%es
	cld
	mov	$KDATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	ljmp	$KCODE, $6f		/* the stub's segment may have another base */
6:	mov	%fs, ev_fs
	mov	%gs, ev_gs
	mov	%ss, ev_ss
	mov	%cr2, %eax
	mov	%eax, ev_cr2
	mov	%cr3, %eax
	mov	%eax, ev_cr3
	mov	%dr6, %eax
	mov	%eax, ev_dr6
	str	%ax
	movzwl	%ax, %eax
	mov	%eax, ev_tr
	mov	%ss, %eax
	mov	%eax, %fs
	mov	%esp, %esi
	and	$0xfff8, %eax
	testb	$0x40, gdt + 6(%eax)	/* B: a 32-bit stack pointer */
	jnz	7f
	movzwl	%si, %esi
7:	mov	$ev_stack, %edi
	mov	$EV_STACK, %ecx
8:	mov	%fs:(%esi), %eax
	stosl
	add	$4, %esi
	loop	8b
	mov	$KDATA, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	saved_esp, %esp
	pushl	$2
	popfl
	popal
	ret

	.data
	.align	4
	.globl	in, ev
in:
in_eax:	.long	0
in_ecx:	.long	0
in_edx:	.long	0
in_ebx:	.long	0
in_esp:	.long	0
in_ebp:	.long	0
in_esi:	.long	0
in_edi:	.long	0
in_eip:	.long	0
in_eflags: .long 0
in_es:	.long	0
in_cs:	.long	0
in_ss:	.long	0
in_ds:	.long	0
in_fs:	.long	0
in_gs:	.long	0
ev:
ev_fs:	.long	0
ev_gs:	.long	0
ev_ss:	.long	0
ev_cr2:	.long	0
ev_cr3:	.long	0
ev_dr6:	.long	0
ev_tr:	.long	0
ev_stack: .skip	4 * EV_STACK
saved_esp: .long 0

	.align	8
	.globl	gdt
gdt:	.quad	0
	.quad	0x00CF9B000000FFFF	/* KCODE */
	.quad	0x00CF93000000FFFF	/* KDATA */
	.skip	8 * GDT_ENTRIES - 24
gdt_pointer:
	.word	8 * GDT_ENTRIES - 1
	.long	gdt

	.bss
	.align	4096
	.skip	16384
boot_stack_top:
