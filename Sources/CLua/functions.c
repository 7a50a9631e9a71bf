// Loading, calling and keeping functions.

#include "internal.h"

typedef struct source {
  clua_bytes text;
  const char *name;
  int32_t *reference;
} source;

static int load(lua_State *L) {
  const source *s = lua_touserdata(L, 1);
  // "=" makes the name appear in messages as it is; "t" refuses precompiled code, which Lua does not verify.
  const char *chunk = lua_pushfstring(L, "=%s", s->name);
  int status = luaL_loadbufferx(L, (const char *)s->text.start, s->text.count, chunk, "t");
  if (status != LUA_OK) {
    vm_of(L)->load_status = status;
    return lua_error(L);
  }
  clua_use_environment(L);
  *s->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

clua_status clua_load(clua_vm *vm, clua_bytes text, const char *name, int32_t *reference) {
  source s = {text, name, reference};
  vm->load_status = LUA_OK;
  clua_status status = clua_timed(vm, load, &s, 0);
  if (status == CLUA_RUNTIME && vm->load_status == LUA_ERRSYNTAX) {
    vm->traceback.count = 0;
    return CLUA_SYNTAX;
  }
  return status;
}

typedef struct invocation {
  int32_t reference;
  clua_bytes arguments;
  bool describing;
} invocation;

static int invoke(lua_State *L) {
  const invocation *call = lua_touserdata(L, 1);
  clua_vm *vm = vm_of(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->reference);
  int count = clua_decode(L, call->arguments);
  lua_call(L, count, LUA_MULTRET);
  int top = lua_gettop(L);
  if (call->describing) {
    luaL_checkstack(L, 2, "too many results");
    for (int i = 2; i <= top; i++) {
      luaL_tolstring(L, i, NULL);
      lua_replace(L, i);
    }
  }
  vm->results.count = 0;
  clua_encode_from(L, 2, &vm->results);
  return 0;
}

clua_status clua_call(clua_vm *vm, int32_t reference, clua_bytes arguments, int64_t deadline, bool describing) {
  invocation call = {reference, arguments, describing};
  return clua_timed(vm, invoke, &call, deadline);
}

typedef struct question {
  int32_t reference;
  int line;
} question;

static int find_line(lua_State *L) {
  question *q = lua_touserdata(L, 1);
  lua_Debug function;
  lua_rawgeti(L, LUA_REGISTRYINDEX, q->reference);
  lua_getinfo(L, ">S", &function);
  q->line = function.linedefined > 0 ? function.linedefined : 0;
  return 0;
}

int clua_line_of(clua_vm *vm, int32_t reference) {
  question q = {reference, 0};
  clua_protected(vm, find_line, &q);
  return q.line;
}

static int release(lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, *(const int32_t *)lua_touserdata(L, 1));
  return 0;
}

void clua_release(clua_vm *vm, int32_t reference) {
  clua_protected(vm, release, &reference);  // frees a slot in the registry: needs no memory
}
