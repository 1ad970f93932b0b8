/* The smallest program: says hello and ends. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  printf("hello from ring 3, process %d", getpid());
  for (int i = 1; i < argc; i++) printf(" %s", argv[i]);
  printf("\n");
  return 0;
}
