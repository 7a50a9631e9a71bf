// Values as bytes: what Lua pushes and reads becomes a buffer that Swift builds and reads, so that Swift needs none of
// Lua's functions that can raise. A tag per value, see clua.h.

#include "internal.h"

/// Room for so many bytes at the end, which then count.
static uint8_t *room(lua_State *L, buffer *b, size_t count) {
  clua_vm *vm = vm_of(L);
  if (b->count + count > vm->transfer_limit)
    luaL_error(L, "too much data for one value (%d bytes at most)", (int)vm->transfer_limit);
  if (b->capacity - b->count < count && !buffer_reserve(vm, b, count)) clua_raise_memory(L);
  b->count += count;
  return b->bytes + b->count - count;
}

static void put_tag(lua_State *L, buffer *b, uint8_t tag) { *room(L, b, 1) = tag; }

static void put_eight(lua_State *L, buffer *b, uint8_t tag, const void *value) {
  uint8_t *at = room(L, b, 9);
  *at = tag;
  memcpy(at + 1, value, 8);
}

static void put_counted(lua_State *L, buffer *b, uint8_t tag, const char *bytes, size_t count) {
  if (count > UINT32_MAX) luaL_error(L, "string too long");
  uint32_t length = (uint32_t)count;
  uint8_t *at = room(L, b, 5 + count);
  *at = tag;
  memcpy(at + 1, &length, sizeof length);
  memcpy(at + 5, bytes, count);
}

static void put_integer(lua_State *L, buffer *b, int64_t value) {
  if (value != (int32_t)value) return put_eight(L, b, CLUA_TAG_INTEGER, &value);
  int32_t small = (int32_t)value;
  bool fits = small == (int8_t)small;
  uint8_t *at = room(L, b, fits ? 2 : 5);
  *at = fits ? CLUA_TAG_BYTE : CLUA_TAG_SHORT;
  memcpy(at + 1, &small, fits ? 1 : 4);  // the lowest byte comes first: see the assertion
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "put_integer takes the first byte for the lowest");

static void put_string(lua_State *L, buffer *b, const char *bytes, size_t count) {
  if (count > UINT8_MAX) return put_counted(L, b, CLUA_TAG_STRING, bytes, count);
  uint8_t *at = room(L, b, 2 + count);
  at[0] = CLUA_TAG_WORD;
  at[1] = (uint8_t)count;
  memcpy(at + 2, bytes, count);
}

const char *clua_type_name(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
    lua_pushliteral(L, "__name");
    lua_rawget(L, -2);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 2);
    if (name) return name;  // the metatable keeps it
  }
  return luaL_typename(L, index);
}

static void put_opaque(lua_State *L, buffer *b, const char *description) {
  if (vm_of(L)->plain_only) return put_tag(L, b, CLUA_TAG_NIL);
  put_counted(L, b, CLUA_TAG_OPAQUE, description, strlen(description));
}

/// The tables that are being copied, innermost first: to see a cycle.
typedef struct path {
  const struct path *outer;
  const void *table;
  int depth;
} path;

static void encode(lua_State *L, int index, buffer *b, const path *outer);

/// The values of 1…n; returns n.
static uint32_t encode_sequence(lua_State *L, int index, buffer *b, const path *here) {
  if (lua_rawlen(L, index) == 0) return 0;  // then there is nothing at 1
  uint32_t length = 0;
  while (lua_rawgeti(L, index, (lua_Integer)length + 1) != LUA_TNIL) {
    encode(L, lua_gettop(L), b, here);
    lua_pop(L, 1);
    length++;
  }
  lua_pop(L, 1);
  return length;
}

/// Whether the key at `key` is one of 1…length.
static bool is_in_sequence(lua_State *L, int key, uint32_t length) {
  lua_Integer number = length && lua_isinteger(L, key) ? lua_tointeger(L, key) : 0;
  return number >= 1 && number <= (lua_Integer)length;
}

static void encode_pairs(lua_State *L, int index, buffer *b, const path *here, uint32_t length) {
  lua_pushnil(L);
  int top = lua_gettop(L) + 1;
  while (lua_next(L, index)) {
    if (!is_in_sequence(L, top - 1, length)) {
      encode(L, top - 1, b, here);
      encode(L, top, b, here);
    }
    lua_pop(L, 1);
    clua_poll(L);
  }
}

static void encode_sorted_pairs(lua_State *L, int index, buffer *b, const path *here, uint32_t length) {
  int count = clua_push_sorted_keys(L, index, true), keys = lua_gettop(L);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, keys, i);
    if (!is_in_sequence(L, keys + 1, length)) {
      encode(L, keys + 1, b, here);
      lua_pushvalue(L, keys + 1);
      lua_rawget(L, index);
      encode(L, keys + 2, b, here);
    }
    lua_settop(L, keys);
  }
  lua_pop(L, 1);
}

static void encode_table(lua_State *L, int index, buffer *b, const path *outer) {
  if (vm_of(L)->sandboxed && clua_push_original(L, index)) {
    encode_table(L, lua_gettop(L), b, outer);
    return lua_pop(L, 1);
  }
  const void *identity = lua_topointer(L, index);
  for (const path *p = outer; p; p = p->outer)
    if (p->table == identity) return put_opaque(L, b, "table (contains itself)");
  path here = {outer, identity, outer ? outer->depth + 1 : 1};
  if (here.depth > MAX_DEPTH) return put_opaque(L, b, "table (nested too deeply)");
  // Each level takes five slots at most, and a C function has twenty.
  if (here.depth % 4 == 0) luaL_checkstack(L, 24, "table nested too deeply");
  *room(L, b, 5) = CLUA_TAG_TABLE;
  size_t at = b->count - 4;
  uint32_t length = encode_sequence(L, index, b, &here);
  memcpy(b->bytes + at, &length, sizeof length);
  if (vm_of(L)->plain_only) encode_sorted_pairs(L, index, b, &here, length);
  else encode_pairs(L, index, b, &here, length);
  put_tag(L, b, CLUA_TAG_END);
}

/// A row of a sandbox goes by its name.
static void encode_userdata(lua_State *L, int index, buffer *b, const path *outer) {
  if (!vm_of(L)->fleet || !clua_push_row_name(L, index)) return put_opaque(L, b, clua_type_name(L, index));
  encode(L, lua_gettop(L), b, outer);
  lua_pop(L, 1);
}

static void encode(lua_State *L, int index, buffer *b, const path *outer) {
  switch (lua_type(L, index)) {
    case LUA_TNIL: return put_tag(L, b, CLUA_TAG_NIL);
    case LUA_TBOOLEAN: return put_tag(L, b, lua_toboolean(L, index) ? CLUA_TAG_TRUE : CLUA_TAG_FALSE);
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        put_integer(L, b, lua_tointeger(L, index));
      } else {
        double value = lua_tonumber(L, index);
        put_eight(L, b, CLUA_TAG_NUMBER, &value);
      }
      return;
    case LUA_TSTRING: {
      size_t count;
      const char *bytes = lua_tolstring(L, index, &count);
      return put_string(L, b, bytes, count);
    }
    case LUA_TTABLE: return encode_table(L, index, b, outer);
    case LUA_TUSERDATA: return encode_userdata(L, index, b, outer);
    default: return put_opaque(L, b, clua_type_name(L, index));
  }
}

void clua_encode(lua_State *L, int index, buffer *b) {
  // A call leaves as many results as there are, and no room above them.
  luaL_checkstack(L, 24, "too many values");
  encode(L, lua_absindex(L, index), b, NULL);
}

void clua_encode_from(lua_State *L, int first, buffer *b) {
  int top = lua_gettop(L);
  for (int index = first; index <= top; index++) clua_encode(L, index, b);
}

/// What is left to read. The bytes come from our own encoder, so that a damaged one is a programmer's error.
typedef struct reader {
  const uint8_t *at;
  const uint8_t *end;
} reader;

static void take(lua_State *L, reader *r, void *into, size_t count) {
  if ((size_t)(r->end - r->at) < count) luaL_error(L, "damaged value");
  memcpy(into, r->at, count);
  r->at += count;
}

static uint8_t peek(lua_State *L, const reader *r) {
  if (r->at == r->end) luaL_error(L, "damaged value");
  return *r->at;
}

static void decode(lua_State *L, reader *r, int depth);

/// - Parameter size: bytes of the length.
static void decode_string(lua_State *L, reader *r, size_t size) {
  uint32_t count = 0;
  take(L, r, &count, size);
  if ((size_t)(r->end - r->at) < count) luaL_error(L, "damaged value");
  lua_pushlstring(L, (const char *)r->at, count);
  r->at += count;
}

static void decode_table(lua_State *L, reader *r, int depth) {
  if (depth >= 2 * MAX_DEPTH) luaL_error(L, "table nested too deeply");
  luaL_checkstack(L, 8, "table nested too deeply");
  uint32_t length;
  take(L, r, &length, sizeof length);
  if ((size_t)(r->end - r->at) < length) luaL_error(L, "damaged value");
  lua_createtable(L, length > INT32_MAX ? INT32_MAX : (int)length, 0);
  for (uint32_t i = 0; i < length; i++) {
    decode(L, r, depth + 1);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  while (peek(L, r) != CLUA_TAG_END) {
    decode(L, r, depth + 1);
    decode(L, r, depth + 1);
    int usable = !lua_isnil(L, -2) && !(lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) != lua_tonumber(L, -2));
    if (usable) lua_rawset(L, -3);
    else lua_pop(L, 2);
  }
  r->at++;
}

static void decode(lua_State *L, reader *r, int depth) {
  uint8_t tag;
  take(L, r, &tag, 1);
  switch (tag) {
    case CLUA_TAG_NIL: return lua_pushnil(L);
    case CLUA_TAG_FALSE: return lua_pushboolean(L, 0);
    case CLUA_TAG_TRUE: return lua_pushboolean(L, 1);
    case CLUA_TAG_INTEGER: {
      int64_t value;
      take(L, r, &value, sizeof value);
      return lua_pushinteger(L, value);
    }
    case CLUA_TAG_BYTE: {
      int8_t value;
      take(L, r, &value, sizeof value);
      return lua_pushinteger(L, value);
    }
    case CLUA_TAG_SHORT: {
      int32_t value;
      take(L, r, &value, sizeof value);
      return lua_pushinteger(L, value);
    }
    case CLUA_TAG_NUMBER: {
      double value;
      take(L, r, &value, sizeof value);
      return lua_pushnumber(L, value);
    }
    case CLUA_TAG_STRING:
    case CLUA_TAG_OPAQUE: return decode_string(L, r, 4);
    case CLUA_TAG_WORD: return decode_string(L, r, 1);
    case CLUA_TAG_TABLE: return decode_table(L, r, depth);
    default: luaL_error(L, "damaged value");
  }
}

int clua_decode(lua_State *L, clua_bytes bytes) {
  reader r = {bytes.start, bytes.start + bytes.count};
  int count = 0;
  while (r.at < r.end) {
    luaL_checkstack(L, 4, "too many values");
    decode(L, &r, 0);
    count++;
  }
  return count;
}
