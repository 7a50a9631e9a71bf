// Inside of rows and sets. See include/clua_rows.h.
#pragma once

#include "clua_rows.h"
#include "internal.h"

enum { MAX_FIELDS = 48, MAX_ORDERS = 4, KEEP_SETS = 32, MAX_SETS = 256, MAX_VIEWS = 4 };

/// What a userdata of a sandbox points to begins with its kind.
typedef enum kind { KIND_ROW = 1, KIND_GONE, KIND_SET, KIND_STALE, KIND_VIEW } kind;

/// Encoded values and where each begins. The end of the last one is at offsets[count].
typedef struct record {
  uint8_t *bytes;
  uint32_t offsets[MAX_FIELDS + 1];
} record;

typedef struct row {
  kind kind;
  int reference;  // of its userdata
  double order;
  record *values;
} row;

typedef struct ranked {
  double value;
  row *row;
} ranked;

/// The members of a set by the value of one field, then by their order.
typedef struct ranking {
  int field;
  ranked *entries;
} ranking;

typedef struct set {
  kind kind;
  int reference;  // of its userdata
  record *request;
  size_t request_size;
  uint64_t hash;
  bool everything;  // the fleet itself
  bool temporary;   // ends with the decision
  row **members;    // in their order
  size_t count, capacity;
  ranking rankings[MAX_ORDERS];
  int ranking_count;
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
  int rows;       // reference: key to userdata
  int preferred;  // reference: preferred value to userdata
  int refuse, row_defaults, set_metatable;  // references
  int memory;  // reference
  set *everything;
  set *sets[MAX_SETS];
  int set_count;
  row *unfinished;  // belongs to nobody if an error came in between
  record *unfinished_values;
  buffer asked;  // a request that a script put together
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

// record.c: never raise.
/// Finds where the values begin; false if there are not `count` of them.
bool record_parse(record *r, uint8_t *bytes, size_t size, int count);
/// A copy in one block, or null.
record *record_copy(clua_vm *vm, clua_bytes bytes, int count);
bool record_same(const record *a, const record *b, int field);
uint8_t record_tag(const record *r, int field);
/// The bytes of a string.
clua_bytes record_string(const record *r, int field);
/// Whether it is a number, or absent.
bool record_is_comparable(const record *r, int field);
/// A number; +∞ if there is none.
double record_number(const record *r, int field);
/// The end of the value that begins at `at`, or null.
const uint8_t *record_skip(const uint8_t *at, const uint8_t *end);

// match.c: never raise.
bool row_matches(const fleet *f, const set *s, const record *values);

// sets.c
/// The set of the rows that match the request, which is `size` bytes; the bytes are copied.
set *set_for(lua_State *L, fleet *f, const record *request, size_t size);
/// Makes room for one more member, so that set_update cannot fail; raises.
void set_reserve(lua_State *L, set *s);
/// A row has changed from `before` (null: new) to `after` (null: gone). Never raises.
void set_update(const fleet *f, set *s, row *r, const record *before, const record *after);
/// The ranking of a set by a field.
const ranking *set_ranking(lua_State *L, fleet *f, set *s, int field);
set *set_create(lua_State *L, fleet *f, bool everything);
void set_free(set *s);

// set_methods.c
void clua_open_sets(lua_State *L, fleet *f);

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
