// The functions of a sandbox's `string` whose time or result a script could otherwise make unbounded, or whose result
// shows an address.

#include "pattern.h"

/// A start position as Lua takes it, from 1, negative from the end; clipped to 1 … length + 1 or beyond.
static size_t start_position(lua_Integer position, size_t length) {
  if (position > 0) return (size_t)position;
  if (position == 0 || position < -(lua_Integer)length) return 1;
  return length + (size_t)position + 1;
}

static bool is_plain(const char *pattern, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (strchr("^$*+?.([%-", pattern[i]) && pattern[i]) return false;
  return true;
}

static int find_plain(lua_State *L, const char *s, size_t length, size_t start, const char *p, size_t p_length) {
  const char *found = memmem(s + start - 1, length - start + 1, p, p_length);
  if (!found) {
    luaL_pushfail(L);
    return 1;
  }
  lua_pushinteger(L, found - s + 1);
  lua_pushinteger(L, found - s + (lua_Integer)p_length);
  return 2;
}

static int find_or_match(lua_State *L, bool find) {
  size_t length, p_length;
  const char *s = luaL_checklstring(L, 1, &length);
  const char *p = luaL_checklstring(L, 2, &p_length);
  size_t start = start_position(luaL_optinteger(L, 3, 1), length);
  if (start > length + 1) {
    luaL_pushfail(L);
    return 1;
  }
  if (find && (lua_toboolean(L, 4) || is_plain(p, p_length))) return find_plain(L, s, length, start, p, p_length);
  matcher m;
  matcher_begin(&m, L, s, length, p + p_length);
  bool anchored = p_length > 0 && *p == '^';
  if (anchored) p++;
  for (const char *at = s + start - 1; at <= m.subject_end; at++) {
    const char *end = matcher_match(&m, at, p);
    if (end && !find) return matcher_push_captures(&m, at, end);
    if (end) {
      lua_pushinteger(L, at - s + 1);
      lua_pushinteger(L, end - s);
      return matcher_push_captures(&m, NULL, NULL) + 2;
    }
    if (anchored) break;
  }
  luaL_pushfail(L);
  return 1;
}

static int string_find(lua_State *L) { return find_or_match(L, true); }

static int string_match(lua_State *L) { return find_or_match(L, false); }

/// Upvalues: subject, pattern, where to go on (offset), where the last match ended (offset, or -1).
static int gmatch_next(lua_State *L) {
  size_t length, p_length;
  const char *s = lua_tolstring(L, lua_upvalueindex(1), &length);
  const char *p = lua_tolstring(L, lua_upvalueindex(2), &p_length);
  lua_Integer offset = lua_tointeger(L, lua_upvalueindex(3));
  lua_Integer last_end = lua_tointeger(L, lua_upvalueindex(4));
  matcher m;
  matcher_begin(&m, L, s, length, p + p_length);
  for (; offset <= (lua_Integer)length; offset++) {
    const char *at = s + offset, *end = matcher_match(&m, at, p);
    if (!end || end - s == last_end) continue;
    lua_pushinteger(L, end - s);
    lua_copy(L, -1, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return matcher_push_captures(&m, at, end);
  }
  lua_pushinteger(L, (lua_Integer)length + 1);
  lua_replace(L, lua_upvalueindex(3));
  return 0;
}

static int string_gmatch(lua_State *L) {
  size_t length;
  luaL_checklstring(L, 1, &length);
  luaL_checkstring(L, 2);
  size_t start = start_position(luaL_optinteger(L, 3, 1), length);
  lua_settop(L, 2);
  lua_pushinteger(L, start > length + 1 ? (lua_Integer)length + 1 : (lua_Integer)start - 1);
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, gmatch_next, 4);
  return 1;
}

/// Adds a replacement string, in which `%0` … `%9` stand for captures.
static void add_template(matcher *m, luaL_Buffer *b, const char *start, const char *end) {
  size_t length;
  const char *text = lua_tolstring(m->L, 3, &length);
  for (size_t i = 0; i < length; i++) {
    if (text[i] != '%') {
      luaL_addchar(b, text[i]);
      continue;
    }
    char kind = ++i < length ? text[i] : 0;
    if (kind == '%') {
      luaL_addchar(b, '%');
    } else if (kind == '0') {
      luaL_addlstring(b, start, (size_t)(end - start));
    } else if (kind >= '1' && kind <= '9') {
      matcher_push_capture(m, kind - '1', start, end);
      luaL_tolstring(m->L, -1, NULL);  // a position is a number
      lua_remove(m->L, -2);
      luaL_addvalue(b);
    } else {
      luaL_error(m->L, "invalid use of '%%' in replacement string");
    }
  }
}

/// Adds what stands for one match; false if the match itself was kept.
static bool add_replacement(matcher *m, luaL_Buffer *b, const char *start, const char *end) {
  lua_State *L = m->L;
  switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
      lua_pushvalue(L, 3);
      lua_call(L, matcher_push_captures(m, start, end), 1);
      break;
    case LUA_TTABLE:
      matcher_push_capture(m, 0, start, end);
      lua_gettable(L, 3);
      break;
    default: add_template(m, b, start, end); return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(b, start, (size_t)(end - start));
    return false;
  }
  if (!lua_isstring(L, -1))
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(b);
  return true;
}

static int string_gsub(lua_State *L) {
  size_t length, p_length;
  const char *s = luaL_checklstring(L, 1, &length), *p = luaL_checklstring(L, 2, &p_length);
  int kind = lua_type(L, 3);
  luaL_argexpected(L,
    kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE, 3,
    "string/function/table");
  lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)length + 1), count = 0;
  matcher m;
  matcher_begin(&m, L, s, length, p + p_length);
  bool anchored = p_length > 0 && *p == '^', changed = false;
  if (anchored) p++;
  const char *at = s, *last_end = NULL;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (count < limit) {
    const char *end = matcher_match(&m, at, p);
    if (end && end != last_end) {
      count++;
      if (add_replacement(&m, &b, at, end)) changed = true;
      at = last_end = end;
    } else if (at < m.subject_end) {
      luaL_addchar(&b, *at++);
    } else {
      break;
    }
    if (anchored) break;
  }
  if (changed) {
    luaL_addlstring(&b, at, (size_t)(m.subject_end - at));
    luaL_pushresult(&b);
  } else {
    lua_pushvalue(L, 1);
  }
  lua_pushinteger(L, count);
  return 2;
}

static int string_rep(lua_State *L) {
  size_t length, separator_length;
  const char *s = luaL_checklstring(L, 1, &length);
  lua_Integer count = luaL_checkinteger(L, 2);
  const char *separator = luaL_optlstring(L, 3, "", &separator_length);
  size_t each = length + separator_length;
  if (count <= 0 || each == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  if ((lua_Unsigned)count > INT32_MAX / each) return luaL_error(L, "resulting string too large");
  luaL_Buffer b;
  size_t total = (size_t)count * each - separator_length;
  char *to = luaL_buffinitsize(L, &b, total);
  for (lua_Integer i = 0; i < count; i++) {
    memcpy(to, s, length);
    to += length;
    if (i + 1 == count) break;
    memcpy(to, separator, separator_length);
    to += separator_length;
  }
  luaL_pushresultsize(&b, total);
  return 1;
}

/// Lua's own format (upvalue 1), after arguments of `%s` without a plain form have been replaced by a text of ours,
/// which shows no address.
static int string_format(lua_State *L) {
  size_t length;
  const char *format = luaL_checklstring(L, 1, &length);
  int argument = 1, top = lua_gettop(L);
  for (const char *p = format, *end = format + length; p < end; p++) {
    if (*p != '%') continue;
    if (++p < end && *p == '%') continue;
    while (p < end && strchr("-+ #0123456789.", *p) && *p) p++;
    if (++argument > top) break;  // Lua's own says so
    if (p < end && *p == 'p') return luaL_error(L, "'%%p' is not available: addresses differ from run to run");
    if (p < end && *p == 's' && lua_type(L, argument) > LUA_TSTRING) {
      clua_tostring(L, argument);
      lua_replace(L, argument);
    }
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, top, 1);
  return 1;
}

void clua_open_bounded_strings(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
    {"gsub", string_gsub}, {"rep", string_rep},     {NULL, NULL},
  };
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "format");
  lua_pushcclosure(L, string_format, 1);
  lua_setfield(L, -2, "format");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
}
