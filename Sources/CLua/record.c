// Encoded values read where they lie: rows and requests are kept in the form in which they came.

#include "rows.h"

#include <math.h>
#include <stdlib.h>

static const uint8_t *skip_counted(const uint8_t *at, const uint8_t *end) {
  uint32_t count;
  if (end - at < (ptrdiff_t)sizeof count) return NULL;
  memcpy(&count, at, sizeof count);
  at += sizeof count;
  return end - at < (ptrdiff_t)count ? NULL : at + count;
}

static const uint8_t *skip_table(const uint8_t *at, const uint8_t *end) {
  uint32_t count;
  if (end - at < (ptrdiff_t)sizeof count) return NULL;
  memcpy(&count, at, sizeof count);
  at += sizeof count;
  while (at && count-- > 0) at = record_skip(at, end);
  while (at && at < end && *at != CLUA_TAG_END) at = record_skip(at, end);
  return at && at < end ? at + 1 : NULL;
}

const uint8_t *record_skip(const uint8_t *at, const uint8_t *end) {
  if (at == end) return NULL;
  switch (*at++) {
    case CLUA_TAG_NIL:
    case CLUA_TAG_FALSE:
    case CLUA_TAG_TRUE: return at;
    case CLUA_TAG_INTEGER:
    case CLUA_TAG_NUMBER: return end - at < 8 ? NULL : at + 8;
    case CLUA_TAG_STRING:
    case CLUA_TAG_OPAQUE: return skip_counted(at, end);
    case CLUA_TAG_TABLE: return skip_table(at, end);
    default: return NULL;
  }
}

bool record_parse(record *r, uint8_t *bytes, size_t size, int count) {
  if (size > UINT32_MAX) return false;
  const uint8_t *at = bytes, *end = bytes + size;
  r->bytes = bytes;
  for (int field = 0; field < count; field++) {
    r->offsets[field] = (uint32_t)(at - bytes);
    at = at < end && *at == CLUA_TAG_NIL ? at + 1 : record_skip(at, end);
    if (!at) return false;
  }
  r->offsets[count] = (uint32_t)(at - bytes);
  return at == end;
}

record *record_copy(clua_vm *vm, clua_bytes bytes, int count) {
  record *r = clua_reallocate(vm, NULL, sizeof *r + bytes.count);
  if (!r) return NULL;
  uint8_t *copy = (uint8_t *)(r + 1);
  memcpy(copy, bytes.start, bytes.count);
  if (record_parse(r, copy, bytes.count, count)) return r;
  free(r);
  return NULL;
}

bool record_same(const record *a, const record *b, int field) {
  uint32_t size = a->offsets[field + 1] - a->offsets[field];
  return size == b->offsets[field + 1] - b->offsets[field]
      && memcmp(a->bytes + a->offsets[field], b->bytes + b->offsets[field], size) == 0;
}

uint8_t record_tag(const record *r, int field) { return r->bytes[r->offsets[field]]; }

clua_bytes record_string(const record *r, int field) {
  uint32_t count;
  const uint8_t *at = r->bytes + r->offsets[field] + 1;
  memcpy(&count, at, sizeof count);
  return (clua_bytes){at + sizeof count, count};
}

bool record_is_comparable(const record *r, int field) {
  uint8_t tag = record_tag(r, field);
  return tag == CLUA_TAG_INTEGER || tag == CLUA_TAG_NUMBER || tag == CLUA_TAG_NIL;
}

double record_number(const record *r, int field) {
  const uint8_t *at = r->bytes + r->offsets[field] + 1;
  int64_t integer;
  double number;
  switch (record_tag(r, field)) {
    case CLUA_TAG_INTEGER: memcpy(&integer, at, sizeof integer); return (double)integer;
    case CLUA_TAG_NUMBER: memcpy(&number, at, sizeof number); return isnan(number) ? INFINITY : number;
    default: return INFINITY;
  }
}
