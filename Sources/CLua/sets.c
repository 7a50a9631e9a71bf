// Sets of rows that match a request or have certain values. Each is kept up to date while rows change, so that a decision
// only looks at the front of a sorted array. What can fail for want of memory happens before anything changes.

#include "rows.h"

#include <math.h>
#include <stdlib.h>

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

static void insert_at(void *array, size_t size, size_t count, size_t at, const void *value) {
  uint8_t *place = (uint8_t *)array + at * size;
  memmove(place + size, place, (count - at) * size);
  memcpy(place, value, size);
}

static void remove_at(void *array, size_t size, size_t count, size_t at) {
  uint8_t *place = (uint8_t *)array + at * size;
  memmove(place, place + size, (count - at - 1) * size);
}

static double clients_of(const fleet *f, const record *values) {
  double clients = f->clients_field < 0 ? 0 : record_number(values, f->clients_field);
  return clients > 1e9 ? 0 : floor(clients);
}

static void insert_member(const fleet *f, set *s, row *r, const record *values) {
  size_t at = member_index(s, r);
  insert_at(s->members, sizeof *s->members, s->count, at, &r);
  if (!s->ring.is_used) return;
  double clients = clients_of(f, values);
  insert_at(s->ring.hashes, sizeof *s->ring.hashes, s->count, at, &r->hash);
  insert_at(s->ring.clients, sizeof *s->ring.clients, s->count, at, &clients);
  s->ring.total += clients;
}

static void remove_member(set *s, const row *r) {
  size_t at = member_index(s, r);
  while (s->members[at] != r) at++;
  remove_at(s->members, sizeof *s->members, s->count, at);
  if (!s->ring.is_used) return;
  s->ring.total -= s->ring.clients[at];
  remove_at(s->ring.hashes, sizeof *s->ring.hashes, s->count, at);
  remove_at(s->ring.clients, sizeof *s->ring.clients, s->count, at);
}

static bool resize(clua_vm *vm, void *array, size_t size) {
  void **place = array;
  void *larger = clua_reallocate(vm, *place, size);
  if (larger) *place = larger;
  return larger != NULL;
}

/// Makes room for `capacity` members; false if there is no memory.
static bool grow(clua_vm *vm, set *s, size_t capacity) {
  for (int i = 0; i < s->ranking_count; i++)
    if (!resize(vm, &s->rankings[i].entries, capacity * sizeof *s->rankings[i].entries)) return false;
  if (s->ring.is_used
      && (!resize(vm, &s->ring.hashes, capacity * sizeof *s->ring.hashes)
          || !resize(vm, &s->ring.clients, capacity * sizeof *s->ring.clients)))
    return false;
  if (!resize(vm, &s->members, capacity * sizeof *s->members)) return false;
  s->capacity = capacity;
  return true;
}

void set_reserve(lua_State *L, set *s) {
  if (s->count == s->capacity && !grow(vm_of(L), s, s->capacity * 2)) clua_raise_memory(L);
}

void set_use_ring(lua_State *L, const fleet *f, set *s) {
  if (s->ring.is_used) return;
  clua_vm *vm = vm_of(L);
  if (!resize(vm, &s->ring.hashes, s->capacity * sizeof *s->ring.hashes)
      || !resize(vm, &s->ring.clients, s->capacity * sizeof *s->ring.clients))
    clua_raise_memory(L);
  for (size_t i = 0; i < s->count; i++) {
    s->ring.hashes[i] = s->members[i]->hash;
    s->ring.clients[i] = clients_of(f, &s->members[i]->values);
    s->ring.total += s->ring.clients[i];
  }
  s->ring.is_used = true;
}

/// A member has changed and stays one.
static void update_member(const fleet *f, set *s, row *r, const record *before, const record *after, uint64_t changed) {
  for (int i = 0; i < s->ranking_count; i++) {
    ranking *k = &s->rankings[i];
    if (!ranking_depends(f, k->field, changed)) continue;
    ranking_remove(k, s->count, (ranked){ranking_value(f, before, k->field), r});
    ranking_insert(k, s->count - 1, (ranked){ranking_value(f, after, k->field), r});
  }
  for (int i = 0; i < s->total_count; i++)
    if (changed >> s->totals[i].field & 1) s->totals[i].is_current = false;
  if (!s->ring.is_used || f->clients_field < 0 || !(changed >> f->clients_field & 1)) return;
  double *clients = &s->ring.clients[member_index(s, r)];
  s->ring.total -= *clients;
  *clients = clients_of(f, after);
  s->ring.total += *clients;
}

/// Whether it matters to a set that these fields of a member have changed.
static bool is_concerned(const fleet *f, const set *s, uint64_t changed) {
  for (int i = 0; i < s->ranking_count; i++)
    if (ranking_depends(f, s->rankings[i].field, changed)) return true;
  for (int i = 0; i < s->total_count; i++)
    if (changed >> s->totals[i].field & 1) return true;
  return s->ring.is_used && f->clients_field >= 0 && changed >> f->clients_field & 1;
}

void set_update(const fleet *f, set *s, row *r, const record *before, const record *after, uint64_t changed) {
  uint64_t deciding = s->everything ? 0 : f->membership | f->filtered;
  bool can_move = !before || !after || changed & deciding;
  if (!can_move && !is_concerned(f, s, changed)) return;
  bool was = before && row_matches(f, s, before), is = can_move ? after && row_matches(f, s, after) : was;
  if (!was && !is) return;
  if (was && is) return update_member(f, s, r, before, after, changed);
  for (int i = 0; i < s->ranking_count; i++) {
    ranking *k = &s->rankings[i];
    if (was) ranking_remove(k, s->count, (ranked){ranking_value(f, before, k->field), r});
    else ranking_insert(k, s->count, (ranked){ranking_value(f, after, k->field), r});
  }
  for (int i = 0; i < s->total_count; i++) s->totals[i].is_current = false;
  if (was) remove_member(s, r);
  else insert_member(f, s, r, after);
  s->count += is - was;
  s->list_is_current = false;
}

void set_free(set *s) {
  if (!s) return;
  for (int i = 0; i < s->ranking_count; i++) free(s->rankings[i].entries);
  free(s->ring.hashes);
  free(s->ring.clients);
  free(s->members);
  free(s->request.offsets);
  buffer_free(&s->filter);
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
  for (size_t i = 0; i < all->count; i++) count += row_matches(f, s, &all->members[i]->values);
  if (count >= s->capacity && !grow(vm, s, count + count / 2 + 1)) return false;
  for (size_t i = 0; i < all->count; i++)
    if (row_matches(f, s, &all->members[i]->values)) s->members[s->count++] = all->members[i];
  return true;
}

static void note_filtered(fleet *f, const set *s) {
  const uint8_t *at = s->filter.bytes + s->clauses, *end = s->filter.bytes + s->filter.count;
  for (; at < end; at = record_skip(at + 1, end)) f->filtered |= UINT64_C(1) << *at;
}

set *set_for(lua_State *L, fleet *f, clua_bytes filter) {
  uint64_t hash = clua_hash(filter);
  for (int i = 0; i < f->set_count; i++) {
    set *s = f->sets[i];
    if (s->hash != hash || !same_bytes((clua_bytes){s->filter.bytes, s->filter.count}, filter)) continue;
    s->used = f->decision;
    return s;
  }
  make_room(L, f);
  clua_vm *vm = vm_of(L);
  set *s = set_create(L, f, false);
  f->sets[f->set_count++] = s;
  if (!buffer_append(vm, &s->filter, filter.start, filter.count) || !filter_parse(vm, f, s) || !fill(vm, f, s)) {
    forget(L, f, f->set_count - 1);
    clua_raise_memory(L);
  }
  note_filtered(f, s);
  s->hash = hash;
  s->used = f->decision;
  return s;
}
