// What an untrusted policy finds: no way out, nothing that differs from run to run, nothing that a hook cannot bound.

#include "internal.h"

static const char environment_key = 0;

static void require_library(lua_State *L, const char *name, lua_CFunction open) {
  luaL_requiref(L, name, open, 1);
  lua_pop(L, 1);
}

int clua_refuse_write(lua_State *L) { return luaL_error(L, "%s", lua_tostring(L, lua_upvalueindex(1))); }

/// `__pairs` of a read-only table: over the table that it stands for (upvalue 1).
static int pairs_of_original(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_replace(L, 1);
  return clua_sorted_pairs(L);
}

static int length_of_original(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, lua_upvalueindex(1)));
  return 1;
}

/// With a table and what stands for it on the top: pops both and leaves the latter, reading through to the former.
static void read_through(lua_State *L, lua_CFunction write, const char *complaint) {
  lua_createtable(L, 0, 5);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, complaint);
  lua_pushcclosure(L, write, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushvalue(L, -3);
  lua_pushcclosure(L, pairs_of_original, 1);
  lua_setfield(L, -2, "__pairs");
  lua_pushvalue(L, -3);
  lua_pushcclosure(L, length_of_original, 1);
  lua_setfield(L, -2, "__len");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

bool clua_push_original(lua_State *L, int index) {
  luaL_checkstack(L, 8, "table nested too deeply");
  if (!lua_getmetatable(L, index)) return false;
  lua_pushliteral(L, "__pairs");
  lua_rawget(L, -2);
  bool is_ours = lua_tocfunction(L, -1) == pairs_of_original;
  lua_pop(L, 1);
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!is_ours) lua_pop(L, 1);
  return is_ours;
}

void clua_make_read_only(lua_State *L, const char *complaint) {
  lua_newtable(L);
  read_through(L, clua_refuse_write, complaint);
}

/// Policies set globals while they load; afterwards a decision must not change what the next one finds.
static int write_global(lua_State *L) {
  if (vm_of(L)->frozen) {
    clua_tostring(L, 2);
    return luaL_error(L, "global '%s' cannot be set while deciding: use a local, or 'memory' for what must last",
      lua_tostring(L, -1));
  }
  if (vm_of(L)->fleet && lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "memory") == 0)
    return luaL_error(L, "'memory' cannot be replaced, only what is in it");
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_insert(L, 2);
  lua_rawset(L, 2);
  return 0;
}

void clua_freeze(clua_vm *vm) { vm->frozen = true; }

void clua_use_environment(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key) == LUA_TTABLE) {
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  } else {
    lua_pop(L, 1);
  }
}

static void open_environment(lua_State *L) {
  lua_pushglobaltable(L);
  lua_newtable(L);
  read_through(L, write_global, "");
  lua_pushvalue(L, -1);
  lua_setglobal(L, LUA_GNAME);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
}

/// setmetatable as Lua has it (upvalue 1), without what makes the garbage collector visible.
static int set_metatable(lua_State *L) {
  if (lua_istable(L, 2)) {
    static const char *const banned[] = {"__gc", "__mode"};
    for (int i = 0; i < 2; i++) {
      lua_pushstring(L, banned[i]);
      if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "'%s' is not available in policies", banned[i]);
      lua_pop(L, 1);
    }
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

/// getmetatable as Lua has it (upvalue 1); the metatables of our own objects are nobody's business.
static int get_metatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (lua_type(L, 1) == LUA_TUSERDATA) {
    lua_pushboolean(L, 0);
    return 1;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getglobal(L, name);
  lua_pushcclosure(L, function, 1);
  lua_setglobal(L, name);
}

static void open_base(lua_State *L) {
  static const char *const banned[] = {
    "collectgarbage", "dofile", "load", "loadfile", "next", "rawset", "warn",
  };
  for (size_t i = 0; i < sizeof banned / sizeof *banned; i++) {
    lua_pushnil(L);
    lua_setglobal(L, banned[i]);
  }
  lua_register(L, "pairs", clua_sorted_pairs);
  lua_register(L, "print", clua_print);
  lua_register(L, "log", clua_print);
  lua_register(L, "tostring", clua_stable_tostring);
  wrap(L, "setmetatable", set_metatable);
  wrap(L, "getmetatable", get_metatable);
}

static void extend(lua_State *L, const char *library, void (*extension)(lua_State *)) {
  lua_getglobal(L, library);
  extension(L);
  lua_pop(L, 1);
}

/// ("").x reads the functions of `string`, which nobody can reach to change them.
static void lock_strings(lua_State *L) {
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}

static void lock_libraries(lua_State *L) {
  static const char *const libraries[] = {
    LUA_STRLIBNAME, LUA_TABLIBNAME, LUA_MATHLIBNAME, LUA_UTF8LIBNAME, LUA_COLIBNAME,
  };
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    lua_getglobal(L, libraries[i]);
    clua_make_read_only(L, "the standard library is read-only");
    lua_setglobal(L, libraries[i]);
  }
}

void clua_open_sandbox(lua_State *L, uint64_t seed) {
  require_library(L, LUA_GNAME, luaopen_base);
  require_library(L, LUA_STRLIBNAME, luaopen_string);
  require_library(L, LUA_TABLIBNAME, luaopen_table);
  require_library(L, LUA_MATHLIBNAME, luaopen_math);
  require_library(L, LUA_UTF8LIBNAME, luaopen_utf8);
  require_library(L, LUA_COLIBNAME, luaopen_coroutine);
  clua_open_guards(L);
  open_base(L);
  extend(L, LUA_STRLIBNAME, clua_open_bounded_strings);
  extend(L, LUA_TABLIBNAME, clua_open_bounded_tables);
  extend(L, LUA_MATHLIBNAME, clua_open_random);
  lua_getglobal(L, LUA_MATHLIBNAME);
  lua_getfield(L, -1, "random");
  lua_setglobal(L, "random");
  lua_pop(L, 1);
  clua_seed(vm_of(L), seed);
  lock_strings(L);
  lock_libraries(L);
  open_environment(L);
}
