// Sets of rows that match a request. Each is kept up to date while rows change, so that a decision only looks at the
// front of a sorted array. What can fail for want of memory happens before anything changes.

#include "rows.h"

#include <stdlib.h>

static uint64_t hash_bytes(const uint8_t *bytes, size_t size) {
  uint64_t hash = 0xCBF29CE484222325 ^ size, word;
  for (; size >= 8; size -= 8, bytes += 8) {
    memcpy(&word, bytes, 8);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 29;
  }
  for (; size > 0; size--) hash = (hash ^ *bytes++) * 0x100000001B3;
  return hash ^ hash >> 32;
}

/// Where the row is among the members, or would be.
static size_t member_index(const set *s, const row *r) {
  size_t low = 0, high = s->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (s->members[middle]->order < r->order) low = middle + 1;
    else high = middle;
  }
  return low;
}

static bool precedes(ranked a, ranked b) {
  return a.value < b.value || (a.value == b.value && a.row->order < b.row->order);
}

static size_t rank_index(const ranking *k, size_t count, ranked entry) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (precedes(k->entries[middle], entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void insert_member(set *s, row *r) {
  size_t at = member_index(s, r);
  memmove(s->members + at + 1, s->members + at, (s->count - at) * sizeof *s->members);
  s->members[at] = r;
}

static void remove_member(set *s, const row *r) {
  size_t at = member_index(s, r);
  while (s->members[at] != r) at++;
  memmove(s->members + at, s->members + at + 1, (s->count - at - 1) * sizeof *s->members);
}

static void insert_rank(ranking *k, size_t count, ranked entry) {
  size_t at = rank_index(k, count, entry);
  memmove(k->entries + at + 1, k->entries + at, (count - at) * sizeof entry);
  k->entries[at] = entry;
}

static void remove_rank(ranking *k, size_t count, ranked entry) {
  size_t at = rank_index(k, count, entry);
  while (k->entries[at].row != entry.row) at++;
  memmove(k->entries + at, k->entries + at + 1, (count - at - 1) * sizeof entry);
}

/// Makes room for `capacity` members; false if there is no memory.
static bool grow(clua_vm *vm, set *s, size_t capacity) {
  for (int i = 0; i < s->ranking_count; i++) {
    ranked *entries = clua_reallocate(vm, s->rankings[i].entries, capacity * sizeof *entries);
    if (!entries) return false;
    s->rankings[i].entries = entries;
  }
  row **members = clua_reallocate(vm, s->members, capacity * sizeof *members);
  if (!members) return false;
  s->members = members;
  s->capacity = capacity;
  return true;
}

void set_reserve(lua_State *L, set *s) {
  if (s->count == s->capacity && !grow(vm_of(L), s, s->capacity * 2)) clua_raise_memory(L);
}

void set_update(const fleet *f, set *s, row *r, const record *before, const record *after) {
  bool was = before && row_matches(f, s, before), is = after && row_matches(f, s, after);
  if (!was && !is) return;
  for (int i = 0; i < s->ranking_count; i++) {
    ranking *k = &s->rankings[i];
    if (was && is && record_same(before, after, k->field)) continue;
    if (was) remove_rank(k, s->count, (ranked){record_number(before, k->field), r});
    if (is) insert_rank(k, s->count - was, (ranked){record_number(after, k->field), r});
  }
  if (was == is) return;
  if (was) remove_member(s, r);
  else insert_member(s, r);
  s->count += is - was;
  s->list_is_current = false;
}

static int compare_ranked(const void *first, const void *second) {
  const ranked *a = first, *b = second;
  return precedes(*b, *a) - precedes(*a, *b);
}

const ranking *set_ranking(lua_State *L, fleet *f, set *s, int field) {
  for (int i = 0; i < s->ranking_count; i++)
    if (s->rankings[i].field == field) return &s->rankings[i];
  for (size_t i = 0; i < s->count; i++)
    if (!record_is_comparable(s->members[i]->values, field))
      luaL_error(L, "kernels cannot be compared by '%s': it is not a number", f->row.names[field]);
  if (s->ranking_count == MAX_ORDERS) {
    free(s->rankings[0].entries);
    memmove(s->rankings, s->rankings + 1, (MAX_ORDERS - 1) * sizeof *s->rankings);
    s->ranking_count--;
  }
  ranking k = {field, clua_reallocate(vm_of(L), NULL, s->capacity * sizeof *k.entries)};
  if (!k.entries) clua_raise_memory(L);
  for (size_t i = 0; i < s->count; i++)
    k.entries[i] = (ranked){record_number(s->members[i]->values, field), s->members[i]};
  qsort(k.entries, s->count, sizeof *k.entries, compare_ranked);
  s->rankings[s->ranking_count] = k;
  return &s->rankings[s->ranking_count++];
}

void set_free(set *s) {
  if (!s) return;
  for (int i = 0; i < s->ranking_count; i++) free(s->rankings[i].entries);
  free(s->members);
  free(s->request);
  free(s);
}

/// What a script still holds of a set that is no longer kept.
static kind stale_set = KIND_STALE;

static void forget(lua_State *L, fleet *f, int index) {
  set *s = f->sets[index];
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->reference);
  *(void **)lua_touserdata(L, -1) = &stale_set;
  lua_pop(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, s->reference);
  luaL_unref(L, LUA_REGISTRYINDEX, s->list);
  f->sets[index] = f->sets[--f->set_count];
  set_free(s);
}

/// Makes room for one more set. Those that this decision has asked for are kept: it may still use them.
static void make_room(lua_State *L, fleet *f) {
  if (f->set_count < KEEP_SETS) return;
  int oldest = -1;
  for (int i = 0; i < f->set_count; i++)
    if (f->sets[i]->used != f->decision && (oldest < 0 || f->sets[i]->used < f->sets[oldest]->used)) oldest = i;
  if (oldest >= 0) forget(L, f, oldest);
  else if (f->set_count == MAX_SETS) luaL_error(L, "more than %d different requests in one decision", MAX_SETS);
}

set *set_create(lua_State *L, fleet *f, bool everything) {
  clua_vm *vm = vm_of(L);
  clua_push_box(L, &stale_set, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->set_metatable);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  set *s = clua_reallocate(vm, NULL, sizeof *s);
  if (s) *s = (set){.kind = KIND_SET, .reference = reference, .everything = everything, .list = LUA_NOREF};
  if (!s || !grow(vm, s, 16)) {
    set_free(s);
    luaL_unref(L, LUA_REGISTRYINDEX, reference);
    clua_raise_memory(L);
  }
  *(void **)lua_touserdata(L, -1) = s;
  lua_pop(L, 1);
  return s;
}

/// Takes in the rows that match; false if there is no memory.
static bool fill(clua_vm *vm, const fleet *f, set *s) {
  const set *all = f->everything;
  size_t count = 0;
  for (size_t i = 0; i < all->count; i++) count += row_matches(f, s, all->members[i]->values);
  if (count >= s->capacity && !grow(vm, s, count + count / 2 + 1)) return false;
  for (size_t i = 0; i < all->count; i++)
    if (row_matches(f, s, all->members[i]->values)) s->members[s->count++] = all->members[i];
  return true;
}

set *set_for(lua_State *L, fleet *f, const record *request, size_t size) {
  uint64_t hash = hash_bytes(request->bytes, size);
  for (int i = 0; i < f->set_count; i++) {
    set *s = f->sets[i];
    if (s->hash != hash || s->request_size != size || memcmp(s->request->bytes, request->bytes, size) != 0) continue;
    s->used = f->decision;
    return s;
  }
  make_room(L, f);
  clua_vm *vm = vm_of(L);
  set *s = set_create(L, f, false);
  f->sets[f->set_count++] = s;
  clua_bytes bytes = {request->bytes, request->offsets[request_of(f)->fields.count]};
  s->request = record_copy(vm, bytes, request_of(f)->fields.count);
  if (!s->request || !fill(vm, f, s)) {
    forget(L, f, f->set_count - 1);
    clua_raise_memory(L);
  }
  s->hash = hash;
  s->request_size = size;
  s->used = f->decision;
  return s;
}
