// What a script can ask of a set of rows: fleet:match(request):least("clients").

#include "rows.h"

static const char *const read_only = "the fleet is read-only";

static bool is_current(lua_State *L, const void *object) {
  const set *s = object;
  return kind_of(s) == KIND_SET && (!s->temporary || s->used == vm_of(L)->fleet->decision);
}

static set *check_set(lua_State *L) {
  void *object = lua_type(L, 1) == LUA_TUSERDATA ? object_at(L, 1) : NULL;
  if (object && is_current(L, object)) return object;
  if (object && (kind_of(object) == KIND_STALE || kind_of(object) == KIND_SET))
    luaL_error(L, "this set is of an earlier decision: match again");
  luaL_argerror(L, 1, "a set of kernels expected: call it as fleet:method() or set:method()");
  return NULL;
}

static int push_row(lua_State *L, const row *r) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->reference);
  return 1;
}

static int push_first(lua_State *L, const set *s) {
  if (s->count) return push_row(L, s->members[0]);
  lua_pushnil(L);
  return 1;
}

static int field_argument(lua_State *L, const fleet *f, int index) {
  const char *name = luaL_checkstring(L, index);
  for (int field = 0; field < f->row.count; field++)
    if (f->row.keys[field] == name) return field;
  return luaL_error(L, "kernels have no field '%s'", name);
}

static int set_least(lua_State *L) {
  set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  int field = field_argument(L, f, 2);
  if (s->count < 2) return push_first(L, s);
  return push_row(L, set_ranking(L, f, s, field)->entries[0].row);
}

static int set_first(lua_State *L) { return push_first(L, check_set(L)); }

static int set_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_set(L)->count);
  return 1;
}

/// Upvalues: the set, how many were visited.
static int next_member(lua_State *L) {
  const set *s = object_at(L, lua_upvalueindex(1));
  size_t index = (size_t)lua_tointeger(L, lua_upvalueindex(2));
  if (!is_current(L, s) || index >= s->count) return 0;
  lua_pushinteger(L, (lua_Integer)index + 1);
  lua_replace(L, lua_upvalueindex(2));
  return push_row(L, s->members[index]);
}

static int set_each(lua_State *L) {
  check_set(L);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_member, 2);
  return 1;
}

/// An array of the members that can be read and not written. Made anew when there are others, so that one that a script
/// has kept does not change under its hands.
static int set_list(lua_State *L) {
  set *s = check_set(L);
  if (s->list_is_current) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->list);
    return 1;
  }
  lua_createtable(L, (int)s->count, 0);
  for (size_t i = 0; i < s->count; i++) {
    push_row(L, s->members[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  clua_make_read_only(L, read_only);
  if (s->temporary) return 1;
  lua_pushvalue(L, -1);
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_unref(L, LUA_REGISTRYINDEX, s->list);
  s->list = reference;
  s->list_is_current = true;
  return 1;
}

/// A set of one row, which lives in its userdata and ends with the decision.
typedef struct single {
  set *object;
  set set;
  row *member;
} single;

static int push_single(lua_State *L, const fleet *f, row *r) {
  single *one = lua_newuserdatauv(L, sizeof *one, 0);
  *one = (single){.object = &one->set, .member = r};
  one->set = (set){.kind = KIND_SET, .temporary = true, .members = &one->member, .count = 1, .used = f->decision};
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->set_metatable);
  lua_setmetatable(L, -2);
  return 1;
}

/// The row that is preferred for what the request has in its last field, if it matches; else null.
static row *preferred_row(lua_State *L, fleet *f, const set *s, const record *request) {
  int last = request_of(f)->fields.count - 1;
  uint32_t start = request->offsets[last];
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->preferred);
  clua_decode(L, (clua_bytes){request->bytes + start, request->offsets[last + 1] - start});
  lua_rawget(L, -2);
  row *r = object_at(L, -1);
  lua_pop(L, 2);
  return r && r->kind == KIND_ROW && row_matches(f, s, r->values) ? r : NULL;
}

/// Encodes the fields of a table, or of another view, as a request.
static record encode_request(lua_State *L, fleet *f, int index) {
  clua_vm *vm = vm_of(L);
  const names *fields = &request_of(f)->fields;
  f->asked.count = 0;
  for (int field = 0; field < fields->count; field++) {
    lua_getfield(L, index, fields->names[field]);
    clua_encode(L, -1, &f->asked);
    lua_pop(L, 1);
  }
  record r;
  if (!buffer_reserve(vm, &f->asked, 1)) clua_raise_memory(L);
  if (!record_parse(&r, f->asked.bytes, f->asked.count, fields->count)) luaL_error(L, "damaged request");
  return r;
}

static int fleet_match(lua_State *L) {
  clua_vm *vm = vm_of(L);
  fleet *f = vm->fleet;
  if (check_set(L) != f->everything) return luaL_error(L, "only the fleet itself can be matched: fleet:match(request)");
  void *object = lua_type(L, 2) == LUA_TUSERDATA ? object_at(L, 2) : NULL;
  record asked;
  const record *request = &request_of(f)->values;
  if (object != request_of(f)) {
    if (!object || kind_of(object) != KIND_VIEW) luaL_checktype(L, 2, LUA_TTABLE);
    asked = encode_request(L, f, 2);
    request = &asked;
  }
  bool prefers = f->preferred_rule >= 0;
  int last = request_of(f)->fields.count - prefers;
  set *s = set_for(L, f, request, request->offsets[last]);
  if (prefers && record_tag(request, last) != CLUA_TAG_NIL) {
    row *r = preferred_row(L, f, s, request);
    if (r) return push_single(L, f, r);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->reference);
  return 1;
}

void clua_open_sets(lua_State *L, fleet *f) {
  static const luaL_Reg methods[] = {
    {"least", set_least}, {"first", set_first}, {"count", set_count},   {"each", set_each},
    {"list", set_list},   {"match", fleet_match}, {"kernels", set_list}, {NULL, NULL},
  };
  lua_createtable(L, 0, 4);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, read_only);
  lua_pushcclosure(L, clua_refuse_write, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushcfunction(L, set_count);
  lua_setfield(L, -2, "__len");
  lua_pushliteral(L, "kernels");
  lua_setfield(L, -2, "__name");
  f->set_metatable = luaL_ref(L, LUA_REGISTRYINDEX);
}
