/*
 * nooksctl WORD...: one command to the recovery manager by /dev/nooks; the kernel's nooks/control.c says which:
 *
 *   fail NAME, restart NAME, policy NAME POLICY, alternate NAME MODULE, figure NAME WORD NUMBER
 *
 * and `repeat COUNT fail NAME...` (or restart), the names in turn, which waits for each recovery before the next and
 * says how many there were.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define STEP_MS 10

static int usage(void) {
  printf("usage: nooksctl [repeat COUNT] fail|restart NAME...\n"
         "       nooksctl policy NAME POLICY | alternate NAME MODULE | figure NAME WORD NUMBER\n");
  return 2;
}

static int command(char **argv, int argc) {
  char line[96] = "";
  for (int i = 0; i < argc; i++) {
    size_t n = strlen(line);
    snprintf(line + n, sizeof line - n, "%s%s", i ? " " : "", argv[i]);
  }
  int fd = open("/dev/nooks", O_WRONLY);
  int err = fd < 0 || write(fd, line, strlen(line)) < 0;
  if (err) printf("nooksctl: %s: %s\n", line, strerror(errno));
  if (fd >= 0) close(fd);
  return err;
}

static unsigned recoveries(unsigned *pending) {
  char text[1024];
  if (read_file("/proc/nooks_recovery", text, sizeof text) < 0) return 0;
  *pending = (unsigned)find_number(text, "pending");
  return (unsigned)find_number(text, "recoveries");
}

/* Until nothing is left to recover from. False: that takes too long. */
static int wait_for(unsigned before) {
  unsigned pending;
  for (int ms = 0; ms < PATIENCE_MS; ms += STEP_MS) {
    if (recoveries(&pending) > before && !pending) return 1;
    sleep_ms(STEP_MS);
  }
  return 0;
}

static int repeat(int count, char **argv, int argc) {
  unsigned pending, first = recoveries(&pending);
  for (int i = 0; i < count; i++) {
    char *words[] = { argv[0], argv[1 + i % (argc - 1)] };
    if (command(words, 2)) return 1;
    if (wait_for(first + (unsigned)i)) continue;
    printf("nooksctl: recovery %d does not end\n", i + 1);
    return 1;
  }
  printf("nooksctl: %u recoveries\n", recoveries(&pending) - first);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return usage();
  if (strcmp(argv[1], "repeat")) return command(argv + 1, argc - 1);
  return argc < 5 ? usage() : repeat(atoi(argv[2]), argv + 3, argc - 3);
}
