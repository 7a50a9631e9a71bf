// The functions of a sandbox's `table` that loop in C: each notices an abort, whatever length an object claims to have.

#include "internal.h"

/// An object that can be read like a table: a table, or one that says how to index it.
static void check_readable(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TTABLE) return;
  if (luaL_getmetafield(L, index, "__index") == LUA_TNIL) luaL_checktype(L, index, LUA_TTABLE);
  else lua_pop(L, 1);
}

static lua_Integer length_of(lua_State *L, int index) {
  check_readable(L, index);
  return luaL_len(L, index);
}

/// t[to] = t[from]
static void copy_slot(lua_State *L, lua_Integer from, lua_Integer to) {
  clua_poll(L);
  lua_geti(L, 1, from);
  lua_seti(L, 1, to);
}

static int table_insert(lua_State *L) {
  lua_Integer end = (lua_Integer)((lua_Unsigned)length_of(L, 1) + 1);
  lua_Integer position = end;
  int count = lua_gettop(L);
  if (count == 3) {
    position = luaL_checkinteger(L, 2);
    luaL_argcheck(L, (lua_Unsigned)position - 1U < (lua_Unsigned)end, 2, "position out of bounds");
    for (lua_Integer i = end; i > position; i--) copy_slot(L, i - 1, i);
  } else if (count != 2) {
    return luaL_error(L, "wrong number of arguments to 'insert'");
  }
  lua_seti(L, 1, position);
  return 0;
}

static int table_remove(lua_State *L) {
  lua_Integer size = length_of(L, 1);
  lua_Integer position = luaL_optinteger(L, 2, size);
  if (position != size)
    luaL_argcheck(L, (lua_Unsigned)position - 1U <= (lua_Unsigned)size, 2, "position out of bounds");
  lua_geti(L, 1, position);
  for (; position < size; position++) copy_slot(L, position + 1, position);
  lua_pushnil(L);
  lua_seti(L, 1, position);
  return 1;
}

static int table_move(lua_State *L) {
  lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3), to = luaL_checkinteger(L, 4);
  int target = lua_isnoneornil(L, 5) ? 1 : 5;
  check_readable(L, 1);
  check_readable(L, target);
  if (last >= first) {
    luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
    lua_Integer count = last - first + 1;
    luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
    bool upwards = to > last || to <= first || (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ));
    for (lua_Integer i = 0; i < count; i++) {
      lua_Integer offset = upwards ? i : count - 1 - i;
      clua_poll(L);
      lua_geti(L, 1, first + offset);
      lua_seti(L, target, to + offset);
    }
  }
  lua_pushvalue(L, target);
  return 1;
}

static void add_element(lua_State *L, luaL_Buffer *b, lua_Integer index) {
  clua_poll(L);
  lua_geti(L, 1, index);
  if (!lua_isstring(L, -1))
    luaL_error(L, "invalid value (at index %I) in table for 'concat'", (LUAI_UACINT)index);
  luaL_addvalue(b);
}

static int table_concat(lua_State *L) {
  size_t length;
  lua_Integer last = length_of(L, 1);
  const char *separator = luaL_optlstring(L, 2, "", &length);
  lua_Integer first = luaL_optinteger(L, 3, 1);
  last = luaL_optinteger(L, 4, last);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; first < last; first++) {
    add_element(L, &b, first);
    luaL_addlstring(&b, separator, length);
  }
  if (first == last) add_element(L, &b, first);
  luaL_pushresult(&b);
  return 1;
}

/// Whether the value at `a` comes before the one at `b`, by the script's function if there is one.
static bool precedes(lua_State *L, int a, int b) {
  clua_poll(L);
  if (lua_isnoneornil(L, 2)) return lua_compare(L, a, b, LUA_OPLT);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, a - 1);  // relative to the top, which has moved
  lua_pushvalue(L, b - 2);
  lua_call(L, 2, 1);
  bool result = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return result;
}

/// Sinks the value on the top from `root` of the heap 1…size to its place, and pops it.
static void sift(lua_State *L, lua_Integer root, lua_Integer size) {
  for (lua_Integer child; (child = 2 * root) <= size; root = child) {
    lua_geti(L, 1, child);
    if (child < size) {
      lua_geti(L, 1, child + 1);
      if (precedes(L, -2, -1)) {
        lua_remove(L, -2);
        child++;
      } else {
        lua_pop(L, 1);
      }
    }
    if (!precedes(L, -2, -1)) {
      lua_pop(L, 1);
      break;
    }
    lua_seti(L, 1, root);
  }
  lua_seti(L, 1, root);
}

/// A heap sort: its number of comparisons is bounded whatever the comparator answers.
static int table_sort(lua_State *L) {
  lua_Integer size = length_of(L, 1);
  if (size < 2) return 0;
  luaL_argcheck(L, size < INT32_MAX, 1, "array too big");
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  for (lua_Integer root = size / 2; root >= 1; root--) {
    lua_geti(L, 1, root);
    sift(L, root, size);
  }
  for (; size > 1; size--) {
    lua_geti(L, 1, size);
    lua_geti(L, 1, 1);
    lua_seti(L, 1, size);
    sift(L, 1, size - 1);
  }
  return 0;
}

void clua_open_bounded_tables(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"insert", table_insert}, {"remove", table_remove}, {"move", table_move},
    {"concat", table_concat}, {"sort", table_sort},     {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
}
