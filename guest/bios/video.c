/*
 * INT 10h: text modes 0 to 3 and 7 of a VGA (IBM VGA Technical Reference; Ralf Brown's list for the later calls).
 *
 * Left out: graphics modes (a request for one changes nothing, so that AH = 0Fh tells), loading fonts, palettes (the
 * calls do nothing), VESA.
 */
#include "bios.h"

void int10(struct frame *f);

#define ROWS 25
#define PAGES 8
#define BLANK 0x20

/* Registers of an 80-column colour text mode: sequencer, miscellaneous, CRT controller, graphics, attributes. */
static const u8 sequencer[] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const u8 crtc_80[] = { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
			      0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff };
static const u8 crtc_40[] = { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
			      0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff };
static const u8 graphics[] = { 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff };
static const u8 attributes[] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
				 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00 };

static u16 crtc(void) { return peek16(BDA, BDA_CRTC); }
static u8 columns(void) { return peek8(BDA, BDA_COLUMNS); }
static u8 rows(void) { return peek8(BDA, BDA_ROWS) + 1; }
static u8 active_page(void) { return peek8(BDA, BDA_PAGE); }
static u16 cursor_of(u8 page) { return peek16(BDA, BDA_CURSOR + 2 * (page & 7)); }
static u16 video_segment(void) { return peek8(BDA, BDA_VIDEO_MODE) == 7 ? 0xb000 : 0xb800; }

static u16 cell(u8 page, u8 row, u8 column)
{
	return (page & 7) * peek16(BDA, BDA_PAGE_SIZE) + (row * columns() + column) * 2;
}

static void crtc_write(u8 index, u8 value)
{
	outb(crtc(), index);
	outb(crtc() + 1, value);
}

static void crtc_write_word(u8 index, u16 value)
{
	crtc_write(index, value >> 8);
	crtc_write(index + 1, value);
}

static void set_cursor(u8 page, u8 row, u8 column)
{
	poke16(BDA, BDA_CURSOR + 2 * (page & 7), row << 8 | column);
	if (page == active_page())
		crtc_write_word(0x0e, cell(page, row, column) / 2);
}

static void set_cursor_shape(u8 first, u8 last)
{
	poke16(BDA, BDA_CURSOR_SHAPE, first << 8 | last);
	/* Shapes are given for characters of 8 lines; the VGA's have 16 (cursor emulation). */
	if (!(first & 0x20) && first < 8 && last < 8) {
		first = last == first + 1 ? 2 * first + 1 : 2 * first;
		last = 2 * last;
	}
	crtc_write(0x0a, first);
	crtc_write(0x0b, last);
}

static void program_vga(int mono, int wide)
{
	const u8 *timing = wide ? crtc_80 : crtc_40;

	outb(0x3c2, mono ? 0x66 : 0x67);
	for (u8 i = 0; i < sizeof sequencer; i++) {
		outb(0x3c4, i);
		outb(0x3c5, i == 1 && !wide ? 0x08 : sequencer[i]);
	}
	crtc_write(0x11, 0x0e); /* unlock registers 0 to 7 */
	for (u8 i = 0; i < sizeof crtc_80; i++)
		crtc_write(i, timing[i]);
	for (u8 i = 0; i < sizeof graphics; i++) {
		outb(0x3ce, i);
		outb(0x3cf, i == 6 && mono ? 0x0a : graphics[i]);
	}
	inb(crtc() + 6);
	for (u8 i = 0; i < sizeof attributes; i++) {
		outb(0x3c0, i);
		outb(0x3c0, attributes[i]);
	}
	inb(crtc() + 6);
	outb(0x3c0, 0x20); /* the screen on */
	outb(0x3c6, 0xff);
}

static void fill(u16 from, u16 cells, u16 value)
{
	u16 seg = video_segment();

	for (; cells > 0; cells--, from += 2)
		poke16(seg, from, value);
}

static void set_mode(u8 mode)
{
	u8 number = mode & 0x7f;
	int mono = number == 7, wide = number >= 2;

	if (number > 3 && number != 7)
		return;
	poke8(BDA, BDA_VIDEO_MODE, number);
	poke16(BDA, BDA_COLUMNS, wide ? 80 : 40);
	poke16(BDA, BDA_PAGE_SIZE, wide ? 0x1000 : 0x800);
	poke16(BDA, BDA_PAGE_START, 0);
	poke8(BDA, BDA_PAGE, 0);
	poke16(BDA, BDA_CRTC, mono ? 0x3b4 : 0x3d4);
	poke8(BDA, BDA_MODE_SELECT, wide ? 0x29 : 0x28);
	poke8(BDA, BDA_MODE_SELECT + 1, 0x30);
	poke8(BDA, BDA_ROWS, ROWS - 1);
	poke16(BDA, BDA_CHAR_HEIGHT, 16);
	poke8(BDA, BDA_VIDEO_CONTROL, 0x60 | (mode & 0x80));
	poke8(BDA, BDA_VIDEO_SWITCHES, 0xf9);
	poke8(BDA, BDA_VIDEO_MODES, 0x51);
	poke8(BDA, BDA_VIDEO_DISPLAY, 0x08);
	u16 equipment = peek16(BDA, BDA_EQUIPMENT) & ~0x30;

	poke16(BDA, BDA_EQUIPMENT, equipment | (mono ? 0x30 : wide ? 0x20 : 0x10));
	program_vga(mono, wide);
	if (!(mode & 0x80))
		fill(0, 0x4000, 0x0700 | BLANK);
	for (u8 page = 0; page < PAGES; page++)
		set_cursor(page, 0, 0);
	poke16(BDA, BDA_CURSOR_SHAPE, 0x0607);
}

static void select_page(u8 page)
{
	if (page >= PAGES)
		return;
	u16 start = page * peek16(BDA, BDA_PAGE_SIZE), cursor = cursor_of(page);

	poke8(BDA, BDA_PAGE, page);
	poke16(BDA, BDA_PAGE_START, start);
	crtc_write_word(0x0c, start / 2);
	set_cursor(page, cursor >> 8, cursor);
}

/* Scrolls the window by `lines` (0: clears it); up when `up`. */
static void scroll(u8 page, u8 lines, u8 attribute, u8 top, u8 left, u8 bottom, u8 right, int up)
{
	u16 seg = video_segment();

	if (bottom >= rows())
		bottom = rows() - 1;
	if (right >= columns())
		right = columns() - 1;
	if (top > bottom || left > right)
		return;
	u8 height = bottom - top + 1, width = right - left + 1;

	if (lines == 0 || lines > height)
		lines = height;
	for (u8 i = 0; i < height; i++) {
		u8 row = up ? top + i : bottom - i;
		u16 to = cell(page, row, left);

		if (i + lines >= height) {
			fill(to, width, attribute << 8 | BLANK);
			continue;
		}
		u16 from = cell(page, up ? row + lines : row - lines, left);

		for (u8 n = 0; n < width; n++, to += 2, from += 2)
			poke16(seg, to, peek16(seg, from));
	}
}

/* Writes a character as a terminal does; `attribute` is negative to keep what is there. */
static void teletype(u8 page, u8 c, int attribute)
{
	u8 row = cursor_of(page) >> 8, column = cursor_of(page);

	if (c == '\a')
		return;
	if (c == '\b') {
		column -= column > 0;
	} else if (c == '\r') {
		column = 0;
	} else if (c == '\n') {
		row++;
	} else {
		u16 at = cell(page, row, column);

		poke8(video_segment(), at, c);
		if (attribute >= 0)
			poke8(video_segment(), at + 1, attribute);
		if (++column >= columns()) {
			column = 0;
			row++;
		}
	}
	if (row >= rows()) {
		row = rows() - 1;
		u8 colour = peek8(video_segment(), cell(page, row, 0) + 1);

		scroll(page, 1, attribute >= 0 ? attribute : colour, 0, 0, row, columns() - 1, 1);
	}
	set_cursor(page, row, column);
}

/* AH = 09h, 0Ah: CX copies from the cursor on, which stays. */
static void write_copies(struct frame *f, int with_attribute)
{
	u16 cursor = cursor_of(bh(f)), at = cell(bh(f), cursor >> 8, cursor), seg = video_segment();

	for (u16 n = f->ecx; n > 0; n--, at += 2) {
		poke8(seg, at, al(f));
		if (with_attribute)
			poke8(seg, at + 1, bl(f));
	}
}

/* AH = 13h: ES:BP, CX characters; AL bit 0 moves the cursor, bit 1 says that attributes are in the string. */
static void write_string(struct frame *f)
{
	u16 from = f->ebp, saved = cursor_of(bh(f));

	set_cursor(bh(f), dh(f), dl(f));
	for (u16 n = f->ecx; n > 0; n--) {
		u8 c = peek8(f->es, from++);
		u8 attribute = al(f) & 2 ? peek8(f->es, from++) : bl(f);

		teletype(bh(f), c, attribute);
	}
	if (!(al(f) & 1))
		set_cursor(bh(f), saved >> 8, saved);
}

static void information(struct frame *f)
{
	switch (ax(f)) {
	case 0x1130:
		set_word(&f->ecx, 16);
		set_low(&f->edx, rows() - 1);
		break;
	case 0x1a00:
		set_low(&f->eax, 0x1a);
		set_word(&f->ebx, 0x0008);
		break;
	}
}

static void alternate_select(struct frame *f)
{
	if (bl(f) == 0x10) {
		set_word(&f->ebx, (peek8(BDA, BDA_VIDEO_MODE) == 7) << 8 | 3);
		set_word(&f->ecx, 0x0009);
	} else if (bl(f) >= 0x30 && bl(f) <= 0x36) {
		set_low(&f->eax, 0x12);
	}
}

void int10(struct frame *f)
{
	u16 at;

	switch (ah(f)) {
	case 0x00:
		set_mode(al(f));
		set_low(&f->eax, 0x30); /* what Phoenix's and AMI's give for text */
		break;
	case 0x01: set_cursor_shape(ch(f) & 0x3f, cl(f) & 0x1f); break;
	case 0x02: set_cursor(bh(f), dh(f), dl(f)); break;
	case 0x03:
		set_word(&f->ecx, peek16(BDA, BDA_CURSOR_SHAPE));
		set_word(&f->edx, cursor_of(bh(f)));
		break;
	case 0x05: select_page(al(f)); break;
	case 0x06: scroll(active_page(), al(f), bh(f), ch(f), cl(f), dh(f), dl(f), 1); break;
	case 0x07: scroll(active_page(), al(f), bh(f), ch(f), cl(f), dh(f), dl(f), 0); break;
	case 0x08:
		at = cell(bh(f), cursor_of(bh(f)) >> 8, cursor_of(bh(f)));
		set_word(&f->eax, peek16(video_segment(), at));
		break;
	case 0x09: write_copies(f, 1); break;
	case 0x0a: write_copies(f, 0); break;
	case 0x0e: teletype(active_page(), al(f), -1); break;
	case 0x0f:
		set_word(&f->eax, columns() << 8 | peek8(BDA, BDA_VIDEO_MODE) | (peek8(BDA, BDA_VIDEO_CONTROL) & 0x80));
		set_high(&f->ebx, active_page());
		break;
	case 0x11:
	case 0x1a: information(f); break;
	case 0x12: alternate_select(f); break;
	case 0x13: write_string(f); break;
	}
}

void video_init(void) { set_mode(3); }

/* To the screen and the debug console, port E9. */
void print(const char *text)
{
	for (; *text; text++) {
		outb(0xe9, *text);
		teletype(active_page(), *text, -1);
	}
}

void print_number(u32 value)
{
	char digits[11], *at = digits + 10;

	*at = 0;
	do
		*--at = '0' + value % 10;
	while (value /= 10);
	print(at);
}

void print_hex(u16 value)
{
	static const char digits[] = "0123456789abcdef";
	char text[5];

	for (u8 i = 0; i < 4; i++, value <<= 4)
		text[i] = digits[value >> 12];
	text[4] = 0;
	print(text);
}
