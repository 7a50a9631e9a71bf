// `memory`: what a policy keeps from decision to decision, as plain data that the host can save and restore.

#include "rows.h"

/// Bytes of one saved memory; a policy's own tables and strings fit in.
enum { MAX_SAVED = 32 << 20 };

void clua_open_memory(lua_State *L, fleet *f) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setglobal(L, "memory");
  f->memory = luaL_ref(L, LUA_REGISTRYINDEX);
}

static int save(lua_State *L) {
  clua_vm *vm = vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->fleet->memory);
  vm->results.count = 0;
  clua_encode(L, -1, &vm->results);
  return 0;
}

clua_status clua_memory_save(clua_vm *vm) {
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no memory");
  size_t limit = vm->transfer_limit;
  vm->transfer_limit = MAX_SAVED;
  vm->plain_only = true;
  clua_status status = clua_protected(vm, save, NULL);
  vm->plain_only = false;
  vm->transfer_limit = limit;
  return status;
}

/// Puts the pairs of the table on the top into the one below it, and pops it. Tables that both have are kept, so that
/// what a script holds of them is what is restored.
static void merge(lua_State *L) {
  luaL_checkstack(L, 8, "table nested too deeply");
  int into = lua_gettop(L) - 1, from = into + 1;
  for (lua_pushnil(L); lua_next(L, from);) {
    lua_pushvalue(L, -2);
    lua_rawget(L, into);
    if (lua_istable(L, -1) && lua_istable(L, -2)) {
      lua_insert(L, -2);
      merge(L);
      lua_pop(L, 1);
    } else {
      lua_pop(L, 1);
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_rawset(L, into);
    }
  }
  lua_pop(L, 1);
}

static int restore(lua_State *L) {
  const clua_bytes *saved = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->fleet->memory);
  if (clua_decode(L, *saved) != 1 || !lua_istable(L, -1)) return luaL_error(L, "this is no saved memory");
  merge(L);
  return 0;
}

clua_status clua_memory_restore(clua_vm *vm, clua_bytes saved) {
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no memory");
  return clua_protected(vm, restore, &saved);
}
