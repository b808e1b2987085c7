/* A Modbus server on libmodbus: an implementation of the protocol that nobody here wrote. Arguments: PORT, or PATH BAUD PARITY UNIT... for RTU. */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <poll.h>
#include <sys/select.h>

static void serve_rtu(int argc, char **argv, modbus_mapping_t *map) {
  modbus_t *ctx = modbus_new_rtu(argv[1], atoi(argv[2]), argv[3][0], 8, 1);
  uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
  if (modbus_connect(ctx) < 0) { perror("connect"); exit(1); }
  printf("ready\n"); fflush(stdout);
  /* modbus_receive() hears one unit only; here one process stands for several, so it is told each request's unit before it answers. */
  for (int have = 0;;) {
    struct pollfd line = { modbus_get_socket(ctx), POLLIN, 0 };
    poll(&line, 1, -1);
    int more = read(line.fd, query + have, sizeof query - have);
    if (more <= 0) exit(0);
    have += more;
    int want = have < 7 ? 8 : query[1] == 15 || query[1] == 16 ? 9 + query[6] : query[1] == 22 ? 10 : query[1] == 23 ? have < 11 ? 13 : 13 + query[10] : 8;
    if (have < want) continue;
    for (int i = 4; i < argc; i++) if (query[0] == atoi(argv[i])) { modbus_set_slave(ctx, query[0]); modbus_reply(ctx, query, want, map); }
    memmove(query, query + want, have -= want);
  }
}

int main(int argc, char **argv) {
  modbus_mapping_t *map = modbus_mapping_new(64, 64, 512, 512);
  /* XY-MD02 at 1 and 2: 21.5 degrees below zero, 48.2 %. */
  map->tab_input_registers[1] = (uint16_t)-215;
  map->tab_input_registers[2] = 482;
  /* 230.1 as a float, high word first; 70000 as u32, low word first; -2 as s32; 2^40 as u64. */
  map->tab_input_registers[10] = 0x4366;
  map->tab_input_registers[11] = 0x199a;
  map->tab_input_registers[12] = 70000 & 0xffff;
  map->tab_input_registers[13] = 70000 >> 16;
  map->tab_input_registers[14] = 0xffff;
  map->tab_input_registers[15] = 0xfffe;
  map->tab_input_registers[17] = 0x0100;
  map->tab_input_registers[20] = 0x0008;
  map->tab_input_bits[3] = 1;
  if (argc > 2) serve_rtu(argc, argv, map);
  modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  int server = modbus_tcp_listen(ctx, 8);
  if (server < 0) { perror("listen"); return 1; }
  printf("ready\n"); fflush(stdout);
  fd_set all, ready; FD_ZERO(&all); FD_SET(server, &all);
  int max = server;
  for (;;) {
    ready = all;
    if (select(max + 1, &ready, NULL, NULL, NULL) < 0) return 1;
    for (int fd = 0; fd <= max; fd++) {
      if (!FD_ISSET(fd, &ready)) continue;
      if (fd == server) {
        int client = modbus_tcp_accept(ctx, &server);
        if (client >= 0) { FD_SET(client, &all); if (client > max) max = client; }
        continue;
      }
      uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
      modbus_set_socket(ctx, fd);
      int length = modbus_receive(ctx, query);
      if (length > 0) modbus_reply(ctx, query, length, map);
      else if (length < 0) { close(fd); FD_CLR(fd, &all); }
    }
  }
}
