// Rows that live inside a sandbox's state: read-only records that the host changes in place, and sets of them that match
// a request, kept up to date so that asking for the least of a set costs the same whatever its size.
#pragma once

#include "clua.h"

typedef enum clua_rule_kind {
  CLUA_RULE_EQUAL,      ///< the row has the requested value
  CLUA_RULE_FILE_NAME,  ///< the row has the last part of the requested path, with `.toml` added if it had none
  CLUA_RULE_AT_LEAST,   ///< the row's number is no less than the requested one, or the row has none
  CLUA_RULE_INCLUDES,   ///< the row's table has all pairs of the requested one
  CLUA_RULE_PREFERS,    ///< a row whose list has the requested value is the only one that matches, if there is one
} clua_rule_kind;

/// What a field of the request demands of a field of the row; nothing if the request does not have it.
typedef struct clua_rule {
  clua_rule_kind kind;
  int32_t request_field;
  int32_t row_field;
} clua_rule;

/// Something that a function is asked about, with fields of its own.
typedef struct clua_view {
  /// Names, each ended by a zero byte.
  const char *_Nonnull fields;
  int32_t count;
} clua_view;

typedef struct clua_schema {
  /// Names, each ended by a zero byte. The first field of a row is a string that names it to people.
  const char *_Nonnull row_fields;
  int32_t row_count;
  /// The first is the request, whose fields the rules are about; no rule may be about those behind one with the rule PREFERS.
  const clua_view *_Nonnull views;
  int32_t view_count;
  const clua_rule *_Nonnull rules;
  int32_t rule_count;
  /// Only rows with one of these strings (encoded) in this field match any request.
  int32_t eligible_field;
  clua_bytes eligible;
  /// A string that names it to the host: never changes, and differs from row to row.
  int32_t key_field;
  /// A number that never changes and differs from row to row: sets are in its order.
  int32_t order_field;
} clua_schema;

/// Once per VM.
clua_status clua_rows_open(clua_vm *_Nonnull vm, const clua_schema *_Nonnull schema);
/// Adds a row, or changes the one with the same key: all its fields, encoded, in the order of the schema.
clua_status clua_row_put(clua_vm *_Nonnull vm, clua_bytes values);
clua_status clua_row_remove(clua_vm *_Nonnull vm, clua_bytes key);

typedef struct clua_question {
  int32_t function;
  /// The first argument is the row with this key, nil if there is none; no such argument without a key.
  clua_bytes row;
  /// Which view comes next; -1 for none.
  int32_t view;
  /// Its fields, encoded.
  clua_bytes fields;
  double now;
  int64_t deadline;
} clua_question;

/// Calls function([row,] [view,] fleet). Its results are in clua_results.
clua_status clua_decide(clua_vm *_Nonnull vm, const clua_question *_Nonnull question);

/// The table `memory` as bytes, in clua_results. What is no plain data is left out.
clua_status clua_memory_save(clua_vm *_Nonnull vm);
/// Puts what was saved into `memory`, over what is there. On an error some of it may be missing.
clua_status clua_memory_restore(clua_vm *_Nonnull vm, clua_bytes saved);

/// What decisions are compared with.
typedef enum clua_baseline {
  CLUA_BASELINE_PLAIN,  ///< plain C: makes a table of the request, calls, copies the answer and the reason
  CLUA_BASELINE_CALL,   ///< only the call: the request is there already, and nobody looks at the results
} clua_baseline;

/// How long `count` calls of the same function with the same rows take, in nanoseconds; 0 if one of them fails.
int64_t clua_time_baseline(
  clua_vm *_Nonnull vm, int32_t function, clua_bytes request, clua_baseline baseline, int64_t count);

/// How long `count` calls of the function that a chunk returns take in a state as `luaL_newstate` and `luaL_openlibs` make
/// it, in nanoseconds; 0 if it fails.
int64_t clua_time_plain(clua_bytes source, int64_t count);

/// Resident bytes of the process, after free memory was given back.
size_t clua_resident(void);

/// Some microseconds of garbage collection, if there is enough to collect; true if there is more to do.
bool clua_collect_some(clua_vm *_Nonnull vm);
