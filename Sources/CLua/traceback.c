// A traceback written without allocating in Lua, so that it can be had when memory is short or a hook runs.

#include "internal.h"

enum { FIRST_LEVELS = 10, LAST_LEVELS = 11 };

static int last_level(lua_State *L) {
  lua_Debug frame;
  int low = 1, high = 1;
  while (lua_getstack(L, high, &frame)) {
    low = high;
    high *= 2;
  }
  while (low < high) {
    int middle = (low + high) / 2;
    if (lua_getstack(L, middle, &frame)) low = middle + 1;
    else high = middle;
  }
  return high - 1;
}

static bool is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void write_level(clua_vm *vm, lua_State *L, lua_Debug *frame, buffer *b) {
  lua_getinfo(L, "Slnt", frame);
  buffer_format(vm, b, "\n\t%s:", frame->short_src);
  if (frame->currentline > 0) buffer_format(vm, b, "%d:", frame->currentline);
  if (is(frame->namewhat, "global") || is(frame->namewhat, "field"))
    buffer_format(vm, b, " in function '%s'", frame->name);
  else if (*frame->namewhat) buffer_format(vm, b, " in %s '%s'", frame->namewhat, frame->name);
  else if (is(frame->what, "main")) buffer_format(vm, b, " in main chunk");
  else if (is(frame->what, "C")) buffer_format(vm, b, " in ?");
  else buffer_format(vm, b, " in function <%s:%d>", frame->short_src, frame->linedefined);
  if (frame->istailcall) buffer_format(vm, b, "\n\t(...tail calls...)");
}

/// Whether it is our own C function that called the script: of no interest to its reader.
static bool is_entry(lua_State *L, int level) {
  lua_Debug frame;
  if (level < 0 || !lua_getstack(L, level, &frame)) return false;
  lua_getinfo(L, "Sn", &frame);
  return is(frame.what, "C") && !*frame.namewhat;
}

void clua_write_traceback(clua_vm *vm, lua_State *L, int level, buffer *b) {
  int last = last_level(L);
  if (is_entry(L, last)) last--;
  if (last < level) return;
  buffer_format(vm, b, "stack traceback:");
  bool skips = last - level > FIRST_LEVELS + LAST_LEVELS;
  int first_end = level + FIRST_LEVELS;
  lua_Debug frame;
  for (; level <= last && lua_getstack(L, level, &frame); level++) {
    if (skips && level == first_end) {
      buffer_format(vm, b, "\n\t...\t(skipping %d levels)", last - LAST_LEVELS + 1 - level);
      level = last - LAST_LEVELS;
      continue;
    }
    write_level(vm, L, &frame, b);
  }
}
