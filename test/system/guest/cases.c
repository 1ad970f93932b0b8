/* How a case is run and logged: a line of the whole state that its event left. */
#include "world.h"

void code(const void *bytes, u32 length)
{
	__builtin_memcpy((void *)CODE_AT, bytes, length);
}

static void registers(void)
{
	in = (struct state){ .eax = 0x11112222, .ecx = 0x33334444, .edx = 0x55556666, .ebx = 0x77778888,
			     .ebp = 0x9999aaaa, .esi = DATA_AT + 0x100, .edi = DATA_AT + 0x200, .eflags = 2 };
}

static void flat(u32 cs, u32 ds, u32 esp)
{
	registers();
	in.cs = cs;
	in.es = in.ss = in.ds = in.fs = in.gs = ds;
	in.esp = esp;
	in.eip = CODE_AT;
}

void ring0(void) { flat(KCODE, KDATA, KERNEL_TOP - 64); }
void ring1(void) { flat(CODE1, DATA1, RING1_TOP - 64); }
void ring3(void) { flat(UCODE, UDATA, USER_TOP - 64); }

void v86(void)
{
	registers();
	in.cs = 0x1000, in.ss = 0x2000, in.esp = 0xff00;
	in.ds = 0x3000, in.es = 0x3100, in.fs = 0x3200, in.gs = 0x3300;
	in.eflags = 0x20002;
	in.esi = 0x100, in.edi = 0x200;
}

void code16(void)
{
	flat(CODE16, KDATA, 0xff00 - 64);
	in.ss = STACK16;
	in.eip = 0;
}

static void field(const char *name, u32 v, int digits)
{
	puts_log(name);
	hex_log(v, digits);
}

static int pushes_error(u32 vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/* The dwords of the frame up to the first that a stack's top left at 0 for good: at most what was saved. */
static void log_frame(void)
{
	u32 last = EV_STACK - 12;

	while (last > 0 && ev.frame[last - 1] == 0)
		last--;
	puts_log(" |");
	for (u32 i = 0; i < last; i++)
		field(" ", ev.frame[i], 8);
}

/* RF of the pushed EFLAGS is told apart: not every oracle has it. */
static void log_rf(void)
{
	u32 *flags = &ev.frame[pushes_error(ev.vector & 0xff) ? 3 : 2];

	field(" rf=", *flags >> 16 & 1, 1);
	*flags &= ~0x10000;
}

static void log_event(const char *name)
{
	puts_log(name);
	field(": v=", ev.vector & 0xff, 2);
	field(" sp=", ev.ss & 0xffff, 4);
	field(":", ev.sp, 8);
	field(" fl=", ev.flags, 8);
	field(" a=", ev.eax, 8);
	field(" c=", ev.ecx, 8);
	field(" d=", ev.edx, 8);
	field(" b=", ev.ebx, 8);
	field(" bp=", ev.ebp, 8);
	field(" si=", ev.esi, 8);
	field(" di=", ev.edi, 8);
	field(" es=", ev.es & 0xffff, 4);
	field(" ds=", ev.ds & 0xffff, 4);
	field(" fs=", ev.fs & 0xffff, 4);
	field(" gs=", ev.gs & 0xffff, 4);
	field(" tr=", ev.tr, 4);
	field(" cr2=", ev.cr2, 8);
	field(" dr6=", ev.dr6, 8);
	log_rf();
	log_frame();
	puts_log("\n");
}

void go(const char *name)
{
	enter();
	log_event(name);
}

/* From ring 3 or V86 back there; from ring 0 to the state before the event. Vectors with an error code: not for this. */
void again(const char *name)
{
	u32 *f = ev.frame;

	in = (struct state){ .eax = ev.eax, .ecx = ev.ecx, .edx = ev.edx, .ebx = ev.ebx, .ebp = ev.ebp,
			     .esi = ev.esi, .edi = ev.edi, .eip = f[0], .cs = f[1] & 0xffff, .eflags = f[2] };
	if (f[2] & 0x20000)
		in.esp = f[3], in.ss = f[4] & 0xffff, in.es = f[5] & 0xffff, in.ds = f[6] & 0xffff,
		in.fs = f[7] & 0xffff, in.gs = f[8] & 0xffff;
	else {
		in.es = ev.es & 0xffff, in.ds = ev.ds & 0xffff, in.fs = ev.fs & 0xffff, in.gs = ev.gs & 0xffff;
		if (f[1] & 3)
			in.esp = f[3], in.ss = f[4] & 0xffff;
		else
			in.esp = ev.sp + 12, in.ss = ev.ss & 0xffff;
	}
	go(name);
}

void dump(const char *name, u32 at, u32 dwords)
{
	puts_log(name);
	puts_log(":");
	for (u32 i = 0; i < dwords; i++)
		field(" ", read32(at + 4 * i), 8);
	puts_log("\n");
}

void main(void)
{
	outb(0x21, 0xff);	/* no interrupt comes by itself */
	outb(0xa1, 0xff);
	puts_log("begin\n");
	cases();
	finish();
}
