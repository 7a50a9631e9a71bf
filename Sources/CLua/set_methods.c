// What a script can ask of a set of rows: fleet:match(request):least("clients").

#include <math.h>

#include "rows.h"

static const char *const read_only = "the fleet is read-only";

static bool is_current(lua_State *L, const void *object) {
  const set *s = object;
  return kind_of(s) == KIND_SET && (!s->temporary || s->used == vm_of(L)->fleet->decision);
}

set *check_set(lua_State *L) {
  void *object = lua_type(L, 1) == LUA_TUSERDATA ? object_at(L, 1) : NULL;
  if (object && is_current(L, object)) {
    set *s = object;
    if (!s->temporary) s->used = vm_of(L)->fleet->decision;
    return s;
  }
  if (object && (kind_of(object) == KIND_STALE || kind_of(object) == KIND_SET))
    luaL_error(L, "this set is of an earlier decision: match again");
  luaL_argerror(L, 1, "a set of kernels expected: call it as fleet:method() or set:method()");
  return NULL;
}

int push_row(lua_State *L, const row *r) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->reference);
  return 1;
}

int push_first(lua_State *L, const set *s) {
  if (s->count) return push_row(L, s->members[0]);
  lua_pushnil(L);
  return 1;
}

int field_argument(lua_State *L, const fleet *f, int index) {
  const char *name = luaL_checkstring(L, index);
  for (int field = 0; field < f->row.count; field++)
    if (f->row.keys[field] == name) return field;
  return luaL_error(L, "kernels have no field '%s'", name);
}

/// The first entry whose value is not below this one.
static size_t first_not_below(const ranked *entries, size_t count, double value) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (entries[middle].value < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

static int set_least(lua_State *L) {
  set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  int field = field_argument(L, f, 2);
  if (s->count < 2) return push_first(L, s);
  return push_row(L, set_ranking(L, f, s, field)->entries[0].row);
}

/// The oldest of those with the largest number; kernels without one come last.
static int set_most(lua_State *L) {
  set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  int field = field_argument(L, f, 2);
  if (s->count < 2) return push_first(L, s);
  const ranked *entries = set_ranking(L, f, s, field)->entries;
  size_t end = first_not_below(entries, s->count, INFINITY);
  size_t at = end ? first_not_below(entries, end, entries[end - 1].value) : 0;
  return push_row(L, entries[at].row);
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

/// A set of one row or none, which lives in its userdata and ends with the decision.
typedef struct single {
  set *object;
  set set;
  row *member;
} single;

static int push_single(lua_State *L, const fleet *f, row *r) {
  single *one = lua_newuserdatauv(L, sizeof *one, 0);
  *one = (single){.object = &one->set, .member = r};
  one->set = (set){.kind = KIND_SET, .temporary = true, .members = &one->member, .count = r != NULL,
    .used = f->decision};
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->set_metatable);
  lua_setmetatable(L, -2);
  return 1;
}

/// The row that is preferred for what the request has in the preferring field, if it matches; else null.
static row *preferred_row(lua_State *L, fleet *f, const set *s, clua_bytes value) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->preferred);
  clua_decode(L, value);
  lua_rawget(L, -2);
  row *r = object_at(L, -1);
  lua_pop(L, 2);
  return r && r->kind == KIND_ROW && row_matches(f, s, &r->values) ? r : NULL;
}

/// Encodes the fields of a table, or of a view, as a request.
static void encode_request(lua_State *L, fleet *f, int index) {
  const names *fields = &request_of(f)->fields;
  for (int field = 0; field < fields->count; field++) {
    lua_getfield(L, index, fields->names[field]);
    clua_encode(L, -1, &f->asked);
    lua_pop(L, 1);
  }
}

static int push_set(lua_State *L, const set *s) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->reference);
  return 1;
}

static void append(lua_State *L, buffer *b, const void *bytes, size_t count) {
  if (!buffer_append(vm_of(L), b, bytes, count)) clua_raise_memory(L);
}

static int fleet_match(lua_State *L) {
  fleet *f = vm_of(L)->fleet;
  if (check_set(L) != f->everything) return luaL_error(L, "only the fleet itself can be matched: fleet:match(request)");
  void *object = lua_type(L, 2) == LUA_TUSERDATA ? object_at(L, 2) : NULL;
  view *request = request_of(f);
  f->asked.count = 0;
  append(L, &f->asked, "\1", 1);
  if (object == request) {
    append(L, &f->asked, request->values.bytes, record_start(&request->values, request->fields.count));
  } else {
    if (!object || kind_of(object) != KIND_VIEW) luaL_checktype(L, 2, LUA_TTABLE);
    encode_request(L, f, 2);
  }
  record asked;
  uint32_t offsets[MAX_FIELDS + 1];
  clua_bytes bytes = {f->asked.bytes + 1, f->asked.count - 1};
  if (!record_parse(&asked, bytes, request->fields.count, offsets)) return luaL_error(L, "damaged request");
  bool prefers = f->preferred_rule >= 0;
  int last = matched_fields(f);
  set *s = set_for(L, f, (clua_bytes){f->asked.bytes, 1 + record_start(&asked, last)});
  if (prefers && record_tag(&asked, last) != CLUA_TAG_NIL) {
    row *r = preferred_row(L, f, s, record_bytes(&asked, last));
    if (r) return push_single(L, f, r);
  }
  return push_set(L, s);
}

/// Appends a clause to the filter that is being put together: the field, and the value at `index`.
static void append_clause(lua_State *L, fleet *f, int field, int index) {
  int type = lua_type(L, index);
  if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
    luaL_error(L, "where: '%s' is a %s value; it compares strings, numbers and booleans", f->row.names[field],
      clua_type_name(L, index));
  uint8_t number = (uint8_t)field;
  append(L, &f->asked, &number, 1);
  clua_encode(L, index, &f->asked);
}

/// The members of `s` that the filter lets through, whose last clauses begin at `added`. A set that ends with the decision
/// has one member at most.
static int push_filtered(lua_State *L, fleet *f, const set *s, size_t added) {
  clua_bytes filter = {f->asked.bytes, f->asked.count};
  if (!s->temporary) return push_set(L, set_for(L, f, filter));
  set test = {.filter = {f->asked.bytes + added, f->asked.count - added, 0}};
  row *r = s->count && row_matches(f, &test, &s->members[0]->values) ? s->members[0] : NULL;
  return push_single(L, f, r);
}

/// Begins a filter with what the set has; returns where its own part begins.
static size_t begin_filter(lua_State *L, fleet *f, const set *s) {
  f->asked.count = 0;
  if (s->filter.count) append(L, &f->asked, s->filter.bytes, s->filter.count);
  else append(L, &f->asked, "\0", 1);
  return f->asked.count;
}

/// Raises about a key of the table at `index` that is no field.
static int refuse_unknown(lua_State *L, const fleet *f, int index) {
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) return luaL_error(L, "where takes names of fields: where{language = \"lua\"}");
    int field = 0;
    while (field < f->row.count && f->row.keys[field] != lua_tostring(L, -2)) field++;
    if (field == f->row.count) return luaL_error(L, "kernels have no field '%s'", lua_tostring(L, -2));
  }
  return 0;
}

/// The members that have these values: set:where{language = "lua", clients = 0}
static int set_where(lua_State *L) {
  set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t added = begin_filter(L, f, s);
  int count = 0;
  for (lua_pushnil(L); count <= f->row.count && lua_next(L, 2); count++) lua_pop(L, 1);
  lua_settop(L, 2);
  // In the order of the schema, so that equal filters are equal bytes.
  for (int field = 0; field < f->row.count && count > 0; field++) {
    lua_pushstring(L, f->row.keys[field]);
    if (lua_rawget(L, 2) != LUA_TNIL) {
      append_clause(L, f, field, lua_gettop(L));
      count--;
    }
    lua_pop(L, 1);
  }
  if (count > 0) return refuse_unknown(L, f, 2);
  return push_filtered(L, f, s, added);
}

static int set_pool(lua_State *L) {
  set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  luaL_checktype(L, 2, LUA_TSTRING);
  if (f->pool_field < 0) return luaL_error(L, "kernels have no pool");
  size_t added = begin_filter(L, f, s);
  append_clause(L, f, f->pool_field, 2);
  return push_filtered(L, f, s, added);
}

void clua_open_sets(lua_State *L, fleet *f) {
  static const luaL_Reg methods[] = {
    {"least", set_least}, {"most", set_most},       {"first", set_first},
    {"count", set_count}, {"each", set_each},       {"list", set_list},
    {"where", set_where}, {"pool", set_pool},       {"match", fleet_match},
    {"sum", set_sum},     {"average", set_average}, {"random", set_random},
    {"ring", set_ring},   {"ewma", set_ewma},       {"two_choices", set_two_choices},
    {"kernels", set_list}, {"desired", fleet_desired}, {NULL, NULL},
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
