// pairs of a sandbox: numbers in order, then strings by their bytes, then booleans. Lua's own order depends on the
// addresses of strings, and differs from run to run.

#include <stdlib.h>

#include "internal.h"

typedef struct key {
  int type;
  int index;  // in the list of keys
  double number;
  lua_Integer integer;
  bool is_integer;
  const char *bytes;
  size_t count;
} key;

static int rank(const key *k) { return k->type == LUA_TNUMBER ? 0 : k->type == LUA_TSTRING ? 1 : 2; }

static int compare_strings(const key *a, const key *b) {
  size_t shared = a->count < b->count ? a->count : b->count;
  int order = memcmp(a->bytes, b->bytes, shared);
  return order ? order : (a->count > b->count) - (a->count < b->count);
}

static int compare(const void *first, const void *second) {
  const key *a = first, *b = second;
  if (rank(a) != rank(b)) return rank(a) - rank(b);
  if (a->type == LUA_TSTRING) return compare_strings(a, b);
  if (a->type == LUA_TNUMBER && a->is_integer && b->is_integer)
    return (a->integer > b->integer) - (a->integer < b->integer);
  return (a->number > b->number) - (a->number < b->number);
}

static void describe(lua_State *L, int index, key *k) {
  k->type = lua_type(L, index);
  switch (k->type) {
    case LUA_TNUMBER:
      k->number = lua_tonumber(L, index);
      k->is_integer = lua_isinteger(L, index);
      k->integer = k->is_integer ? lua_tointeger(L, index) : 0;
      break;
    case LUA_TSTRING: k->bytes = lua_tolstring(L, index, &k->count); break;
    case LUA_TBOOLEAN: k->number = lua_toboolean(L, index); break;
    default:
      luaL_error(L, "pairs: keys of type %s have no order; use strings or numbers", clua_type_name(L, index));
  }
}

static bool has_order(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN;
}

int clua_push_sorted_keys(lua_State *L, int table, bool plain_only) {
  int count = 0;
  lua_newtable(L);
  int list = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, table);) {
    lua_pop(L, 1);
    clua_poll(L);
    if (plain_only && !has_order(L, -1)) continue;
    lua_pushvalue(L, -1);
    lua_rawseti(L, list, ++count);
  }
  // In a userdata, so that it is freed whatever happens. The strings stay where they are while the list has them.
  key *keys = lua_newuserdatauv(L, (size_t)count * sizeof(key), 0);
  for (int i = 0; i < count; i++) {
    keys[i] = (key){.index = i + 1};
    lua_rawgeti(L, list, i + 1);
    describe(L, -1, &keys[i]);
    lua_pop(L, 1);
  }
  if (count > 1) qsort(keys, (size_t)count, sizeof(key), compare);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, list, keys[i].index);
    lua_rawseti(L, -2, i + 1);
  }
  lua_replace(L, list);
  lua_settop(L, list);
  return count;
}

/// Upvalues: the table, its keys, how many were visited.
static int next_pair(lua_State *L) {
  lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
  for (;;) {
    i++;
    if (lua_rawgeti(L, lua_upvalueindex(2), i) == LUA_TNIL) return 1;
    lua_pushvalue(L, -1);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) break;  // else it was removed meanwhile
    lua_pop(L, 2);
  }
  lua_pushinteger(L, i);
  lua_replace(L, lua_upvalueindex(3));
  return 2;
}

int clua_sorted_pairs(lua_State *L) {
  luaL_checkany(L, 1);
  if (clua_record_pairs(L)) return 3;
  if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
    lua_pushvalue(L, 1);
    lua_call(L, 1, 3);
    return 3;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  clua_push_sorted_keys(L, 1, false);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_pair, 3);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}
