/* A Modbus TCP server that is never the slow one: epoll, one thread, and with "spin" it does not even sleep. Arguments: CHANGING [spin],
   CHANGING registers in a hundred. Register r of a unit is r + the number of that unit's polls where it changes, r elsewhere. A unit above
   200 is dead. Prints its port; on a line on stdin, the milliseconds at which each of the units 1 to 16 was asked since the last line. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kept = 40000 };
static uint32_t polls[256];
static int changing;
static double asked[17][kept];
static int times[17];

static double ms(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }

static int answer(const uint8_t *in, uint8_t *out) {
  int unit = in[6], start = in[8] << 8 | in[9], count = in[10] << 8 | in[11];
  if (unit > 200) return 0;
  if (unit < 17 && times[unit] < kept) asked[unit][times[unit]++] = ms();
  uint16_t n = (uint16_t)++polls[unit];
  memcpy(out, in, 8);
  out[4] = 0; out[5] = (uint8_t)(3 + count * 2); out[8] = (uint8_t)(count * 2);
  for (int i = 0; i < count; i++) {
    int r = start + i;
    uint16_t value = (uint16_t)(changing && r % (100 / changing) == 0 ? r + n : r);
    out[9 + i * 2] = value >> 8; out[10 + i * 2] = value & 255;
  }
  return 9 + count * 2;
}

int main(int argc, char **argv) {
  changing = argc > 1 ? atoi(argv[1]) : 10;
  int server = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  if (bind(server, (struct sockaddr *)&address, size) || listen(server, 64) || getsockname(server, (struct sockaddr *)&address, &size)) return 1;
  printf("{\"port\":%d}\n", ntohs(address.sin_port)); fflush(stdout);
  int poll = epoll_create1(0);
  struct epoll_event event = { .events = EPOLLIN, .data.fd = server }, events[64];
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &event);
  event.data.fd = 0; epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event);
  static uint8_t in[65536], out[65536];
  static struct { uint8_t bytes[4096]; int length; } rest[1024];
  for (;;) {
    int ready = epoll_wait(poll, events, 64, argc > 2 ? 0 : -1);
    for (int e = 0; e < ready; e++) {
      int fd = events[e].data.fd;
      if (fd == server) {
        int client = accept(server, NULL, NULL);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        event.events = EPOLLIN; event.data.fd = client; rest[client].length = 0;
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      if (fd == 0) {
        if (read(0, in, sizeof in) <= 0) return 0;
        printf("[");
        for (int u = 1; u <= 16; u++) { printf("%s[", u > 1 ? "," : ""); for (int i = 0; i < times[u]; i++) printf("%s%.3f", i ? "," : "", asked[u][i]); printf("]"); times[u] = 0; }
        printf("]\n"); fflush(stdout);
        continue;
      }
      int kept = rest[fd].length;
      memcpy(in, rest[fd].bytes, kept);
      int got = recv(fd, in + kept, sizeof in - kept, 0);
      if (got <= 0) { close(fd); continue; }
      int have = kept + got, at = 0, length = 0;
      while (have - at >= 12 && length < (int)sizeof out - 300) { length += answer(in + at, out + length); at += 12; }
      memcpy(rest[fd].bytes, in + at, rest[fd].length = have - at);
      if (length && send(fd, out, length, MSG_NOSIGNAL) < 0) close(fd);
    }
  }
}
