/*
 * A boot disk that asks the BIOS for its services and says what came back, one line a call, on port E9: name, AX, BX,
 * CX, DX in hexadecimal, C and Z for CF and ZF. The same lines are expected of every BIOS; test/guest/bios.test.ts
 * compares them and knows where two may differ. Ends by writing 0 to port F4.
 */
	.code16
	.text
	.globl	_start
SECTORS = 16
BUFFER = 0xc000		/* sectors are read to here */

_start:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	ljmpw	$0, $1f
1:	sti
	movb	%dl, drive
	movw	$0x0200 + SECTORS - 1, %ax
	movw	$0x7e00, %bx
	movw	$0x0002, %cx
	movb	$0, %dh
	int	$0x13
	jc	2f
	jmp	tests
2:	movb	$'!', %al
	outb	%al, $0xe9
	cli
	hlt

/* say: prints the name behind the call, then registers and flags as the interrupt left them. */
say:	pushfw
	pushaw
	pushw	%ds
	movw	%sp, %bp
	xorw	%si, %si
	movw	%si, %ds
	movw	20(%bp), %si
3:	lodsb
	testb	%al, %al
	jz	4f
	outb	%al, $0xe9
	jmp	3b
4:	movw	%si, 20(%bp)
	movw	16(%bp), %ax
	call	hex
	movw	10(%bp), %ax
	call	hex
	movw	14(%bp), %ax
	call	hex
	movw	12(%bp), %ax
	call	hex
	movb	$' ', %al
	outb	%al, $0xe9
	movb	$'-', %al
	testb	$1, 18(%bp)
	jz	5f
	movb	$'C', %al
5:	outb	%al, $0xe9
	movb	$'-', %al
	testb	$0x40, 18(%bp)
	jz	6f
	movb	$'Z', %al
6:	outb	%al, $0xe9
	movb	$10, %al
	outb	%al, $0xe9
	popw	%ds
	popaw
	popfw
	ret
hex:	pushw	%ax
	movb	$' ', %al
	outb	%al, $0xe9
	popw	%ax
	movw	$4, %cx
7:	rolw	$4, %ax
	pushw	%ax
	andb	$15, %al
	cmpb	$10, %al
	sbbb	$0x69, %al
	das
	outb	%al, $0xe9
	popw	%ax
	loop	7b
	ret
drive:	.byte	0

	.org	510
	.word	0xaa55

	.macro	ask name, number, ax=0, bx=0, cx=0, dx=0
	movw	$\ax, %ax
	movw	$\bx, %bx
	movw	$\cx, %cx
	movw	$\dx, %dx
	clc
	int	$\number
	call	say
	.asciz	"\name"
	.endm
	.macro	cell name, at		/* what a cell of the screen holds */
	movw	$0xb800, %ax
	movw	%ax, %es
	movw	%es:\at, %ax
	xorw	%bx, %bx
	movw	%bx, %cx
	movw	%bx, %dx
	movw	%bx, %es
	call	say
	.asciz	"\name"
	.endm
	.macro	scan code		/* as if the keyboard had sent it */
	movb	$\code, %al
	call	send
	.endm

tests:
/* ---- INT 10h ---- */
	ask	"10/00 mode 3", 0x10, 0x0003
	ask	"10/0f", 0x10, 0x0f00
	ask	"10/03 home", 0x10, 0x0300
	ask	"10/02", 0x10, 0x0200, 0, 0, 0x050a
	ask	"10/03", 0x10, 0x0300
	ask	"10/09", 0x10, 0x0958, 0x001e, 3
	cell	"cell 5,10", (5 * 80 + 10) * 2
	cell	"cell 5,12", (5 * 80 + 12) * 2
	cell	"cell 5,13", (5 * 80 + 13) * 2
	ask	"10/0a", 0x10, 0x0a59, 0, 1
	ask	"10/08", 0x10, 0x0800
	ask	"10/0e", 0x10, 0x0e5a, 0
	ask	"10/03 after teletype", 0x10, 0x0300
	ask	"10/0e cr", 0x10, 0x0e0d
	ask	"10/0e lf", 0x10, 0x0e0a
	ask	"10/03 after crlf", 0x10, 0x0300
	ask	"10/0e bs at margin", 0x10, 0x0e08
	ask	"10/03 after bs", 0x10, 0x0300
	ask	"10/02 corner", 0x10, 0x0200, 0, 0, 0x184f
	ask	"10/0e scrolls", 0x10, 0x0e51
	ask	"10/03 after scroll", 0x10, 0x0300
	cell	"cell 4,10", (4 * 80 + 10) * 2
	cell	"cell 23,79", (23 * 80 + 79) * 2
	ask	"10/06 window", 0x10, 0x0601, 0x4f00, 0x0305, 0x060f
	cell	"cell 3,10", (3 * 80 + 10) * 2
	cell	"cell 6,10", (6 * 80 + 10) * 2
	cell	"cell 6,16", (6 * 80 + 16) * 2
	ask	"10/07 window", 0x10, 0x0702, 0x2e00, 0x0305, 0x060f
	cell	"cell 5,10", (5 * 80 + 10) * 2
	cell	"cell 3,10", (3 * 80 + 10) * 2
	ask	"10/06 clear", 0x10, 0x0600, 0x0700, 0, 0x184f
	cell	"cell 5,10", (5 * 80 + 10) * 2
	movw	$text, %bp
	ask	"10/13 with attribute", 0x10, 0x1301, 0x0031, 5, 0x0a02
	cell	"cell 10,2", (10 * 80 + 2) * 2
	cell	"cell 10,6", (10 * 80 + 6) * 2
	ask	"10/03 after string", 0x10, 0x0300
	ask	"10/01", 0x10, 0x0100, 0, 0x0607
	ask	"10/03 shape", 0x10, 0x0300
	ask	"10/05 page 1", 0x10, 0x0501
	ask	"10/0f page 1", 0x10, 0x0f00
	ask	"10/02 page 1", 0x10, 0x0200, 0x0100, 0, 0x0203
	ask	"10/03 page 1", 0x10, 0x0300, 0x0100
	ask	"10/05 page 0", 0x10, 0x0500
	ask	"10/12 10", 0x10, 0x1200, 0xff10
	ask	"10/1a", 0x10, 0x1a00
	ask	"10/00 mode 1", 0x10, 0x0001
	ask	"10/0f mode 1", 0x10, 0x0f00
	ask	"10/00 mode 3 again", 0x10, 0x0083
	ask	"10/0f mode 3", 0x10, 0x0f00
	ask	"10/00 mode 3 clear", 0x10, 0x0003
/* ---- INT 11h, 12h ---- */
	ask	"11", 0x11
	ask	"12", 0x12
/* ---- INT 13h ---- */
	ask	"13/00", 0x13, 0x0000, 0, 0, 0x0080
	ask	"13/02", 0x13, 0x0201, BUFFER, 0x0001, 0x0080
	movw	BUFFER + 510, %ax
	call	say
	.asciz	"sector 0"
	ask	"13/02 sector 0", 0x13, 0x0201, BUFFER, 0x0000, 0x0080
	ask	"13/02 head 16", 0x13, 0x0201, BUFFER, 0x0001, 0x1080
	ask	"13/02 cylinder 900", 0x13, 0x0201, BUFFER, 0x84c1, 0x0080
	ask	"13/01", 0x13, 0x0100, 0, 0, 0x0080
	ask	"13/02 of nothing", 0x13, 0x0200, BUFFER, 0x0001, 0x0080
	movw	$0x1234, BUFFER
	ask	"13/03", 0x13, 0x0301, BUFFER, 0x0021, 0x0080
	movw	$0, BUFFER
	ask	"13/02 back", 0x13, 0x0201, BUFFER, 0x0021, 0x0080
	movw	BUFFER, %ax
	call	say
	.asciz	"word back"
	ask	"13/04", 0x13, 0x0404, 0, 0x0001, 0x0080
	ask	"13/08", 0x13, 0x0800, 0, 0, 0x0080
	ask	"13/15", 0x13, 0x1500, 0, 0, 0x0080
	ask	"13/15 none", 0x13, 0x1500, 0, 0, 0x0085
	ask	"13/02 no disk", 0x13, 0x0201, BUFFER, 0x0001, 0x0085
	ask	"13/41", 0x13, 0x4100, 0x55aa, 0, 0x0080
	ask	"13/41 bad", 0x13, 0x4100, 0x55ab, 0, 0x0080
	movw	$packet, %si
	ask	"13/42", 0x13, 0x4200, 0, 0, 0x0080
	movw	BUFFER + 0x3fe, %ax
	movw	packet + 2, %bx
	call	say
	.asciz	"packet read"
	movl	$0x7ffffff0, packet + 8
	ask	"13/42 beyond", 0x13, 0x4200, 0, 0, 0x0080
	movl	$50, packet + 8
	movw	$1, packet + 2
	movw	$0x5678, BUFFER + 0x200
	ask	"13/43", 0x13, 0x4300, 0, 0, 0x0080
	movw	$0, BUFFER + 0x200
	ask	"13/42 back", 0x13, 0x4200, 0, 0, 0x0080
	movw	BUFFER + 0x200, %ax
	call	say
	.asciz	"word back"
	ask	"13/44", 0x13, 0x4400, 0, 0, 0x0080
	ask	"13/47", 0x13, 0x4700, 0, 0, 0x0080
	movw	$BUFFER, %si
	movw	$26, BUFFER
	ask	"13/48", 0x13, 0x4800, 0, 0, 0x0080
	movw	BUFFER + 2, %ax
	movw	BUFFER + 4, %bx
	movw	BUFFER + 8, %cx
	movw	BUFFER + 12, %dx
	call	say
	.asciz	"geometry"
	movw	BUFFER, %ax
	movw	BUFFER + 16, %bx
	movw	BUFFER + 20, %cx
	movw	BUFFER + 24, %dx
	call	say
	.asciz	"size"
	ask	"13/ee", 0x13, 0xee00, 0, 0, 0x0080
/* ---- INT 14h ---- */
	ask	"14/00", 0x14, 0x00e3
	ask	"14/01", 0x14, 0x0141
	ask	"14/03", 0x14, 0x0300
	ask	"14/03 no port", 0x14, 0x0300, 0, 0, 3
/* ---- INT 15h ---- */
	ask	"15/2402", 0x15, 0x2402
	ask	"15/2400", 0x15, 0x2400
	ask	"15/2402 off", 0x15, 0x2402
	ask	"15/2401", 0x15, 0x2401
	ask	"15/2403", 0x15, 0x2403
	ask	"15/4f", 0x15, 0x4f1e
	movw	$gdt, %si
	ask	"15/87", 0x15, 0x8700, 0, 4
	movw	$gdt_back, %si
	ask	"15/87 back", 0x15, 0x8700, 0, 4
	movw	BUFFER, %ax
	movw	BUFFER + 2, %bx
	movw	BUFFER + 4, %cx
	movw	BUFFER + 6, %dx
	call	say
	.asciz	"moved"
	ask	"15/88", 0x15, 0x8800
	ask	"15/86", 0x15, 0x8600, 0, 0, 1000
	movb	$0, BUFFER
	ask	"15/83", 0x15, 0x8300, BUFFER, 0, 5000
8:	hlt
	testb	$0x80, BUFFER
	jz	8b
	movb	BUFFER, %al
	movb	$0, %ah
	call	say
	.asciz	"event"
	ask	"15/c0", 0x15, 0xc000
	movb	%es:2(%bx), %al
	movw	$0, %bx
	movw	%bx, %es
	call	say
	.asciz	"model"
	ask	"15/e801", 0x15, 0xe801
	xorl	%ebx, %ebx
	movl	$0x534d4150, %edx
	movl	$20, %ecx
	movl	$0xe820, %eax
	movw	$BUFFER, %di
	int	$0x15
	movw	BUFFER + 16, %dx
	call	say
	.asciz	"15/e820"
	xorl	%edx, %edx
	xorl	%eax, %eax
	ask	"15/e820 unsigned", 0x15, 0xe820, 0, 20
	ask	"15/1234", 0x15, 0x1234
	ask	"15/5300", 0x15, 0x5300
/* ---- INT 16h ---- */
	ask	"16/01 empty", 0x16, 0x0100
	ask	"16/05", 0x16, 0x0500, 0, 0x1e61
	ask	"16/01", 0x16, 0x0100
	ask	"16/00", 0x16, 0x0000
	ask	"16/11 empty", 0x16, 0x1100
	ask	"16/05 up", 0x16, 0x0500, 0, 0x48e0
	ask	"16/00 up", 0x16, 0x0000
	ask	"16/05 up", 0x16, 0x0500, 0, 0x48e0
	ask	"16/10 up", 0x16, 0x1000
	ask	"16/05 F11", 0x16, 0x0500, 0, 0x8500
	ask	"16/11 F11", 0x16, 0x1100
	ask	"16/10 F11", 0x16, 0x1000
	ask	"16/02", 0x16, 0x0200
	scan	0x1e
	scan	0x9e
	ask	"key a", 0x16, 0x1000
	scan	0x2a
	scan	0x1e
	ask	"16/02 shift", 0x16, 0x0200
	scan	0x9e
	scan	0xaa
	ask	"key A", 0x16, 0x1000
	scan	0x1d
	scan	0x2e
	scan	0xae
	ask	"16/12 ctrl", 0x16, 0x1200
	scan	0x9d
	ask	"key ctrl-c", 0x16, 0x1000
	scan	0x38
	scan	0x2d
	scan	0xad
	scan	0xb8
	ask	"key alt-x", 0x16, 0x1000
	scan	0x3b
	scan	0xbb
	ask	"key F1", 0x16, 0x1000
	scan	0xe0
	scan	0x4b
	scan	0xe0
	scan	0xcb
	ask	"key left", 0x16, 0x1000
	scan	0x3a
	scan	0xba
	scan	0x10
	scan	0x90
	ask	"key Q by caps", 0x16, 0x1000
	ask	"16/02 caps", 0x16, 0x0200
	scan	0x3a
	scan	0xba
	scan	0x1c
	scan	0x9c
	ask	"key enter", 0x16, 0x0000
	scan	0x33
	scan	0xb3
	ask	"key comma", 0x16, 0x0000
	scan	0x58
	scan	0xd8
	ask	"key F12", 0x16, 0x1000
	ask	"16/01 empty", 0x16, 0x0100
/* ---- INT 1Ah and the timer ---- */
	ask	"1a/01", 0x1a, 0x0100, 0, 0, 0
	movw	$0x1c * 4, %bx
	movw	$tick, (%bx)
	movw	$0, 2(%bx)
9:	hlt
	cmpb	$3, ticks
	jb	9b
	movw	$0x1000, %bx
	ask	"1a/00", 0x1a, 0x0000
	ask	"1a/01 night", 0x1a, 0x0100, 0, 0x0018, 0x00af
	movb	$0, ticks
10:	hlt
	cmpb	$2, ticks
	jb	10b
	ask	"1a/00 midnight", 0x1a, 0x0000
	ask	"1a/02", 0x1a, 0x0200
	ask	"1a/03", 0x1a, 0x0300, 0, 0x1234, 0x5600
	ask	"1a/02 set", 0x1a, 0x0200
	ask	"1a/05", 0x1a, 0x0500, 0, 0x2031, 0x0714
	ask	"1a/04 set", 0x1a, 0x0400
	movl	$0, %edx
	ask	"1a/b101", 0x1a, 0xb101
	ask	"1a/b102", 0x1a, 0xb102, 0, 0x1237, 0x8086
	ask	"1a/b102 none", 0x1a, 0xb102, 0, 0x1237, 0x1234
	ask	"1a/b102 bad", 0x1a, 0xb102, 0, 0x1237, 0xffff
	movw	$0, %di
	ask	"1a/b108", 0x1a, 0xb108
	ask	"1a/b109", 0x1a, 0xb109
	ask	"1a/b10a", 0x1a, 0xb10a
	movw	$1, %di
	ask	"1a/b109 odd", 0x1a, 0xb109
	movw	$0xd, %di
	ask	"1a/b10b", 0x1a, 0xb10b, 0, 0x40
	ask	"1a/b108 latency", 0x1a, 0xb108
	xorl	%ecx, %ecx
	movl	$0x060000, %ecx
	movw	$0, %si
	movw	$0xb103, %ax
	int	$0x1a
	xorl	%ecx, %ecx
	call	say
	.asciz	"1a/b103"
	ask	"1a/b1ff", 0x1a, 0xb1ff
	ask	"1a/99", 0x1a, 0x9900
	movb	$0, %al
	outb	%al, $0xf4
	cli
	hlt

tick:	incb	%cs:ticks
	iretw
ticks:	.byte	0

/* Puts AL into the keyboard controller's output buffer as the keyboard does (command D2h), and waits until it is read. */
send:	movb	%al, %ah
	call	ready
	movb	$0xd2, %al
	outb	%al, $0x64
	call	ready
	movb	%ah, %al
	outb	%al, $0x60
11:	inb	$0x64, %al
	testb	$1, %al
	jnz	11b
	ret
ready:	inb	$0x64, %al
	testb	$2, %al
	jnz	ready
	ret

text:	.ascii	"Hello"
	.balign	4
packet:	.byte	16, 0
	.word	2, BUFFER + 0x200, 0
	.long	0, 0
	.balign	8
	.macro	slot low, high
	.word	0xffff, \low
	.byte	\high, 0x93, 0, 0
	.endm
moving:	.ascii	"moveme!!"
gdt:	.quad	0, 0
	slot	moving, 0
	slot	0, 0x15
	.quad	0, 0
gdt_back:
	.quad	0, 0
	slot	0, 0x15
	slot	BUFFER, 0
	.quad	0, 0
	.org	SECTORS * 512
