// Keeps a host alive that has no descriptor left. libdispatch counts once a second which of its threads run, by reading
// /proc/TID/stat of each, and takes one that it cannot open for a thread that is gone, which ends the process with a trap
// (measured; src/event/workqueue.c of swift-corelibs-libdispatch, _dispatch_workq_count_runnable_workers). One that opens
// and cannot be read it leaves out of the count, and adds a thread a second, up to its maximum, while work waits. Nothing
// of it can be set, so the `open` that it calls is this one.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

// Reading and closing it fail with EBADF, and do nothing else.
static const int no_descriptor = INT_MAX;

// Is it "/proc/NUMBER/stat"?
static bool is_thread_state(const char *path) {
  if (strncmp(path, "/proc/", 6) != 0) return false;
  const char *number = path + 6;
  size_t digits = strspn(number, "0123456789");
  return digits > 0 && strcmp(number + digits, "/stat") == 0;
}

// As of the system, for everybody; only who reads the state of a thread without waiting, as nobody but libdispatch does,
// never hears that there are no more descriptors.
int open(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (__OPEN_NEEDS_MODE(flags)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  int descriptor = openat(AT_FDCWD, path, flags, mode);
  if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE)) return descriptor;
  return flags == (O_RDONLY | O_NONBLOCK) && is_thread_state(path) ? no_descriptor : descriptor;
}
