// A VM with rows: how it is set up, and how it decides.

#include <stdlib.h>

#include "rows.h"

/// Copies names, each ended by a zero byte, and has Lua keep them in the table on the top.
static void copy_names(lua_State *L, const char *from, int count, names *to) {
  if (count > MAX_FIELDS) luaL_error(L, "too many fields");
  for (; to->count < count; from += strlen(from) + 1) {
    char *copy = clua_reallocate(vm_of(L), NULL, strlen(from) + 1);
    if (!copy) clua_raise_memory(L);
    to->names[to->count++] = strcpy(copy, from);
    to->keys[to->count - 1] = lua_pushstring(L, from);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
}

static void *copy_bytes(lua_State *L, const void *bytes, size_t size) {
  void *copy = clua_reallocate(vm_of(L), NULL, size ? size : 1);
  if (!copy) clua_raise_memory(L);
  return memcpy(copy, bytes, size);
}

static int find_field(const fleet *f, const char *name) {
  for (int field = 0; field < f->row.count; field++)
    if (strcmp(f->row.names[field], name) == 0) return field;
  return -1;
}

static void copy_schema(lua_State *L, fleet *f, const clua_schema *schema) {
  lua_newtable(L);
  copy_names(L, schema->row_fields, schema->row_count, &f->row);
  if (schema->view_count > MAX_VIEWS) luaL_error(L, "too many views");
  for (; f->view_count < schema->view_count; f->view_count++) {
    view *v = &f->views[f->view_count];
    v->kind = KIND_VIEW;
    copy_names(L, schema->views[f->view_count].fields, schema->views[f->view_count].count, &v->fields);
  }
  luaL_ref(L, LUA_REGISTRYINDEX);
  f->rules = copy_bytes(L, schema->rules, (size_t)schema->rule_count * sizeof *f->rules);
  f->rule_count = schema->rule_count;
  f->preferred_rule = -1;
  for (int i = 0; i < f->rule_count; i++)
    if (f->rules[i].kind == CLUA_RULE_PREFERS) f->preferred_rule = i;
  f->eligible_field = schema->eligible_field;
  f->order_field = schema->order_field;
  f->key_field = schema->key_field;
  f->clients_field = find_field(f, "clients");
  f->latency_field = find_field(f, "latency");
  f->pool_field = find_field(f, "pool");
  f->membership = UINT64_C(1) << f->eligible_field;
  for (int i = 0; i < f->rule_count; i++) f->membership |= UINT64_C(1) << f->rules[i].row_field;
  f->eligible = copy_bytes(L, schema->eligible.start, schema->eligible.count);
  f->eligible_size = schema->eligible.count;
}

static int reference_new_table(lua_State *L) {
  lua_newtable(L);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

static int now(lua_State *L) {
  lua_pushnumber(L, vm_of(L)->fleet->now);
  return 1;
}

static int open_rows(lua_State *L) {
  const clua_schema *schema = lua_touserdata(L, 1);
  clua_vm *vm = vm_of(L);
  fleet *f = vm->fleet;
  copy_schema(L, f, schema);
  f->preferred = reference_new_table(L);
  clua_open_row_fields(L, f);
  clua_open_sets(L, f);
  for (int i = 0; i < f->view_count; i++) clua_open_view(L, &f->views[i]);
  clua_open_memory(L, f);
  f->everything = set_create(L, f, true);
  lua_register(L, "now", now);
  return 0;
}

clua_status clua_rows_open(clua_vm *vm, const clua_schema *schema) {
  vm->fleet = clua_reallocate(vm, NULL, sizeof *vm->fleet);
  if (!vm->fleet) return clua_note(vm, CLUA_MEMORY, "not enough memory");
  *vm->fleet = (fleet){.preferred_rule = -1};
  clua_status status = clua_protected(vm, open_rows, (void *)schema);
  if (status != CLUA_OK) clua_rows_close(vm);
  return status;
}

static int decide(lua_State *L) {
  const clua_question *q = lua_touserdata(L, 1);
  clua_vm *vm = vm_of(L);
  fleet *f = vm->fleet;
  if (q->view >= 0) clua_set_view(L, &f->views[q->view], q->fields);
  lua_rawgeti(L, LUA_REGISTRYINDEX, q->function);
  int function = lua_gettop(L);
  if (q->row.start) {
    const row *r = index_find(f, q->row);
    if (r) push_row(L, r);
    else lua_pushnil(L);
  }
  if (q->view >= 0) lua_rawgeti(L, LUA_REGISTRYINDEX, f->views[q->view].reference);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->everything->reference);
  lua_call(L, lua_gettop(L) - function, LUA_MULTRET);
  vm->results.count = 0;
  clua_encode_from(L, function, &vm->results);
  return 0;
}

clua_status clua_decide(clua_vm *vm, const clua_question *question) {
  fleet *f = vm->fleet;
  if (!f || question->view >= f->view_count) return clua_note(vm, CLUA_RUNTIME, "the state has no rows");
  f->decision++;
  f->now = question->now;
  return clua_timed(vm, decide, (void *)question, question->deadline);
}

static int collect_step(lua_State *L) {
  fleet *f = vm_of(L)->fleet;
  f->collecting = !lua_gc(L, LUA_GCSTEP, 0);
  return 0;
}

// Lua itself begins to collect when memory has doubled since the last time. This begins earlier, between decisions, so
// that only a decision that takes much memory pays for collecting.
bool clua_collect_some(clua_vm *vm) {
  fleet *f = vm->fleet;
  if (!f || (!f->collecting && vm->used < f->collect_above)) return false;
  clua_protected(vm, collect_step, NULL);
  if (!f->collecting) f->collect_above = vm->used + vm->used / 2;
  return f->collecting;
}
