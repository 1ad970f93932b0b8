/*
 * A small allocator: a list of blocks in address order, first fit, neighbours joined when freed
 * (Kernighan and Ritchie, 8.7).
 */
#include <linux/kernel.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT 16u
#define CHUNK 65536u /* bytes asked of the kernel at a time */

struct block {
  size_t size; /* bytes, with this header */
  struct block *next;
  u32 pad[2];
};
_Static_assert(sizeof(struct block) == UNIT, "objects are aligned to 16 bytes");

static struct block *free_list;

static void insert(struct block *b) {
  struct block **link = &free_list;
  while (*link && *link < b) link = &(*link)->next;
  b->next = *link;
  *link = b;
  if (b->next && (char *)b + b->size == (char *)b->next) {
    b->size += b->next->size;
    b->next = b->next->next;
  }
  if (link == &free_list) return;
  struct block *before = container_of(link, struct block, next);
  if ((char *)before + before->size != (char *)b) return;
  before->size += b->size;
  before->next = b->next;
}

static bool grow(size_t size) {
  size = (size + CHUNK - 1) / CHUNK * CHUNK;
  struct block *b = sbrk((long)size);
  if (b == (void *)-1) return false;
  b->size = size;
  insert(b);
  return true;
}

static struct block *take(size_t size) {
  for (struct block **link = &free_list; *link; link = &(*link)->next) {
    struct block *b = *link;
    if (b->size < size) continue;
    if (b->size - size < 2 * UNIT) {
      *link = b->next;
      return b;
    }
    b->size -= size;
    b = (struct block *)((char *)b + b->size);
    b->size = size;
    return b;
  }
  return NULL;
}

void *malloc(size_t size) {
  if (size > 0x40000000) return NULL;
  size = (size + UNIT - 1) / UNIT * UNIT + UNIT;
  struct block *b = take(size);
  if (!b && grow(size)) b = take(size);
  return b ? b + 1 : NULL;
}

void free(void *p) {
  if (p) insert((struct block *)p - 1);
}

void *calloc(size_t n, size_t size) {
  if (size && n > 0x40000000 / size) return NULL;
  void *p = malloc(n * size);
  return p ? memset(p, 0, n * size) : NULL;
}
