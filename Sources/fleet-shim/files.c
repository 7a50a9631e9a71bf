// The files of one kernel: the lock that proves life, the pid, and how it ended.

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int directory = -1;
static int lock = -1;
static int reserve = -1;
static bool owned;  // the lock is ours: nothing of another shim may be touched before

static const char *name_of(const struct options *options, const char *suffix) {
  static char name[NAME_LIMIT + 16];
  struct text text = text_in(name, sizeof name);
  text_add(&text, "%s%s", options->id, suffix);
  return name;
}

void open_directory(const struct options *options) {
  directory = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat info;
  if (directory < 0 || fstat(directory, &info) < 0) fail("directory", errno, "cannot open %s", options->directory);
  bool same = info.st_dev == options->directory_device && info.st_ino == options->directory_inode;
  if (options->directory_inode && !same) fail("directory", ESTALE, "%s is another directory than it was", options->directory);
}

static bool lock_now(int fd) {
  struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_SETLK, &request) == 0;
}

static pid_t holder_of(int fd) {
  struct flock question = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_GETLK, &question) == 0 && question.l_type != F_UNLCK ? question.l_pid : 0;
}

// A clean-up may remove the file between our open and our lock: then the lock proves nothing, and we try again.
static bool still_named(const char *name, int fd) {
  struct stat ours, theirs;
  return fstat(fd, &ours) == 0 && fstatat(directory, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
         ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

// Pads the record to the size of the whole file: replacing it later needs no new block on a full disk.
static bool write_record(int fd, struct text *text) {
  while (text->used < RECORD_BYTES - 1) text->bytes[text->used++] = ' ';
  text->bytes[RECORD_BYTES - 1] = '\n';  // again when it is written again
  text->used = RECORD_BYTES;
  for (size_t done = 0; done < text->used;) {
    ssize_t put = pwrite(fd, text->bytes + done, text->used - done, (off_t)done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    done += (size_t)put;
  }
  return true;
}

void take_lock(const struct options *options) {
  const char *name = name_of(options, ".lock");
  for (;;) {
    lock = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (lock < 0) fail("lock", errno, "cannot open %s in %s", name, options->directory);
    struct stat info;
    if (fstat(lock, &info) < 0 || !S_ISREG(info.st_mode)) fail("lock", EINVAL, "%s is no regular file", name);
    if (!lock_now(lock)) {
      int error = errno;
      pid_t holder = holder_of(lock);
      fail("lock", error, "%s is held by process %d: the kernel still runs", name, (int)holder);
    }
    if (still_named(name, lock)) break;
    close(lock);
  }
  owned = true;
  write_lock(options, 0);
  unlinkat(directory, name_of(options, ".exit"), 0);
  unlinkat(directory, name_of(options, ".pid"), 0);
  // Whatever an earlier shim, or somebody else, left under that name is not ours to write into.
  unlinkat(directory, name_of(options, ".exit.new"), 0);
  reserve = openat(directory, name_of(options, ".exit.new"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  char bytes[RECORD_BYTES];
  struct text text = text_in(bytes, sizeof bytes);
  if (reserve < 0 || !write_record(reserve, &text)) fail("files", errno, "cannot write in %s", options->directory);
}

void write_lock(const struct options *options, pid_t kernel) {
  char bytes[RECORD_BYTES];
  struct text text = text_in(bytes, sizeof bytes);
  text_add(&text, "{\"shim\":%d,\"kernel\":%d,\"nonce\":\"%s\",", (int)getpid(), (int)kernel, options->nonce);
  limits_add(&text);
  hardening_add(&text, options);
  group_add_paths(&text, options, kernel == 0);  // whoever clears up after us looks for them
  text_add(&text, "}");
  if (text.used >= RECORD_BYTES - 1) fail("lock", ENAMETOOLONG, "the paths of the control groups are too long");
  if (!write_record(lock, &text)) fail("lock", errno, "cannot write the lock file of %s", options->id);
}

// Replaced in one step: a reader sees a whole number or no file.
void write_pid(const struct options *options, pid_t kernel) {
  char line[16];
  struct text text = text_in(line, sizeof line);
  text_add(&text, "%d\n", (int)kernel);
  unlinkat(directory, name_of(options, ".pid.new"), 0);
  int fd = openat(directory, name_of(options, ".pid.new"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 || !write_all(fd, text.bytes, text.used)) fail("files", errno, "cannot write the pid file of %s", options->id);
  close(fd);
  char from[NAME_LIMIT + 16];
  strcpy(from, name_of(options, ".pid.new"));
  if (renameat(directory, from, directory, name_of(options, ".pid")) < 0)
    fail("files", errno, "cannot rename the pid file of %s", options->id);
}

void remove_pid(const struct options *options) {
  if (!owned) return;
  static const char *const suffixes[] = {".pid", ".pid.new", ".exit.new"};
  for (size_t at = 0; at < sizeof suffixes / sizeof *suffixes; at++) unlinkat(directory, name_of(options, suffixes[at]), 0);
}

static void add_number_or_null(struct text *text, const char *key, bool present, int value) {
  if (present) text_add(text, "\"%s\":%d,", key, value);
  else text_add(text, "\"%s\":null,", key);
}

static const char *limit_of(const struct ending *ending) {
  if (ending->out_of_memory) return ending->own_memory ? "\"memory\"" : "\"machine_memory\"";
  if (!WIFSIGNALED(ending->status)) return "null";
  int number = WTERMSIG(ending->status);
  return number == SIGXFSZ ? "\"file_size\"" : number == SIGXCPU ? "\"cpu_time\"" : "null";
}

static void describe(struct text *text, const struct options *options, pid_t kernel, const struct ending *ending) {
  const struct rusage *usage = &ending->usage;
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  text_add(text, "{\"nonce\":\"%s\",\"pid\":%d,", options->nonce, (int)kernel);
  add_number_or_null(text, "code", WIFEXITED(ending->status), WEXITSTATUS(ending->status));
  add_number_or_null(text, "signal", WIFSIGNALED(ending->status), WTERMSIG(ending->status));
  text_add(text, "\"oom\":%s,\"limit\":%s,", ending->out_of_memory ? "true" : "false", limit_of(ending));
  text_add(text, "\"oom_kills\":%lld,\"forks_refused\":%lld,", ending->oom_kills, ending->forks_refused);
  text_add(text, "\"asked\":%s%s%s,", ending->asked ? "\"" : "", ending->asked ? ending->asked : "null", ending->asked ? "\"" : "");
  text_add(text, "\"left_alive\":%d,\"log_lost\":%lld,", ending->left_alive, ending->lost_bytes);
  text_add(text, "\"max_rss_kb\":%ld,", usage->ru_maxrss);
  text_add(text, "\"user_us\":%lld,", usage->ru_utime.tv_sec * 1000000LL + usage->ru_utime.tv_usec);
  text_add(text, "\"system_us\":%lld,\"ended\":\"", usage->ru_stime.tv_sec * 1000000LL + usage->ru_stime.tv_usec);
  text_add_time(text, now.tv_sec);
  text_add(text, "\"}");
}

bool write_exit(const struct options *options, pid_t kernel, const struct ending *ending) {
  char from[NAME_LIMIT + 16], bytes[RECORD_BYTES];
  strcpy(from, name_of(options, ".exit.new"));
  struct text text = text_in(bytes, sizeof bytes);
  describe(&text, options, kernel, ending);
  // A file system that copies on write needs space even here; somebody may make some.
  for (int tries = 0; tries < 50; tries++) {
    if (write_record(reserve, &text) && fsync(reserve) == 0 &&
        renameat(directory, from, directory, name_of(options, ".exit")) == 0) {
      fsync(directory);
      unlinkat(directory, name_of(options, ".pid"), 0);
      return true;
    }
    if (errno != ENOSPC && errno != EDQUOT) break;
    poll(NULL, 0, 100);
  }
  return false;
}
