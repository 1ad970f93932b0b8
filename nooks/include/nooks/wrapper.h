/*
 * Wrappers: what an extension's imports are bound to. A stub in the domain (wrappers/stubs.S) crosses to
 * the kernel, where the body checks the arguments, finds the kernel's objects for the extension's copies,
 * calls the kernel's function and copies results back. wrappers/table.def is the list of all.
 */
#ifndef NOOKS_WRAPPER_H
#define NOOKS_WRAPPER_H

#include <linux/types.h>
#include <nooks/detect.h>
#include <kernel/hooks.h>
#include <linux/slab.h>
#include <nooks/domain.h>
#include <nooks/object.h>
#include <nooks/xpc.h>

struct nooks_wrapper {
  const char *name;
  const void *body;
  u32 nargs;
  u32 sleeps;  /* process context only */
  u32 refused; /* what a call returns that is refused */
  u32 unused[3];
};
_Static_assert(sizeof(struct nooks_wrapper) == 32, "a power of two: xpc.c checks that a record is one");
extern const struct nooks_wrapper nooks_wrappers[], nooks_wrappers_end[];

/* An import that runs in the domain as it is: it reads what the domain may read and writes only its own. */
struct nooks_direct {
  const char *name;
  const char *why;
};

/* NULL: not in the table. */
const void *wrapper_stub(const char *name);
const struct nooks_direct *direct_import(const char *name);

/* ---- Argument checks: each ends the call of an extension that fails it ---- */

struct nooks_object *object_arg(enum object_type type, const void *driver, const char *function);
void readable_arg(const void *p, u32 bytes, const char *function);
void writable_arg(const void *p, u32 bytes, const char *function);
const void *code_arg(const void *fn, const char *function); /* in the extension's own text */
/* Copies a string of the extension, cut to `size` bytes with the NUL. */
void string_arg(char *to, const char *from, u32 size, const char *function);

#endif
