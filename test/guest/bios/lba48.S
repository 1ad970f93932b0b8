/*
 * A boot sector that reads, writes and verifies the two sectors around the end of 28-bit addresses by INT 13h's
 * extensions: prints the first byte of each on port E9, then that of the first after writing X, then v. A failure prints
 * ! and exits with the status.
 */
	.code16
	.text
	.globl	_start
BUFFER = 0x8000
	.macro	extended function
	movw	$packet, %si
	movw	$\function, %ax
	movb	$0x80, %dl
	int	$0x13
	jc	failed
	.endm
	.macro	say byte
	movb	\byte, %al
	outb	%al, $0xe9
	.endm

_start:	cli
	ljmpw	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	extended 0x4200
	say	BUFFER
	say	BUFFER + 512
	movb	$'X', BUFFER
	extended 0x4300
	movb	$0, BUFFER
	extended 0x4200
	say	BUFFER
	extended 0x4400
	say	$'v'
	movb	$0, %al
	outb	%al, $0xf4
failed:	say	$'!'
	movb	%ah, %al
	outb	%al, $0xf4
packet:	.byte	16, 0
	.word	2, BUFFER, 0
	.long	0x0fffffff, 0
	.org	510
	.word	0xaa55
