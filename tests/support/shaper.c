/* A serial line with the speed of a serial line: between a gateway's pty and a device's pty it lets every character take its time, the
   device its turnaround, and notes a request that came before the silence of 3.5 characters was over (a real device would not know it for
   a frame). Arguments: BAUD BITS TURNAROUND_MS. Prints the two ptys; on a line on stdin, what it has seen. A unit above 200 is dead. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static double ms(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }

static void until(double at) {
  double left = at - ms();
  if (left > 0.3) { struct timespec t = { 0, 0 }; double sleep = left - 0.2; t.tv_sec = sleep / 1e3; t.tv_nsec = (long)(sleep * 1e6) % 1000000000; nanosleep(&t, NULL); }
  while (ms() < at) { }
}

static int terminal(char *name) {
  int fd = posix_openpt(O_RDWR | O_NOCTTY);
  struct termios raw;
  grantpt(fd); unlockpt(fd); strcpy(name, ptsname(fd));
  /* Kept open, so that the line survives its users. */
  int other = open(name, O_RDWR | O_NOCTTY);
  tcgetattr(other, &raw); cfmakeraw(&raw); tcsetattr(other, TCSANOW, &raw);
  return fd;
}

/* Bytes reach the other end in lots, as an adapter with a latency of a millisecond hands them on. */
/* Returns when the last byte was due to go, so that a scheduler that comes between does not count against the gateway. */
static double play(int fd, const uint8_t *bytes, int count, double start, double character) {
  int per = character >= 1 ? 1 : (int)(1 / character) + 1;
  double at = start;
  for (int sent = 0; sent < count; sent += per) {
    int lot = count - sent < per ? count - sent : per;
    until(start + (sent + lot) * character);
    at = ms();
    if (write(fd, bytes + sent, lot) < 0) exit(0);
  }
  return at;
}

int main(int argc, char **argv) {
  (void)argc;
  double character = atof(argv[2]) * 1e3 / atof(argv[1]), turnaround = atof(argv[3]);
  double silence = atof(argv[1]) > 19200 ? 1.75 : 3.5 * character;
  char gateway[64], device[64];
  int master = terminal(gateway), server = terminal(device);
  long requests = 0, early = 0;
  double free_at = 0, began = 0, last = 0;
  printf("{\"gateway\":\"%s\",\"device\":\"%s\"}\n", gateway, device); fflush(stdout);
  for (;;) {
    struct pollfd ready[2] = { { master, POLLIN, 0 }, { 0, POLLIN, 0 } };
    poll(ready, 2, -1);
    if (ready[1].revents) {
      char line[64];
      if (read(0, line, sizeof line) <= 0) return 0;
      printf("{\"requests\":%ld,\"early\":%ld,\"ms\":%f}\n", requests, early, last - began); fflush(stdout);
      requests = early = 0; began = 0;
    }
    if (!ready[0].revents) continue;
    uint8_t request[256], reply[256];
    int length = 0;
    double start = ms();
    if (requests == 0) began = start;
    last = start;
    requests++;
    /* 0.1 ms: what this machine's clock and scheduler may be off. */
    if (start < free_at + silence - 0.1) early++;
    while (length < 8) { int more = read(master, request + length, 8 - length); if (more <= 0) return 0; length += more; }
    double sent = start + length * character;
    until(sent);
    free_at = sent;
    if (request[0] > 200) continue;
    if (write(server, request, length) < 0) return 0;
    int want = request[1] <= 2 ? 5 + ((request[4] << 8 | request[5]) + 7) / 8 : request[1] <= 4 ? 5 + 2 * (request[4] << 8 | request[5]) : 8, have = 0;
    struct pollfd answer = { server, POLLIN, 0 };
    while (have < want && poll(&answer, 1, 200) > 0) {
      int more = read(server, reply + have, sizeof reply - have);
      if (more <= 0) return 0;
      have += more;
      if (have >= 5 && reply[1] & 0x80) want = 5;
    }
    free_at = play(master, reply, have, sent + silence + turnaround, character);
  }
}
