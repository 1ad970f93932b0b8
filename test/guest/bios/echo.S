/*
 * A boot sector that shows the keys typed until Enter on the screen, writes them to the disk's second sector, says 12h
 * and 34h on ports 80h and 300h, and ends with the number of keys as the exit code.
 */
	.code16
	.text
	.globl	_start
_start:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	movb	%dl, %bh
	movb	$0x12, %al
	outb	%al, $0x80
	movw	$0x300, %dx
	movb	$0x34, %al
	outb	%al, %dx
	movb	%bh, %dl
	movw	$0x8000, %di
	pushw	%dx
1:	movb	$0, %ah
	int	$0x16
	cmpb	$13, %al
	je	2f
	stosb
	movb	$0x0e, %ah
	movw	$0, %bx
	int	$0x10
	jmp	1b
2:	popw	%dx
	movb	$0, %dh
	movw	$0x0301, %ax
	movw	$0x8000, %bx
	movw	$0x0002, %cx
	int	$0x13
	jc	3f
	movw	%di, %ax
	subw	$0x8000, %ax
	outb	%al, $0xf4
3:	cli
	hlt
	.org	510
	.word	0xaa55
