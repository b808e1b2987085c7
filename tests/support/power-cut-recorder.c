/* LD_PRELOAD: writes down, in order, what a process does to the files below DISK_ROOT, into DISK_LOG. Entries: one text line
 * "<op> <length of path> <offset> <length of data>\n", path, data. C create or truncate, W write, S fsync, R rename (data: new path),
 * U unlink, T set length (offset). The log itself is written past the interposed functions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FDS 4096
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char *names[MAX_FDS];
static int log_fd = -1;
static const char *root;

__attribute__((constructor)) static void begin(void) {
  root = getenv("DISK_ROOT");
  const char *file = getenv("DISK_LOG");
  if (root && file) log_fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
  if (log_fd < 0 || !path || strncmp(path, root, strlen(root)) != 0) return 0;
  const char *name = strrchr(path, '/');
  return strcmp(name, "/LOG") != 0 && strcmp(name, "/LOG.old") != 0 && strcmp(name, "/LOCK") != 0 && strcmp(name, "/reserve") != 0;
}
static const char *name_of(int fd) { return fd >= 0 && fd < MAX_FDS ? names[fd] : NULL; }
static void put(const void *bytes, size_t length) {
  for (const char *at = bytes; length > 0;) {
    ssize_t n = syscall(SYS_write, log_fd, at, length);
    if (n <= 0) abort();
    at += n;
    length -= n;
  }
}
static void note(char op, const char *path, off_t offset, const void *data, size_t length) {
  char line[64];
  int n = snprintf(line, sizeof line, "%c %zu %lld %zu\n", op, strlen(path), (long long)offset, length);
  put(line, n);
  put(path, strlen(path));
  put(data, length);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define GUARDED(expression) ({ pthread_mutex_lock(&lock); __typeof__(expression) result_ = (expression); result_; })
#define DONE(value) do { pthread_mutex_unlock(&lock); return value; } while (0)

static void opened(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= MAX_FDS) return;
  free(names[fd]);
  names[fd] = ours(path) ? strdup(path) : NULL;
  if (names[fd] && (flags & O_ACCMODE) != O_RDONLY && (flags & (O_CREAT | O_TRUNC))) note('C', path, (flags & O_TRUNC) ? 1 : 0, "", 0);
}
static void forgotten(int fd) {
  pthread_mutex_lock(&lock);
  if (fd >= 0 && fd < MAX_FDS) { free(names[fd]); names[fd] = NULL; }
  pthread_mutex_unlock(&lock);
}
#define OPEN(name) int name(const char *path, int flags, ...) { \
  REAL(name); va_list rest; va_start(rest, flags); int mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, int) : 0; va_end(rest); \
  int fd = GUARDED(real(path, flags, mode)); opened(fd, path, flags); DONE(fd); }
OPEN(open)
OPEN(open64)

int close(int fd) { REAL(close); forgotten(fd); return real(fd); }
ssize_t write(int fd, const void *data, size_t length) {
  REAL(write);
  if (!name_of(fd)) return real(fd, data, length);
  ssize_t n = GUARDED(real(fd, data, length));
  if (n > 0) note('W', names[fd], lseek(fd, 0, SEEK_CUR) - n, data, n);
  DONE(n);
}
#define PWRITE(name, offset_t) ssize_t name(int fd, const void *data, size_t length, offset_t offset) { \
  REAL(name); if (!name_of(fd)) return real(fd, data, length, offset); \
  ssize_t n = GUARDED(real(fd, data, length, offset)); \
  if (n > 0) note('W', names[fd], offset, data, n); \
  DONE(n); }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  if (!name_of(fd)) return real(fd, parts, count);
  ssize_t total = 0;
  for (int i = 0; i < count; i++) { ssize_t n = write(fd, parts[i].iov_base, parts[i].iov_len); if (n < 0) return total ? total : n; total += n; }
  return total;
}
#define SYNC(name) int name(int fd) { REAL(name); int r = GUARDED(real(fd)); \
  if (r == 0 && name_of(fd)) note('S', names[fd], 0, "", 0); \
  DONE(r); }
SYNC(fsync)
SYNC(fdatasync)
#define TRUNCATE(name, offset_t) int name(int fd, offset_t length) { REAL(name); int r = GUARDED(real(fd, length)); \
  if (r == 0 && name_of(fd)) note('T', names[fd], length, "", 0); \
  DONE(r); }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)
int rename(const char *from, const char *to) {
  REAL(rename);
  int r = GUARDED(real(from, to));
  if (r == 0 && ours(from)) note('R', from, 0, to, strlen(to));
  DONE(r);
}
int unlink(const char *path) {
  REAL(unlink);
  int r = GUARDED(real(path));
  if (r == 0 && ours(path)) note('U', path, 0, "", 0);
  DONE(r);
}

/* LevelDB writes by stdio; without a buffer each of its writes is one of ours. */
#undef fwrite_unlocked
#define FOPEN(name) FILE *name(const char *path, const char *mode) { \
  REAL(name); FILE *file = GUARDED(real(path, mode)); \
  if (file) { opened(fileno(file), path, *mode == 'w' ? O_WRONLY | O_CREAT | O_TRUNC : *mode == 'a' ? O_WRONLY | O_CREAT : O_RDONLY); \
    if (*mode != 'r' && name_of(fileno(file))) setvbuf(file, NULL, _IONBF, 0); } \
  DONE(file); }
FOPEN(fopen)
FOPEN(fopen64)
#define FWRITE(name) size_t name(const void *data, size_t size, size_t count, FILE *file) { \
  REAL(name); if (!name_of(fileno(file))) return real(data, size, count, file); \
  size_t n = GUARDED(real(data, size, count, file)); \
  if (n > 0) note('W', names[fileno(file)], ftello(file) - (off_t)(n * size), data, n * size); \
  DONE(n); }
FWRITE(fwrite)
FWRITE(fwrite_unlocked)
int fclose(FILE *file) { REAL(fclose); forgotten(fileno(file)); return real(file); }
