// SPDX-License-Identifier: Apache-2.0
/* Traffic for the benches: short TCP connections one after another, and one that pours as fast as it can.
 *
 *     traffic accept ADDRESS PORT PORTS                  serve PORTS ports from PORT on, until killed
 *     traffic connect ADDRESS PORT PORTS COUNT SECONDS   COUNT connections, or as many as SECONDS allow
 *     traffic sink ADDRESS PORT                          read and forget, until killed
 *     traffic pour ADDRESS PORT SECONDS
 *
 * A short connection bears no data and is closed by a reset: nothing dilutes the cost of its handshake, and no port
 * stays in TIME_WAIT, so a million of them need no pause. Servers say "ready" when they listen; clients end with one
 * line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 65535
#define BLOCK (1 << 17)

static char block[BLOCK];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct sockaddr_in address_of(const char *text, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		die("address");
	return address;
}

static int listen_at(const char *text, int port, int flags)
{
	struct sockaddr_in address = address_of(text, port);
	int one = 1, server = socket(AF_INET, SOCK_STREAM | flags, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof(address)) || listen(server, BACKLOG))
		die("listen");
	return server;
}

static int connect_to(const struct sockaddr_in *address)
{
	int connection = socket(AF_INET, SOCK_STREAM, 0);
	if (connection < 0)
		die("socket");
	if (connect(connection, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return connection;
	close(connection);
	return -1;
}

static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void reset(int connection)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(connection);
}

static void serve(int listener)
{
	for (;;) {
		int connection = accept4(listener, NULL, NULL, 0);
		if (connection < 0 && errno == ECONNABORTED)
			continue;
		if (connection < 0)
			return;
		close(connection);
	}
}

static void run_accept(char **words)
{
	int port = atoi(words[1]), ports = atoi(words[2]);
	int poll = epoll_create1(0);
	for (int i = 0; i < ports; i++) {
		struct epoll_event event = {.events = EPOLLIN};
		event.data.fd = listen_at(words[0], port + i, SOCK_NONBLOCK);
		if (epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event))
			die("epoll");
	}
	say_ready();
	for (;;) {
		struct epoll_event events[64];
		int count = epoll_wait(poll, events, 64, -1);
		for (int i = 0; i < count; i++)
			serve(events[i].data.fd);
	}
}

static void run_connect(char **words)
{
	int port = atoi(words[1]), ports = atoi(words[2]);
	long wanted = atol(words[3]), done = 0, failed = 0;
	double begun = now(), end = begun + atof(words[4]);
	struct sockaddr_in address = address_of(words[0], port);
	while (done + failed < wanted && ((done & 63) || now() < end)) {
		address.sin_port = htons(port + done % ports);
		int connection = connect_to(&address);
		if (connection >= 0)
			reset(connection);
		*(connection >= 0 ? &done : &failed) += 1;
	}
	printf("{\"connections\":%ld,\"failed\":%ld,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", done, failed,
	       now() - begun, cpu_seconds());
}

static void run_sink(char **words)
{
	int server = listen_at(words[0], atoi(words[1]), 0);
	say_ready();
	for (;;) {
		int connection = accept(server, NULL, NULL);
		while (connection >= 0 && recv(connection, block, BLOCK, 0) > 0)
			;
		close(connection);
	}
}

static void run_pour(char **words)
{
	struct sockaddr_in address = address_of(words[0], atoi(words[1]));
	int connection = connect_to(&address);
	if (connection < 0)
		die("connect");
	double begun = now(), end = begun + atof(words[2]);
	long long bytes = 0;
	while (now() < end) {
		ssize_t sent = send(connection, block, BLOCK, MSG_NOSIGNAL);
		if (sent <= 0)
			die("send");
		bytes += sent;
	}
	shutdown(connection, SHUT_WR);
	recv(connection, block, 1, 0); /* the sink has read everything */
	printf("{\"bytes\":%lld,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", bytes, now() - begun, cpu_seconds());
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "";
	if (!strcmp(verb, "accept") && count == 5)
		run_accept(words + 2);
	else if (!strcmp(verb, "connect") && count == 7)
		run_connect(words + 2);
	else if (!strcmp(verb, "sink") && count == 4)
		run_sink(words + 2);
	else if (!strcmp(verb, "pour") && count == 5)
		run_pour(words + 2);
	else
		return fputs("see the comment at the top of traffic.c\n", stderr), 2;
	return 0;
}
