// What decisions are measured against: the same function with the same rows, called from plain C without any of our care.

#include "rows.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

typedef struct measurement {
  int32_t function;
  clua_bytes request;
  clua_baseline baseline;
  int64_t count;
  int64_t time;
} measurement;

enum { FUNCTION = 2, REQUEST = 3, FLEET = 4 };

static void push_request(lua_State *L, const view *v) {
  lua_createtable(L, 0, 2);
  for (int field = 0; field < v->fields.count; field++) {
    if (record_tag(&v->values, field) == CLUA_TAG_NIL) continue;
    if (record_is_string(&v->values, field)) {
      clua_bytes text = record_string(&v->values, field);
      lua_pushlstring(L, (const char *)text.start, text.count);
    } else {
      clua_decode(L, record_bytes(&v->values, field));
    }
    lua_setfield(L, -2, v->fields.names[field]);
  }
}

static void copy_string(lua_State *L, int index) {
  char text[256];
  size_t length;
  const char *bytes = lua_tolstring(L, index, &length);
  if (!bytes || length >= sizeof text) return;
  memcpy(text, bytes, length + 1);
  __asm__ volatile("" : : "r"(text) : "memory");  // so that the copy is made
}

static void read_answer(lua_State *L) {
  copy_string(L, -1);
  if (!lua_istable(L, -2)) return;
  lua_getfield(L, -2, "use");
  copy_string(L, -1);
}

static int time_baseline(lua_State *L) {
  measurement *m = lua_touserdata(L, 1);
  fleet *f = vm_of(L)->fleet;
  clua_set_view(L, request_of(f), m->request);
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, request_of(f)->reference);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->everything->reference);
  int64_t start = clua_now();
  for (int64_t i = 0; i < m->count; i++) {
    f->decision++;
    lua_pushvalue(L, FUNCTION);
    if (m->baseline == CLUA_BASELINE_PLAIN) push_request(L, request_of(f));
    else lua_pushvalue(L, REQUEST);
    lua_pushvalue(L, FLEET);
    if (lua_pcall(L, 2, 2, 0) != LUA_OK) return 0;
    if (m->baseline == CLUA_BASELINE_PLAIN) read_answer(L);
    lua_settop(L, FLEET);
  }
  m->time = clua_now() - start;
  return 0;
}

int64_t clua_time_baseline(
  clua_vm *vm, int32_t function, clua_bytes request, clua_baseline baseline, int64_t count) {
  measurement m = {function, request, baseline, count, 0};
  if (vm->fleet) clua_timed(vm, time_baseline, &m, 0);
  return m.time;
}

typedef struct plain_run {
  clua_bytes source;
  int64_t count;
  int64_t time;
} plain_run;

static int run_plain(lua_State *L) {
  plain_run *p = lua_touserdata(L, 1);
  luaL_openlibs(L);
  if (luaL_loadbufferx(L, (const char *)p->source.start, p->source.count, "=plain", "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 1);
  int64_t start = clua_now();
  for (int64_t i = 0; i < p->count; i++) {
    lua_pushvalue(L, -1);
    lua_call(L, 0, 0);
  }
  p->time = clua_now() - start;
  return 0;
}

int64_t clua_time_plain(clua_bytes source, int64_t count) {
  plain_run p = {source, count, 0};
  lua_State *L = luaL_newstate();
  if (!L) return 0;
  lua_pushcfunction(L, run_plain);
  lua_pushlightuserdata(L, &p);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) p.time = 0;
  lua_close(L);
  return p.time;
}

size_t clua_resident(void) {
  size_t pages = 0, resident = 0;
  malloc_trim(0);  // what is free must not hide what comes
  FILE *file = fopen("/proc/self/statm", "re");
  if (!file) return 0;
  if (fscanf(file, "%zu %zu", &pages, &resident) != 2) resident = 0;
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
}
