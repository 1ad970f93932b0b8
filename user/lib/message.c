/* Makes and checks the messages of message.h. */
#include "message.h"

#define FNV_BASIS 0x811C9DC5u
#define FNV_PRIME 0x01000193u
#define GOLDEN 0x9E3779B9u

static u32 fnv1a(const u8 *bytes, u32 count) {
  u32 hash = FNV_BASIS;

  while (count--) hash = (hash ^ *bytes++) * FNV_PRIME;
  return hash;
}

void message_make(struct message *m, u32 seed, u32 kind) { message_make_short(m, seed, kind, MESSAGE_BYTES); }

void message_make_short(struct message *m, u32 seed, u32 kind, u32 bytes) {
  u32 x = seed ^ kind * GOLDEN, i;

  if (!x) x = 1;
  m->magic[0] = 'N';
  m->magic[1] = 'K';
  m->magic[2] = '8';
  m->magic[3] = '6';
  m->number = kind;
  m->seed = seed;
  for (i = 0; i < (bytes - MESSAGE_HEADER) / 4; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    m->words[i] = x;
  }
  m->hash = fnv1a((const u8 *)m->words, bytes - MESSAGE_HEADER);
}

int message_header_ok(const struct message *m, const struct message made[MESSAGE_KINDS]) {
  const struct message *want = &made[m->number % MESSAGE_KINDS];

  return m->magic[0] == 'N' && m->magic[1] == 'K' && m->magic[2] == '8' && m->magic[3] == '6' &&
         m->seed == want->seed && m->hash == want->hash;
}
