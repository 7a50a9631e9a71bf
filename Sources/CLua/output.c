// What scripts print goes to the host as it happens: print, io.write and the write method of io.stdout and io.stderr.

#include <stdio.h>

#include "internal.h"

enum { OUTPUT = 1, ERRORS = 2 };

void clua_set_output(clua_vm *vm, clua_output output, void *context) {
  vm->output = output;
  vm->output_context = context;
}

static void emit(clua_vm *vm, int stream, const void *bytes, size_t count) {
  if (vm->output) {
    vm->output(vm->output_context, stream, (clua_bytes){bytes, count});
  } else if (!vm->sandboxed) {
    FILE *file = stream == OUTPUT ? stdout : stderr;
    fwrite(bytes, 1, count, file);
    fflush(file);
  }
}

static void append(lua_State *L, const char *bytes, size_t count) {
  clua_vm *vm = vm_of(L);
  if (!buffer_append(vm, &vm->output_bytes, bytes, count)) clua_raise_memory(L);
}

int clua_print(lua_State *L) {
  clua_vm *vm = vm_of(L);
  int count = lua_gettop(L);
  // The texts are made first, because a __tostring may print itself.
  luaL_checkstack(L, count + 1, "too many values to print");
  for (int i = 1; i <= count; i++) {
    if (vm->sandboxed) clua_tostring(L, i);
    else luaL_tolstring(L, i, NULL);
  }
  vm->output_bytes.count = 0;
  for (int i = 1; i <= count; i++) {
    size_t length;
    const char *text = lua_tolstring(L, count + i, &length);
    if (i > 1) append(L, "\t", 1);
    append(L, text, length);
  }
  append(L, "\n", 1);
  emit(vm, OUTPUT, vm->output_bytes.bytes, vm->output_bytes.count);
  clua_poll(L);
  return 0;
}

/// The arguments from `first` on, as io.write takes them, in one piece.
static void write_arguments(lua_State *L, int stream, int first) {
  clua_vm *vm = vm_of(L);
  vm->output_bytes.count = 0;
  for (int i = first, top = lua_gettop(L); i <= top; i++) {
    size_t length;
    const char *text = luaL_checklstring(L, i, &length);
    append(L, text, length);
  }
  emit(vm, stream, vm->output_bytes.bytes, vm->output_bytes.count);
  clua_poll(L);
}

static int stream_of(const luaL_Stream *file) {
  if (!file || !file->closef) return 0;
  return file->f == stdout ? OUTPUT : file->f == stderr ? ERRORS : 0;
}

static int call_original(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int file_write(lua_State *L) {
  int stream = stream_of(luaL_testudata(L, 1, LUA_FILEHANDLE));
  if (!stream) return call_original(L);
  write_arguments(L, stream, 2);
  lua_settop(L, 1);
  return 1;
}

static int io_write(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_IO_output");  // where liolib keeps the default output
  int stream = stream_of(luaL_testudata(L, -1, LUA_FILEHANDLE));
  if (!stream) {
    lua_pop(L, 1);
    return call_original(L);
  }
  lua_insert(L, 1);
  write_arguments(L, stream, 2);
  lua_settop(L, 1);
  return 1;
}

/// Replaces the function `name` of the table on the top by `function`, with the old one as its upvalue.
static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void clua_open_output(lua_State *L) {
  lua_register(L, "print", clua_print);
  lua_getglobal(L, LUA_IOLIBNAME);
  wrap(L, "write", io_write);
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_getfield(L, -1, "__index");
  wrap(L, "write", file_write);
  lua_pop(L, 3);
}
