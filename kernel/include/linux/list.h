/* Circular doubly linked lists (Linux 2.4's list.h). */
#ifndef LINUX_LIST_H
#define LINUX_LIST_H

#include <linux/kernel.h>

struct list_head {
  struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
#define INIT_LIST_HEAD(head) ((head)->next = (head)->prev = (head))

/* What a deleted entry points to: no page is mapped there. */
#define LIST_POISON ((struct list_head *)0x00100100)

static inline void __list_insert(struct list_head *entry, struct list_head *prev, struct list_head *next) {
  next->prev = entry;
  entry->next = next;
  entry->prev = prev;
  prev->next = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head) {
  __list_insert(entry, head, head->next);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head) {
  __list_insert(entry, head->prev, head);
}

static inline void list_del(struct list_head *entry) {
  entry->next->prev = entry->prev;
  entry->prev->next = entry->next;
  entry->next = entry->prev = LIST_POISON;
}

static inline void list_del_init(struct list_head *entry) {
  entry->next->prev = entry->prev;
  entry->prev->next = entry->next;
  INIT_LIST_HEAD(entry);
}

static inline int list_empty(const struct list_head *head) {
  return head->next == head;
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, n, head) \
  for (pos = (head)->next, n = pos->next; pos != (head); pos = n, n = pos->next)
#define list_for_each_entry(pos, head, member)                        \
  for (pos = list_entry((head)->next, __typeof__(*pos), member);      \
       &pos->member != (head);                                        \
       pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, n, head, member)                \
  for (pos = list_entry((head)->next, __typeof__(*pos), member),      \
      n = list_entry(pos->member.next, __typeof__(*pos), member);     \
       &pos->member != (head);                                        \
       pos = n, n = list_entry(n->member.next, __typeof__(*n), member))

#endif
