// The request of a decision, as scripts see it: read-only, each field made when it is first read.

#include "rows.h"

static kind request_kind = KIND_REQUEST;

/// `__index` behind the fields that were read: makes the one that is asked for.
static int make_field(lua_State *L) {
  fleet *f = vm_of(L)->fleet;
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
  for (int field = 0; name && field < f->request_count; field++) {
    if (f->request_keys[field] != name) continue;
    uint32_t start = f->question.offsets[field];
    clua_decode(L, (clua_bytes){f->question.bytes + start, f->question.offsets[field + 1] - start});
    if (lua_isnil(L, -1)) return 1;
    if (lua_istable(L, -1)) clua_make_read_only(L, "the request is read-only");
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    f->cached |= UINT64_C(1) << field;
    return 1;
  }
  return 0;
}

void clua_open_request(lua_State *L, fleet *f) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, make_field);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  f->request_cache = luaL_ref(L, LUA_REGISTRYINDEX);
  clua_push_box(L, &request_kind, 0);
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "the request is read-only");
  lua_pushcclosure(L, clua_refuse_write, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "request");
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
  f->request = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
}

static void forget_fields(lua_State *L, fleet *f) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->request_cache);
  while (f->cached) {
    int field = __builtin_ctzll(f->cached);
    lua_pushstring(L, f->request_keys[field]);
    lua_pushnil(L);
    lua_rawset(L, -3);
    f->cached &= f->cached - 1;
  }
  lua_pop(L, 1);
}

void clua_set_question(lua_State *L, fleet *f, clua_bytes fields) {
  if (f->cached) forget_fields(L, f);
  f->question_bytes.count = 0;
  if (!buffer_append(vm_of(L), &f->question_bytes, fields.start, fields.count)) clua_raise_memory(L);
  if (!record_parse(&f->question, f->question_bytes.bytes, fields.count, f->request_count))
    luaL_error(L, "damaged request");
}
