// Helpers that choose one kernel of a set, or add up a field of all.

#include <math.h>
#include <stdlib.h>

#include "rows.h"

int set_random(lua_State *L) {
  const set *s = check_set(L);
  if (s->count < 2) return push_first(L, s);
  return push_row(L, s->members[clua_random_below(vm_of(L), s->count - 1)]);
}

/// The power of two choices: of two different members at random the one with less (Mitzenmacher 2001).
int set_two_choices(lua_State *L) {
  const set *s = check_set(L);
  clua_vm *vm = vm_of(L);
  int field = field_argument(L, vm->fleet, 2);
  if (s->count < 2) return push_first(L, s);
  size_t first = clua_random_below(vm, s->count - 1), second = clua_random_below(vm, s->count - 2);
  if (second >= first) second++;
  const row *a = s->members[first], *b = s->members[second];
  if (!record_is_comparable(&a->values, field) || !record_is_comparable(&b->values, field))
    return luaL_error(L, "kernels cannot be compared by '%s': it is not a number", vm->fleet->row.names[field]);
  return push_row(L, record_number(&b->values, field) < record_number(&a->values, field) ? b : a);
}

/// The weight of a kernel for a key. A kernel that comes or goes moves only the keys that it gets or had (rendezvous
/// hashing, Thaler and Ravishankar 1998): the same as a ring with very many points, without keeping them.
static uint64_t weight(uint64_t kernel, uint64_t key) {
  uint64_t mixed = (kernel ^ key) * 0x9E3779B97F4A7C15;
  return (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93;
}

/// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): the first kernel on the key's way whose
/// clients, with the new one, are at most `load` times the average, rounded up.
static const row *on_ring(const set *s, uint64_t key, double load) {
  double most = load > 0 ? ceil(load * (s->ring.total + 1) / (double)s->count) : INFINITY;
  const row *best = NULL;
  uint64_t greatest = 0;
  for (size_t i = 0; i < s->count; i++) {
    uint64_t w = weight(s->ring.hashes[i], key);
    if ((best && w <= greatest) || s->ring.clients[i] + 1 > most) continue;
    greatest = w;
    best = s->members[i];
  }
  return best ? best : s->members[0];
}

static double load_option(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return 0;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushliteral(L, "load");
  if (lua_rawget(L, index) == LUA_TNIL) luaL_error(L, "ring takes {load = 1.25}");
  double load = lua_tonumber(L, -1);
  if (!(load >= 1)) luaL_error(L, "ring: 'load' must be a number of at least 1, such as 1.25");
  lua_pop(L, 1);
  return load;
}

int set_ring(lua_State *L) {
  set *s = check_set(L);
  if (lua_isnoneornil(L, 2)) return luaL_error(L, "ring needs a key, such as request.session or request.owner");
  size_t length;
  const char *key = luaL_checklstring(L, 2, &length);
  double load = load_option(L, 3);
  if (s->count < 2) return push_first(L, s);
  set_use_ring(L, vm_of(L)->fleet, s);
  return push_row(L, on_ring(s, clua_hash((clua_bytes){(const uint8_t *)key, length}), load));
}

int set_ewma(lua_State *L) {
  set *s = check_set(L);
  fleet *f = vm_of(L)->fleet;
  if (f->clients_field < 0 || f->latency_field < 0) return luaL_error(L, "kernels have no latency");
  if (s->count < 2) return push_first(L, s);
  return push_row(L, set_ranking(L, f, s, BY_WAIT)->entries[0].row);
}

static void add_up(const set *s, total *t) {
  *t = (total){.field = t->field, .is_current = true, .is_integer = true};
  for (size_t i = 0; i < s->count; i++) {
    const record *values = &s->members[i]->values;
    double number = value_number(record_bytes(values, t->field).start);
    if (isnan(number)) continue;
    if (record_tag(values, t->field) == CLUA_TAG_NUMBER) t->is_integer = false;
    t->sum += number;
    t->count++;
  }
}

static const total *total_of(lua_State *L, set *s) {
  fleet *f = vm_of(L)->fleet;
  int field = field_argument(L, f, 2), i = 0;
  while (i < s->total_count && s->totals[i].field != field) i++;
  if (i == s->total_count) {
    for (size_t j = 0; j < s->count; j++)
      if (!record_is_comparable(&s->members[j]->values, field))
        luaL_error(L, "kernels cannot be added up by '%s': it is not a number", f->row.names[field]);
    if (i == MAX_TOTALS) i = 0;
    else s->total_count++;
    s->totals[i] = (total){.field = field};
  }
  if (!s->totals[i].is_current) add_up(s, &s->totals[i]);
  return &s->totals[i];
}

/// Of those that have the number; 0 if none has.
int set_sum(lua_State *L) {
  const total *t = total_of(L, check_set(L));
  if (t->is_integer && fabs(t->sum) < 0x1p53) lua_pushinteger(L, (lua_Integer)t->sum);
  else lua_pushnumber(L, t->sum);
  return 1;
}

/// Of those that have the number; nil if none has.
int set_average(lua_State *L) {
  const total *t = total_of(L, check_set(L));
  if (t->count) lua_pushnumber(L, t->sum / (double)t->count);
  else lua_pushnil(L);
  return 1;
}
