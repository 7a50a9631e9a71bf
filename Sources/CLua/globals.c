// Globals by dotted path, such as `package.preload.fleet`; never through metamethods.

#include "internal.h"

typedef struct place {
  const char *path;
  clua_bytes value;
  int32_t reference;
  int32_t *reference_out;
  int64_t callback;
} place;

/// Pushes the name of the path's first part and returns what follows it, null after the last.
static const char *push_part(lua_State *L, const char *path) {
  const char *dot = strchr(path, '.');
  if (!dot) {
    lua_pushstring(L, path);
    return NULL;
  }
  lua_pushlstring(L, path, (size_t)(dot - path));
  return dot + 1;
}

static void push_globals(lua_State *L) { lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); }

/// Pushes the value at the path; nil where a part is missing.
static void push_at(lua_State *L, const char *path) {
  push_globals(L);
  while (path) {
    path = push_part(L, path);
    if (lua_istable(L, -2)) {
      lua_rawget(L, -2);
    } else {
      lua_pop(L, 1);
      lua_pushnil(L);
    }
    lua_remove(L, -2);
  }
}

/// Sets the path to the value on the top, which is popped.
static int set_at(lua_State *L, const char *path) {
  int value = lua_gettop(L);
  const char *all = path;
  push_globals(L);
  for (;;) {
    path = push_part(L, path);
    if (!path) break;
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
      lua_pop(L, 1);
      lua_newtable(L);
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, -5);
    }
    if (!lua_istable(L, -1)) {
      vm_of(L)->wrong_type = true;
      lua_pushfstring(L, "cannot set '%s': '%s' is a %s value", all, lua_tostring(L, -2), luaL_typename(L, -1));
      return lua_error(L);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
  }
  lua_pushvalue(L, value);
  lua_rawset(L, -3);
  lua_settop(L, value - 1);
  return 0;
}

/// A wrong type in a path is an error of its own kind.
static clua_status run(clua_vm *vm, lua_CFunction body, place *p) {
  vm->wrong_type = false;
  clua_status status = clua_timed(vm, body, p, 0);
  return status == CLUA_RUNTIME && vm->wrong_type ? CLUA_TYPE : status;
}

static int get_global(lua_State *L) {
  const place *p = lua_touserdata(L, 1);
  clua_vm *vm = vm_of(L);
  push_at(L, p->path);
  vm->results.count = 0;
  clua_encode(L, -1, &vm->results);
  return 0;
}

clua_status clua_get_global(clua_vm *vm, const char *path) {
  place p = {.path = path};
  return run(vm, get_global, &p);
}

static int get_function(lua_State *L) {
  const place *p = lua_touserdata(L, 1);
  push_at(L, p->path);
  if (!lua_isfunction(L, -1)) {
    vm_of(L)->wrong_type = true;
    lua_pushfstring(L, "'%s' is a %s value, not a function", p->path, luaL_typename(L, -1));
    return lua_error(L);
  }
  *p->reference_out = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

clua_status clua_get_function(clua_vm *vm, const char *path, int32_t *reference) {
  place p = {.path = path, .reference_out = reference};
  return run(vm, get_function, &p);
}

static int set_global(lua_State *L) {
  const place *p = lua_touserdata(L, 1);
  if (clua_decode(L, p->value) != 1) return luaL_error(L, "damaged value");
  return set_at(L, p->path);
}

clua_status clua_set_global(clua_vm *vm, const char *path, clua_bytes value) {
  place p = {.path = path, .value = value};
  return run(vm, set_global, &p);
}

static int set_function(lua_State *L) {
  const place *p = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, p->reference);
  return set_at(L, p->path);
}

clua_status clua_set_function(clua_vm *vm, const char *path, int32_t reference) {
  place p = {.path = path, .reference = reference};
  return run(vm, set_function, &p);
}

static int set_callback(lua_State *L) {
  const place *p = lua_touserdata(L, 1);
  lua_pushinteger(L, p->callback);
  lua_pushcclosure(L, clua_trampoline, 1);
  return set_at(L, p->path);
}

clua_status clua_set_callback_at(clua_vm *vm, const char *path, int64_t id) {
  place p = {.path = path, .callback = id};
  return run(vm, set_callback, &p);
}
