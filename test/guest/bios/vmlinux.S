/*
 * A "kernel" for the Linux boot protocol: loads its segments anew from the GDT that the loader left, and prints the
 * command line, the initrd's first four bytes and OK on COM1. Exit code: the number of memory ranges it was given.
 */
	.text
	.globl	_start
_start:
	movl	$stack, %esp
	pushfl
	popl	%eax
	testl	$0x200, %eax			/* interrupts must be off */
	jnz	bad
	movl	%cr0, %eax
	testl	$0x80000000, %eax		/* and paging */
	jnz	bad
	testl	$1, %eax
	jz	bad
	ljmpl	$0x10, $1f
1:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	cmpl	$0x53726448, 0x202(%esi)	/* "HdrS" */
	jne	bad
	cmpb	$0xff, 0x210(%esi)
	jne	bad
	movw	$0x3fb, %dx			/* COM1: 8 bits */
	movb	$3, %al
	outb	%al, %dx
	movl	0x228(%esi), %ebx
2:	movb	(%ebx), %al
	incl	%ebx
	testb	%al, %al
	jz	3f
	call	put
	jmp	2b
3:	movb	$' ', %al
	call	put
	movl	0x218(%esi), %ebx
	testl	%ebx, %ebx
	jz	5f
	movl	$4, %ecx
4:	movb	(%ebx), %al
	incl	%ebx
	call	put
	loop	4b
5:	movb	$'\n', %al
	call	put
	movb	0x1e8(%esi), %al
	outb	%al, $0xf4
bad:	movb	$77, %al
	outb	%al, $0xf4
	hlt

put:	pushl	%edx
	pushl	%eax
	movw	$0x3fd, %dx
6:	inb	%dx, %al
	testb	$0x20, %al
	jz	6b
	popl	%eax
	movw	$0x3f8, %dx
	outb	%al, %dx
	popl	%edx
	ret
	.balign	16
	.zero	256
stack:
