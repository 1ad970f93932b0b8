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

static u32 new_stack(struct nooks_domain *d) {
  if (d->stack_count == NOOKS_STACKS) return 0;
  u32 pair = __get_free_pages(GFP_DRIVER, PAIR_ORDER);
  if (!pair) return 0;
  domain_hide(d, (void *)pair);
  domain_own(d, (void *)(pair + PAGE_SIZE), PAGE_SIZE);
  d->stacks[d->stack_count++] = pair + PAGE_SIZE;
  return pair + PAGE_SIZE;
}

static u8 index_of(const struct nooks_domain *d, u32 stack) {
  u8 i = 0;
  while (d->stacks[i] != stack) i++;
  return i;
}

u32 stack_get(struct nooks_domain *d) {
  if (!d->free_stack_count) return new_stack(d);
  return d->stacks[d->free_stacks[--d->free_stack_count]];
}

/* At most NOOKS_STACKS of them to look through, and the first nearly always. */
void stack_put(struct nooks_domain *d, u32 stack) {
  d->free_stacks[d->free_stack_count++] = index_of(d, stack);
}

void stacks_free(struct nooks_domain *d) {
  while (d->stack_count) {
    u32 stack = d->stacks[--d->stack_count];
    domain_disown(d, (void *)(stack - PAGE_SIZE), 2 * PAGE_SIZE);
    free_pages(stack - PAGE_SIZE, PAIR_ORDER);
  }
  d->free_stack_count = 0;
}
