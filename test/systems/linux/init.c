/*
 * The first and only program of a Debian Linux kernel that boots on the machine (docs/booting.md): loads the kernel's
 * own e1000 driver from the initramfs, gives the card an address, pings the far end of the wire and says how it went;
 * then ends the run through port 0xF4 with 0, or 1 for what failed. Static, for 32-bit Linux; built by initrd.mjs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define INTERFACE "eth0"
#define OURS "10.0.0.1"
#define THEIRS "10.0.0.2"
#define PINGS 4
#define EXIT_PORT 0xf4

static void finish(int code)
{
	fflush(stdout);
	usleep(200000); /* the serial port is slow */
	if (ioperm(EXIT_PORT, 1, 1) == 0)
		outb(code, EXIT_PORT);
	for (;;)
		pause();
}

static void fail(const char *what)
{
	printf("init: %s: %s\n", what, strerror(errno));
	finish(1);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
		fail(path);
	close(fd);
}

static void set_address(int s, unsigned long request, const char *address)
{
	struct ifreq ifr = { .ifr_name = INTERFACE };
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr;

	in->sin_family = AF_INET;
	inet_aton(address, &in->sin_addr);
	if (ioctl(s, request, &ifr) != 0)
		fail("address");
}

static void interface_up(void)
{
	struct ifreq ifr = { .ifr_name = INTERFACE };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0 || ioctl(s, SIOCGIFHWADDR, &ifr) != 0)
		fail(INTERFACE);
	unsigned char *mac = (unsigned char *)ifr.ifr_hwaddr.sa_data;
	printf("init: %s is %02x:%02x:%02x:%02x:%02x:%02x\n", INTERFACE, mac[0], mac[1], mac[2], mac[3], mac[4],
	       mac[5]);
	set_address(s, SIOCSIFADDR, OURS);
	set_address(s, SIOCSIFNETMASK, "255.255.255.0");
	if (ioctl(s, SIOCGIFFLAGS, &ifr) != 0)
		fail("flags");
	ifr.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) != 0)
		fail("up");
	for (int tries = 0; tries < 100; tries++) {
		if (ioctl(s, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_RUNNING))
			break;
		usleep(100000);
	}
	printf("init: link is %s\n", ifr.ifr_flags & IFF_RUNNING ? "up" : "down");
	close(s);
}

static unsigned short checksum(const unsigned short *p, int bytes)
{
	unsigned sum = 0;

	for (; bytes > 1; bytes -= 2)
		sum += *p++;
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

/* One echo request; true if its answer came within a second. */
static int ping(int s, int sequence)
{
	unsigned char packet[64] = { 0 }, answer[256];
	struct icmphdr *icmp = (struct icmphdr *)packet;
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct timespec start, end;

	inet_aton(THEIRS, &to.sin_addr);
	icmp->type = ICMP_ECHO;
	icmp->un.echo.id = htons(0x6e6b);
	icmp->un.echo.sequence = htons(sequence);
	for (unsigned i = sizeof *icmp; i < sizeof packet; i++)
		packet[i] = i;
	icmp->checksum = checksum((unsigned short *)packet, sizeof packet);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (sendto(s, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to) != sizeof packet)
		fail("send");
	for (;;) {
		int got = recv(s, answer, sizeof answer, 0);
		if (got < 0)
			return 0;
		struct icmphdr *reply = (struct icmphdr *)(answer + 20);
		if (got != 20 + (int)sizeof packet || reply->type != ICMP_ECHOREPLY || reply->un.echo.sequence != icmp->un.echo.sequence)
			continue;
		if (memcmp(answer + 28, packet + 8, sizeof packet - 8) != 0)
			fail("the answer's data differ");
		clock_gettime(CLOCK_MONOTONIC, &end);
		long us = (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
		printf("init: %d bytes from %s: seq=%d time=%ld us\n", (int)sizeof packet, THEIRS, sequence, us);
		return 1;
	}
}

int main(void)
{
	struct utsname u;
	struct timeval second = { .tv_sec = 1 };
	int answers = 0;

	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	mount("proc", "/proc", "proc", 0, "");
	uname(&u);
	printf("init: %s %s %s\n", u.sysname, u.release, u.machine);
	load_module("/e1000.ko");
	interface_up();
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (s < 0)
		fail("raw socket");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
	for (int n = 1; n <= PINGS; n++)
		answers += ping(s, n);
	printf("init: %d of %d pings answered\n", answers, PINGS);
	finish(answers == PINGS ? 0 : 1);
}
