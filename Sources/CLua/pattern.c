// Matching of Lua patterns, as the reference manual (section 6.4.1) describes them. Backtracking can take exponential
// time, during which no hook runs: here every step counts against a budget, and a pending abort is noticed.

#include "pattern.h"

#include <ctype.h>

enum { POLL_EVERY = 1024 };

static const char *match(matcher *m, const char *s, const char *p);

static void step(matcher *m) {
  if (--m->steps % POLL_EVERY != 0) return;
  clua_poll(m->L);
  if (m->steps <= 0) luaL_error(m->L, "pattern too complex: more than %d steps", MAX_STEPS);
}

void matcher_begin(matcher *m, lua_State *L, const char *subject, size_t length, const char *pattern_end) {
  m->L = L;
  m->subject = subject;
  m->subject_end = subject + length;
  m->pattern_end = pattern_end;
  m->steps = MAX_STEPS;
  m->nesting = MAX_NESTING;
  m->count = 0;
}

const char *matcher_match(matcher *m, const char *s, const char *pattern) {
  m->count = 0;
  m->nesting = MAX_NESTING;
  return match(m, s, pattern);
}

/// The end of the single-character class that begins at `p`.
static const char *class_end(matcher *m, const char *p) {
  if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends unexpectedly)");
  char c = *p++;
  if (c == '%') {
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (c != '[') return p;
  if (p < m->pattern_end && *p == '^') p++;
  bool first = true;  // a ']' here is a member
  for (;; first = false) {
    if (p >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
    c = *p++;
    if (c == ']' && !first) return p;
    if (c == '%') {
      if (p >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
      p++;
    }
  }
}

static bool in_class(int c, int letter) {
  bool member;
  switch (tolower(letter)) {
    case 'a': member = isalpha(c); break;
    case 'c': member = iscntrl(c); break;
    case 'd': member = isdigit(c); break;
    case 'g': member = isgraph(c); break;
    case 'l': member = islower(c); break;
    case 'p': member = ispunct(c); break;
    case 's': member = isspace(c); break;
    case 'u': member = isupper(c); break;
    case 'w': member = isalnum(c); break;
    case 'x': member = isxdigit(c); break;
    case 'z': member = c == 0; break;
    default: return letter == c;
  }
  return isupper(letter) ? !member : member;
}

/// Whether `c` is in the set from `[` at `p` to `]` at `last`.
static bool in_set(matcher *m, int c, const char *p, const char *last) {
  bool found = true;
  if (*++p == '^') {
    found = false;
    p++;
  }
  for (; p < last; p++) {
    step(m);
    if (*p == '%') {
      if (in_class(c, (unsigned char)*++p)) return found;
    } else if (p[1] == '-' && p + 2 < last) {
      if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) return found;
      p += 2;
    } else if ((unsigned char)*p == c) {
      return found;
    }
  }
  return !found;
}

/// Whether the class from `p` to `end` has the character at `s`.
static bool matches_one(matcher *m, const char *s, const char *p, const char *end) {
  step(m);
  if (s >= m->subject_end) return false;
  int c = (unsigned char)*s;
  switch (*p) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)p[1]);
    case '[': return in_set(m, c, p, end - 1);
    default: return (unsigned char)*p == c;
  }
}

/// As many as possible, then fewer.
static const char *match_most(matcher *m, const char *s, const char *p, const char *end) {
  ptrdiff_t count = 0;
  while (matches_one(m, s + count, p, end)) count++;
  for (; count >= 0; count--) {
    const char *found = match(m, s + count, end + 1);
    if (found) return found;
  }
  return NULL;
}

/// As few as possible, then more.
static const char *match_least(matcher *m, const char *s, const char *p, const char *end) {
  for (;; s++) {
    const char *found = match(m, s, end + 1);
    if (found) return found;
    if (!matches_one(m, s, p, end)) return NULL;
  }
}

static const char *open_capture(matcher *m, const char *s, const char *p, ptrdiff_t kind) {
  if (m->count >= MAX_CAPTURES) luaL_error(m->L, "too many captures");
  m->captures[m->count++] = (capture){s, kind};
  const char *found = match(m, s, p);
  if (!found) m->count--;
  return found;
}

static const char *close_capture(matcher *m, const char *s, const char *p) {
  int index = m->count - 1;
  while (index >= 0 && m->captures[index].length != OPEN) index--;
  if (index < 0) luaL_error(m->L, "invalid pattern capture");
  m->captures[index].length = s - m->captures[index].start;
  const char *found = match(m, s, p);
  if (!found) m->captures[index].length = OPEN;
  return found;
}

/// The end of a balanced pair of the characters at `p`.
static const char *match_balance(matcher *m, const char *s, const char *p) {
  if (m->pattern_end - p < 2) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->subject_end || *s != p[0]) return NULL;
  for (int depth = 1; ++s < m->subject_end;) {
    step(m);
    if (*s == p[1]) {
      if (--depth == 0) return s + 1;
    } else if (*s == p[0]) {
      depth++;
    }
  }
  return NULL;
}

/// The end of the frontier set at `p` if the characters before and at `s` lie on its two sides; else null.
static const char *match_frontier(matcher *m, const char *s, const char *p) {
  if (p == m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
  const char *end = class_end(m, p);
  int before = s == m->subject ? 0 : (unsigned char)s[-1];
  int here = s < m->subject_end ? (unsigned char)*s : 0;
  return !in_set(m, before, p, end - 1) && in_set(m, here, p, end - 1) ? end : NULL;
}

/// The end of another copy of what capture `digit` captured.
static const char *match_reference(matcher *m, const char *s, int digit) {
  int index = digit - '1';
  if (index < 0 || index >= m->count || m->captures[index].length == OPEN)
    luaL_error(m->L, "invalid capture index %%%d", index + 1);
  ptrdiff_t length = m->captures[index].length;
  if (length < 0) length = 0;
  m->steps -= m->steps > length / 16 ? (int)(length / 16) : m->steps - 1;
  if (m->subject_end - s < length || memcmp(m->captures[index].start, s, (size_t)length) != 0) return NULL;
  return s + length;
}

/// What follows `%` where it is more than a class. False: it is a class. Otherwise `s` and `p` have moved on, `s` to
/// null if nothing matched.
static bool match_special(matcher *m, const char **s, const char **p) {
  if (*p + 1 >= m->pattern_end) return false;
  char kind = (*p)[1];
  if (kind == 'b') {
    *s = match_balance(m, *s, *p + 2);
    *p += 4;
  } else if (kind == 'f') {
    const char *end = match_frontier(m, *s, *p + 2);
    if (end) *p = end;
    else *s = NULL;
  } else if (isdigit((unsigned char)kind)) {
    *s = match_reference(m, *s, (unsigned char)kind);
    *p += 2;
  } else {
    return false;
  }
  return true;
}

/// One item that is a class with or without a suffix. True: matched, `s` and `p` have moved on; false: `*s` is the
/// result, null or an end.
static bool match_item(matcher *m, const char **s, const char **p) {
  const char *end = class_end(m, *p);
  char suffix = end < m->pattern_end ? *end : 0;
  if (suffix == '*' || suffix == '-') {
    *s = suffix == '*' ? match_most(m, *s, *p, end) : match_least(m, *s, *p, end);
    return false;
  }
  bool matched = matches_one(m, *s, *p, end);
  if (suffix == '+') {
    *s = matched ? match_most(m, *s + 1, *p, end) : NULL;
    return false;
  }
  if (suffix == '?') {
    const char *found = matched ? match(m, *s + 1, end + 1) : NULL;
    if (found) {
      *s = found;
      return false;
    }
    *p = end + 1;
    return true;
  }
  *s = matched ? *s + 1 : NULL;
  *p = end;
  return matched;
}

/// The items of a pattern one after another, without recursion where none is needed.
static const char *match_items(matcher *m, const char *s, const char *p) {
  while (p < m->pattern_end) {
    step(m);
    switch (*p) {
      case '(':
        if (p + 1 < m->pattern_end && p[1] == ')') return open_capture(m, s, p + 2, POSITION);
        return open_capture(m, s, p + 1, OPEN);
      case ')': return close_capture(m, s, p + 1);
      case '$':
        if (p + 1 == m->pattern_end) return s == m->subject_end ? s : NULL;
        break;
      case '%':
        if (match_special(m, &s, &p)) {
          if (!s) return NULL;
          continue;
        }
        break;
      default: break;
    }
    if (!match_item(m, &s, &p)) return s;
  }
  return s;
}

static const char *match(matcher *m, const char *s, const char *p) {
  if (m->nesting-- == 0) luaL_error(m->L, "pattern too complex: nested too deeply");
  const char *end = match_items(m, s, p);
  m->nesting++;
  return end;
}

void matcher_push_capture(matcher *m, int index, const char *start, const char *end) {
  if (index >= m->count) {
    if (index != 0) luaL_error(m->L, "invalid capture index %%%d", index + 1);
    lua_pushlstring(m->L, start, (size_t)(end - start));
    return;
  }
  const capture *c = &m->captures[index];
  if (c->length == OPEN) luaL_error(m->L, "unfinished capture");
  if (c->length == POSITION) lua_pushinteger(m->L, c->start - m->subject + 1);
  else lua_pushlstring(m->L, c->start, (size_t)c->length);
}

int matcher_push_captures(matcher *m, const char *start, const char *end) {
  int count = m->count == 0 && start ? 1 : m->count;
  luaL_checkstack(m->L, count, "too many captures");
  for (int index = 0; index < count; index++) matcher_push_capture(m, index, start, end);
  return count;
}
