/*
 * xpcuser: uses /dev/xpctest (drivers/test/xpctest.c) in every way, and prints `xpcuser: NAME ok` or `wrong`.
 * xpcuser hang | fault: one process waits in the driver for ever, or the driver fails under us; both must
 * come back with an error when the driver is recovered.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADD 1
#define FAULT 2
#define HANG 3
#define LOCK 4
#define UNLOCK 5

static int worst;

static void expect(const char *name, int right) {
  printf("xpcuser: %s %s\n", name, right ? "ok" : "wrong");
  if (!right) worst = 1;
}

static void test_files(void) {
  char buf[16];
  int fd = open("/dev/xpctest2", O_RDWR), other = open("/dev/xpctest", O_RDWR);
  expect("private data is each file's", ioctl(fd, ADD, NULL) == 9 && ioctl(other, ADD, NULL) == 7);
  expect("unknown ioctl", ioctl(fd, 77, NULL) == -1 && errno == ENOTTY);
  expect("write", write(fd, "HELLO", 5) == 5);
  expect("read", read(other, buf, 2) == 2 && !memcmp(buf, "he", 2));
  expect("read goes on at the position", read(other, buf, 9) == 3 && !memcmp(buf, "llo", 3));
  expect("end of file", read(other, buf, 9) == 0);
  expect("bad user address", write(fd, (char *)0x10, 5) == -1 && errno == EFAULT);
  close(fd);
  close(other);
}

/* A child takes the semaphore first; we must wait for it. */
static void test_semaphore(void) {
  int fd = open("/dev/xpctest", O_RDWR), status;
  ioctl(fd, LOCK, NULL);
  pid_t child = fork();
  if (child == 0) {
    ioctl(fd, LOCK, NULL);
    printf("xpcuser: child has the semaphore\n");
    ioctl(fd, UNLOCK, NULL);
    _exit(0);
  }
  sleep_ms(50);
  printf("xpcuser: parent gives it back\n");
  ioctl(fd, UNLOCK, NULL);
  expect("semaphore", waitpid(child, &status, 0) == child && status == 0);
}

static void test_failure(unsigned cmd) {
  int fd = open("/dev/xpctest", O_RDWR);
  int result = ioctl(fd, cmd, NULL), error = errno;
  expect("call in a failed driver", result == -1 && error == EIO);
  sleep_ms(200);
  expect("file of a failed driver", ioctl(fd, ADD, NULL) == -1 && errno == EIO);
  close(fd);
  fd = open("/dev/xpctest", O_RDWR);
  expect("driver is back", ioctl(fd, ADD, NULL) == 7);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    test_failure(!strcmp(argv[1], "hang") ? HANG : FAULT);
  } else {
    test_files();
    test_semaphore();
  }
  return worst;
}
