// What a script can do with a map: local seen = memory.map("seen", 1000); seen:set("k", 1); seen:get("k")

#include "map.h"

static map *check_map(lua_State *L) {
  void *object = lua_type(L, 1) == LUA_TUSERDATA ? object_at(L, 1) : NULL;
  if (!object || kind_of(object) != KIND_MAP) luaL_argerror(L, 1, "a map expected: call it as map:get(key)");
  return object;
}

/// Encodes a plain value behind what the buffer has, and returns its size. Whole numbers are integers, as they are as keys
/// of a table.
static size_t encode_plain(lua_State *L, int index, const char *what) {
  buffer *b = &vm_of(L)->fleet->asked;
  size_t before = b->count;
  int type = lua_type(L, index);
  if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
    luaL_error(L, "a map's %s is a string, a number or a boolean, not a %s value", what, clua_type_name(L, index));
  lua_Integer whole;
  if (type == LUA_TNUMBER && lua_numbertointeger(lua_tonumber(L, index), &whole)
      && (lua_Number)whole == lua_tonumber(L, index) && !lua_isinteger(L, index)) {
    lua_pushinteger(L, whole);
    lua_replace(L, index);
  }
  clua_encode(L, index, b);
  return b->count - before;
}

static clua_bytes encode_key(lua_State *L) {
  buffer *b = &vm_of(L)->fleet->asked;
  b->count = 0;
  size_t size = encode_plain(L, 2, "key");
  return (clua_bytes){b->bytes, size};
}

static int map_get(lua_State *L) {
  map *m = check_map(L);
  const entry *e = lua_isnoneornil(L, 2) ? NULL : map_find(m, encode_key(L));
  if (e) clua_decode(L, (clua_bytes){e->bytes + e->key_size, e->value_size});
  else lua_pushnil(L);
  return 1;
}

static int map_delete_key(lua_State *L) {
  map *m = check_map(L);
  if (!lua_isnoneornil(L, 2)) map_delete(vm_of(L)->fleet->maps, m, encode_key(L));
  return 0;
}

static int map_set(lua_State *L) {
  map *m = check_map(L);
  fleet *f = vm_of(L)->fleet;
  if (lua_isnoneornil(L, 3)) return map_delete_key(L);
  lua_settop(L, 3);
  size_t key = encode_key(L).count, value = encode_plain(L, 3, "value");
  map_put(L, f->maps, m, (clua_bytes){f->asked.bytes, key}, (clua_bytes){f->asked.bytes + key, value});
  return 0;
}

static int map_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_map(L)->count);
  return 1;
}

/// memory.map(name, capacity)
static int open_map(lua_State *L) {
  size_t length;
  const char *name = luaL_checklstring(L, 1, &length);
  lua_Integer capacity = luaL_checkinteger(L, 2);
  if (length > 255) return luaL_argerror(L, 1, "a name of at most 255 bytes expected");
  if (capacity < 1 || capacity > MAX_MAP_ENTRIES) return luaL_argerror(L, 2, "a capacity from 1 to 1000000 expected");
  const map *m = map_open(L, vm_of(L)->fleet, (clua_bytes){(const uint8_t *)name, length}, (size_t)capacity);
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->reference);
  return 1;
}

void clua_push_map_function(lua_State *L, fleet *f) {
  static const luaL_Reg methods[] = {
    {"get", map_get}, {"set", map_set}, {"delete", map_delete_key}, {"count", map_count}, {NULL, NULL},
  };
  f->maps = clua_reallocate(vm_of(L), NULL, sizeof *f->maps);
  if (!f->maps) clua_raise_memory(L);
  *f->maps = (maps){.count = 0};
  lua_createtable(L, 0, 4);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "a map is changed by map:set(key, value)");
  lua_pushcclosure(L, clua_refuse_write, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushcfunction(L, map_count);
  lua_setfield(L, -2, "__len");
  lua_pushliteral(L, "memory.map");
  lua_setfield(L, -2, "__name");
  f->map_metatable = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, open_map);
}
