#include <nooks/policy.h>
const struct recovery_policy policy_checkpoint = { .name = "checkpoint", .number = 4, .recover = recovery_restart, .otherwise = &policy_restart };
