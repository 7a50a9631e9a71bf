// Chunks that return a table of functions.

#include "internal.h"

typedef struct module {
  int32_t reference;
  const char *name;
  int32_t *result;
} module;

static int refuse(lua_State *L, const char *what, int index) {
  vm_of(L)->wrong_type = true;
  lua_pushfstring(L, "%s is a %s value", what, luaL_typename(L, index));
  return lua_error(L);
}

static int open_module(lua_State *L) {
  const module *m = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->reference);
  lua_call(L, 0, 1);
  if (!lua_istable(L, -1)) return refuse(L, "what the file returned", -1);
  *m->result = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static int find_function(lua_State *L) {
  const module *m = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->reference);
  lua_pushstring(L, m->name);
  *m->result = 0;
  switch (lua_rawget(L, -2)) {
    case LUA_TNIL: return 0;
    case LUA_TFUNCTION: break;
    default: return refuse(L, lua_pushfstring(L, "'%s'", m->name), -2);
  }
  *m->result = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static clua_status run(clua_vm *vm, lua_CFunction body, module *m, int64_t deadline) {
  vm->wrong_type = false;
  clua_status status = clua_timed(vm, body, m, deadline);
  return status == CLUA_RUNTIME && vm->wrong_type ? CLUA_TYPE : status;
}

clua_status clua_open_module(clua_vm *vm, int32_t chunk, int64_t deadline, int32_t *reference) {
  module m = {chunk, NULL, reference};
  return run(vm, open_module, &m, deadline);
}

clua_status clua_module_function(clua_vm *vm, int32_t table, const char *name, int32_t *reference) {
  module m = {table, name, reference};
  return run(vm, find_function, &m, 0);
}

static int read_contents(lua_State *L) {
  const module *m = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->reference);
  vm_of(L)->results.count = 0;
  clua_encode(L, -1, &vm_of(L)->results);
  return 0;
}

clua_status clua_module_contents(clua_vm *vm, int32_t table) {
  module m = {.reference = table};
  return run(vm, read_contents, &m, 0);
}
