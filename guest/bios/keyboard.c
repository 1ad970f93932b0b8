/*
 * The keyboard: 8042 and IRQ 1, from scan codes of set 1 to the ring in the BIOS data area, and INT 16h.
 *
 * US layout. Left out: the Print Screen call (INT 5), SysRq and Pause, key rates, LEDs.
 */
#include "bios.h"

void irq1(struct frame *f);
void int16(struct frame *f);

#define DATA 0x60
#define STATUS 0x64
#define OUTPUT_FULL 1
#define INPUT_FULL 2
#define ANSWER_MS 1500u /* a keyboard tests itself for 300 to 500 ms */

/* BDA_KEY_SHIFT */
#define RIGHT_SHIFT 0x01
#define LEFT_SHIFT 0x02
#define CTRL 0x04
#define ALT 0x08
#define SCROLL_LOCK 0x10
#define NUM_LOCK 0x20
#define CAPS_LOCK 0x40
#define INSERT 0x80
/* BDA_KEY_STATUS */
#define LAST_E0 0x02
#define RIGHT_CTRL 0x04
#define RIGHT_ALT 0x08
#define ENHANCED 0x10

#define LETTERS 0x01 /* Caps Lock acts */
#define PAD 0x02     /* Num Lock acts */

/* What a key gives alone, with Shift, with Ctrl and with Alt: scan code and character; 0 is nothing. */
struct key {
	u16 plain, shift, ctrl, alt;
	u8 kind;
};

#define LETTER(scan, c) { scan << 8 | (c + 32), scan << 8 | c, scan << 8 | (c - 64), scan << 8, LETTERS }
#define SIGN(scan, a, b) { scan << 8 | a, scan << 8 | b, 0, scan << 8, 0 }
#define DIGIT(scan, a, b, c) { scan << 8 | a, scan << 8 | b, c, (scan + 0x76) << 8, 0 }
#define FUNCTION(scan) { scan << 8, (scan + 0x19) << 8, (scan + 0x23) << 8, (scan + 0x2d) << 8, 0 }
#define NONE { 0, 0, 0, 0, 0 }

static const struct key keys[] = {
	NONE, { 0x011b, 0x011b, 0x011b, 0x0100, 0 },
	DIGIT(0x02, '1', '!', 0), DIGIT(0x03, '2', '@', 0x0300), DIGIT(0x04, '3', '#', 0), DIGIT(0x05, '4', '$', 0),
	DIGIT(0x06, '5', '%', 0), DIGIT(0x07, '6', '^', 0x071e), DIGIT(0x08, '7', '&', 0), DIGIT(0x09, '8', '*', 0),
	DIGIT(0x0a, '9', '(', 0), DIGIT(0x0b, '0', ')', 0), DIGIT(0x0c, '-', '_', 0x0c1f), DIGIT(0x0d, '=', '+', 0),
	{ 0x0e08, 0x0e08, 0x0e7f, 0x0e00, 0 }, { 0x0f09, 0x0f00, 0x9400, 0xa500, 0 },
	LETTER(0x10, 'Q'), LETTER(0x11, 'W'), LETTER(0x12, 'E'), LETTER(0x13, 'R'), LETTER(0x14, 'T'), LETTER(0x15, 'Y'),
	LETTER(0x16, 'U'), LETTER(0x17, 'I'), LETTER(0x18, 'O'), LETTER(0x19, 'P'),
	{ 0x1a5b, 0x1a7b, 0x1a1b, 0x1a00, 0 }, { 0x1b5d, 0x1b7d, 0x1b1d, 0x1b00, 0 },
	{ 0x1c0d, 0x1c0d, 0x1c0a, 0x1c00, 0 }, NONE,
	LETTER(0x1e, 'A'), LETTER(0x1f, 'S'), LETTER(0x20, 'D'), LETTER(0x21, 'F'), LETTER(0x22, 'G'), LETTER(0x23, 'H'),
	LETTER(0x24, 'J'), LETTER(0x25, 'K'), LETTER(0x26, 'L'),
	SIGN(0x27, ';', ':'), SIGN(0x28, '\'', '"'), SIGN(0x29, '`', '~'), NONE,
	{ 0x2b5c, 0x2b7c, 0x2b1c, 0x2b00, 0 },
	LETTER(0x2c, 'Z'), LETTER(0x2d, 'X'), LETTER(0x2e, 'C'), LETTER(0x2f, 'V'), LETTER(0x30, 'B'), LETTER(0x31, 'N'),
	LETTER(0x32, 'M'), SIGN(0x33, ',', '<'), SIGN(0x34, '.', '>'), SIGN(0x35, '/', '?'), NONE,
	{ 0x372a, 0x372a, 0x9600, 0x3700, 0 }, NONE, { 0x3920, 0x3920, 0x3920, 0x3920, 0 }, NONE,
	FUNCTION(0x3b), FUNCTION(0x3c), FUNCTION(0x3d), FUNCTION(0x3e), FUNCTION(0x3f), FUNCTION(0x40), FUNCTION(0x41),
	FUNCTION(0x42), FUNCTION(0x43), FUNCTION(0x44), NONE, NONE,
	{ 0x4700, 0x4737, 0x7700, 0, PAD }, { 0x4800, 0x4838, 0x8d00, 0, PAD }, { 0x4900, 0x4939, 0x8400, 0, PAD },
	{ 0x4a2d, 0x4a2d, 0x8e00, 0x4a00, 0 },
	{ 0x4b00, 0x4b34, 0x7300, 0, PAD }, { 0x4c00, 0x4c35, 0x8f00, 0, PAD }, { 0x4d00, 0x4d36, 0x7400, 0, PAD },
	{ 0x4e2b, 0x4e2b, 0x9000, 0x4e00, 0 },
	{ 0x4f00, 0x4f31, 0x7500, 0, PAD }, { 0x5000, 0x5032, 0x9100, 0, PAD }, { 0x5100, 0x5133, 0x7600, 0, PAD },
	{ 0x5200, 0x5230, 0x9200, 0, PAD }, { 0x5300, 0x532e, 0x9300, 0, PAD },
	NONE, NONE, { 0x565c, 0x567c, 0, 0, 0 }, { 0x8500, 0x8700, 0x8900, 0x8b00, 0 }, { 0x8600, 0x8800, 0x8a00, 0x8c00, 0 },
};

/* The keys of the second group that send E0 and a code of the pad. */
static u16 extended_key(u8 scan, u8 shift)
{
	if (scan == 0x1c)
		return shift & ALT ? 0xa600 : shift & CTRL ? 0xe00a : 0xe00d;
	if (scan == 0x35)
		return shift & ALT ? 0xa400 : shift & CTRL ? 0x9500 : 0xe02f;
	if (scan < 0x47 || scan > 0x53)
		return 0;
	if (shift & ALT)
		return (scan + 0x50) << 8;
	return (shift & CTRL ? keys[scan].ctrl : keys[scan].plain) | 0xe0;
}

static int wait_input_empty(void)
{
	for (u32 t = time_limit(ANSWER_MS); t; t = time_left(t))
		if (!(inb(STATUS) & INPUT_FULL))
			return 1;
	return 0;
}

static void controller(u8 command)
{
	if (wait_input_empty())
		outb(STATUS, command);
}

static int answer(void)
{
	for (u32 t = time_limit(ANSWER_MS); t; t = time_left(t))
		if (inb(STATUS) & OUTPUT_FULL)
			return inb(DATA);
	return -1;
}

void keyboard_init(void)
{
	poke16(BDA, BDA_KEY_HEAD, BDA_KEY_BUFFER);
	poke16(BDA, BDA_KEY_TAIL, BDA_KEY_BUFFER);
	poke16(BDA, BDA_KEY_START, BDA_KEY_BUFFER);
	poke16(BDA, BDA_KEY_END, BDA_KEY_BUFFER_END);
	poke8(BDA, BDA_KEY_STATUS, ENHANCED);
	if (inb(STATUS) == 0xff)
		return;
	for (u8 n = 0; n < 16 && inb(STATUS) & OUTPUT_FULL; n++)
		inb(DATA);
	controller(0xaa);
	if (answer() != 0x55)
		return;
	controller(0xae); /* the keyboard on */
	controller(0x60); /* no interrupts while we talk to it; scan codes translated to set 1 */
	if (wait_input_empty())
		outb(DATA, 0x64);
	if (wait_input_empty())
		outb(DATA, 0xff); /* reset: it answers FA, and AA after its test */
	for (u8 n = 0; n < 4; n++) {
		int code = answer();

		if (code == 0xaa || code < 0)
			break;
	}
	if (wait_input_empty())
		outb(DATA, 0xf4); /* start scanning */
	answer();
	controller(0x60);
	if (wait_input_empty())
		outb(DATA, 0x65); /* with IRQ 1 */
}

static void put_key(u16 key)
{
	u16 tail = peek16(BDA, BDA_KEY_TAIL), next = tail + 2;

	if (next == peek16(BDA, BDA_KEY_END))
		next = peek16(BDA, BDA_KEY_START);
	if (next == peek16(BDA, BDA_KEY_HEAD))
		return;
	poke16(BDA, tail, key);
	poke16(BDA, BDA_KEY_TAIL, next);
}

static void reset_machine(void)
{
	poke16(BDA, BDA_RESET_FLAG, 0x1234);
	controller(0xfe);
	outb(0xcf9, 0x06);
	for (;;)
		;
}

/* The bit of BDA_KEY_SHIFT that a key holds down, or 0. */
static u8 shift_bit(u8 scan, int extended)
{
	if (scan == 0x1d)
		return CTRL;
	if (scan == 0x38)
		return ALT;
	if (extended)
		return 0;
	return scan == 0x2a ? LEFT_SHIFT : scan == 0x36 ? RIGHT_SHIFT : 0;
}

static u8 lock_bit(u8 scan)
{
	return scan == 0x3a ? CAPS_LOCK : scan == 0x45 ? NUM_LOCK : scan == 0x46 ? SCROLL_LOCK : 0;
}

static void press(u8 scan, int extended)
{
	u8 shift = peek8(BDA, BDA_KEY_SHIFT);
	u16 key;

	if (!extended && lock_bit(scan)) {
		poke8(BDA, BDA_KEY_SHIFT, shift ^ lock_bit(scan));
		return;
	}
	if ((shift & (CTRL | ALT)) == (CTRL | ALT) && scan == 0x53)
		reset_machine();
	if (extended && scan == 0x46) { /* Ctrl-Break */
		poke8(BDA, BDA_BREAK, 0x80);
		poke16(BDA, BDA_KEY_HEAD, peek16(BDA, BDA_KEY_START));
		poke16(BDA, BDA_KEY_TAIL, peek16(BDA, BDA_KEY_START));
		call_interrupt(0x1b);
		put_key(0);
		return;
	}
	if (scan == 0x52 && (extended || !(shift & NUM_LOCK)))
		poke8(BDA, BDA_KEY_SHIFT, shift ^ INSERT);
	if (extended) {
		key = extended_key(scan, shift);
	} else if (scan < sizeof keys / sizeof *keys) {
		const struct key *k = &keys[scan];
		u8 shifted = (shift & (LEFT_SHIFT | RIGHT_SHIFT)) != 0;

		if ((k->kind & LETTERS && shift & CAPS_LOCK) || (k->kind & PAD && shift & NUM_LOCK))
			shifted = !shifted;
		if (k->kind & PAD && shift & ALT) { /* Alt and a number on the pad is a character */
			u8 digit = k->shift - '0';

			if (digit <= 9)
				poke8(BDA, BDA_KEY_ALT, peek8(BDA, BDA_KEY_ALT) * 10 + digit);
			return;
		}
		key = shift & ALT ? k->alt : shift & CTRL ? k->ctrl : shifted ? k->shift : k->plain;
	} else {
		return;
	}
	if (key)
		put_key(key);
}

static void scan_code(u8 code)
{
	u8 status = peek8(BDA, BDA_KEY_STATUS), scan = code & 0x7f;
	int extended = status & LAST_E0, released = code & 0x80;

	if (code == 0xe0) {
		poke8(BDA, BDA_KEY_STATUS, status | LAST_E0);
		return;
	}
	status &= ~LAST_E0;
	poke8(BDA, BDA_KEY_STATUS, status);
	u8 bit = shift_bit(scan, extended), shift = peek8(BDA, BDA_KEY_SHIFT);

	if (!bit) {
		if (!released && code != 0xe1)
			press(scan, extended);
		return;
	}
	poke8(BDA, BDA_KEY_SHIFT, released ? shift & ~bit : shift | bit);
	u8 right = !extended ? 0 : bit == CTRL ? RIGHT_CTRL : RIGHT_ALT;
	u8 left = extended ? 0 : bit == CTRL ? 0x01 : bit == ALT ? 0x02 : 0, shift2 = peek8(BDA, BDA_KEY_SHIFT2);

	poke8(BDA, BDA_KEY_STATUS, released ? status & ~right : status | right);
	poke8(BDA, BDA_KEY_SHIFT2, released ? shift2 & ~left : shift2 | left);
	if (released && bit == ALT && peek8(BDA, BDA_KEY_ALT)) {
		put_key(peek8(BDA, BDA_KEY_ALT));
		poke8(BDA, BDA_KEY_ALT, 0);
	}
}

/* INT 15h, AH = 4Fh: somebody may change the code, or keep it (CF = 0). */
static int intercept(u8 *code)
{
	u32 eax = 0x4f00 | *code;
	u8 carry;

	__asm__ volatile("pushw %%ds\n\tpushw %%es\n\tpushal\n\tstc\n\tint $0x15\n\tcld\n\tmovw %%sp,%%bp\n\t"
			 "movb %%al,%%ss:28(%%bp)\n\tsetc %%ss:29(%%bp)\n\tpopal\n\tpopw %%es\n\tpopw %%ds"
			 : "+a"(eax) : : "memory", "cc");
	*code = eax;
	carry = eax >> 8;
	return carry;
}

void irq1(struct frame *f)
{
	(void)f;
	if (inb(STATUS) & OUTPUT_FULL) {
		u8 code = inb(DATA);

		if (intercept(&code))
			scan_code(code);
	}
	cli();
	outb(0x20, 0x20);
}

/* The next key, or 0; `enhanced` keeps what the keys of the second group add. */
static int next_key(u16 *key, int enhanced, int take)
{
	for (;;) {
		u16 head = peek16(BDA, BDA_KEY_HEAD), next = head + 2;

		if (head == peek16(BDA, BDA_KEY_TAIL))
			return 0;
		u16 k = peek16(BDA, head);
		int skip = 0;

		if (!enhanced) {
			if ((u8)k == 0xe0 && k >> 8)
				k &= 0xff00;
			else if (k >> 8 == 0xe0)
				k = ((u8)k == '/' ? 0x3500 : 0x1c00) | (u8)k;
			else if (k >> 8 > 0x84)
				skip = 1; /* keys that an 84-key keyboard does not have */
		} else if ((u8)k == 0xf0 && k >> 8) {
			k &= 0xff00;
		}
		if (take || skip) {
			if (next == peek16(BDA, BDA_KEY_END))
				next = peek16(BDA, BDA_KEY_START);
			poke16(BDA, BDA_KEY_HEAD, next);
		}
		if (!skip) {
			*key = k;
			return 1;
		}
	}
}

void int16(struct frame *f)
{
	u16 key;
	u8 enhanced = ah(f) & 0x10;

	switch (ah(f)) {
	case 0x00:
	case 0x10:
		cli();
		while (!next_key(&key, enhanced, 1))
			wait_interrupt();
		set_word(&f->eax, key);
		break;
	case 0x01:
	case 0x11:
		cli();
		if (next_key(&key, enhanced, 0)) {
			set_word(&f->eax, key);
			set_zero(f, 0);
		} else {
			set_zero(f, 1);
		}
		f->flags |= IF; /* a program that polls with interrupts off would never see a key */
		break;
	case 0x02: set_low(&f->eax, peek8(BDA, BDA_KEY_SHIFT)); break;
	case 0x05: {
		u16 tail = peek16(BDA, BDA_KEY_TAIL);

		put_key(f->ecx);
		set_low(&f->eax, tail == peek16(BDA, BDA_KEY_TAIL)); /* 1: the buffer is full */
		break;
	}
	case 0x09: set_low(&f->eax, 0x20); break; /* 10h to 12h are there */
	case 0x12: {
		u8 status = peek8(BDA, BDA_KEY_STATUS), shift2 = peek8(BDA, BDA_KEY_SHIFT2) & 0x73;

		set_word(&f->eax, (shift2 | (status & (RIGHT_CTRL | RIGHT_ALT))) << 8 | peek8(BDA, BDA_KEY_SHIFT));
		break;
	}
	}
}
