// Rows: a userdata that a script can read like a table and not write. Its `__index` is a table of its own, which is the
// fastest that Lua offers. That table has only the fields that scripts have read; any other is made from the row's
// encoded values when it is read for the first time, so that what no policy reads costs neither time nor memory.

#include "map.h"

#include <stdlib.h>

static kind gone_row = KIND_GONE;
/// Under the address of this a table of values has its row.
static const char row_key = 0;

void clua_push_box(lua_State *L, void *object, int uservalues) {
  *(void **)lua_newuserdatauv(L, sizeof(void *), uservalues) = object;
}

void clua_push_index(lua_State *L, int index) {
  lua_getmetatable(L, index);
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/// Pushes the value of a field. All empty tables are one.
static void push_field(lua_State *L, const fleet *f, const record *values, int field) {
  static const uint8_t empty[] = {CLUA_TAG_TABLE, 0, 0, 0, 0, CLUA_TAG_END};
  clua_bytes bytes = record_bytes(values, field);
  if (same_bytes(bytes, (clua_bytes){empty, sizeof empty})) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, f->empty);
    return;
  }
  clua_decode(L, bytes);
  if (lua_istable(L, -1)) clua_make_read_only(L, "kernel rows are read-only");
}

/// Puts a field's value into the table of values at `table`.
static void make_field(lua_State *L, const fleet *f, row *r, const record *values, int field, int table) {
  lua_pushstring(L, f->row.keys[field]);
  push_field(L, f, values, field);
  bool is_there = !lua_isnil(L, -1);
  lua_rawset(L, table);
  if (is_there) r->made |= UINT64_C(1) << field;
  else r->made &= ~(UINT64_C(1) << field);
}

/// `__index` of a table of values: a field that nobody has read before, or that is nil.
static int read_field(lua_State *L) {
  fleet *f = vm_of(L)->fleet;
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
  int field = 0;
  while (field < f->row.count && f->row.keys[field] != name) field++;
  if (field == f->row.count) return 0;
  lua_rawgetp(L, 1, &row_key);
  row *r = lua_touserdata(L, -1);
  if (!r || record_tag(&r->values, field) == CLUA_TAG_NIL) return 0;
  f->hot |= UINT64_C(1) << field;
  lua_settop(L, 2);
  make_field(L, f, r, &r->values, field, 1);
  lua_rawget(L, 1);
  return 1;
}

void clua_open_row_fields(lua_State *L, fleet *f) {
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, read_field);
  lua_setfield(L, -2, "__index");
  f->row_defaults = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushliteral(L, "kernel rows are read-only");
  lua_pushcclosure(L, clua_refuse_write, 1);
  f->refuse = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  clua_make_read_only(L, "kernel rows are read-only");
  f->empty = luaL_ref(L, LUA_REGISTRYINDEX);
}

/// Pushes a userdata for a row, with the fields that scripts usually read.
static void push_new_row(lua_State *L, const fleet *f, row *r, const record *values) {
  clua_push_box(L, &gone_row, 0);
  lua_createtable(L, 0, 2);
  lua_createtable(L, 0, 1 + __builtin_popcountll(f->hot));
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->row_defaults);
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, r);
  lua_rawsetp(L, -2, &row_key);
  for (uint64_t hot = f->hot; hot; hot &= hot - 1) {
    int field = __builtin_ctzll(hot);
    if (record_tag(values, field) != CLUA_TAG_NIL) make_field(L, f, r, values, field, lua_gettop(L));
  }
  lua_setfield(L, -2, "__index");
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->refuse);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
}

/// Writes those of the changed fields that scripts have read into the row at `index`.
static void write_fields(lua_State *L, const fleet *f, int index, row *r, const record *after, uint64_t changed) {
  changed &= r->made;
  if (!changed) return;
  clua_push_index(L, index);
  for (; changed; changed &= changed - 1) make_field(L, f, r, after, __builtin_ctzll(changed), lua_gettop(L));
  lua_pop(L, 1);
}

/// Makes the row at `index` independent of its values: they will be gone, but a script may have kept it.
static void complete_fields(lua_State *L, const fleet *f, int index, row *r) {
  clua_push_index(L, index);
  int table = lua_gettop(L);
  for (int field = 0; field < f->row.count; field++)
    if (!(r->made >> field & 1) && record_tag(&r->values, field) != CLUA_TAG_NIL)
      make_field(L, f, r, &r->values, field, table);
  lua_pushnil(L);
  lua_rawsetp(L, table, &row_key);
  lua_pop(L, 1);
}

/// The rule by which rows are preferred, if a row's list of such values has changed: keeps the table from value to row.
static void write_preferred(lua_State *L, const fleet *f, int index, const record *before, const record *after) {
  int field = f->rules[f->preferred_rule].row_field;
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->preferred);
  int table = lua_gettop(L);
  const record *versions[] = {before, after};
  for (int i = 0; i < 2; i++) {
    if (!versions[i] || record_tag(versions[i], field) != CLUA_TAG_TABLE) continue;
    clua_decode(L, record_bytes(versions[i], field));
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

static bool changes_preferred(const fleet *f, uint64_t changed) {
  return f->preferred_rule >= 0 && changed >> f->rules[f->preferred_rule].row_field & 1;
}

static void reserve_all(lua_State *L, const fleet *f) {
  set_reserve(L, f->everything);
  for (int i = 0; i < f->set_count; i++) set_reserve(L, f->sets[i]);
}

static void update_all(const fleet *f, row *r, const record *before, const record *after, uint64_t changed) {
  set_update(f, f->everything, r, before, after, changed);
  for (int i = 0; i < f->set_count; i++) set_update(f, f->sets[i], r, before, after, changed);
}

/// What a row takes, at most about: it is the host's memory, not the policy's.
static size_t weight(const record *values, const fleet *f) {
  return values ? 1024 + 2 * (size_t)record_start(values, f->row.count) : 0;
}

static void weigh(clua_vm *vm, const record *before, const record *after) {
  if (vm->memory_limit) vm->memory_limit += weight(after, vm->fleet) - weight(before, vm->fleet);
}

static void drop_unfinished(fleet *f) {
  free(f->unfinished);
  free(f->unfinished_values.offsets);
  f->unfinished = NULL;
  f->unfinished_values = (record){0};
}

static void replace_values(fleet *f, row *r) {
  free(r->values.offsets);
  r->values = f->unfinished_values;
  f->unfinished = NULL;
  f->unfinished_values = (record){0};
}

/// Changes a row in place.
static void change_row(lua_State *L, fleet *f, row *r) {
  const record *after = &f->unfinished_values;
  uint64_t changed = record_difference(&r->values, after, f->row.count);
  if (!changed) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->reference);
  int index = lua_gettop(L);
  write_fields(L, f, index, r, after, changed);
  if (changes_preferred(f, changed)) write_preferred(L, f, index, &r->values, after);
  if (changed & (f->membership | f->filtered)) reserve_all(L, f);
  // From here on nothing fails.
  update_all(f, r, &r->values, after, changed);
  weigh(vm_of(L), &r->values, after);
  replace_values(f, r);
}

static void add_row(lua_State *L, fleet *f, clua_bytes key) {
  const record *after = &f->unfinished_values;
  row *r = f->unfinished = clua_reallocate(vm_of(L), NULL, sizeof *r);
  if (!r) clua_raise_memory(L);
  *r = (row){.kind = KIND_ROW, .order = record_number(after, f->order_field), .hash = clua_hash(key)};
  push_new_row(L, f, r, after);
  int index = lua_gettop(L);
  if (changes_preferred(f, UINT64_MAX)) write_preferred(L, f, index, NULL, after);
  reserve_all(L, f);
  index_reserve(L, &f->rows);
  lua_pushvalue(L, index);
  r->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  // From here on nothing fails.
  *(void **)lua_touserdata(L, index) = r;
  update_all(f, r, NULL, after, UINT64_MAX);
  weigh(vm_of(L), NULL, after);
  replace_values(f, r);
  index_add(&f->rows, r);
}

static int put(lua_State *L) {
  const clua_bytes *values = lua_touserdata(L, 1);
  fleet *f = vm_of(L)->fleet;
  drop_unfinished(f);
  if (!record_copy(vm_of(L), *values, f->row.count, &f->unfinished_values)) clua_raise_memory(L);
  if (!record_is_string(&f->unfinished_values, f->key_field)) return luaL_error(L, "a row without a key");
  clua_bytes key = record_string(&f->unfinished_values, f->key_field);
  row *r = index_find(f, key);
  if (r) change_row(L, f, r);
  else add_row(L, f, key);
  drop_unfinished(f);
  return 0;
}

static int remove_row(lua_State *L) {
  const clua_bytes *key = lua_touserdata(L, 1);
  fleet *f = vm_of(L)->fleet;
  row *r = index_find(f, *key);
  if (!r) return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->reference);
  int index = lua_gettop(L);
  if (changes_preferred(f, UINT64_MAX)) write_preferred(L, f, index, &r->values, NULL);
  complete_fields(L, f, index, r);
  // From here on nothing fails.
  luaL_unref(L, LUA_REGISTRYINDEX, r->reference);
  update_all(f, r, &r->values, NULL, UINT64_MAX);
  index_remove(&f->rows, r);
  *(void **)lua_touserdata(L, index) = &gone_row;
  weigh(vm_of(L), &r->values, NULL);
  free(r->values.offsets);
  free(r);
  return 0;
}

static clua_status run(clua_vm *vm, lua_CFunction body, clua_bytes argument) {
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no rows");
  vm->unlimited = true;
  clua_status status = clua_protected(vm, body, &argument);
  vm->unlimited = false;
  return status;
}

clua_status clua_row_put(clua_vm *vm, clua_bytes values) { return run(vm, put, values); }

clua_status clua_row_remove(clua_vm *vm, clua_bytes key) { return run(vm, remove_row, key); }

static void free_rows(const set *everything) {
  for (size_t i = 0; everything && i < everything->count; i++) {
    free(everything->members[i]->values.offsets);
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
  maps_free(f->maps);
  free_rows(f->everything);
  free(f->rows.slots);
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
  if (!object) return false;
  kind k = kind_of(object);
  if (k != KIND_ROW && k != KIND_GONE && k != KIND_VIEW) return false;
  clua_push_index(L, 1);
  lua_pushlightuserdata(L, k == KIND_VIEW ? &((view *)object)->fields : &f->row);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_field, 3);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return true;
}
