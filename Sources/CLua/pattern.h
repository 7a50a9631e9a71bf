// Lua patterns, matched within a budget of steps.
#pragma once

#include "internal.h"

enum {
  MAX_CAPTURES = 32,
  /// Nested matches; each takes a frame of the C stack.
  MAX_NESTING = 200,
  /// Steps that one call of find, match, gmatch's iterator or gsub may take: some milliseconds.
  MAX_STEPS = 1000000,
};

typedef struct capture {
  const char *start;
  ptrdiff_t length;  // or OPEN, or POSITION
} capture;

enum { OPEN = -1, POSITION = -2 };

/// A subject, a pattern, and how far matching has got.
typedef struct matcher {
  lua_State *L;
  const char *subject;
  const char *subject_end;
  const char *pattern_end;
  int steps;    // left of the budget
  int nesting;  // left
  int count;    // of captures
  capture captures[MAX_CAPTURES];
} matcher;

void matcher_begin(matcher *m, lua_State *L, const char *subject, size_t length, const char *pattern_end);
/// Matches the pattern at exactly `s`; the end of the match, or null.
const char *matcher_match(matcher *m, const char *s, const char *pattern);
/// Pushes capture `index` from 0; the whole match where the pattern has none.
void matcher_push_capture(matcher *m, int index, const char *start, const char *end);
/// Pushes all captures, or the whole match where there are none (nothing if `start` is null); returns their number.
int matcher_push_captures(matcher *m, const char *start, const char *end);
