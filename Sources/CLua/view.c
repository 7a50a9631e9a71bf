// What a function is asked about (a request, a pool, an exit), as scripts see it: read-only, each field made when it is
// first read.

#include "rows.h"

/// `__index` behind the fields that were read: makes the one that is asked for. The view is its upvalue.
static int make_field(lua_State *L) {
  view *v = lua_touserdata(L, lua_upvalueindex(1));
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
  for (int field = 0; name && field < v->fields.count; field++) {
    if (v->fields.keys[field] != name) continue;
    clua_decode(L, record_bytes(&v->values, field));
    if (lua_isnil(L, -1)) return 1;
    if (lua_istable(L, -1)) clua_make_read_only(L, "what is asked about is read-only");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    v->cached |= UINT64_C(1) << field;
    return 1;
  }
  return 0;
}

void clua_open_view(lua_State *L, view *v) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushlightuserdata(L, v);
  lua_pushcclosure(L, make_field, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  v->cache = luaL_ref(L, LUA_REGISTRYINDEX);
  clua_push_box(L, v, 0);
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "what is asked about is read-only");
  lua_pushcclosure(L, clua_refuse_write, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "request");
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
  v->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
}

static void forget_fields(lua_State *L, view *v) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, v->cache);
  while (v->cached) {
    int field = __builtin_ctzll(v->cached);
    lua_pushstring(L, v->fields.keys[field]);
    lua_pushnil(L);
    lua_rawset(L, -3);
    v->cached &= v->cached - 1;
  }
  lua_pop(L, 1);
}

void clua_set_view(lua_State *L, view *v, clua_bytes fields) {
  if (v->cached) forget_fields(L, v);
  v->bytes.count = 0;
  if (!buffer_append(vm_of(L), &v->bytes, fields.start, fields.count)) clua_raise_memory(L);
  clua_bytes copy = {v->bytes.bytes, v->bytes.count};
  if (!record_parse(&v->values, copy, v->fields.count, v->offsets)) luaL_error(L, "damaged question");
}
