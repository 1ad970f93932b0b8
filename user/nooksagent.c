/*
 * nooksagent [FILE]: the recovery agent. It reads which policy each extension has from FILE (/etc/nooks.conf), tells the
 * kernel, waits for failures, and decides what is done about each; it reads the file again when its text has changed.
 * The kernel does without it when it is gone or slow. A line of the file:
 *
 *   NAME POLICY[,POLICY...] [MODULE] [FIGURE=NUMBER...]
 *
 * NAME * stands for all others. Of several policies the second is for the second failure without a quiet period
 * between, and so on; the last is for all further ones. MODULE is the implementation that `alternate` loads. Figures
 * are the kernel's: immediate, pause (ms), limit, period (s), checkpoint, soon (ms). What follows a # is a remark.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096
#define RULES_MAX 16
#define WORD_MAX 28
#define POLICIES_MAX 6
#define COMMAND_MAX 96

static struct rule {
  char name[WORD_MAX];
  char policies[POLICIES_MAX][WORD_MAX];
  int count;
} rules[RULES_MAX];
static int rule_count;
static int device;
static char now[FILE_MAX], before[FILE_MAX];

static void tell(const char *fmt, ...) {
  char command[COMMAND_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(command, sizeof command, fmt, args);
  va_end(args);
  if (write(device, command, strlen(command)) < 0) printf("nooksagent: %s: %s\n", command, strerror(errno));
}

/* ---- The file ---- */

/* Cuts the next word off at one of `ends`; NULL: there is none. */
static char *next_word(char **at, const char *ends) {
  char *word = *at;
  while (*word && strchr(ends, *word)) word++;
  if (!*word) return NULL;
  char *end = word;
  while (*end && !strchr(ends, *end)) end++;
  *at = *end ? end + 1 : end;
  *end = 0;
  return word;
}

static void read_policies(struct rule *rule, char *list) {
  char *word;
  rule->count = 0;
  while (rule->count < POLICIES_MAX && (word = next_word(&list, ",")))
    strlcpy(rule->policies[rule->count++], word, WORD_MAX);
}

static void read_line(char *line) {
  char *remark = strchr(line, '#'), *name, *policies, *word;
  if (remark) *remark = 0;
  name = next_word(&line, " \t\r");
  if (!name) return;
  policies = next_word(&line, " \t\r");
  if (!policies || rule_count == RULES_MAX) {
    printf("nooksagent: %s: %s\n", name, policies ? "there are too many rules" : "no policy");
    return;
  }
  struct rule *rule = &rules[rule_count++];
  strlcpy(rule->name, name, WORD_MAX);
  read_policies(rule, policies);
  if (rule->count) tell("policy %s %s", name, rule->policies[0]);
  while ((word = next_word(&line, " \t\r"))) {
    char *value = strchr(word, '=');
    if (value) *value++ = 0;
    if (value) tell("figure %s %s %s", name, word, value);
    else tell("alternate %s %s", name, word);
  }
}

static void read_rules(const char *file) {
  static char text[FILE_MAX];
  char *at = text, *line;
  if (read_file(file, now, sizeof now) < 0 || !strcmp(now, before)) return;
  strcpy(before, now);
  strcpy(text, now);
  rule_count = 0;
  while ((line = next_word(&at, "\n"))) read_line(line);
  printf("nooksagent: %d rules\n", rule_count);
}

/* ---- Failures ---- */

static const struct rule *find_rule(const char *name) {
  for (int i = 0; i < rule_count; i++)
    if (!strcmp(rules[i].name, name)) return &rules[i];
  return strcmp(name, "*") ? find_rule("*") : NULL;
}

/* "failed NAME TRIGGER COUNT" */
static void decide(char *line) {
  char *name = next_word(&line, " \n"), *trigger = next_word(&line, " \n"), *count = next_word(&line, " \n");
  const struct rule *rule = name ? find_rule(name) : NULL;
  if (!trigger || !count || !rule || !rule->count) return;
  int n = atoi(count);
  tell("recover %s %s", name, rule->policies[n > rule->count ? rule->count - 1 : n > 0 ? n - 1 : 0]);
}

int main(int argc, char **argv) {
  const char *file = argc > 1 ? argv[1] : "/etc/nooks.conf";
  char line[COMMAND_MAX];
  device = open("/dev/nooks", O_RDWR);
  if (device < 0) {
    printf("nooksagent: /dev/nooks: %s\n", strerror(errno));
    return 1;
  }
  for (;;) {
    read_rules(file);
    ssize_t n = read(device, line, sizeof line - 1);
    if (n < 0) return 1;
    line[n] = 0;
    char *at = line, *word = next_word(&at, " \n");
    if (word && !strcmp(word, "failed")) {
      read_rules(file);
      decide(at);
    }
  }
}
