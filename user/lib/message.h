/*
 * The messages of netsend and netrecv, and of the host's far end (bench/farend): 32 KB, in little endian
 *
 *    0  magic 'N' 'K' '8' '6'
 *    4  message number, from 0
 *    8  seed
 *   12  FNV-1a (32 bits) of bytes 16 to the end
 *   16  words of xorshift32 (13, 17, 5), each the state after a step, started from
 *       seed ^ (number mod 4) * 0x9E3779B9, or from 1 if that is 0
 *
 * So a program makes four messages once and only patches their numbers, as netperf sends from a ring of buffers,
 * and still every byte is checked.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <linux/types.h>

#define MESSAGE_BYTES 32768
#define MESSAGE_HEADER 16
#define MESSAGE_KINDS 4

struct message {
  u8 magic[4];
  u32 number;
  u32 seed;
  u32 hash;
  u32 words[(MESSAGE_BYTES - MESSAGE_HEADER) / 4];
};

_Static_assert(sizeof(struct message) == MESSAGE_BYTES, "a message is 32 KB");

/* Makes message `kind` of the four; its number is `kind`. */
void message_make(struct message *m, u32 seed, u32 kind);

/* The same, of which only the first `bytes` are sent: a multiple of 4 above the header. */
void message_make_short(struct message *m, u32 seed, u32 kind, u32 bytes);

/* Is this a message of `seed` with the right hash for its number, as far as the header tells? */
int message_header_ok(const struct message *m, const struct message made[MESSAGE_KINDS]);

#endif
