// The one way into a state: a protected call, whose error is noted as plain bytes before the stack is gone.

#include "internal.h"

/// Runs where the error happened, before the stack unwinds. It neither allocates in Lua nor runs Lua code, so that
/// it works when memory is short and cannot fail itself.
static int note_traceback(lua_State *L) {
  clua_vm *vm = vm_of(L);
  if (!vm->abort_seen) {
    vm->traceback.count = 0;
    clua_write_traceback(vm, L, 1, &vm->traceback);
  }
  return 1;
}

/// Notes the error value on the top as bytes and as a message; runs protected, for it may run `__tostring`.
static int note_value(lua_State *L) {
  clua_vm *vm = vm_of(L);
  size_t count;
  vm->value.count = 0;
  clua_encode(L, 1, &vm->value);
  const char *text;
  if (lua_type(L, 1) == LUA_TSTRING || luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
    text = luaL_tolstring(L, 1, &count);
  } else {
    text = lua_pushfstring(L, "(error object is a %s value)", clua_type_name(L, 1));
    count = strlen(text);
  }
  vm->message.count = 0;
  if (!buffer_append(vm, &vm->message, text, count)) return clua_raise_memory(L);
  return 0;
}

clua_status clua_note(clua_vm *vm, clua_status status, const char *message) {
  vm->message.count = vm->traceback.count = vm->value.count = 0;
  buffer_append(vm, &vm->message, message, strlen(message));
  return status;
}

static clua_status note_abort(clua_vm *vm) {
  bool interrupted = atomic_load(&vm->interrupted) == atomic_load(&vm->generation);
  vm->value.count = 0;
  if (!vm->abort_seen) vm->message.count = vm->traceback.count = 0;  // else they tell where it was
  buffer_format(vm, &vm->message, "%s", interrupted ? "interrupted" : "ran past its deadline");
  return interrupted ? CLUA_INTERRUPTED : CLUA_DEADLINE;
}

static bool is_text(const buffer *b, const char *text) {
  return b->count == strlen(text) && memcmp(b->bytes, text, b->count) == 0;
}

/// The error value lies on the top of the stack.
static clua_status note_error(clua_vm *vm, lua_State *L, int status) {
  if (clua_pending(vm)) return note_abort(vm);
  if (status == LUA_ERRMEM) return clua_note(vm, CLUA_MEMORY, "not enough memory");
  lua_pushcfunction(L, note_value);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_settop(L, -2);
    if (clua_pending(vm)) return note_abort(vm);
    vm->message.count = 0;
    buffer_format(vm, &vm->message, "(error object that cannot be described)");
  }
  if (is_text(&vm->message, "not enough memory")) return CLUA_MEMORY;
  return status == LUA_ERRSYNTAX ? CLUA_SYNTAX : CLUA_RUNTIME;
}

clua_status clua_protected(clua_vm *vm, lua_CFunction body, void *context) {
  lua_State *L = atomic_load_explicit(&vm->running, memory_order_relaxed);
  if (!lua_checkstack(L, 8)) return clua_note(vm, CLUA_MEMORY, "not enough memory");
  int base = lua_gettop(L);
  lua_pushcfunction(L, note_traceback);
  lua_pushcfunction(L, body);
  lua_pushlightuserdata(L, context);
  vm->traceback.count = 0;
  int status = lua_pcall(L, 1, 0, base + 1);
  clua_status result = status == LUA_OK ? CLUA_OK : note_error(vm, L, status);
  lua_settop(L, base);
  return result;
}

clua_status clua_timed(clua_vm *vm, lua_CFunction body, void *context, int64_t deadline) {
  if (!clua_begin(vm, deadline)) return clua_note(vm, CLUA_RUNTIME, "the watchdog's thread could not be started");
  clua_status status = clua_protected(vm, body, context);
  clua_end(vm);
  return status;
}

static clua_bytes contents(const buffer *b) { return (clua_bytes){b->bytes, b->count}; }

clua_bytes clua_results(const clua_vm *vm) { return contents(&vm->results); }
clua_bytes clua_error_message(const clua_vm *vm) { return contents(&vm->message); }
clua_bytes clua_error_traceback(const clua_vm *vm) { return contents(&vm->traceback); }
clua_bytes clua_error_value(const clua_vm *vm) { return contents(&vm->value); }
