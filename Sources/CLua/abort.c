// Ends a running call from outside: a deadline or an interrupt. There is no standing hook, which would cost half of the
// speed; instead the VM's thread is sent SIGURG, whose handler installs a hook that raises at the next instruction.
//
// A script cannot swallow the abort: the hook stays until the outermost call ends, so that whatever Lua code comes to
// run raises it again, and our pcall, xpcall, resume, wrap and close raise it again from C (guard.c).
//
// Every call has a generation, odd while it runs. A deadline or an interrupt names the generation that it is meant for,
// so that one that comes late hits nothing.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

const char clua_abort_token = 0;

/// The VM whose call is the innermost on this thread; read by the signal handler.
static _Thread_local clua_vm *volatile current;
/// The kernel's id of this thread, 0 until it is known.
static _Thread_local int this_thread;
/// Below this address little is left of this thread's C stack.
static _Thread_local uintptr_t stack_limit;

bool clua_pending(const clua_vm *vm) {
  uint64_t generation = atomic_load_explicit(&vm->generation, memory_order_relaxed);
  return atomic_load_explicit(&vm->expired, memory_order_acquire) == generation
      || atomic_load_explicit(&vm->interrupted, memory_order_acquire) == generation;
}

bool clua_is_aborting(const clua_vm *vm) { return clua_pending(vm); }

/// Notes where the abort found the script, once.
static void note_position(clua_vm *vm, lua_State *L) {
  if (vm->abort_seen) return;
  vm->abort_seen = true;
  vm->message.count = vm->traceback.count = 0;
  lua_Debug frame;
  for (int level = 0; level < 8 && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline <= 0) continue;
    buffer_format(vm, &vm->message, "%s:%d: ", frame.short_src, frame.currentline);
    break;
  }
  clua_write_traceback(vm, L, 0, &vm->traceback);
}

int clua_raise_abort(lua_State *L) {
  note_position(vm_of(L), L);
  clua_install_abort(L);
  lua_pushlightuserdata(L, (void *)&clua_abort_token);
  return lua_error(L);
}

static void abort_hook(lua_State *L, lua_Debug *frame) {
  (void)frame;
  if (clua_pending(vm_of(L))) clua_raise_abort(L);
  lua_sethook(L, NULL, 0, 0);  // meant for a call that has ended
}

void clua_install_abort(lua_State *L) {
  lua_sethook(L, abort_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/// Lua runs no hook inside a hook or a finalizer: the byte `allowhook` of a state is 0 there. A full library has both, and
/// one that loops could not be stopped, so that the abort sets the byte. It is not in Lua's headers, but has been the
/// fourth byte after a state's object header in all of Lua 5.4; a probe confirms that before it is ever written.
enum { ALLOWHOOK = sizeof(void *) + 3 };

static uint8_t *allowhook_of(lua_State *L) { return (uint8_t *)L + ALLOWHOOK; }

static void probe_hook(lua_State *L, lua_Debug *frame) {
  (void)frame;
  if (*allowhook_of(L) == 0) vm_of(L)->hooks_can_nest = true;
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

void clua_probe_hooks(lua_State *L) {
  if (*allowhook_of(L) != 1) return;
  lua_sethook(L, probe_hook, LUA_MASKCALL, 0);
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
  lua_sethook(L, NULL, 0, 0);
  if (*allowhook_of(L) != 1) vm_of(L)->hooks_can_nest = false;
}

/// On the VM's own thread, between two of its instructions. lua_sethook may be called here, as lua.c does on Ctrl-C.
static void on_signal(int signal) {
  (void)signal;
  int saved = errno;
  for (clua_vm *vm = current; vm; vm = vm->outer) {
    if (!clua_pending(vm)) continue;
    lua_State *L = atomic_load_explicit(&vm->running, memory_order_relaxed);
    if (vm->hooks_can_nest) *allowhook_of(L) = 1;
    clua_install_abort(L);
  }
  errno = saved;
}

static void install_handler(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGURG, &action, NULL) != 0) abort();  // cannot fail with these arguments
}

static void find_stack_limit(void) {
  pthread_attr_t attributes;
  void *lowest;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  if (pthread_attr_getstack(&attributes, &lowest, &size) == 0)
    stack_limit = (uintptr_t)lowest + (size / 2 < STACK_RESERVE ? size / 2 : STACK_RESERVE);
  pthread_attr_destroy(&attributes);
}

/// Makes this thread one that can be signalled.
static void adopt_thread(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install_handler);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGURG);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  find_stack_limit();
  this_thread = (int)syscall(SYS_gettid);
}

void clua_check_stack(lua_State *L) {
  if ((uintptr_t)__builtin_frame_address(0) < stack_limit) luaL_error(L, "C stack overflow");
}

bool clua_begin(clua_vm *vm, int64_t deadline) {
  if (vm->depth > 0) {
    vm->depth++;
    return true;
  }
  if (deadline && !watchdog_start()) return false;
  if (!this_thread) adopt_thread();
  vm->depth = 1;
  vm->abort_seen = false;
  vm->message.count = vm->traceback.count = 0;
  vm->outer = current;
  current = vm;
  atomic_store_explicit(&vm->thread, this_thread, memory_order_relaxed);
  atomic_store_explicit(&vm->deadline, deadline, memory_order_relaxed);
  uint64_t generation = atomic_load_explicit(&vm->generation, memory_order_relaxed);
  atomic_store(&vm->generation, generation + 1);
  if (deadline) watchdog_arm(deadline);
  return true;
}

void clua_end(clua_vm *vm) {
  if (--vm->depth > 0) return;
  uint64_t generation = atomic_load_explicit(&vm->generation, memory_order_relaxed);
  atomic_store_explicit(&vm->generation, generation + 1, memory_order_release);
  current = vm->outer;
  if (lua_gethook(vm->main) == abort_hook) lua_sethook(vm->main, NULL, 0, 0);
}

int64_t clua_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
