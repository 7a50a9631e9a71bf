// The members of a set in the order of a field: a sorted array, so that the least and the most are at its ends.

#include <math.h>
#include <stdlib.h>

#include "rows.h"

/// What a client would wait for this kernel: the peak-EWMA load metric of Finagle (latency × clients about to be there).
/// A kernel that nobody has measured is tried if it is free, and is the last choice if somebody tries it already.
static double wait(const fleet *f, const record *values) {
  double clients = record_number(values, f->clients_field), latency = record_number(values, f->latency_field);
  if (isinf(clients)) clients = 0;
  if (!isinf(latency)) return latency * (clients + 1);
  return clients > 0 ? 1e300 + clients * 1e290 : 0;
}

double ranking_value(const fleet *f, const record *values, int field) {
  return field == BY_WAIT ? wait(f, values) : record_number(values, field);
}

bool ranking_depends(const fleet *f, int field, uint64_t changed) {
  if (field == BY_WAIT) return changed >> f->clients_field & 1 || changed >> f->latency_field & 1;
  return changed >> field & 1;
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

void ranking_insert(ranking *k, size_t count, ranked entry) {
  size_t at = rank_index(k, count, entry);
  memmove(k->entries + at + 1, k->entries + at, (count - at) * sizeof entry);
  k->entries[at] = entry;
}

void ranking_remove(ranking *k, size_t count, ranked entry) {
  size_t at = rank_index(k, count, entry);
  while (k->entries[at].row != entry.row) at++;
  memmove(k->entries + at, k->entries + at + 1, (count - at - 1) * sizeof entry);
}

static int compare_ranked(const void *first, const void *second) {
  const ranked *a = first, *b = second;
  return precedes(*b, *a) - precedes(*a, *b);
}

static void check_comparable(lua_State *L, const fleet *f, const set *s, int field) {
  if (field == BY_WAIT) return;
  for (size_t i = 0; i < s->count; i++)
    if (!record_is_comparable(&s->members[i]->values, field))
      luaL_error(L, "kernels cannot be compared by '%s': it is not a number", f->row.names[field]);
}

const ranking *set_ranking(lua_State *L, fleet *f, set *s, int field) {
  for (int i = 0; i < s->ranking_count; i++)
    if (s->rankings[i].field == field) return &s->rankings[i];
  check_comparable(L, f, s, field);
  ranking k = {field, clua_reallocate(vm_of(L), NULL, s->capacity * sizeof *k.entries)};
  if (!k.entries) clua_raise_memory(L);
  if (s->ranking_count == MAX_ORDERS) {
    free(s->rankings[0].entries);
    memmove(s->rankings, s->rankings + 1, (MAX_ORDERS - 1) * sizeof *s->rankings);
    s->ranking_count--;
  }
  for (size_t i = 0; i < s->count; i++)
    k.entries[i] = (ranked){ranking_value(f, &s->members[i]->values, field), s->members[i]};
  qsort(k.entries, s->count, sizeof *k.entries, compare_ranked);
  s->rankings[s->ranking_count] = k;
  return &s->rankings[s->ranking_count++];
}
