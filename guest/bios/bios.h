/*
 * What every file of the BIOS shares: the frame of an interrupt, far memory, ports, the BIOS data area.
 *
 * All C here is 16-bit code with DS = ES = SS = the extended BIOS data area (entry.S sees to it), so pointers of C
 * reach only that segment; anything else is far and goes through peek and poke. Names of the data area's fields are
 * those of the IBM PC/AT Technical Reference's listing.
 */
#ifndef BIOS_H
#define BIOS_H

#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

/* The caller's registers as entry.S saved them; what a handler changes here, the caller gets. */
struct frame {
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
	u16 fs, es, ds;
	u16 handler;
	u16 ip, cs, flags;
};

#define CF 0x0001
#define ZF 0x0040
#define IF 0x0200

static inline u8 al(struct frame *f) { return f->eax; }
static inline u8 ah(struct frame *f) { return f->eax >> 8; }
static inline u16 ax(struct frame *f) { return f->eax; }
static inline u8 bl(struct frame *f) { return f->ebx; }
static inline u8 bh(struct frame *f) { return f->ebx >> 8; }
static inline u8 cl(struct frame *f) { return f->ecx; }
static inline u8 ch(struct frame *f) { return f->ecx >> 8; }
static inline u8 dl(struct frame *f) { return f->edx; }
static inline u8 dh(struct frame *f) { return f->edx >> 8; }

/* Sets 8 or 16 bits of a saved register; the rest stays. */
static inline void set_low(u32 *reg, u8 v) { *reg = (*reg & ~0xffu) | v; }
static inline void set_high(u32 *reg, u8 v) { *reg = (*reg & ~0xff00u) | (u32)v << 8; }
static inline void set_word(u32 *reg, u16 v) { *reg = (*reg & ~0xffffu) | v; }

static inline void set_carry(struct frame *f, int on) { f->flags = on ? f->flags | CF : f->flags & ~CF; }
static inline void set_zero(struct frame *f, int on) { f->flags = on ? f->flags | ZF : f->flags & ~ZF; }
/* AH = status, CF says whether it is an error. */
static inline void set_status(struct frame *f, u8 status)
{
	set_high(&f->eax, status);
	set_carry(f, status != 0);
}

static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline u16 inw(u16 port) { u16 v; __asm__ volatile("inw %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline u32 inl(u16 port) { u32 v; __asm__ volatile("inl %1,%0" : "=a"(v) : "Nd"(port)); return v; }
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0,%1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0,%1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0,%1" : : "a"(v), "Nd"(port)); }

#define FAR_ACCESS(bits, letter, constraint)                                                                   \
	static inline u##bits peek##bits(u16 seg, u16 off)                                                     \
	{                                                                                                      \
		u##bits v;                                                                                     \
		__asm__ volatile("movw %w1,%%fs\n\tmov" letter " %%fs:(%2),%0"                                 \
				 : "=" constraint(v) : "r"(seg), "r"((u32)off));                               \
		return v;                                                                                      \
	}                                                                                                      \
	static inline void poke##bits(u16 seg, u16 off, u##bits v)                                             \
	{                                                                                                      \
		__asm__ volatile("movw %w1,%%fs\n\tmov" letter " %0,%%fs:(%2)"                                 \
				 : : constraint(v), "r"(seg), "r"((u32)off) : "memory");                       \
	}
FAR_ACCESS(8, "b", "q")
FAR_ACCESS(16, "w", "r")
FAR_ACCESS(32, "l", "r")

static inline void sti(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void cli(void) { __asm__ volatile("cli" : : : "memory"); }
/* Waits for an interrupt with interrupts on; they are off again afterwards. */
static inline void wait_interrupt(void) { __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory"); }

/* Calls an interrupt whose handler may be anybody's and may change any register. */
#define call_interrupt(number)                                                                                 \
	__asm__ volatile("pushal\n\tpushw %%ds\n\tpushw %%es\n\tint %0\n\tcld\n\tpopw %%es\n\tpopw %%ds\n\tpopal" \
			 : : "i"(number) : "memory", "cc")

/* The BIOS data area, segment 0x40. */
#define BDA 0x40
#define BDA_COM 0x00
#define BDA_EBDA 0x0e
#define BDA_EQUIPMENT 0x10
#define BDA_MEMORY 0x13
#define BDA_KEY_SHIFT 0x17
#define BDA_KEY_SHIFT2 0x18
#define BDA_KEY_ALT 0x19
#define BDA_KEY_HEAD 0x1a
#define BDA_KEY_TAIL 0x1c
#define BDA_KEY_BUFFER 0x1e
#define BDA_KEY_BUFFER_END 0x3e
#define BDA_VIDEO_MODE 0x49
#define BDA_COLUMNS 0x4a
#define BDA_PAGE_SIZE 0x4c
#define BDA_PAGE_START 0x4e
#define BDA_CURSOR 0x50
#define BDA_CURSOR_SHAPE 0x60
#define BDA_PAGE 0x62
#define BDA_CRTC 0x63
#define BDA_MODE_SELECT 0x65
#define BDA_RESUME 0x67
#define BDA_TICKS 0x6c
#define BDA_MIDNIGHT 0x70
#define BDA_BREAK 0x71
#define BDA_RESET_FLAG 0x72
#define BDA_DISK_STATUS 0x74
#define BDA_DISKS 0x75
#define BDA_SERIAL_TIMEOUT 0x7c
#define BDA_KEY_START 0x80
#define BDA_KEY_END 0x82
#define BDA_ROWS 0x84
#define BDA_CHAR_HEIGHT 0x85
#define BDA_VIDEO_CONTROL 0x87
#define BDA_VIDEO_SWITCHES 0x88
#define BDA_VIDEO_MODES 0x89
#define BDA_VIDEO_DISPLAY 0x8a
#define BDA_DISK_DONE 0x8e
#define BDA_KEY_STATUS 0x96
#define BDA_KEY_LEDS 0x97
#define BDA_WAIT_POINTER 0x98
#define BDA_WAIT_COUNT 0x9c
#define BDA_WAIT_ACTIVE 0xa0

/* post.c */
u8 cmos_read(u8 at);
void cmos_write(u8 at, u8 value);
/* Bytes of RAM above 1 MiB, by the CMOS. */
u32 extended_memory(void);
void panic(const char *message) __attribute__((noreturn));

/* video.c */
void video_init(void);
void print(const char *text);
void print_number(u32 value);
void print_hex(u16 value);

/* keyboard.c */
void keyboard_init(void);

/* disk.c */
void disk_init(void);
/* Reads one sector of disk 0x80 + n to seg:0; 0 or a status of INT 13h. */
u8 disk_read_first(u8 n, u16 seg);

/* clock.c */
void clock_init(void);
/* Busy-waits by the interval timer. */
void wait_microseconds(u32 us);
/*
 * For loops that poll a device, however fast the machine is: `for (u32 t = time_limit(ms); t; t = time_left(t))` ends
 * after that many milliseconds, at the most some minutes.
 */
u32 time_limit(u32 ms);
u32 time_left(u32 limit);

/* serial.c */
void serial_init(void);

#endif
