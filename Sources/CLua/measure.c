// What decisions are measured against: plain C that calls the function and looks at nothing.

#include "rows.h"

typedef struct measurement {
  int32_t function;
  clua_bytes request;
  int64_t count;
  int64_t time;
} measurement;

static int time_bare(lua_State *L) {
  measurement *m = lua_touserdata(L, 1);
  fleet *f = vm_of(L)->fleet;
  clua_set_question(L, f, m->request);
  lua_rawgeti(L, LUA_REGISTRYINDEX, m->function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->request);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->everything->reference);
  int64_t start = clua_now();
  for (int64_t i = 0; i < m->count; i++) {
    f->decision++;
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 4);
    if (lua_pcall(L, 2, 2, 0) != LUA_OK) return 0;
    lua_settop(L, 4);
  }
  m->time = clua_now() - start;
  return 0;
}

int64_t clua_time_bare(clua_vm *vm, int32_t function, clua_bytes request, int64_t count) {
  measurement m = {function, request, count, 0};
  if (vm->fleet) clua_timed(vm, time_bare, &m, 0);
  return m.time;
}
