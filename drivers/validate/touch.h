/*
 * The forbidden instructions (touch.S). Each lies alone between two global labels, touch_X and touch_X_end,
 * by which the host finds it: what memory was just before it is compared with what it is just after it, or
 * at the first instruction of the exception handler.
 */
#ifndef VALIDATE_TOUCH_H
#define VALIDATE_TOUCH_H

#include <linux/types.h>

#define POISON 0xBAADF00D

void touch_write(u32 addr, u32 value);  /* touch_store: MOV to memory */
u32 touch_read(u32 addr);               /* touch_load: MOV from memory */
/* Fill the stack down to `floor` exactly, interrupts off, then once more. They come back, if at all. */
void touch_overrun(u32 floor);          /* touch_push: PUSH */
void touch_recursion(u32 floor);        /* touch_call: CALL, of a function without end */
void touch_esp(u32 esp);                /* touch_ruined: PUSH with that stack pointer */

#endif
