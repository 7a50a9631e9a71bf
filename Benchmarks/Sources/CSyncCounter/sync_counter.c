// See include/sync_counter.h.

#include "sync_counter.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic(uint64_t) unshared;
/// A page of the file, so that the count can be read at any time and from outside.
static _Atomic(uint64_t) *count = &unshared;

__attribute__((constructor)) static void open_count(void) {
  const char *directory = getenv(SYNC_COUNTER_VARIABLE);
  if (!directory) return;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%d", directory, getpid());
  int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return;
  void *page = MAP_FAILED;
  if (ftruncate(descriptor, sizeof *count) == 0)
    page = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (page != MAP_FAILED) count = page;
}

int fsync(int descriptor) {
  atomic_fetch_add(count, 1);
  return (int)syscall(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
  atomic_fetch_add(count, 1);
  return (int)syscall(SYS_fdatasync, descriptor);
}

int sync_file_range(int descriptor, off64_t offset, off64_t length, unsigned int flags) {
  atomic_fetch_add(count, 1);
  return (int)syscall(SYS_sync_file_range, descriptor, offset, length, flags);
}

int msync(void *start, size_t length, int flags) {
  atomic_fetch_add(count, (flags & MS_SYNC) != 0);
  return (int)syscall(SYS_msync, start, length, flags);
}
