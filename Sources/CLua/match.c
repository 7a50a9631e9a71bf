// Whether a row belongs to a set.
//
// A set's filter is bytes: 1 and an encoded request, if it is of those that a request matches, else 0; then for each
// field of `where` its number (one byte) and its encoded value. The filter of the whole fleet is empty.

#include "rows.h"

/// The row's value is the last part of the requested path, with `.toml` added if that had none.
static bool has_file_name(const record *row, int row_field, const record *request, int request_field) {
  static const char suffix[] = ".toml";
  enum { SUFFIX = sizeof suffix - 1 };
  if (!record_is_string(row, row_field) || !record_is_string(request, request_field)) return false;
  clua_bytes path = record_string(request, request_field), name = record_string(row, row_field);
  const uint8_t *end = path.start + path.count;
  while (end > path.start && end[-1] == '/') end--;
  const uint8_t *start = end;
  while (start > path.start && start[-1] != '/') start--;
  size_t count = (size_t)(end - start);
  if (count >= SUFFIX && memcmp(end - SUFFIX, suffix, SUFFIX) == 0) return same_bytes(name, (clua_bytes){start, count});
  return name.count == count + SUFFIX && memcmp(name.start, start, count) == 0
      && memcmp(name.start + count, suffix, SUFFIX) == 0;
}

/// The pairs of an encoded table without a sequence: a cursor over keys and values.
typedef struct pairs {
  const uint8_t *at;
  const uint8_t *end;
} pairs;

static pairs pairs_of(const record *r, int field) {
  clua_bytes value = record_bytes(r, field);
  const uint8_t *at = value.start, *end = value.start + value.count;
  if (*at != CLUA_TAG_TABLE) return (pairs){end, end};
  uint32_t count;
  memcpy(&count, at + 1, sizeof count);
  at += 1 + sizeof count;
  while (count-- > 0) at = record_skip(at, end);
  return (pairs){at, end - 1};
}

static bool includes_pair(const record *row, int field, clua_bytes pair) {
  for (pairs p = pairs_of(row, field); p.at < p.end;) {
    const uint8_t *start = p.at;
    p.at = record_skip(record_skip(start, p.end), p.end);
    if (same_bytes((clua_bytes){start, (size_t)(p.at - start)}, pair)) return true;
  }
  return false;
}

static bool includes(const record *row, int row_field, const record *request, int request_field) {
  for (pairs p = pairs_of(request, request_field); p.at < p.end;) {
    const uint8_t *start = p.at;
    p.at = record_skip(record_skip(start, p.end), p.end);
    if (!includes_pair(row, row_field, (clua_bytes){start, (size_t)(p.at - start)})) return false;
  }
  return true;
}

static bool obeys(const clua_rule *rule, const record *row, const record *request) {
  int wanted = rule->request_field, given = rule->row_field;
  if (rule->kind == CLUA_RULE_PREFERS || record_tag(request, wanted) == CLUA_TAG_NIL) return true;
  switch (rule->kind) {
    case CLUA_RULE_EQUAL: return same_bytes(record_bytes(request, wanted), record_bytes(row, given));
    case CLUA_RULE_FILE_NAME: return has_file_name(row, given, request, wanted);
    case CLUA_RULE_AT_LEAST: return record_number(request, wanted) <= record_number(row, given);
    case CLUA_RULE_INCLUDES: return includes(row, given, request, wanted);
    case CLUA_RULE_PREFERS: return true;
  }
  return false;
}

static bool is_eligible(const fleet *f, const record *row) {
  clua_bytes status = record_bytes(row, f->eligible_field);
  const uint8_t *at = f->eligible, *end = at + f->eligible_size;
  while (at < end) {
    const uint8_t *next = record_skip(at, end);
    if (same_bytes((clua_bytes){at, (size_t)(next - at)}, status)) return true;
    at = next;
  }
  return false;
}

/// Numbers are equal by what they are, all else by its bytes.
static bool has_value(const record *row, int field, clua_bytes value) {
  clua_bytes own = record_bytes(row, field);
  return same_bytes(own, value) || value_number(own.start) == value_number(value.start);
}

bool row_matches(const fleet *f, const set *s, const record *values) {
  if (s->is_matched) {
    if (!is_eligible(f, values)) return false;
    for (int i = 0; i < f->rule_count; i++)
      if (!obeys(&f->rules[i], values, &s->request)) return false;
  }
  const uint8_t *at = s->filter.bytes + s->clauses, *end = s->filter.bytes + s->filter.count;
  while (at < end) {
    const uint8_t *value = at + 1, *next = record_skip(value, end);
    if (!has_value(values, *at, (clua_bytes){value, (size_t)(next - value)})) return false;
    at = next;
  }
  return true;
}

int matched_fields(const fleet *f) {
  return f->preferred_rule >= 0 ? f->rules[f->preferred_rule].request_field : f->views[0].fields.count;
}

bool filter_parse(clua_vm *vm, const fleet *f, set *s) {
  s->clauses = s->filter.count ? 1 : 0;
  s->is_matched = s->filter.count && s->filter.bytes[0] == 1;
  if (!s->is_matched) return true;
  // Where the request ends is where the last field does that rows are matched by.
  int count = matched_fields(f);
  const uint8_t *start = s->filter.bytes + 1, *at = start, *end = s->filter.bytes + s->filter.count;
  for (int i = 0; i < count; i++)
    if (!(at = record_skip(at, end))) return false;
  s->clauses = (size_t)(at - s->filter.bytes);
  return record_copy(vm, (clua_bytes){start, (size_t)(at - start)}, count, &s->request);
}
