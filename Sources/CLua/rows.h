// Inside of rows and sets. See include/clua_rows.h.
#pragma once

#include "clua_rows.h"
#include "internal.h"

enum { MAX_FIELDS = 48, MAX_ORDERS = 4, MAX_TOTALS = 4, KEEP_SETS = 32, MAX_SETS = 256, MAX_VIEWS = 4 };

/// What a userdata of a sandbox points to begins with its kind.
typedef enum kind { KIND_ROW = 1, KIND_GONE, KIND_SET, KIND_STALE, KIND_VIEW, KIND_MAP } kind;

/// Encoded values one after another, and where each begins: in 16 bits unless they take more than those can say.
typedef struct record {
  const uint8_t *bytes;
  void *offsets;  // uint16_t or uint32_t, one more than there are values
  bool is_wide;
} record;

typedef struct row {
  kind kind;
  int reference;  // of its userdata
  double order;
  uint64_t hash;  // of its key
  uint64_t made;  // the fields that scripts find without us
  record values;
} row;

/// Rows by their key, in a table of open addresses.
typedef struct row_index {
  row **slots;
  size_t capacity, count;  // the capacity is a power of two, or 0
} row_index;

typedef struct ranked {
  double value;
  row *row;
} ranked;

/// The members of a set by the value of one field, then by their order.
typedef struct ranking {
  int field;
  ranked *entries;
} ranking;

/// What the members of a set have of one field in all. Added up anew, in their order, when one of them has changed: a sum
/// that is kept up to date would depend on the order of the changes.
typedef struct total {
  int field;
  bool is_current, is_integer;
  double sum;
  size_t count;  // of members that have the number
} total;

/// The members' hashes and clients side by side, in their order: what consistent hashing reads.
typedef struct ring {
  uint64_t *hashes;
  double *clients;  // whole numbers
  double total;     // of clients
  bool is_used;
} ring;

typedef struct set {
  kind kind;
  int reference;  // of its userdata
  // What its members have in common; see `filter` in match.c.
  buffer filter;
  record request;  // a copy of the filter's
  bool is_matched;      // it is of those that a request matches
  size_t clauses;       // where in the filter those of `where` begin
  uint64_t hash;        // of the filter
  bool everything;      // the fleet itself
  bool temporary;       // ends with the decision
  row **members;        // in their order
  size_t count, capacity;
  ranking rankings[MAX_ORDERS];
  int ranking_count;
  total totals[MAX_TOTALS];
  int total_count;
  ring ring;
  int list;  // reference of the array for scripts; LUA_NOREF if there is none
  bool list_is_current;
  uint64_t used;  // the decision that last asked for it
} set;

/// Names of fields, and the same as Lua has them: equal strings are equal pointers.
typedef struct names {
  char *names[MAX_FIELDS];
  const char *keys[MAX_FIELDS];
  int count;
} names;

/// What a function is asked about.
typedef struct view {
  kind kind;
  int reference;    // its userdata
  int cache;        // reference: its fields that were read
  uint64_t cached;  // which ones
  names fields;
  record values;
  uint32_t offsets[MAX_FIELDS + 1];
  buffer bytes;
} view;

typedef struct fleet {
  names row;
  view views[MAX_VIEWS];
  int view_count;
  clua_rule *rules;
  int rule_count;
  int preferred_rule;  // the one that prefers, or -1
  int eligible_field, order_field;
  uint8_t *eligible;
  size_t eligible_size;
  int key_field;
  // Fields that helpers know by name, -1 where there is none.
  int clients_field, latency_field, pool_field;
  uint64_t membership;  // the fields that decide which rows a request matches
  uint64_t filtered;    // the fields that sets are filtered by
  uint64_t hot;         // fields that scripts have read: rows have them ready
  row_index rows;
  int preferred;  // reference: preferred value to userdata
  int refuse, row_defaults, set_metatable, empty;  // references
  int memory;        // reference
  int map_metatable;  // reference
  struct maps *maps;  // see map.h
  set *everything;
  set *sets[MAX_SETS];
  int set_count;
  row *unfinished;  // belongs to nobody if an error came in between
  record unfinished_values;
  buffer asked;  // a filter that a script put together
  uint64_t decision;
  double now;
  size_t collect_above;
  bool collecting;
} fleet;

/// The object behind a userdata of ours, or null. Every userdata of a sandbox is ours.
static inline void *object_at(lua_State *L, int index) {
  void **box = lua_touserdata(L, index);
  return box && !lua_islightuserdata(L, index) ? *box : NULL;
}
static inline kind kind_of(const void *object) { return *(const kind *)object; }

/// Pushes a userdata for an object.
void clua_push_box(lua_State *L, void *object, int uservalues);

static inline uint32_t record_start(const record *r, int field) {
  return r->is_wide ? ((const uint32_t *)r->offsets)[field] : ((const uint16_t *)r->offsets)[field];
}
/// The bytes of one value.
static inline clua_bytes record_bytes(const record *r, int field) {
  uint32_t start = record_start(r, field);
  return (clua_bytes){r->bytes + start, record_start(r, field + 1) - start};
}
static inline uint8_t record_tag(const record *r, int field) { return r->bytes[record_start(r, field)]; }
static inline bool same_bytes(clua_bytes a, clua_bytes b) {
  return a.count == b.count && memcmp(a.start, b.start, a.count) == 0;
}

// record.c: never raise.
/// Finds where the values begin, and writes that where `offsets` points to; false if there are not `count` of them.
bool record_parse(record *r, clua_bytes bytes, int count, uint32_t *offsets);
/// A copy in one block, which begins at `offsets`; false if there is no memory or the values are damaged.
bool record_copy(clua_vm *vm, clua_bytes bytes, int count, record *r);
/// The fields in which two differ.
uint64_t record_difference(const record *a, const record *b, int count);
bool record_is_string(const record *r, int field);
/// The bytes of a string.
clua_bytes record_string(const record *r, int field);
/// Whether it is a number, or absent.
bool record_is_comparable(const record *r, int field);
/// A number; +∞ if there is none.
double record_number(const record *r, int field);
/// The number that a value is; NaN if it is none.
double value_number(const uint8_t *value);
/// The end of the value that begins at `at`, or null.
const uint8_t *record_skip(const uint8_t *at, const uint8_t *end);
uint64_t clua_hash(clua_bytes bytes);

// index.c: never raise, but for the first.
/// Makes room for one more row.
void index_reserve(lua_State *L, row_index *index);
row *index_find(const fleet *f, clua_bytes key);
void index_add(row_index *index, row *r);
void index_remove(row_index *index, const row *r);

// match.c: never raise.
bool row_matches(const fleet *f, const set *s, const record *values);
/// How many fields of a request rows are matched by: those before the preferring one. What is behind it is for the policy
/// alone, and makes no set of its own.
int matched_fields(const fleet *f);
/// Finds its parts in a set's filter; false if there is no memory.
bool filter_parse(clua_vm *vm, const fleet *f, set *s);

/// What a ranking can be by, besides a field: the expected wait, see ranking_value.
enum { BY_WAIT = MAX_FIELDS };

// ranking.c
/// The ranking of a set by a field of the rows, or BY_WAIT.
const ranking *set_ranking(lua_State *L, fleet *f, set *s, int field);
/// Never raise:
double ranking_value(const fleet *f, const record *values, int field);
/// Whether a change of these fields can move a row in a ranking by that one.
bool ranking_depends(const fleet *f, int field, uint64_t changed);
void ranking_insert(ranking *k, size_t count, ranked entry);
void ranking_remove(ranking *k, size_t count, ranked entry);

// sets.c
/// The set with this filter, whose bytes are copied.
set *set_for(lua_State *L, fleet *f, clua_bytes filter);
/// Makes room for one more member, so that set_update cannot fail; raises.
void set_reserve(lua_State *L, set *s);
/// A row has changed from `before` (null: new) to `after` (null: gone), in these fields. Never raises.
void set_update(const fleet *f, set *s, row *r, const record *before, const record *after, uint64_t changed);
/// Has the hashes and clients of its members side by side from now on.
void set_use_ring(lua_State *L, const fleet *f, set *s);
set *set_create(lua_State *L, fleet *f, bool everything);
void set_free(set *s);

// set_methods.c
void clua_open_sets(lua_State *L, fleet *f);
/// The set at index 1, if it may be used now; else raises.
set *check_set(lua_State *L);
int push_row(lua_State *L, const row *r);
int push_first(lua_State *L, const set *s);
/// The field that the string at `index` names; raises if there is none.
int field_argument(lua_State *L, const fleet *f, int index);

// choose.c, desired.c: methods of sets.
int set_random(lua_State *L);
int set_two_choices(lua_State *L);
int set_ring(lua_State *L);
int set_ewma(lua_State *L);
int set_sum(lua_State *L);
int set_average(lua_State *L);
int fleet_desired(lua_State *L);

/// The request is the first view.
static inline view *request_of(fleet *f) { return &f->views[0]; }

// view.c
void clua_open_view(lua_State *L, view *v);
/// Makes the view's userdata stand for these fields.
void clua_set_view(lua_State *L, view *v, clua_bytes fields);

// memory.c
void clua_open_memory(lua_State *L, fleet *f);

// rows.c
/// Pushes the `__index` of the object at `index`.
void clua_push_index(lua_State *L, int index);
/// Makes what rows have in common.
void clua_open_row_fields(lua_State *L, fleet *f);
