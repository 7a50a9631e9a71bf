// Growing bytes on the C heap.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

bool buffer_reserve(clua_vm *vm, buffer *b, size_t extra) {
  if (extra <= b->capacity - b->count) return true;
  size_t capacity = b->capacity < 64 ? 64 : b->capacity;
  while (capacity - b->count < extra) {
    if (capacity > SIZE_MAX / 2) return false;
    capacity *= 2;
  }
  uint8_t *bytes = clua_reallocate(vm, b->bytes, capacity);
  if (!bytes) return false;
  b->bytes = bytes;
  b->capacity = capacity;
  return true;
}

bool buffer_append(clua_vm *vm, buffer *b, const void *bytes, size_t count) {
  if (!buffer_reserve(vm, b, count)) return false;
  if (count) memcpy(b->bytes + b->count, bytes, count);
  b->count += count;
  return true;
}

bool buffer_format(clua_vm *vm, buffer *b, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  int count = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (count < 0) return false;
  return buffer_append(vm, b, text, (size_t)count < sizeof text ? (size_t)count : sizeof text - 1);
}

void buffer_free(buffer *b) {
  free(b->bytes);
  *b = (buffer){0};
}
