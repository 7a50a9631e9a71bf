// Swift functions that Lua calls. Swift gets bytes and leaves bytes; only this C code pushes, raises and unwinds.

#include "internal.h"

/// Pushes `chunk:line:` of the innermost Lua function; of a callback that pcall called, the one that called pcall.
static void push_position(lua_State *L) {
  lua_Debug frame;
  for (int level = 1; level < 8 && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline > 0) {
      lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
      return;
    }
  }
  lua_pushliteral(L, "");
}

int clua_trampoline(lua_State *L) {
  clua_vm *vm = vm_of(L);
  int64_t id = lua_tointeger(L, lua_upvalueindex(1));
  clua_check_stack(L);
  vm->scratch.count = 0;
  clua_encode_from(L, 1, &vm->scratch);
  lua_settop(L, 0);
  vm->reply.count = 0;
  int outcome = vm->callback(vm->callback_context, id, (clua_bytes){vm->scratch.bytes, vm->scratch.count});
  clua_poll(L);
  int count = clua_decode(L, (clua_bytes){vm->reply.bytes, vm->reply.count});
  if (outcome == CLUA_REPLY_VALUES) return count;
  if (count == 0) return clua_raise_memory(L);  // the error itself found no room
  if (lua_type(L, -1) == LUA_TSTRING) {
    push_position(L);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

void clua_set_callback(clua_vm *vm, clua_callback callback, void *context) {
  vm->callback = callback;
  vm->callback_context = context;
}

bool clua_reply(clua_vm *vm, clua_bytes values) {
  vm->reply.count = 0;
  return buffer_append(vm, &vm->reply, values.start, values.count);
}
