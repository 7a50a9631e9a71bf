// A VM with rows: how it is set up, and how it decides.

#include <stdlib.h>

#include "rows.h"

/// Copies names, each ended by a zero byte, and has Lua keep them in the table on the top.
static void copy_names(lua_State *L, const char *names, int count, char **copies, const char **keys) {
  if (count > MAX_FIELDS) luaL_error(L, "too many fields");
  for (int i = 0; i < count; i++, names += strlen(names) + 1) {
    copies[i] = clua_reallocate(vm_of(L), NULL, strlen(names) + 1);
    if (!copies[i]) clua_raise_memory(L);
    strcpy(copies[i], names);
    keys[i] = lua_pushstring(L, names);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
}

static void *copy_bytes(lua_State *L, const void *bytes, size_t size) {
  void *copy = clua_reallocate(vm_of(L), NULL, size ? size : 1);
  if (!copy) clua_raise_memory(L);
  return memcpy(copy, bytes, size);
}

static void copy_schema(lua_State *L, fleet *f, const clua_schema *schema) {
  lua_newtable(L);
  copy_names(L, schema->row_fields, schema->row_count, f->row_names, f->row_keys);
  copy_names(L, schema->request_fields, schema->request_count, f->request_names, f->request_keys);
  luaL_ref(L, LUA_REGISTRYINDEX);
  f->row_count = schema->row_count;
  f->request_count = schema->request_count;
  f->rules = copy_bytes(L, schema->rules, (size_t)schema->rule_count * sizeof *f->rules);
  f->rule_count = schema->rule_count;
  f->preferred_rule = -1;
  for (int i = 0; i < f->rule_count; i++)
    if (f->rules[i].kind == CLUA_RULE_PREFERS) f->preferred_rule = i;
  f->eligible_field = schema->eligible_field;
  f->order_field = schema->order_field;
  f->eligible = copy_bytes(L, schema->eligible.start, schema->eligible.count);
  f->eligible_size = schema->eligible.count;
}

static int reference_new_table(lua_State *L) {
  lua_newtable(L);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

/// What a row has where its table of values has nothing: fields that are tables are empty rather than absent.
static int reference_row_defaults(lua_State *L, const fleet *f) {
  lua_createtable(L, 0, 1);
  lua_newtable(L);
  for (int i = 0; i < f->rule_count; i++) {
    if (f->rules[i].kind != CLUA_RULE_INCLUDES && f->rules[i].kind != CLUA_RULE_PREFERS) continue;
    lua_newtable(L);
    clua_make_read_only(L, "kernel rows are read-only");
    lua_setfield(L, -2, f->row_names[f->rules[i].row_field]);
  }
  lua_setfield(L, -2, "__index");
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
  f->rows = reference_new_table(L);
  f->preferred = reference_new_table(L);
  f->row_defaults = reference_row_defaults(L, f);
  lua_pushliteral(L, "kernel rows are read-only");
  lua_pushcclosure(L, clua_refuse_write, 1);
  f->refuse = luaL_ref(L, LUA_REGISTRYINDEX);
  clua_open_sets(L, f);
  clua_open_request(L, f);
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

typedef struct decision {
  int32_t function;
  clua_bytes request;
} decision;

static int decide(lua_State *L) {
  const decision *d = lua_touserdata(L, 1);
  clua_vm *vm = vm_of(L);
  fleet *f = vm->fleet;
  clua_set_question(L, f, d->request);
  lua_rawgeti(L, LUA_REGISTRYINDEX, d->function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->request);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->everything->reference);
  lua_call(L, 2, LUA_MULTRET);
  vm->results.count = 0;
  clua_encode_from(L, 2, &vm->results);
  return 0;
}

clua_status clua_decide(clua_vm *vm, int32_t function, clua_bytes request, double now, int64_t deadline) {
  decision d = {function, request};
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no rows");
  vm->fleet->decision++;
  vm->fleet->now = now;
  return clua_timed(vm, decide, &d, deadline);
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
