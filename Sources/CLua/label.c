// tostring of a sandbox: a table is `table: 1`, the next one `table: 2`. Addresses differ from run to run.

#include "internal.h"

static const char labels_key = 0;

/// Pushes the table from objects to their numbers; it does not keep them alive.
static void push_labels(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &labels_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &labels_key);
}

static lua_Integer label_of(lua_State *L, int index) {
  push_labels(L);
  lua_pushvalue(L, index);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushvalue(L, index);
    lua_pushinteger(L, vm_of(L)->labels + 1);
    lua_rawset(L, -3);
    lua_pushinteger(L, ++vm_of(L)->labels);
  }
  lua_Integer label = lua_tointeger(L, -1);
  lua_pop(L, 2);
  return label;
}

void clua_tostring(lua_State *L, int index) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 8, "too many values");
  if (clua_push_row_name(L, index)) return;
  bool plain = lua_type(L, index) <= LUA_TSTRING;
  if (plain || luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
    if (!plain) lua_pop(L, 1);
    luaL_tolstring(L, index, NULL);
    return;
  }
  lua_Integer label = label_of(L, index);
  lua_pushfstring(L, "%s: %I", clua_type_name(L, index), (LUAI_UACINT)label);
}

int clua_stable_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  clua_tostring(L, 1);
  return 1;
}
