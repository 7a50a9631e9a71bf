// One thread per process that signals the threads of VMs whose deadline has passed or that were interrupted. It sleeps
// until the earliest moment that matters; with nothing armed it sleeps for good. Arming costs no system call unless the
// watchdog would wake too late: it keeps looking for a little while after the last call, so that a burst of short calls
// wakes it once per LINGER and not once per call.

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

enum {
  LINGER = 2000000,         // ns to the next look while calls are being made
  RESIGNAL = 1000000,       // ns until a call that goes on is signalled again
  RESIGNAL_SLOW = 50000000  // the same once it has been signalled often: it sits in the system
};

struct clua_alarm {
  clua_alarm *next;
  _Atomic int64_t moment;
  _Atomic uint64_t settings;  // how often it was set
  void (*ring)(void *);
  void *context;
  bool is_dead;  // destroyed by what a ringing called; guarded by the lock
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  // guards the lists, and that what is in them lives
static registration *registered;
static clua_alarm *alarms;
static _Thread_local bool is_ringing;
static _Atomic int64_t wakes_at = INT64_MAX;
static _Atomic uint32_t bell;

void watchdog_register(clua_vm *vm) {
  pthread_mutex_lock(&lock);
  vm->registration = (registration){registered, vm};
  registered = &vm->registration;
  pthread_mutex_unlock(&lock);
}

void watchdog_unregister(clua_vm *vm) {
  pthread_mutex_lock(&lock);
  for (registration **link = &registered; *link; link = &(*link)->next) {
    if (*link != &vm->registration) continue;
    *link = vm->registration.next;
    break;
  }
  vm->interrupter->vm = NULL;
  pthread_mutex_unlock(&lock);
}

static void ring(void) {
  atomic_fetch_add(&bell, 1);
  syscall(SYS_futex, &bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void watchdog_arm(int64_t deadline) {
  if (deadline < atomic_load(&wakes_at)) ring();
}

static void signal_thread(const clua_vm *vm) {
  syscall(SYS_tgkill, getpid(), atomic_load_explicit(&vm->thread, memory_order_relaxed), SIGURG);
}

/// Looks after one VM and returns when to look again. Called with the lock held.
static int64_t look_after(clua_vm *vm, int64_t now) {
  uint64_t generation = atomic_load(&vm->generation);
  if (generation % 2 == 0) return INT64_MAX;
  int64_t deadline = atomic_load(&vm->deadline);
  if (generation != atomic_load(&vm->generation)) return now;  // the deadline may be another call's
  if (deadline && now >= deadline) atomic_store(&vm->expired, generation);
  if (atomic_load(&vm->expired) != generation && atomic_load(&vm->interrupted) != generation)
    return deadline ? deadline : INT64_MAX;
  if (vm->signalled != generation) {
    vm->signalled = generation;
    vm->signals = 0;
  }
  if (now < vm->signal_again && vm->signals > 0) return vm->signal_again;
  signal_thread(vm);
  vm->signal_again = now + (++vm->signals < 100 ? RESIGNAL : RESIGNAL_SLOW);
  return vm->signal_again;
}

static int64_t look_after_alarm(clua_alarm *alarm, int64_t now) {
  int64_t moment = atomic_load(&alarm->moment);
  if (!moment) return INT64_MAX;
  if (now < moment) return moment;
  if (!atomic_compare_exchange_strong(&alarm->moment, &moment, 0)) return now;  // it was set anew just now
  is_ringing = true;
  alarm->ring(alarm->context);
  is_ringing = false;
  return now;
}

/// The earliest moment that matters; `activity` sums up the calls that were made so far.
static int64_t look_after_all(uint64_t *activity) {
  int64_t earliest = INT64_MAX, now = clua_now();
  *activity = 0;
  pthread_mutex_lock(&lock);
  for (registration *r = registered; r; r = r->next) {
    int64_t next = look_after(r->vm, now);
    if (next < earliest) earliest = next;
    if (atomic_load(&r->vm->deadline)) *activity += atomic_load(&r->vm->generation);
  }
  for (clua_alarm **link = &alarms; *link;) {
    clua_alarm *alarm = *link;
    int64_t next = look_after_alarm(alarm, now);
    if (next < earliest) earliest = next;
    *activity += atomic_load(&alarm->settings);
    if (alarm->is_dead) {
      *link = alarm->next;
      free(alarm);
    } else {
      link = &alarm->next;
    }
  }
  pthread_mutex_unlock(&lock);
  return earliest;
}

static void sleep_until(uint32_t heard, int64_t moment) {
  struct timespec until = {moment / 1000000000, moment % 1000000000};
  // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. Early returns do no harm.
  syscall(SYS_futex, &bell, FUTEX_WAIT_BITSET_PRIVATE, heard, moment == INT64_MAX ? NULL : &until, NULL,
    FUTEX_BITSET_MATCH_ANY);
}

static void *watch(void *unused) {
  (void)unused;
  pthread_setname_np(pthread_self(), "lua-watchdog");
  uint64_t activity = 0, before;
  for (;;) {
    uint32_t heard = atomic_load(&bell);
    before = activity;
    int64_t moment = look_after_all(&activity);
    if (activity != before && moment > clua_now() + LINGER) moment = clua_now() + LINGER;
    // Published first, then looked at again: a call that began meanwhile either sees it or is seen.
    atomic_store(&wakes_at, moment);
    uint64_t unused_sum;
    if (look_after_all(&unused_sum) < moment) continue;
    sleep_until(heard, moment);
  }
  return NULL;
}

static bool started;

static void start(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  if (pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits this: signals are for others
  started = pthread_create(&thread, &attributes, watch, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
}

bool watchdog_start(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  return started;
}

clua_interrupter *clua_interrupter_of(clua_vm *vm) {
  atomic_fetch_add(&vm->interrupter->references, 1);
  return vm->interrupter;
}

void clua_interrupter_release(clua_interrupter *interrupter) {
  if (atomic_fetch_sub(&interrupter->references, 1) == 1) free(interrupter);
}

bool clua_interrupt(clua_interrupter *interrupter) {
  bool runs = false;
  pthread_mutex_lock(&lock);
  clua_vm *vm = interrupter->vm;
  if (vm) {
    uint64_t generation = atomic_load(&vm->generation);
    runs = generation % 2 == 1;
    if (runs) {
      atomic_store(&vm->interrupted, generation);
      signal_thread(vm);
    }
  }
  pthread_mutex_unlock(&lock);
  if (runs && watchdog_start()) ring();  // which signals again until the call has ended
  return runs;
}

clua_alarm *clua_alarm_create(void (*ring)(void *), void *context) {
  if (!watchdog_start()) return NULL;
  clua_alarm *alarm = calloc(1, sizeof *alarm);
  if (!alarm) return NULL;
  alarm->ring = ring;
  alarm->context = context;
  pthread_mutex_lock(&lock);
  alarm->next = alarms;
  alarms = alarm;
  pthread_mutex_unlock(&lock);
  return alarm;
}

void clua_alarm_destroy(clua_alarm *alarm) {
  if (is_ringing) {  // this thread has the lock and walks the list
    atomic_store(&alarm->moment, 0);
    alarm->is_dead = true;
    return;
  }
  pthread_mutex_lock(&lock);
  for (clua_alarm **link = &alarms; *link; link = &(*link)->next) {
    if (*link != alarm) continue;
    *link = alarm->next;
    break;
  }
  pthread_mutex_unlock(&lock);
  free(alarm);
}

void clua_alarm_set(clua_alarm *alarm, int64_t moment) {
  atomic_store(&alarm->moment, moment);
  if (!moment) return;
  atomic_fetch_add(&alarm->settings, 1);
  watchdog_arm(moment);
}
