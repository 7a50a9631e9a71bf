// pcall, xpcall and the coroutine functions as Lua has them, but an abort passes through. While a coroutine runs, the VM
// knows it, because hooks are per coroutine and the signal handler must install its hook on the one that runs.

#include "internal.h"

static int finish_pcall(lua_State *L, int status, lua_KContext skipped) {
  clua_poll(L);
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)skipped;
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int guarded_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  clua_poll(L);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall);
  return finish_pcall(L, status, 0);
}

/// The handler of an xpcall: the script's own (upvalue 1) is not run for an abort.
static int guarded_handler(lua_State *L) {
  if (clua_pending(vm_of(L))) return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int guarded_xpcall(lua_State *L) {
  int count = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  clua_poll(L);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, guarded_handler, 1);
  lua_replace(L, 2);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);  // function, handler, true, function, arguments
  int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish_pcall);
  return finish_pcall(L, status, 2);
}

static lua_State *check_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return co;
}

/// Makes `to` the state that runs. A signal that comes in between finds one of the two; the poll after each switch
/// sees what it meant.
static void switch_to(clua_vm *vm, lua_State *to) {
  atomic_store_explicit(&vm->running, to, memory_order_seq_cst);
}

/// Resumes `co` with `count` values of `L`; returns the number of results, which are on L, or -1 with the error there.
static int resume(lua_State *L, lua_State *co, int count) {
  clua_vm *vm = vm_of(L);
  clua_poll(L);
  if (!lua_checkstack(co, count)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, count);
  int results;
  switch_to(vm, co);
  int status = clua_pending(vm) ? LUA_ERRRUN : lua_resume(co, L, count, &results);
  switch_to(vm, L);
  clua_poll(L);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, results);
  return results;
}

static int guarded_resume(lua_State *L) {
  lua_State *co = check_coroutine(L);
  int results = resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, results >= 0);
  lua_insert(L, results >= 0 ? -(results + 1) : -2);
  return results >= 0 ? results + 1 : 2;
}

/// Closes what a coroutine has still open and returns its status; an error value is left on `co`.
static int close_coroutine(lua_State *L, lua_State *co) {
  clua_vm *vm = vm_of(L);
  clua_check_stack(L);  // Lua 5.4.4 does not count nested closings
  clua_poll(L);
  switch_to(vm, co);
  int status = lua_resetthread(co);  // runs its __close protected: does not raise
  switch_to(vm, L);
  clua_poll(L);
  return status;
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int results = resume(L, co, lua_gettop(L));
  if (results >= 0) return results;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = close_coroutine(L, co);
    lua_xmove(co, L, 1);  // the error, or the one that a __close put in its place
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int create(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}

static int guarded_wrap(lua_State *L) {
  create(L);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/// Whether `co` may be closed: it is suspended or dead, neither running nor waiting for another.
static bool can_close(lua_State *L, lua_State *co) {
  if (co == L) return false;
  if (lua_status(co) != LUA_OK) return true;
  lua_Debug frame;
  return !lua_getstack(co, 0, &frame);
}

static int guarded_close(lua_State *L) {
  lua_State *co = check_coroutine(L);
  if (!can_close(L, co)) return luaL_error(L, "cannot close a running coroutine");
  if (close_coroutine(L, co) == LUA_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_xmove(co, L, 1);
  return 2;
}

/// debug.sethook as Lua has it, but it cannot take away the hook of an abort.
static int guarded_sethook(lua_State *L) {
  int count = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, count, 0);
  clua_poll(L);
  return 0;
}

static void guard_sethook(lua_State *L) {
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE) {
    lua_getfield(L, -1, "sethook");
    lua_pushcclosure(L, guarded_sethook, 1);
    lua_setfield(L, -2, "sethook");
  }
  lua_pop(L, 1);
}

void clua_open_guards(lua_State *L) {
  lua_register(L, "pcall", guarded_pcall);
  lua_register(L, "xpcall", guarded_xpcall);
  static const luaL_Reg coroutines[] = {
    {"create", create}, {"resume", guarded_resume}, {"wrap", guarded_wrap}, {"close", guarded_close}, {NULL, NULL},
  };
  lua_getglobal(L, LUA_COLIBNAME);
  luaL_setfuncs(L, coroutines, 0);
  lua_pop(L, 1);
  guard_sethook(L);
}
