// Bounded text: JSON by hand, because a shim must neither allocate nor fail halfway.

#include "shim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct text text_in(char *bytes, size_t room) {
  bytes[0] = 0;
  return (struct text){.bytes = bytes, .room = room};
}

void text_add(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text->bytes + text->used, text->room - text->used, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  text->used += (size_t)length;
  if (text->used >= text->room) text->used = text->room - 1;
}

void text_add_escaped(struct text *text, const char *string) {
  for (const unsigned char *at = (const unsigned char *)string; *at; at++) {
    if (*at == '"' || *at == '\\') {
      text_add(text, "\\%c", *at);
    } else if (*at < 0x20) {
      text_add(text, "\\u%04x", *at);
    } else {
      text_add(text, "%c", *at);
    }
  }
}

void text_add_quoted(struct text *text, const char *string) {
  text_add(text, "\"");
  text_add_escaped(text, string);
  text_add(text, "\"");
}

// The proleptic Gregorian calendar without the C library's time zones, which would allocate and read files.
void text_add_time(struct text *text, long long seconds) {
  long long days = seconds / 86400, rest = seconds % 86400;
  long long shifted = days + 719468;  // days since 0000-03-01
  long long era = shifted / 146097, day_of_era = shifted % 146097;
  long long year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  long long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  long long month_index = (5 * day_of_year + 2) / 153;
  long long day = day_of_year - (153 * month_index + 2) / 5 + 1;
  long long month = month_index < 10 ? month_index + 3 : month_index - 9;
  long long year = year_of_era + era * 400 + (month <= 2);
  text_add(text, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ", year, month, day, rest / 3600, rest / 60 % 60, rest % 60);
}

bool write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t put = write(fd, bytes, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes += put;
    count -= (size_t)put;
  }
  return true;
}
