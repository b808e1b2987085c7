// LD_PRELOAD: writes down what a process does to the files below $RECORD_ROOT, in order, into $RECORD_LOG.
// LevelDB (leveldb 1.20, env_posix.cc) writes through stdio and maps files for reading only; stdio's own calls of write(2) cannot be
// intercepted, so its buffer is ours: what fwrite_unlocked gets goes out as one write at the flush. Node's files come by libuv's calls.
// A record: op u8, pad u8, path length u16, data length u32, inode u64, offset i64, path, data; of this machine's byte order.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#undef fwrite_unlocked

enum { CREATE = 1, TRUNCATE, WRITE, SYNC, RENAME, UNLINK, DIRSYNC, MKDIR };
enum { MAX_FDS = 4096 };
#pragma pack(push, 1)
struct head { uint8_t op, pad; uint16_t path; uint32_t data; uint64_t ino; int64_t offset; };
#pragma pack(pop)
struct opened { uint64_t ino; int directory; char path[256]; FILE *stream; char *buffer; size_t used, room; };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct opened *opened[MAX_FDS];
static int log_fd = -1;
static char root[PATH_MAX];

#define REAL(name) ({ static typeof(&name) real; if (!real) real = (typeof(&name))dlsym(RTLD_NEXT, #name); real; })
#define LOCKED(type, call) ({ pthread_mutex_lock(&turn); type result_ = (call); int error_ = errno; pthread_mutex_unlock(&turn); errno = error_; result_; })

// Below the root, relative to it; NULL elsewhere and for files that hold nothing: LevelDB's own log and lock, and the room kept free.
static const char *below(const char *path) {
  if (!root[0]) {
    const char *wanted = getenv("RECORD_ROOT");
    snprintf(root, sizeof root, "%s", wanted ? wanted : "/nowhere");
  }
  size_t length = strlen(root);
  if (!path || strncmp(path, root, length)) return NULL;
  if (path[length] != '/' && path[length]) return NULL;
  const char *name = path[length] ? path + length + 1 : path + length;
  const char *last = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
  if (!strncmp(last, "LOG", 3) || !strcmp(last, "LOCK") || !strcmp(last, "reserve")) return NULL;
  return name;
}

static void note(int op, uint64_t ino, int64_t offset, const char *path, size_t path_length, const void *data, size_t length) {
  if (log_fd < 0) log_fd = REAL(open)(getenv("RECORD_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct head head = { op, 0, path_length, length, ino, offset };
  struct iovec parts[] = { { &head, sizeof head }, { (void *)path, path_length }, { (void *)data, length } };
  ssize_t want = sizeof head + path_length + length;
  if (REAL(writev)(log_fd, parts, 3) != want) abort();
}

static struct opened *of(int fd) { return fd >= 0 && fd < MAX_FDS ? opened[fd] : NULL; }
static void forget(int fd) {
  struct opened *file = of(fd);
  if (!file) return;
  free(file->buffer);
  free(file);
  opened[fd] = NULL;
}

static int recorded_open(const char *path, int flags, mode_t mode, const char *name) {
  struct stat before, now;
  int there = stat(path, &before) == 0;
  int fd = REAL(open)(path, flags, mode);
  if (fd < 0 || fd >= MAX_FDS || fstat(fd, &now)) return fd;
  forget(fd);
  struct opened *file = opened[fd] = calloc(1, sizeof *file);
  file->ino = now.st_ino;
  file->directory = S_ISDIR(now.st_mode);
  snprintf(file->path, sizeof file->path, "%s", name);
  if (!there) note(CREATE, file->ino, 0, name, strlen(name), NULL, 0);
  else if ((flags & O_TRUNC) && before.st_size > 0) note(TRUNCATE, file->ino, 0, name, strlen(name), NULL, 0);
  return fd;
}

static int open_any(const char *path, int flags, mode_t mode) {
  const char *name = below(path);
  if (!name) { int fd = REAL(open)(path, flags, mode); if (fd >= 0) LOCKED(int, (forget(fd), 0)); return fd; }
  return LOCKED(int, recorded_open(path, flags, mode, name));
}
#define MODE ({ mode_t mode_ = 0; if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode_ = va_arg(rest, mode_t); va_end(rest); } mode_; })
int open(const char *path, int flags, ...) { return open_any(path, flags, MODE); }
int open64(const char *path, int flags, ...) { return open_any(path, flags, MODE); }
int openat(int at, const char *path, int flags, ...) {
  mode_t mode = MODE;
  return at == AT_FDCWD || path[0] == '/' ? open_any(path, flags, mode) : REAL(openat)(at, path, flags, mode);
}

static ssize_t recorded_write(int fd, const void *data, size_t length, off_t at) {
  struct opened *file = of(fd);
  ssize_t done = at < 0 ? REAL(write)(fd, data, length) : REAL(pwrite64)(fd, data, length, at);
  if (file && done > 0) note(WRITE, file->ino, at < 0 ? lseek(fd, 0, SEEK_CUR) - done : at, file->path, strlen(file->path), data, done);
  return done;
}
ssize_t write(int fd, const void *data, size_t length) { return of(fd) ? LOCKED(ssize_t, recorded_write(fd, data, length, -1)) : REAL(write)(fd, data, length); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return of(fd) ? LOCKED(ssize_t, recorded_write(fd, data, length, at)) : REAL(pwrite64)(fd, data, length, at); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return pwrite64(fd, data, length, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (!of(fd)) return REAL(writev)(fd, parts, count);
  ssize_t all = 0;
  for (int i = 0; i < count; i++) {
    ssize_t done = write(fd, parts[i].iov_base, parts[i].iov_len);
    if (done < 0) return all ? all : -1;
    all += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return all;
}

// In the log the sync stands when it has come back: what it covers is on disk from here on, and not before.
static int recorded_sync(int fd, int (*sync)(int)) {
  struct opened *file = of(fd);
  int result = sync(fd);
  if (result == 0 && file) note(file->directory ? DIRSYNC : SYNC, file->ino, 0, file->path, strlen(file->path), NULL, 0);
  return result;
}
int fsync(int fd) { return of(fd) ? LOCKED(int, recorded_sync(fd, REAL(fsync))) : REAL(fsync)(fd); }
int fdatasync(int fd) { return of(fd) ? LOCKED(int, recorded_sync(fd, REAL(fdatasync))) : REAL(fdatasync)(fd); }

static int recorded_truncate(int fd, off64_t length) {
  struct opened *file = of(fd);
  int result = REAL(ftruncate64)(fd, length);
  if (result == 0 && file) note(TRUNCATE, file->ino, length, file->path, strlen(file->path), NULL, 0);
  return result;
}
int ftruncate64(int fd, off64_t length) { return LOCKED(int, recorded_truncate(fd, length)); }
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int recorded_rename(const char *from, const char *to) {
  const char *a = below(from), *b = below(to);
  int result = REAL(rename)(from, to);
  if (result || !a || !b) return result;
  char both[2 * PATH_MAX];
  int length = snprintf(both, sizeof both, "%s%c%s", a, 0, b);
  note(RENAME, 0, 0, both, length, NULL, 0);
  return result;
}
int rename(const char *from, const char *to) { return LOCKED(int, recorded_rename(from, to)); }

static int recorded_unlink(const char *path, int (*gone)(const char *)) {
  const char *name = below(path);
  int result = gone(path);
  if (result == 0 && name) note(UNLINK, 0, 0, name, strlen(name), NULL, 0);
  return result;
}
int unlink(const char *path) { return LOCKED(int, recorded_unlink(path, REAL(unlink))); }
int remove(const char *path) { return LOCKED(int, recorded_unlink(path, REAL(remove))); }
static int recorded_mkdir(const char *path, mode_t mode) {
  const char *name = below(path);
  int result = REAL(mkdir)(path, mode);
  if (result == 0 && name) note(MKDIR, 0, 0, name, strlen(name), NULL, 0);
  return result;
}
int mkdir(const char *path, mode_t mode) { return LOCKED(int, recorded_mkdir(path, mode)); }
int close(int fd) {
  if (of(fd)) LOCKED(int, (forget(fd), 0));
  return REAL(close)(fd);
}

static FILE *open_stream(const char *path, const char *mode) {
  const char *name = below(path);
  if (!name || mode[0] == 'r') return REAL(fopen)(path, mode);
  int fd = open_any(path, O_WRONLY | O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC), 0666);
  if (fd < 0) return NULL;
  FILE *stream = fdopen(fd, mode);
  if (of(fd)) of(fd)->stream = stream;
  return stream;
}
FILE *fopen(const char *path, const char *mode) { return open_stream(path, mode); }
FILE *fopen64(const char *path, const char *mode) { return open_stream(path, mode); }
static struct opened *behind(FILE *stream) {
  struct opened *file = of(fileno(stream));
  return file && file->stream == stream ? file : NULL;
}
static int drain(FILE *stream) {
  struct opened *file = behind(stream);
  if (!file || file->used == 0) return 0;
  ssize_t done = recorded_write(fileno(stream), file->buffer, file->used, -1);
  if (done == (ssize_t)file->used) { file->used = 0; return 0; }
  return EOF;
}
static size_t keep(struct opened *file, const void *data, size_t length) {
  if (file->used + length > file->room) {
    file->room = 2 * (file->used + length);
    file->buffer = realloc(file->buffer, file->room);
  }
  memcpy(file->buffer + file->used, data, length);
  file->used += length;
  return length;
}
size_t fwrite_unlocked(const void *data, size_t size, size_t count, FILE *stream) {
  struct opened *file = behind(stream);
  return file ? LOCKED(size_t, keep(file, data, size * count) / (size ? size : 1)) : REAL(fwrite_unlocked)(data, size, count, stream);
}
int fflush_unlocked(FILE *stream) { return stream && behind(stream) ? LOCKED(int, drain(stream)) : REAL(fflush_unlocked)(stream); }
int fclose(FILE *stream) {
  int fd = fileno(stream);
  int failed = behind(stream) ? LOCKED(int, (drain(stream))) : 0;
  LOCKED(int, (forget(fd), 0));
  return REAL(fclose)(stream) || failed ? EOF : 0;
}
