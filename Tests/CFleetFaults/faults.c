// See include/fleet_faults.h. Every call goes to the kernel directly, so that nothing here depends on what is wrapped.

#include "fleet_faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct faults *faults;
static char directory[PATH_MAX];
static size_t directory_length;
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                               char *const[], char *const[]);

static bool is_meant_for_us(void) {
  const char *program = getenv(FAULTS_PROGRAM);
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (!program || length <= 0) return false;
  path[length] = 0;
  const char *slash = strrchr(path, '/');
  return slash && !strcmp(slash + 1, program);
}

__attribute__((constructor)) static void begin(void) {
  real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  *(void **)&real_posix_spawn = dlsym(RTLD_NEXT, "posix_spawn");
  const char *page = getenv(FAULTS_PAGE), *place = getenv(FAULTS_DIRECTORY);
  if (!page || !place || !is_meant_for_us()) return;
  snprintf(directory, sizeof directory, "%s/", place);
  directory_length = strlen(directory);
  int descriptor = (int)syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC, 0);
  if (descriptor < 0) return;
  void *mapped = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  syscall(SYS_close, descriptor);
  if (mapped != MAP_FAILED) faults = mapped;
}

// MARK: Which call it is

static bool is_ours(const char *path) { return !strncmp(path, directory, directory_length); }

static bool path_of(int descriptor, char *path, size_t size) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
  path[length > 0 ? length : 0] = 0;
  return length > 0;
}

// The path that a call means, absolute; false if it is none of ours.
static bool resolve(int base, const char *name, char *path, size_t size) {
  if (!name) return false;
  if (name[0] == '/') {
    snprintf(path, size, "%s", name);
  } else if (base == AT_FDCWD) {
    return false;  // a host has its working directory elsewhere
  } else {
    if (!path_of(base, path, size)) return false;
    size_t used = strlen(path);
    snprintf(path + used, size - used, "/%s", name);
  }
  return is_ours(path);
}

static void die(void) {
  for (;;) syscall(SYS_kill, getpid(), SIGKILL);
}

enum verdict { GO_ON, TEAR, FAIL };

// Counts the call and says what becomes of it; errno is set for one that fails.
static enum verdict judge(enum fault_class class, const char *name, const char *path) {
  uint64_t trigger = atomic_load(&faults->trigger), mode = atomic_load(&faults->mode);
  if (!(atomic_load(&faults->classes) & class)) return GO_ON;
  uint64_t number = atomic_fetch_add(&faults->count, 1) + 1;
  if (mode == FAULT_NONE || !trigger || number < trigger) return GO_ON;
  if (number > trigger && mode != FAULT_FAIL_ON) return GO_ON;
  if (number == trigger) snprintf(faults->call, sizeof faults->call, "%s %s", name, path + directory_length);
  if (mode == FAULT_KILL || (mode == FAULT_TEAR && class != CLASS_WRITE)) die();
  if (mode == FAULT_TEAR) return TEAR;
  atomic_fetch_add(&faults->hits, 1);
  errno = (int)atomic_load(&faults->error);
  return FAIL;
}

static enum verdict judge_path(enum fault_class class, const char *name, int base, const char *path) {
  if (!faults) return GO_ON;
  int saved = errno;
  char whole[PATH_MAX];
  bool ours = resolve(base, path, whole, sizeof whole);
  errno = saved;
  return ours ? judge(class, name, whole) : GO_ON;
}

static enum verdict judge_descriptor(enum fault_class class, const char *name, int descriptor) {
  if (!faults) return GO_ON;
  int saved = errno;
  char path[PATH_MAX];
  bool ours = path_of(descriptor, path, sizeof path) && is_ours(path);
  errno = saved;
  return ours ? judge(class, name, path) : GO_ON;
}

// MARK: Opening

static int open_at(const char *name, int base, const char *path, int flags, mode_t mode) {
  bool writes = flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC);
  if (writes && judge_path(CLASS_OPEN, name, base, path) == FAIL) return -1;
  return (int)syscall(SYS_openat, base, path, flags, mode);
}

#define MODE(last)                                  \
  mode_t mode = 0;                                  \
  if (flags & (O_CREAT | __O_TMPFILE)) {            \
    va_list arguments;                              \
    va_start(arguments, last);                      \
    mode = (mode_t)va_arg(arguments, unsigned int); \
    va_end(arguments);                              \
  }

int open(const char *path, int flags, ...) {
  MODE(flags)
  return open_at("open", AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE(flags)
  return open_at("open", AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int base, const char *path, int flags, ...) {
  MODE(flags)
  return open_at("openat", base, path, flags, mode);
}

int openat64(int base, const char *path, int flags, ...) {
  MODE(flags)
  return open_at("openat", base, path, flags | O_LARGEFILE, mode);
}

// MARK: Writing and syncing

ssize_t write(int descriptor, const void *bytes, size_t count) {
  enum verdict verdict = judge_descriptor(CLASS_WRITE, "write", descriptor);
  if (verdict == FAIL) return -1;
  ssize_t written = syscall(SYS_write, descriptor, bytes, verdict == TEAR ? count / 2 : count);
  if (verdict == TEAR) die();
  return written;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  enum verdict verdict = judge_descriptor(CLASS_WRITE, "pwrite", descriptor);
  if (verdict == FAIL) return -1;
  ssize_t written = syscall(SYS_pwrite64, descriptor, bytes, verdict == TEAR ? count / 2 : count, offset);
  if (verdict == TEAR) die();
  return written;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  enum verdict verdict = judge_descriptor(CLASS_WRITE, "writev", descriptor);
  if (verdict == FAIL) return -1;
  ssize_t written = syscall(SYS_writev, descriptor, parts, verdict == TEAR ? count / 2 : count);
  if (verdict == TEAR) die();
  return written;
}

int fsync(int descriptor) {
  return judge_descriptor(CLASS_SYNC, "fsync", descriptor) == FAIL ? -1 : (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
  return judge_descriptor(CLASS_SYNC, "fdatasync", descriptor) == FAIL ? -1 : (int)syscall(SYS_fdatasync, descriptor);
}

// MARK: Names

int rename(const char *from, const char *to) {
  return judge_path(CLASS_RENAME, "rename", AT_FDCWD, to) == FAIL ? -1 : (int)syscall(SYS_rename, from, to);
}

int renameat(int from_base, const char *from, int to_base, const char *to) {
  if (judge_path(CLASS_RENAME, "renameat", to_base, to) == FAIL) return -1;
  return (int)syscall(SYS_renameat, from_base, from, to_base, to);
}

int unlink(const char *path) {
  return judge_path(CLASS_REMOVE, "unlink", AT_FDCWD, path) == FAIL ? -1 : (int)syscall(SYS_unlink, path);
}

int unlinkat(int base, const char *path, int flags) {
  return judge_path(CLASS_REMOVE, "unlinkat", base, path) == FAIL ? -1 : (int)syscall(SYS_unlinkat, base, path, flags);
}

int link(const char *from, const char *to) {
  return judge_path(CLASS_NAME, "link", AT_FDCWD, to) == FAIL ? -1 : (int)syscall(SYS_link, from, to);
}

int mkdir(const char *path, mode_t mode) {
  return judge_path(CLASS_NAME, "mkdir", AT_FDCWD, path) == FAIL ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int chmod(const char *path, mode_t mode) {
  return judge_path(CLASS_NAME, "chmod", AT_FDCWD, path) == FAIL ? -1 : (int)syscall(SYS_chmod, path, mode);
}

int fchmod(int descriptor, mode_t mode) {
  if (judge_descriptor(CLASS_NAME, "fchmod", descriptor) == FAIL) return -1;
  return (int)syscall(SYS_fchmod, descriptor, mode);
}

// MARK: Sizes

int ftruncate64(int descriptor, off64_t size) {
  if (judge_descriptor(CLASS_SIZE, "ftruncate", descriptor) == FAIL) return -1;
  return (int)syscall(SYS_ftruncate, descriptor, size);
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int fallocate64(int descriptor, int mode, off64_t offset, off64_t size) {
  if (judge_descriptor(CLASS_SIZE, "fallocate", descriptor) == FAIL) return -1;
  return (int)syscall(SYS_fallocate, descriptor, mode, offset, size);
}

int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  return fallocate64(descriptor, mode, offset, size);
}

// MARK: Processes and the wall clock

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
  int error = faults ? (int)atomic_load(&faults->spawn_error) : 0;
  if (error) {
    atomic_fetch_add(&faults->spawns_failed, 1);
    return error;
  }
  return real_posix_spawn(pid, path, actions, attributes, arguments, environment);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  // Others may ask before our constructor has run.
  int result = real_clock_gettime ? real_clock_gettime(clock, time) : (int)syscall(SYS_clock_gettime, clock, time);
  bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (!result && faults && is_wall) time->tv_sec += atomic_load(&faults->clock_offset);
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *where) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}
