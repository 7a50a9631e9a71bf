// `memory.map`: a map whose entries lie outside of Lua's memory, because a Lua table of so many would not fit into one
// block. When it is full, what was used longest ago makes room. Buckets never move more than a doubling at a time, and long
// loops notice an abort.

#include "map.h"

#include <stdlib.h>

static size_t size_of(const entry *e) { return sizeof *e + e->key_size + e->value_size; }

static clua_bytes key_of(const entry *e) { return (clua_bytes){e->bytes, e->key_size}; }

static entry **bucket_of(map *m, uint64_t hash) { return &m->buckets[hash & (m->bucket_count - 1)]; }

static void unlink_use(map *m, entry *e) {
  if (e->newer) e->newer->older = e->older;
  else m->newest = e->older;
  if (e->older) e->older->newer = e->newer;
  else m->oldest = e->newer;
}

static void link_newest(map *m, entry *e) {
  e->newer = NULL;
  e->older = m->newest;
  if (m->newest) m->newest->newer = e;
  else m->oldest = e;
  m->newest = e;
}

static void drop(maps *all, map *m, entry *e) {
  entry **link = bucket_of(m, e->hash);
  while (*link != e) link = &(*link)->next;
  *link = e->next;
  unlink_use(m, e);
  m->count--;
  all->bytes -= size_of(e);
  free(e);
}

static entry *find(map *m, clua_bytes key, uint64_t hash) {
  entry *e = *bucket_of(m, hash);
  while (e && (e->hash != hash || !same_bytes(key_of(e), key))) e = e->next;
  return e;
}

const entry *map_find(map *m, clua_bytes key) {
  entry *e = find(m, key, clua_hash(key));
  if (e && e != m->newest) {
    unlink_use(m, e);
    link_newest(m, e);
  }
  return e;
}

void map_delete(maps *all, map *m, clua_bytes key) {
  entry *e = find(m, key, clua_hash(key));
  if (e) drop(all, m, e);
}

/// More buckets, when there are more entries than buckets.
static void widen(lua_State *L, maps *all, map *m) {
  size_t count = 2 * m->bucket_count;
  entry **buckets = clua_reallocate(vm_of(L), NULL, count * sizeof *buckets);
  if (!buckets) clua_raise_memory(L);
  memset(buckets, 0, count * sizeof *buckets);
  all->bytes += m->bucket_count * sizeof *buckets;
  free(m->buckets);
  m->buckets = buckets;
  m->bucket_count = count;
  for (entry *e = m->oldest; e; e = e->newer) {
    entry **bucket = bucket_of(m, e->hash);
    e->next = *bucket;
    *bucket = e;
  }
}

/// Drops what was used longest ago until so many bytes and one more entry fit in.
static void make_room(lua_State *L, maps *all, map *m, size_t size) {
  while (m->oldest && (m->count >= m->capacity || all->bytes + size > MAX_MAP_BYTES)) {
    drop(all, m, m->oldest);
    clua_poll(L);
  }
  if (all->bytes + size > MAX_MAP_BYTES) luaL_error(L, "the maps of a policy may take %d MiB", MAX_MAP_BYTES >> 20);
}

void map_put(lua_State *L, maps *all, map *m, clua_bytes key, clua_bytes value) {
  uint64_t hash = clua_hash(key);
  size_t size = sizeof(entry) + key.count + value.count;
  entry *old = find(m, key, hash);
  if (old) drop(all, m, old);
  make_room(L, all, m, size);
  if (m->count >= m->bucket_count && m->bucket_count < MAX_MAP_ENTRIES) widen(L, all, m);
  entry *e = clua_reallocate(vm_of(L), NULL, size);
  if (!e) clua_raise_memory(L);
  *e = (entry){.hash = hash, .key_size = (uint32_t)key.count, .value_size = (uint32_t)value.count};
  memcpy(e->bytes, key.start, key.count);
  memcpy(e->bytes + key.count, value.start, value.count);
  entry **bucket = bucket_of(m, hash);
  e->next = *bucket;
  *bucket = e;
  link_newest(m, e);
  m->count++;
  all->bytes += size;
}

static void map_free(map *m) {
  for (entry *e = m->oldest, *newer; e; e = newer) {
    newer = e->newer;
    free(e);
  }
  free(m->buckets);
  buffer_free(&m->name);
  free(m);
}

static map *create(lua_State *L, fleet *f, clua_bytes name) {
  enum { BUCKETS = 16 };
  maps *all = f->maps;
  if (all->count == MAX_MAPS) luaL_error(L, "a policy may have %d maps", MAX_MAPS);
  clua_vm *vm = vm_of(L);
  clua_push_box(L, NULL, 0);
  void **box = lua_touserdata(L, -1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->map_metatable);
  lua_setmetatable(L, -2);
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  map *m = clua_reallocate(vm, NULL, sizeof *m);
  if (m) *m = (map){.kind = KIND_MAP, .reference = reference, .bucket_count = BUCKETS};
  if (m) m->buckets = clua_reallocate(vm, NULL, BUCKETS * sizeof *m->buckets);
  if (!m || !m->buckets || !buffer_append(vm, &m->name, name.start, name.count)) {
    if (m) map_free(m);
    luaL_unref(L, LUA_REGISTRYINDEX, reference);
    clua_raise_memory(L);
  }
  memset(m->buckets, 0, BUCKETS * sizeof *m->buckets);
  *box = m;
  all->bytes += BUCKETS * sizeof *m->buckets;
  return all->all[all->count++] = m;
}

map *map_open(lua_State *L, fleet *f, clua_bytes name, size_t capacity) {
  maps *all = f->maps;
  map *m = NULL;
  for (int i = 0; i < all->count && !m; i++)
    if (same_bytes((clua_bytes){all->all[i]->name.bytes, all->all[i]->name.count}, name)) m = all->all[i];
  if (!m) m = create(L, f, name);
  m->capacity = capacity;
  while (m->count > capacity) {
    drop(all, m, m->oldest);
    clua_poll(L);
  }
  return m;
}

void maps_free(maps *all) {
  for (int i = 0; all && i < all->count; i++) map_free(all->all[i]);
  free(all);
}
