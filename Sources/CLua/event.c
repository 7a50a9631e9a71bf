// An event that one thread waits for. Neither side makes a system call unless the other one sleeps.

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

enum { QUIET = 0, SIGNALLED = 1, AWAITED = 2 };

struct clua_event {
  _Atomic uint32_t state;
};

clua_event *clua_event_create(void) { return calloc(1, sizeof(clua_event)); }

void clua_event_destroy(clua_event *event) { free(event); }

void clua_event_signal(clua_event *event) {
  if (atomic_exchange(&event->state, SIGNALLED) == AWAITED)
    syscall(SYS_futex, &event->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void clua_event_wait(clua_event *event) {
  for (;;) {
    uint32_t expected = SIGNALLED;
    if (atomic_compare_exchange_strong(&event->state, &expected, QUIET)) return;
    expected = QUIET;
    atomic_compare_exchange_strong(&event->state, &expected, AWAITED);
    syscall(SYS_futex, &event->state, FUTEX_WAIT_PRIVATE, AWAITED, NULL, NULL, 0);
  }
}
