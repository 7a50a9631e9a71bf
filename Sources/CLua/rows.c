// Rows: a userdata that a script can read like a table and not write. Its `__index` is a table of its own with the values,
// which is the fastest that Lua offers; equal values are not written again when the host changes a row.

#include "rows.h"

#include <stdlib.h>

static kind gone_row = KIND_GONE;

void clua_push_box(lua_State *L, void *object, int uservalues) {
  *(void **)lua_newuserdatauv(L, sizeof(void *), uservalues) = object;
}

void clua_push_index(lua_State *L, int index) {
  lua_getmetatable(L, index);
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

static void push_field(lua_State *L, const record *values, int field) {
  const uint8_t *start = values->bytes + values->offsets[field];
  clua_decode(L, (clua_bytes){start, values->offsets[field + 1] - values->offsets[field]});
  if (lua_istable(L, -1)) clua_make_read_only(L, "kernel rows are read-only");
}

/// Pushes a userdata for a row to be, with an empty table of values.
static void push_new_row(lua_State *L, const fleet *f) {
  clua_push_box(L, &gone_row, 0);
  lua_createtable(L, 0, 2);
  lua_createtable(L, 0, 16);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->row_defaults);
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->refuse);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
}

/// Writes the fields that differ into the row at `index`. An empty table is left to the defaults.
static void write_fields(lua_State *L, const fleet *f, int index, const record *before, const record *after) {
  static const uint8_t empty[] = {CLUA_TAG_TABLE, 0, 0, 0, 0, CLUA_TAG_END};
  clua_push_index(L, index);
  for (int field = 0; field < f->row.count; field++) {
    if (before && record_same(before, after, field)) continue;
    uint32_t size = after->offsets[field + 1] - after->offsets[field];
    bool is_empty = size == sizeof empty && memcmp(after->bytes + after->offsets[field], empty, size) == 0;
    if (!before && (is_empty || record_tag(after, field) == CLUA_TAG_NIL)) continue;
    lua_pushstring(L, f->row.keys[field]);
    if (is_empty) lua_pushnil(L);
    else push_field(L, after, field);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

/// The rule by which rows are preferred, if a row's list of such values has changed: keeps the table from value to row.
static void write_preferred(lua_State *L, const fleet *f, int index, const record *before, const record *after) {
  if (f->preferred_rule < 0) return;
  int field = f->rules[f->preferred_rule].row_field;
  if (before && after && record_same(before, after, field)) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->preferred);
  int table = lua_gettop(L);
  const record *versions[] = {before, after};
  for (int i = 0; i < 2; i++) {
    if (!versions[i] || record_tag(versions[i], field) != CLUA_TAG_TABLE) continue;
    const record *r = versions[i];
    clua_decode(L, (clua_bytes){r->bytes + r->offsets[field], r->offsets[field + 1] - r->offsets[field]});
    for (lua_Integer n = 1; lua_rawgeti(L, -1, n) != LUA_TNIL; n++) {
      lua_pushvalue(L, -1);
      lua_rawget(L, table);
      bool is_ours = lua_rawequal(L, -1, index);
      lua_pop(L, 1);
      if (i == 1) lua_pushvalue(L, index);
      else lua_pushnil(L);
      if (i == 1 || is_ours) lua_rawset(L, table);
      else lua_pop(L, 2);
    }
    lua_settop(L, table);
  }
  lua_pop(L, 1);
}

static void reserve_all(lua_State *L, const fleet *f) {
  set_reserve(L, f->everything);
  for (int i = 0; i < f->set_count; i++) set_reserve(L, f->sets[i]);
}

static void update_all(const fleet *f, row *r, const record *before, const record *after) {
  set_update(f, f->everything, r, before, after);
  for (int i = 0; i < f->set_count; i++) set_update(f, f->sets[i], r, before, after);
}

typedef struct change {
  fleet *fleet;
  clua_bytes key, values;
} change;

/// Pushes the table of rows and the userdata under the key, or nil; returns its row, or null.
static row *push_row(lua_State *L, const change *c) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->fleet->rows);
  lua_pushlstring(L, (const char *)c->key.start, c->key.count);
  lua_rawget(L, -2);
  row *r = object_at(L, -1);
  return r && r->kind == KIND_ROW ? r : NULL;
}

/// A new row, kept for cleaning up until it belongs to the sets.
static row *new_row(lua_State *L, fleet *f) {
  row *r = f->unfinished = clua_reallocate(vm_of(L), NULL, sizeof *r);
  if (!r) clua_raise_memory(L);
  *r = (row){.kind = KIND_ROW, .order = record_number(f->unfinished_values, f->order_field)};
  return r;
}

/// Puts the userdata at `index` into the registry and, under the key, into the table of rows below it.
static void register_row(lua_State *L, const change *c, row *r, int index) {
  lua_pushvalue(L, index);
  r->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushlstring(L, (const char *)c->key.start, c->key.count);
  lua_pushvalue(L, index);
  lua_rawset(L, index - 1);
}

/// What a row takes, at most about: it is the host's memory, not the policy's.
static size_t weight(const record *values, const fleet *f) {
  return values ? 1024 + 2 * (size_t)values->offsets[f->row.count] : 0;
}

static void weigh(clua_vm *vm, const record *before, const record *after) {
  if (vm->memory_limit) vm->memory_limit += weight(after, vm->fleet) - weight(before, vm->fleet);
}

static void drop_unfinished(fleet *f) {
  free(f->unfinished);
  free(f->unfinished_values);
  f->unfinished = NULL;
  f->unfinished_values = NULL;
}

static int put(lua_State *L) {
  const change *c = lua_touserdata(L, 1);
  fleet *f = c->fleet;
  drop_unfinished(f);
  record *after = f->unfinished_values = record_copy(vm_of(L), c->values, f->row.count);
  if (!after) clua_raise_memory(L);
  row *r = push_row(L, c);
  int index = lua_gettop(L);
  if (!r) {
    push_new_row(L, f);
    lua_replace(L, index);
  }
  const record *before = r ? r->values : NULL;
  write_fields(L, f, index, before, after);
  write_preferred(L, f, index, before, after);
  reserve_all(L, f);
  if (!r) register_row(L, c, r = new_row(L, f), index);
  // From here on nothing fails.
  *(void **)lua_touserdata(L, index) = r;
  update_all(f, r, before, after);
  weigh(vm_of(L), before, after);
  free(r->values);
  r->values = after;
  f->unfinished = NULL;
  f->unfinished_values = NULL;
  return 0;
}

static int remove_row(lua_State *L) {
  const change *c = lua_touserdata(L, 1);
  fleet *f = c->fleet;
  row *r = push_row(L, c);
  if (!r) return 0;
  int index = lua_gettop(L);
  write_preferred(L, f, index, r->values, NULL);
  lua_pushlstring(L, (const char *)c->key.start, c->key.count);
  lua_pushnil(L);
  lua_rawset(L, index - 1);
  luaL_unref(L, LUA_REGISTRYINDEX, r->reference);
  update_all(f, r, r->values, NULL);
  *(void **)lua_touserdata(L, index) = &gone_row;
  weigh(vm_of(L), r->values, NULL);
  free(r->values);
  free(r);
  return 0;
}

static clua_status run(clua_vm *vm, lua_CFunction body, clua_bytes key, clua_bytes values) {
  change c = {vm->fleet, key, values};
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no rows");
  vm->unlimited = true;
  clua_status status = clua_protected(vm, body, &c);
  vm->unlimited = false;
  return status;
}

clua_status clua_row_put(clua_vm *vm, clua_bytes key, clua_bytes values) { return run(vm, put, key, values); }

clua_status clua_row_remove(clua_vm *vm, clua_bytes key) {
  return run(vm, remove_row, key, (clua_bytes){NULL, 0});
}

static void free_rows(const set *everything) {
  for (size_t i = 0; everything && i < everything->count; i++) {
    free(everything->members[i]->values);
    free(everything->members[i]);
  }
}

static void free_names(const names *n) {
  for (int i = 0; i < n->count; i++) free(n->names[i]);
}

void clua_rows_close(clua_vm *vm) {
  fleet *f = vm->fleet;
  if (!f) return;
  drop_unfinished(f);
  free_rows(f->everything);
  set_free(f->everything);
  for (int i = 0; i < f->set_count; i++) set_free(f->sets[i]);
  free_names(&f->row);
  for (int i = 0; i < f->view_count; i++) buffer_free(&f->views[i].bytes);
  for (int i = 0; i < MAX_VIEWS; i++) free_names(&f->views[i].fields);
  free(f->rules);
  free(f->eligible);
  buffer_free(&f->asked);
  free(f);
  vm->fleet = NULL;
}

bool clua_push_row_name(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !vm_of(L)->fleet) return false;
  const void *object = object_at(L, index);
  if (!object || (kind_of(object) != KIND_ROW && kind_of(object) != KIND_GONE)) return false;
  clua_push_index(L, index);
  lua_getfield(L, -1, vm_of(L)->fleet->row.names[0]);
  lua_remove(L, -2);
  return true;
}

/// Upvalues: the table of values, the names of its fields, how many of them were visited.
static int next_field(lua_State *L) {
  const names *n = lua_touserdata(L, lua_upvalueindex(2));
  for (int field = (int)lua_tointeger(L, lua_upvalueindex(3)); field < n->count; field++) {
    lua_pushstring(L, n->keys[field]);
    lua_pushvalue(L, -1);
    if (lua_gettable(L, lua_upvalueindex(1)) != LUA_TNIL) {
      lua_pushinteger(L, field + 1);
      lua_replace(L, lua_upvalueindex(3));
      return 2;
    }
    lua_pop(L, 2);
  }
  return 0;
}

bool clua_record_pairs(lua_State *L) {
  fleet *f = vm_of(L)->fleet;
  void *object = lua_type(L, 1) == LUA_TUSERDATA && f ? object_at(L, 1) : NULL;
  if (!object || kind_of(object) == KIND_SET || kind_of(object) == KIND_STALE) return false;
  clua_push_index(L, 1);
  lua_pushlightuserdata(L, kind_of(object) == KIND_VIEW ? &((view *)object)->fields : &f->row);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_field, 3);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return true;
}
