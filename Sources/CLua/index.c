// Rows by their key: open addressing with linear probing. A removal moves back what follows, so that there are no marks.

#include "rows.h"

#include <stdlib.h>

static size_t slot_of(const row_index *index, uint64_t hash) { return hash & (index->capacity - 1); }

static void place(row_index *index, row *r) {
  size_t at = slot_of(index, r->hash);
  while (index->slots[at]) at = (at + 1) & (index->capacity - 1);
  index->slots[at] = r;
}

void index_reserve(lua_State *L, row_index *index) {
  if (4 * (index->count + 1) <= 3 * index->capacity) return;
  row_index larger = {.capacity = index->capacity ? 2 * index->capacity : 16, .count = index->count};
  larger.slots = clua_reallocate(vm_of(L), NULL, larger.capacity * sizeof *larger.slots);
  if (!larger.slots) clua_raise_memory(L);
  memset(larger.slots, 0, larger.capacity * sizeof *larger.slots);
  for (size_t i = 0; i < index->capacity; i++)
    if (index->slots[i]) place(&larger, index->slots[i]);
  free(index->slots);
  *index = larger;
}

row *index_find(const fleet *f, clua_bytes key) {
  const row_index *index = &f->rows;
  if (!index->count) return NULL;
  uint64_t hash = clua_hash(key);
  for (size_t at = slot_of(index, hash); index->slots[at]; at = (at + 1) & (index->capacity - 1)) {
    row *r = index->slots[at];
    if (r->hash == hash && same_bytes(record_string(&r->values, f->key_field), key)) return r;
  }
  return NULL;
}

void index_add(row_index *index, row *r) {
  place(index, r);
  index->count++;
}

void index_remove(row_index *index, const row *r) {
  size_t mask = index->capacity - 1, hole = slot_of(index, r->hash);
  while (index->slots[hole] != r) hole = (hole + 1) & mask;
  for (size_t at = (hole + 1) & mask; index->slots[at]; at = (at + 1) & mask) {
    // What would be found from its own slot on even if it stood in the hole.
    if (((at - slot_of(index, index->slots[at]->hash)) & mask) < ((at - hole) & mask)) continue;
    index->slots[hole] = index->slots[at];
    hole = at;
  }
  index->slots[hole] = NULL;
  index->count--;
}
