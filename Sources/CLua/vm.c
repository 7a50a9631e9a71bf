// A Lua state with its limits, and the one way into it: protected.

#include <stdlib.h>

#include "internal.h"

/// Whether the host's limits or a test refuse that memory grows.
static bool refuses(clua_vm *vm, size_t old_size, size_t new_size) {
  if (vm->fail_from) {
    uint64_t n = ++vm->allocations;
    if (n >= vm->fail_from && n < vm->fail_until) return vm->failed = true;
  }
  if (vm->unlimited) return false;
  if (vm->contiguous_limit && new_size > vm->contiguous_limit) return true;
  return vm->memory_limit && vm->used - old_size + new_size > vm->memory_limit;
}

static void *allocate(void *context, void *pointer, size_t old_size, size_t new_size) {
  clua_vm *vm = context;
  if (!pointer) old_size = 0;  // Lua passes the kind of the object here
  if (new_size == 0) {
    vm->used -= old_size;
    free(pointer);
    return NULL;
  }
  if (new_size > old_size && refuses(vm, old_size, new_size)) return NULL;
  void *result = realloc(pointer, new_size);
  if (!result && new_size <= old_size) result = pointer;  // Lua relies on it that shrinking succeeds
  if (result) vm->used += new_size - old_size;
  return result;
}

void *clua_reallocate(clua_vm *vm, void *pointer, size_t size) {
  if (vm->fail_from) {
    uint64_t n = ++vm->allocations;
    if (n >= vm->fail_from && n < vm->fail_until) {
      vm->failed = true;
      return NULL;
    }
  }
  return realloc(pointer, size);
}

void clua_fail_allocations(clua_vm *vm, uint64_t n, uint64_t count) {
  vm->allocations = 0;
  vm->failed = false;
  vm->fail_from = n;
  vm->fail_until = n + count < n ? UINT64_MAX : n + count;
}

bool clua_allocation_failed(const clua_vm *vm) { return vm->failed; }

size_t clua_memory(const clua_vm *vm) { return vm->used; }

int clua_raise_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory");
  return lua_error(L);
}

/// What Lua does with an error outside of any protected call. Nothing here makes one; better a clear end than a jump
/// over Swift frames.
static int panic(lua_State *L) {
  (void)L;
  abort();
}

static void ignore_warning(void *context, const char *message, int more) {
  (void)context, (void)message, (void)more;
}

static int open_libraries(lua_State *L) {
  const clua_options *options = lua_touserdata(L, 1);
  if (options->sandboxed) {
    clua_open_sandbox(L, options->seed);
  } else {
    luaL_openlibs(L);
    clua_open_guards(L);
    clua_open_output(L);
    clua_probe_hooks(L);
  }
  return 0;
}

static bool open_state(clua_vm *vm, const clua_options *options) {
  vm->main = lua_newstate(allocate, vm);
  if (!vm->main) return false;
  *(clua_vm **)lua_getextraspace(vm->main) = vm;
  atomic_store(&vm->running, vm->main);
  lua_atpanic(vm->main, panic);
  if (options->sandboxed) lua_setwarnf(vm->main, ignore_warning, NULL);
  return clua_protected(vm, open_libraries, (void *)options) == CLUA_OK;
}

clua_vm *clua_create(const clua_options *options) {
  clua_vm *vm = calloc(1, sizeof *vm);
  if (!vm) return NULL;
  vm->interrupter = calloc(1, sizeof *vm->interrupter);
  if (!vm->interrupter) {
    free(vm);
    return NULL;
  }
  atomic_store(&vm->interrupter->references, 1);
  vm->interrupter->vm = vm;
  atomic_store(&vm->generation, 2);  // even and not 0, which is what `expired` and `interrupted` start with
  vm->transfer_limit = options->sandboxed ? 1 << 20 : 64 << 20;
  vm->contiguous_limit = options->contiguous_limit;
  vm->sandboxed = options->sandboxed;
  clua_fail_allocations(vm, options->fail_from, UINT64_MAX);
  watchdog_register(vm);
  // Room for a message, so that there is one when memory has run out.
  if (!buffer_reserve(vm, &vm->message, 256) || !open_state(vm, options)) {
    clua_destroy(vm);
    return NULL;
  }
  // What the library takes is not the script's memory.
  if (options->memory_limit) vm->memory_limit = vm->used + options->memory_limit;
  return vm;
}

void clua_destroy(clua_vm *vm) {
  clua_fail_allocations(vm, 0, 0);
  if (vm->main) lua_close(vm->main);
  clua_rows_close(vm);
  watchdog_unregister(vm);
  clua_interrupter_release(vm->interrupter);
  buffer *buffers[] = {&vm->scratch, &vm->output_bytes, &vm->reply, &vm->results, &vm->message, &vm->traceback, &vm->value};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) buffer_free(buffers[i]);
  free(vm);
}

static int collect(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  return 0;
}

clua_status clua_collect(clua_vm *vm) { return clua_timed(vm, collect, NULL, 0); }
