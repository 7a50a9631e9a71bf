// Whether a row can serve a request.

#include "rows.h"

static bool same_bytes(clua_bytes a, const uint8_t *start, size_t count) {
  return a.count == count && memcmp(a.start, start, count) == 0;
}

static bool has_string(const record *r, int field) { return record_tag(r, field) == CLUA_TAG_STRING; }

/// The row's value is the last part of the requested path, with `.toml` added if that had none.
static bool has_file_name(const record *row, int row_field, const record *request, int request_field) {
  static const char suffix[] = ".toml";
  enum { SUFFIX = sizeof suffix - 1 };
  if (!has_string(row, row_field) || !has_string(request, request_field)) return false;
  clua_bytes path = record_string(request, request_field), name = record_string(row, row_field);
  const uint8_t *end = path.start + path.count;
  while (end > path.start && end[-1] == '/') end--;
  const uint8_t *start = end;
  while (start > path.start && start[-1] != '/') start--;
  size_t count = (size_t)(end - start);
  if (count >= SUFFIX && memcmp(end - SUFFIX, suffix, SUFFIX) == 0) return same_bytes(name, start, count);
  return name.count == count + SUFFIX && memcmp(name.start, start, count) == 0
      && memcmp(name.start + count, suffix, SUFFIX) == 0;
}

/// The pairs of an encoded table without a sequence: a cursor over keys and values.
typedef struct pairs {
  const uint8_t *at;
  const uint8_t *end;
} pairs;

static pairs pairs_of(const record *r, int field) {
  const uint8_t *at = r->bytes + r->offsets[field], *end = r->bytes + r->offsets[field + 1];
  if (*at != CLUA_TAG_TABLE) return (pairs){end, end};
  uint32_t count;
  memcpy(&count, at + 1, sizeof count);
  at += 1 + sizeof count;
  while (count-- > 0) at = record_skip(at, end);
  return (pairs){at, end - 1};
}

static bool includes_pair(const record *row, int field, const uint8_t *pair, size_t size) {
  for (pairs p = pairs_of(row, field); p.at < p.end;) {
    const uint8_t *start = p.at;
    p.at = record_skip(record_skip(start, p.end), p.end);
    if ((size_t)(p.at - start) == size && memcmp(start, pair, size) == 0) return true;
  }
  return false;
}

static bool includes(const record *row, int row_field, const record *request, int request_field) {
  for (pairs p = pairs_of(request, request_field); p.at < p.end;) {
    const uint8_t *start = p.at;
    p.at = record_skip(record_skip(start, p.end), p.end);
    if (!includes_pair(row, row_field, start, (size_t)(p.at - start))) return false;
  }
  return true;
}

static bool obeys(const clua_rule *rule, const record *row, const record *request) {
  int wanted = rule->request_field, given = rule->row_field;
  if (record_tag(request, wanted) == CLUA_TAG_NIL) return true;
  switch (rule->kind) {
    case CLUA_RULE_EQUAL: {
      uint32_t size = request->offsets[wanted + 1] - request->offsets[wanted];
      return size == row->offsets[given + 1] - row->offsets[given]
          && memcmp(request->bytes + request->offsets[wanted], row->bytes + row->offsets[given], size) == 0;
    }
    case CLUA_RULE_FILE_NAME: return has_file_name(row, given, request, wanted);
    case CLUA_RULE_AT_LEAST: return record_number(request, wanted) <= record_number(row, given);
    case CLUA_RULE_INCLUDES: return includes(row, given, request, wanted);
    case CLUA_RULE_PREFERS: return true;
  }
  return false;
}

static bool is_eligible(const fleet *f, const record *row) {
  if (!has_string(row, f->eligible_field)) return false;
  uint32_t size = row->offsets[f->eligible_field + 1] - row->offsets[f->eligible_field];
  const uint8_t *value = row->bytes + row->offsets[f->eligible_field];
  const uint8_t *at = f->eligible, *end = at + f->eligible_size;
  while (at < end) {
    const uint8_t *next = record_skip(at, end);
    if ((size_t)(next - at) == size && memcmp(at, value, size) == 0) return true;
    at = next;
  }
  return false;
}

bool row_matches(const fleet *f, const set *s, const record *values) {
  if (s->everything) return true;
  if (!is_eligible(f, values)) return false;
  for (int i = 0; i < f->rule_count; i++)
    if (!obeys(&f->rules[i], values, s->request)) return false;
  return true;
}
