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
    case CLUA_TAG_BYTE: return at == end ? NULL : at + 1;
    case CLUA_TAG_SHORT: return end - at < 4 ? NULL : at + 4;
    case CLUA_TAG_INTEGER:
    case CLUA_TAG_NUMBER: return end - at < 8 ? NULL : at + 8;
    case CLUA_TAG_WORD: return at == end || end - at - 1 < *at ? NULL : at + 1 + *at;
    case CLUA_TAG_STRING:
    case CLUA_TAG_OPAQUE: return skip_counted(at, end);
    case CLUA_TAG_TABLE: return skip_table(at, end);
    default: return NULL;
  }
}

bool record_parse(record *r, clua_bytes bytes, int count, uint32_t *offsets) {
  if (bytes.count > UINT32_MAX) return false;
  const uint8_t *at = bytes.start, *end = bytes.start + bytes.count;
  *r = (record){bytes.start, offsets, true};
  for (int field = 0; field < count; field++) {
    offsets[field] = (uint32_t)(at - bytes.start);
    at = at < end && *at == CLUA_TAG_NIL ? at + 1 : record_skip(at, end);
    if (!at) return false;
  }
  offsets[count] = (uint32_t)(at - bytes.start);
  return at == end;
}

bool record_copy(clua_vm *vm, clua_bytes bytes, int count, record *r) {
  uint32_t offsets[MAX_FIELDS + 1];
  record parsed;
  *r = (record){0};
  if (count > MAX_FIELDS || !record_parse(&parsed, bytes, count, offsets)) return false;
  bool is_wide = bytes.count > UINT16_MAX;
  size_t table = (size_t)(count + 1) * (is_wide ? sizeof(uint32_t) : sizeof(uint16_t));
  uint8_t *block = clua_reallocate(vm, NULL, table + bytes.count);
  if (!block) return false;
  if (is_wide) memcpy(block, offsets, table);
  else for (int i = 0; i <= count; i++) ((uint16_t *)block)[i] = (uint16_t)offsets[i];
  memcpy(block + table, bytes.start, bytes.count);
  *r = (record){block + table, block, is_wide};
  return true;
}

uint64_t record_difference(const record *a, const record *b, int count) {
  uint64_t difference = 0;
  for (int field = 0; field < count; field++)
    if (!same_bytes(record_bytes(a, field), record_bytes(b, field))) difference |= UINT64_C(1) << field;
  return difference;
}

bool record_is_string(const record *r, int field) {
  uint8_t tag = record_tag(r, field);
  return tag == CLUA_TAG_WORD || tag == CLUA_TAG_STRING;
}

clua_bytes record_string(const record *r, int field) {
  uint32_t count;
  const uint8_t *at = record_bytes(r, field).start;
  if (*at == CLUA_TAG_WORD) return (clua_bytes){at + 2, at[1]};
  memcpy(&count, at + 1, sizeof count);
  return (clua_bytes){at + 1 + sizeof count, count};
}

double value_number(const uint8_t *value) {
  int32_t small;
  int64_t integer;
  double number;
  switch (*value++) {
    case CLUA_TAG_BYTE: return (int8_t)*value;
    case CLUA_TAG_SHORT: memcpy(&small, value, sizeof small); return small;
    case CLUA_TAG_INTEGER: memcpy(&integer, value, sizeof integer); return (double)integer;
    case CLUA_TAG_NUMBER: memcpy(&number, value, sizeof number); return number;
    default: return NAN;
  }
}

bool record_is_comparable(const record *r, int field) {
  const uint8_t *value = record_bytes(r, field).start;
  return *value == CLUA_TAG_NIL || *value == CLUA_TAG_NUMBER || !isnan(value_number(value));
}

double record_number(const record *r, int field) {
  double number = value_number(record_bytes(r, field).start);
  return isnan(number) ? INFINITY : number;
}

uint64_t clua_hash(clua_bytes bytes) {
  uint64_t hash = 0xCBF29CE484222325 ^ bytes.count, word;
  const uint8_t *at = bytes.start;
  size_t size = bytes.count;
  for (; size >= 8; size -= 8, at += 8) {
    memcpy(&word, at, 8);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 29;
  }
  for (; size > 0; size--) hash = (hash ^ *at++) * 0x100000001B3;
  hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93;
  return hash ^ hash >> 32;
}
