/* The report of a trial's program (trial.h). */
#include <errno.h>
#include <string.h>
#include "trial.h"

#define MAGIC 0x5452494Cu /* the host computes the same words from it */

struct trial_report trial __attribute__((aligned(4096)));
static char rest_of_page[4096 - sizeof(struct trial_report)] __attribute__((used));

const u32 trial_bytes[MESSAGE_KINDS] = { 64, 1400, 3000, 6000 };

void trial_begin(const char *name) {
  volatile u32 x = MAGIC;

  strncpy(trial.name, name, TRIAL_NAME - 1);
  for (int i = 3; i >= 0; i--) {
    trial.magic[i] = x;
    x = x * 1664525u + 1013904223u;
  }
}

static void note(u32 what, u32 error) {
  if (trial.notes < TRIAL_NOTES) {
    trial.note[trial.notes].what = what;
    trial.note[trial.notes].error = error;
  }
  trial.notes++;
}

void trial_error(u32 what) {
  trial.errors++;
  note(what, (u32)errno);
}

void trial_damage(u32 what) {
  trial.damaged++;
  note(what, 0);
}

void trial_messages(struct message made[MESSAGE_KINDS], u32 seed) {
  for (u32 i = 0; i < MESSAGE_KINDS; i++) message_make_short(&made[i], seed, i, trial_bytes[i]);
}
