// `memory`: what a policy keeps from decision to decision, as plain data that the host can save and restore. It is saved as
// two encoded values: the table itself, and a list of its maps, each of them as {name, capacity, key, value, …}.

#include "map.h"

/// Bytes of one saved memory; a policy's own tables and strings, and its maps, fit in.
enum { MAX_SAVED = MAX_MAP_BYTES + (32 << 20) };

void clua_open_memory(lua_State *L, fleet *f) {
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_createtable(L, 0, 1);
  clua_push_map_function(L, f);
  lua_setfield(L, -2, "map");
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_setglobal(L, "memory");
  f->memory = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void append(lua_State *L, const void *bytes, size_t count) {
  clua_vm *vm = vm_of(L);
  if (!buffer_append(vm, &vm->results, bytes, count)) clua_raise_memory(L);
}

static void begin_list(lua_State *L, size_t count) {
  uint32_t length = (uint32_t)count;
  append(L, &(uint8_t){CLUA_TAG_TABLE}, 1);
  append(L, &length, sizeof length);
}

static void end_list(lua_State *L) { append(L, &(uint8_t){CLUA_TAG_END}, 1); }

/// The entries come in the order in which they were used, so that the same ones are dropped first later on.
static void save_map(lua_State *L, const map *m) {
  begin_list(L, 2 + 2 * m->count);
  lua_pushlstring(L, (const char *)m->name.bytes, m->name.count);
  lua_pushinteger(L, (lua_Integer)m->capacity);
  clua_encode_from(L, lua_gettop(L) - 1, &vm_of(L)->results);
  lua_pop(L, 2);
  for (const entry *e = m->oldest; e; e = e->newer) append(L, e->bytes, e->key_size + e->value_size);
  end_list(L);
}

static int save(lua_State *L) {
  clua_vm *vm = vm_of(L);
  const maps *all = vm->fleet->maps;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->fleet->memory);
  vm->results.count = 0;
  clua_encode(L, -1, &vm->results);
  begin_list(L, (size_t)all->count);
  for (int i = 0; i < all->count; i++) save_map(L, all->all[i]);
  end_list(L);
  return 0;
}

clua_status clua_memory_save(clua_vm *vm) {
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no memory");
  size_t limit = vm->transfer_limit;
  vm->transfer_limit = MAX_SAVED;
  vm->plain_only = vm->unlimited = true;
  clua_status status = clua_protected(vm, save, NULL);
  vm->plain_only = vm->unlimited = false;
  vm->transfer_limit = limit;
  return status;
}

/// Puts the pairs of the table on the top into the one below it, and pops it. Tables that both have are kept, so that
/// what a script holds of them is what is restored.
static void merge(lua_State *L) {
  luaL_checkstack(L, 8, "table nested too deeply");
  int into = lua_gettop(L) - 1, from = into + 1;
  for (lua_pushnil(L); lua_next(L, from);) {
    lua_pushvalue(L, -2);
    lua_rawget(L, into);
    if (lua_istable(L, -1) && lua_istable(L, -2)) {
      lua_insert(L, -2);
      merge(L);
      lua_pop(L, 1);
    } else {
      lua_pop(L, 1);
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_rawset(L, into);
    }
  }
  lua_pop(L, 1);
}

static int damaged(lua_State *L) { return luaL_error(L, "this is no saved memory"); }

/// The list that begins at `at`: the number of its values, and where they begin.
static const uint8_t *enter_list(lua_State *L, const uint8_t *at, const uint8_t *end, uint32_t *count) {
  if (end - at < 5 || *at != CLUA_TAG_TABLE) damaged(L);
  memcpy(count, at + 1, sizeof *count);
  return at + 5;
}

static bool is_plain(uint8_t tag) {
  return tag != CLUA_TAG_NIL && tag != CLUA_TAG_TABLE && tag != CLUA_TAG_OPAQUE && tag != CLUA_TAG_END;
}

/// A map that the file has opened already keeps its capacity. The bytes are whole: they were skipped before.
static void restore_map(lua_State *L, fleet *f, const uint8_t *at, const uint8_t *end) {
  uint32_t count;
  at = enter_list(L, at, end, &count);
  if (count < 2 || count % 2) damaged(L);
  const uint8_t *pairs = record_skip(record_skip(at, end), end);
  clua_decode(L, (clua_bytes){at, (size_t)(pairs - at)});
  size_t length = 0;
  const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &length) : NULL;
  lua_Integer capacity = lua_tointeger(L, -1);
  if (!name || capacity < 1 || capacity > MAX_MAP_ENTRIES) damaged(L);
  clua_bytes bytes = {(const uint8_t *)name, length};
  map *m = NULL;
  for (int i = 0; i < f->maps->count && !m; i++)
    if (same_bytes((clua_bytes){f->maps->all[i]->name.bytes, f->maps->all[i]->name.count}, bytes)) m = f->maps->all[i];
  if (!m) m = map_open(L, f, bytes, (size_t)capacity);
  lua_pop(L, 2);
  for (at = pairs; (count -= 2) > 0;) {
    const uint8_t *value = record_skip(at, end), *next = record_skip(value, end);
    if (!is_plain(*at) || !is_plain(*value)) damaged(L);
    map_put(L, f->maps, m, (clua_bytes){at, (size_t)(value - at)}, (clua_bytes){value, (size_t)(next - value)});
    at = next;
  }
}

static int restore(lua_State *L) {
  const clua_bytes *saved = lua_touserdata(L, 1);
  fleet *f = vm_of(L)->fleet;
  const uint8_t *at = saved->start, *end = at + saved->count, *lists = at < end ? record_skip(at, end) : NULL;
  if (!lists || lists == end || *at != CLUA_TAG_TABLE || record_skip(lists, end) != end) return damaged(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->memory);
  clua_decode(L, (clua_bytes){at, (size_t)(lists - at)});
  merge(L);
  uint32_t count;
  for (at = enter_list(L, lists, end, &count); count > 0; count--) {
    const uint8_t *next = record_skip(at, end);
    restore_map(L, f, at, next);
    at = next;
  }
  return 0;
}

clua_status clua_memory_restore(clua_vm *vm, clua_bytes saved) {
  if (!vm->fleet) return clua_note(vm, CLUA_RUNTIME, "the state has no memory");
  return clua_protected(vm, restore, &saved);
}
