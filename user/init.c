/*
 * The first process: does what its arguments say, one command after another, and ends the run with the worst
 * exit code that it saw. Commands are separated by `;`:
 *
 *   insmod NAME [ARG...]   load a driver module (without ARGs: those given at boot)
 *   rmmod NAME             unload it
 *   run NAME [ARG...]      run a program and wait for it (without ARGs: those given at boot)
 *   start NAME [ARG...]    run a program without waiting
 *   wait                   wait for all that were started
 *   serve NAME [ARG...]    run a program that nobody waits for, such as the recovery agent
 *   sleep MS               do nothing for a while
 *   cat FILE               print a file, such as /proc/stat
 *   echo WORD...           print the words; `> FILE` at the end writes the line to a file, `>> FILE` adds it
 *
 * The word `run` may be left out. A command that fails counts as exit code 1 and the rest is still done, except that
 * a driver that cannot be loaded ends the run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 256
#define KILLED 128 /* plus the signal */

static int worst;
static int started; /* and not yet waited for */

static void note(int code) {
  if (code > worst) worst = code;
}

static int code_of(const char *name, int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  printf("init: %s was killed by signal %d\n", name, WTERMSIG(status));
  return KILLED + WTERMSIG(status);
}

static pid_t start(char **argv, int argc) {
  pid_t pid = spawn(argv[0], argc > 1 ? argv : NULL);
  if (pid < 0) {
    printf("init: %s: %s\n", argv[0], strerror(errno));
    note(1);
  }
  return pid;
}

static void run(char **argv, int argc) {
  int status;
  pid_t pid = start(argv, argc);
  if (pid > 0 && waitpid(pid, &status, 0) == pid) note(code_of(argv[0], status));
}

static void wait_all(char **argv, int argc) {
  int status;
  (void)argv, (void)argc;
  while (started && waitpid(-1, &status, 0) > 0) {
    started--;
    note(code_of("a program", status));
  }
}

static void join(char *line, size_t size, char **argv, int argc) {
  line[0] = 0;
  for (int i = 0; i < argc; i++) {
    size_t n = strlen(line);
    snprintf(line + n, size - n, "%s%s", i ? " " : "", argv[i]);
  }
}

static void do_insmod(char **argv, int argc) {
  char args[ARGS_MAX];
  join(args, sizeof args, argv + 1, argc - 1);
  if (insmod(argv[0], argc > 1 ? args : NULL) == 0) return;
  printf("init: insmod %s: %s\n", argv[0], strerror(errno));
  note(1);
  exit(worst);
}

static void do_rmmod(char **argv, int argc) {
  (void)argc;
  if (rmmod(argv[0]) == 0) return;
  printf("init: rmmod %s: %s\n", argv[0], strerror(errno));
  note(1);
}

static void do_start(char **argv, int argc) { started += start(argv, argc) > 0; }
static void do_serve(char **argv, int argc) { start(argv, argc); }

static void do_sleep(char **argv, int argc) {
  (void)argc;
  sleep_ms((unsigned)atoi(argv[0]));
}

static void do_cat(char **argv, int argc) {
  static char text[8192];
  (void)argc;
  if (read_file(argv[0], text, sizeof text) < 0) {
    printf("init: cat %s: %s\n", argv[0], strerror(errno));
    note(1);
    return;
  }
  write(1, text, strlen(text));
}

static void do_echo(char **argv, int argc) {
  char line[ARGS_MAX];
  const char *arrow = argc >= 2 ? argv[argc - 2] : "", *file = NULL;
  int add = !strcmp(arrow, ">>");
  if (add || !strcmp(arrow, ">")) {
    file = argv[argc - 1];
    argc -= 2;
  }
  join(line, sizeof line - 1, argv, argc);
  if (!file) {
    puts(line);
    return;
  }
  int fd = open(file, O_WRONLY | O_CREAT | (add ? O_APPEND : O_TRUNC));
  strcat(line, "\n");
  if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line)) {
    printf("init: %s: %s\n", file, strerror(errno));
    note(1);
  }
  if (fd >= 0) close(fd);
}

static const struct {
  const char *name;
  int args; /* at least */
  void (*fn)(char **argv, int argc);
} commands[] = {
  { "insmod", 1, do_insmod }, { "rmmod", 1, do_rmmod }, { "run", 1, run },     { "start", 1, do_start },
  { "wait", 0, wait_all },    { "sleep", 1, do_sleep }, { "cat", 1, do_cat }, { "echo", 0, do_echo },
  { "serve", 1, do_serve },
};

static void command(char **argv, int argc) {
  for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(argv[0], commands[i].name)) continue;
    if (argc - 1 < commands[i].args) {
      printf("init: %s: too few arguments\n", argv[0]);
      note(2);
      return;
    }
    commands[i].fn(argv + 1, argc - 1);
    return;
  }
  run(argv, argc);
}

/* A `;` stands alone or ends a word. */
int main(int argc, char **argv) {
  int first = 1;
  for (int i = 1; i <= argc; i++) {
    size_t n = i < argc ? strlen(argv[i]) : 0;
    if (i < argc && (!n || argv[i][n - 1] != ';')) continue;
    int end = i;
    if (n > 1) {
      argv[i][n - 1] = 0;
      end++;
    }
    char *separator = end < argc ? argv[end] : NULL;
    if (end < argc) argv[end] = NULL;
    if (end > first) command(argv + first, end - first);
    if (n > 1) argv[end] = separator;
    first = i + 1;
  }
  return worst;
}
