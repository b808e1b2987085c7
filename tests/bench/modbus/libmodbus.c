/* libmodbus doing the bare read: FC3 of 100 registers, CONNECTIONS threads, for MS milliseconds. Arguments: PORT CONNECTIONS MS. Prints polls a second. */
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/resource.h>

static int port, ms;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }

static void *run(void *unit) {
  modbus_t *ctx = modbus_new_tcp("127.0.0.1", port);
  uint16_t registers[125];
  modbus_set_slave(ctx, (int)(long)unit);
  if (modbus_connect(ctx)) { perror("connect"); exit(1); }
  long polls = 0;
  for (double end = now() + ms; now() < end; polls++) if (modbus_read_registers(ctx, 0, 100, registers) != 100) { perror("read"); exit(1); }
  modbus_close(ctx);
  return (void *)polls;
}

int main(int argc, char **argv) {
  (void)argc; port = atoi(argv[1]); ms = atoi(argv[3]);
  int connections = atoi(argv[2]);
  pthread_t threads[64];
  double began = now();
  for (long i = 0; i < connections; i++) pthread_create(&threads[i], NULL, run, (void *)(i + 1));
  long polls = 0;
  for (int i = 0; i < connections; i++) { void *result; pthread_join(threads[i], &result); polls += (long)result; }
  struct rusage used; getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"perSecond\":%f,\"cpuUs\":%f}\n", polls / ((now() - began) / 1e3), cpu * 1e6 / polls);
}
