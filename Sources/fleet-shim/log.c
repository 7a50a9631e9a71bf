// What the kernel prints goes to its log, which is rotated between lines. A full disk costs lines, never the kernel.

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int directory = -1, file = -1;
static char name[NAME_MAX + 1];
static long long limit, keep, age;
static long long size, lost, kept_back;  // kept_back: bytes that the file has from before rotations which failed
static time_t born;
static bool mid_line, rotation_asked, skipping;
static int lost_because;

// A flood is read at 16 MiB a second, in small portions: it is rotated away within seconds anyhow, and whoever reads and
// writes it as quickly as it comes takes processors and the disk from the others (their p99 was 4 times as long, and is
// 1.1 times). The kernel that floods waits for its own pipe.
enum { BYTES_A_MS = 16 << 10, BURST = 32 << 20, PORTION = 128 << 10 };
static long long credit = BURST, counted_at;  // bytes, ms

static time_t now(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time.tv_sec;
}

static long long monotonic(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void split_path(char *path) {
  char *slash = strrchr(path, '/');
  // Room is left for ".NUMBER".
  if ((size_t)snprintf(name, sizeof name, "%s", slash ? slash + 1 : path) > sizeof name - 8 || !name[0])
    fail("log", ENAMETOOLONG, "%s is no usable log file", path);
  if (slash) *slash = 0;
  directory = open(!slash ? "." : slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (directory < 0) fail("log", errno, "cannot open the directory of the log, %s", path);
  if (slash) *slash = '/';
}

// Not blocking, in case that it is no file: of a file that makes no difference.
static int create(const char *path, int flags) {
  return openat(directory, path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
}

// The age of a log that an earlier run began counts from its birth, where the file system remembers it.
static time_t birth_of(int fd) {
  struct statx info;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &info) == 0 && (info.stx_mask & STATX_BTIME))
    return (time_t)info.stx_btime.tv_sec;
  return now();
}

static void append(const char *bytes, size_t count);

static void name_fresh(char *fresh, size_t room) { snprintf(fresh, room, "%s.new", name); }

static void name_old(char *old, size_t room, long long number) { snprintf(old, room, "%s.%lld", name, number); }

// Files of an earlier run that kept more; a gap ends them.
static void forget_needless(void) {
  char old[NAME_MAX + 32];
  long long number = keep + 1;
  do name_old(old, sizeof old, number++);
  while (unlinkat(directory, old, 0) == 0);
  name_fresh(old, sizeof old);
  unlinkat(directory, old, 0);
}

void log_open(const struct options *options) {
  counted_at = monotonic();
  limit = options->log_size;
  keep = options->log_keep;
  age = options->log_age;
  split_path(options->log);
  file = create(name, 0);
  struct stat info;
  if (file < 0 || fstat(file, &info) < 0) fail("log", errno, "cannot open %s", options->log);
  if (!S_ISREG(info.st_mode)) fail("log", EINVAL, "%s is no regular file", options->log);
  size = info.st_size;
  born = birth_of(file);
  char last = '\n';
  forget_needless();
  if (size > 0 && pread(file, &last, 1, size - 1) == 1 && last != '\n') append("\n", 1);
}

static void lose(const char *bytes, size_t count, int error) {
  lost += (long long)count;
  lost_because = error;
  skipping = bytes[count - 1] != '\n';
}

static size_t put(const char *bytes, size_t count) {
  size_t done = 0;
  while (done < count) {
    ssize_t written = write(file, bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += (size_t)written;
  }
  if (done > 0) mid_line = bytes[done - 1] != '\n';
  size += (long long)done;
  return done;
}

// After a loss the log goes on with a line that says so, and then with the next whole line.
static bool confess(void) {
  static long long confessed;
  if (lost == confessed) return true;
  char line[160];
  struct text text = text_in(line, sizeof line);
  text_add(&text, "%s[fleet-shim: %lld bytes of output were lost: %s]\n", mid_line ? "\n" : "", lost - confessed,
           strerror(lost_because));
  if (put(text.bytes, text.used) < text.used) return false;
  confessed = lost;
  return true;
}

static void append(const char *bytes, size_t count) {
  if (skipping) {
    const char *end = memchr(bytes, '\n', count);
    size_t rest = end ? (size_t)(end - bytes) + 1 : count;
    lose(bytes, rest, lost_because);
    bytes += rest;
    count -= rest;
  }
  if (count == 0) return;
  if (!confess()) return lose(bytes, count, errno);
  size_t done = put(bytes, count);
  if (done < count) lose(bytes + done, count - done, errno);
}

static void shift_old(void) {
  char from[NAME_MAX + 32], to[NAME_MAX + 32];
  for (long long number = keep - 1; number >= 1; number--) {
    name_old(from, sizeof from, number);
    name_old(to, sizeof to, number + 1);
    renameat(directory, from, directory, to);
  }
}

// A new file under a name of its own, before any other is touched; if the disk has no place for one more file, the oldest
// is used again.
static int fresh_file(const char *fresh) {
  unlinkat(directory, fresh, 0);
  int made = create(fresh, O_EXCL);
  if (made >= 0 || keep == 0) return made;
  char oldest[NAME_MAX + 32];
  long long number = keep + 1;
  do name_old(oldest, sizeof oldest, --number);
  while (number > 1 && renameat(directory, oldest, directory, fresh) < 0);
  made = openat(directory, fresh, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat info;
  // The name may have been anything; only a file is cut to nothing.
  if (made >= 0 && fstat(made, &info) == 0 && S_ISREG(info.st_mode) && ftruncate(made, 0) == 0) return made;
  if (made >= 0) close(made);
  return -1;
}

static bool replace_file(void) {
  char first[NAME_MAX + 32], fresh[NAME_MAX + 32];
  name_old(first, sizeof first, 1);
  name_fresh(fresh, sizeof fresh);
  int made = fresh_file(fresh);
  if (made < 0) return false;
  if (keep > 0) {
    shift_old();
    renameat(directory, name, directory, first);  // somebody may have removed it
  }
  if (renameat(directory, fresh, directory, name) < 0) {
    close(made);
    if (keep > 0) renameat(directory, first, directory, name);
    return false;
  }
  close(file);
  file = made;
  return true;
}

// When a rotation fails the file goes on, and the next attempt comes after as much again; when it has become as large as
// all files together may be, it begins anew.
static void rotate(void) {
  if (replace_file()) {
    kept_back = 0;
  } else {
    kept_back += size;
    if (limit > 0 && kept_back >= (keep + 1) * limit && ftruncate(file, 0) == 0) {
      lost += kept_back;
      lost_because = ENOSPC;
      kept_back = 0;
    }
  }
  size = 0;
  born = now();
  mid_line = false;
}

// How many of the bytes still belong to the present file; `*full` when it is to be rotated after them.
static size_t cut(const char *bytes, size_t count, bool at_once, bool *full) {
  size_t room = at_once || size >= limit ? 0 : (size_t)(limit - size);
  *full = true;
  if (room > count) room = count;
  const char *end = room ? memrchr(bytes, '\n', room) : NULL;
  if (end) return (size_t)(end - bytes) + 1;
  if (!mid_line && size > 0) return 0;
  end = memchr(bytes, '\n', count);  // the end of a line that began in this file, or is longer than a file
  if (end) return (size_t)(end - bytes) + 1;
  // A program that never ends its line must not fill the disk.
  *full = limit > 0 && size + (long long)count > 2 * limit;
  return count;
}

// How many ms the output is to be left alone; 0: it may be read.
int log_patience(void) {
  if (credit > 0) return 0;
  long long moment = monotonic();
  credit += (moment - counted_at) * BYTES_A_MS;
  if (credit > BURST) credit = BURST;
  counted_at = moment;
  return credit >= PORTION ? 0 : (int)((PORTION - credit) / BYTES_A_MS) + 1;
}

void log_take(const char *bytes, size_t count) {
  credit -= (long long)count;
  while (count > 0) {
    bool at_once = size > 0 && (rotation_asked || (age > 0 && now() - born >= age));
    if (!at_once && (limit == 0 || size + (long long)count <= limit)) return append(bytes, count);
    bool full;
    size_t part = cut(bytes, count, at_once, &full);
    if (part > 0) append(bytes, part);
    if (full) {
      rotation_asked = false;
      rotate();
    }
    bytes += part;
    count -= part;
  }
}

// Between lines at once, else after the line.
void log_rotate_soon(void) {
  rotation_asked = size > 0 && mid_line;
  if (size > 0 && !mid_line) rotate();
}

long long log_lost(void) { return lost; }
