/* nooksctl fail NAME: tells the recovery manager that an extension has failed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char command[64];
  if (argc != 3 || strcmp(argv[1], "fail")) {
    printf("usage: nooksctl fail NAME\n");
    return 2;
  }
  int fd = open("/dev/nooks", O_WRONLY);
  snprintf(command, sizeof(command), "fail %s", argv[2]);
  if (fd < 0 || write(fd, command, strlen(command)) < 0) {
    printf("nooksctl: %s: %s\n", argv[2], strerror(errno));
    return 1;
  }
  return 0;
}
