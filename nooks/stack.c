/*
 * The stacks of a domain: one page each, in the zone, the page below it unmapped in the domain (the guard
 * page), so that an overflow is a fault: a double fault, since the CPU cannot push its frame there either
 * (detect.c). The page above a stack is the guard page of another pair or no page of the domain's stacks.
 */
#include <asm/pgtable.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <nooks/domain.h>

#pragma clang section text = ".text.xpc"

#define PAIR_ORDER 1 /* guard page, stack */

struct nooks_stack *stack_new(struct nooks_domain *d) {
  if (d->stack_count == NOOKS_STACKS) return NULL;
  u32 pair = __get_free_pages(GFP_DRIVER, PAIR_ORDER);
  if (!pair) return NULL;
  struct nooks_stack *s = &d->stacks[d->stack_count++];
  s->base = pair + PAGE_SIZE;
  domain_hide(d, (void *)pair);
  domain_own(d, (void *)s->base, PAGE_SIZE);
  return s;
}

void stacks_free(struct nooks_domain *d) {
  while (d->stack_count) {
    u32 base = d->stacks[--d->stack_count].base;
    domain_disown(d, (void *)(base - PAGE_SIZE), 2 * PAGE_SIZE);
    free_pages(base - PAGE_SIZE, PAIR_ORDER);
  }
  d->free_stacks = NULL;
}
