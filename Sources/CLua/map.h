// Bounded maps on the host's side. See map.c.
#pragma once

#include "rows.h"

enum { MAX_MAPS = 64, MAX_MAP_ENTRIES = 1000000, MAX_MAP_BYTES = 64 << 20 };

typedef struct entry {
  struct entry *next;           // in its bucket
  struct entry *newer, *older;  // by their last use
  uint64_t hash;
  uint32_t key_size, value_size;
  uint8_t bytes[];  // the key, then the value, encoded
} entry;

typedef struct map {
  kind kind;
  int reference;  // of its userdata
  buffer name;
  size_t capacity, count;
  entry **buckets;
  size_t bucket_count;  // a power of two
  entry *newest, *oldest;
} map;

typedef struct maps {
  map *all[MAX_MAPS];
  int count;
  size_t bytes;  // of all of them
} maps;

// map.c
/// The map of this name, made if there is none; raises.
map *map_open(lua_State *L, fleet *f, clua_bytes name, size_t capacity);
/// Puts an encoded pair in, and drops what was used longest ago if there is no room; raises.
void map_put(lua_State *L, maps *all, map *m, clua_bytes key, clua_bytes value);
const entry *map_find(map *m, clua_bytes key);
void map_delete(maps *all, map *m, clua_bytes key);
void maps_free(maps *all);

// map_methods.c
/// Makes what maps have in common, and pushes the function that opens one.
void clua_push_map_function(lua_State *L, fleet *f);
