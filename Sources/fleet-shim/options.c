// The command line. Only a host writes it, so that anything odd is refused instead of guessed.

#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage =
    "fleet-shim --dir D --id ID --nonce N --log FILE [--log-size BYTES] [--log-keep N] [--log-age SECONDS] "
    "[--memory BYTES] [--cpu FRACTION] [--processes N] [--open-files N] [--file-size BYTES] [--nice N] "
    "[--cgroup-root unified|memory|cpu|pids|freezer=PATH]... [--best-effort] [--cwd DIR] "
    "[--private-tmp] [--user UID:GROUP] [--landlock] [--seccomp] [--writable DIR]... [--dir-inode DEVICE:INODE] -- PROGRAM [ARGUMENT]...";

static const char *const hierarchy_names[HIERARCHIES] = {"unified", "memory", "cpu", "pids", "freezer"};
static const char *const limit_options[LIMITS] = {"memory", "cpu", "processes", "open-files", "file-size", "nice"};

// Flags; the user is told with a number.
static const char *const hardening_options[HARDENINGS] = {"private-tmp", NULL, "landlock", "seccomp"};

static long long whole(const char *name, const char *text, long long least) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < least) fail("arguments", EINVAL, "--%s %s is no valid number", name, text);
  return value;
}

// "0.5" as 50,000 µs of each 100 ms; without strtod, which would bring the locale along.
static long long cpu_quota(const char *text) {
  long long micro = 0, unit = 100000;
  const char *at = text;
  for (; *at >= '0' && *at <= '9' && micro < INT_MAX; at++) micro = micro * 10 + (*at - '0') * unit;
  if (*at == '.') {
    for (at++; *at >= '0' && *at <= '9'; at++) {
      unit /= 10;
      micro += (*at - '0') * unit;
    }
  }
  // 1 ms is the least that the kernel of the system accepts.
  if (*at || micro < 1000) fail("arguments", EINVAL, "--cpu %s is no share of a CPU of at least 0.01", text);
  return micro;
}

static void set_limit(struct options *options, enum limit limit, const char *text) {
  const char *name = limit_options[limit];
  options->limited[limit] = true;
  switch (limit) {
    case LIMIT_CPU: options->limits[limit] = cpu_quota(text); break;
    case LIMIT_NICE: options->limits[limit] = whole(name, text, -20); break;
    default: options->limits[limit] = whole(name, text, 1); break;
  }
}

static void set_root(struct options *options, const char *text) {
  for (int which = 0; which < HIERARCHIES; which++) {
    size_t length = strlen(hierarchy_names[which]);
    if (strncmp(text, hierarchy_names[which], length) || text[length] != '=') continue;
    options->roots[which] = text + length + 1;
    return;
  }
  fail("arguments", EINVAL, "--cgroup-root %s names no known hierarchy", text);
}

static void add_writable(struct options *options, const char *path) {
  if (options->writables == WRITABLES) fail("arguments", EINVAL, "--writable is given more than %d times", WRITABLES);
  options->writable[options->writables++] = path;
}

static void set_inode(struct options *options, const char *text) {
  char *end;
  options->directory_device = strtoull(text, &end, 10);
  if (*end != ':' || !(options->directory_inode = strtoull(end + 1, &end, 10)) || *end)
    fail("arguments", EINVAL, "--dir-inode %s is not DEVICE:INODE", text);
}

// Never the superuser, and never -1, which would mean to change nothing.
static void set_user(struct options *options, const char *text) {
  char *end;
  unsigned long long user = strtoull(text, &end, 10), fleet = *end == ':' ? strtoull(end + 1, &end, 10) : 0;
  if (*end || user == 0 || fleet == 0 || user >= UINT_MAX || fleet >= UINT_MAX)
    fail("arguments", EINVAL, "--user %s is not UID:GROUP", text);
  options->hardened[HARDEN_USER] = true;
  options->user = (uid_t)user;
  options->fleet = (gid_t)fleet;
}

// True for an option without a value.
static bool set_flag(struct options *options, const char *name) {
  if (!strcmp(name, "best-effort")) return options->best_effort = true;
  for (int which = 0; which < HARDENINGS; which++) {
    const char *flag = hardening_options[which];
    if (flag && !strcmp(name, flag)) return options->hardened[which] = true;
  }
  return false;
}

static void set(struct options *options, const char *name, char *value) {
  for (int limit = 0; limit < LIMITS; limit++) {
    if (!strcmp(name, limit_options[limit])) return set_limit(options, limit, value);
  }
  if (!strcmp(name, "dir")) options->directory = value;
  else if (!strcmp(name, "id")) options->id = value;
  else if (!strcmp(name, "nonce")) options->nonce = value;
  else if (!strcmp(name, "log")) options->log = value;
  else if (!strcmp(name, "cwd")) options->cwd = value;
  else if (!strcmp(name, "log-size")) options->log_size = whole(name, value, 0);
  else if (!strcmp(name, "log-keep")) options->log_keep = whole(name, value, 0);
  else if (!strcmp(name, "log-age")) options->log_age = whole(name, value, 0);
  else if (!strcmp(name, "cgroup-root")) set_root(options, value);
  else if (!strcmp(name, "writable")) add_writable(options, value);
  else if (!strcmp(name, "dir-inode")) set_inode(options, value);
  else if (!strcmp(name, "user")) set_user(options, value);
  else fail("arguments", EINVAL, "unknown option --%s; usage: %s", name, usage);
}

// Ids and nonces become file names and JSON as they are.
static void check_name(const char *what, const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (!name) fail("arguments", EINVAL, "--%s is missing; usage: %s", what, usage);
  size_t length = strlen(name);
  if (length == 0 || length >= NAME_LIMIT || name[0] == '.' || strspn(name, allowed) != length)
    fail("arguments", EINVAL, "--%s must be 1 to 64 of A-Z a-z 0-9 . _ -", what);
}

void read_options(struct options *options, char **arguments) {
  for (char **at = arguments + 1; *at; at++) {
    if (!strcmp(*at, "--")) {
      options->argv = at + 1;
      break;
    }
    if (!strncmp(*at, "--", 2) && set_flag(options, *at + 2)) continue;
    if (strncmp(*at, "--", 2) || !at[1]) {
      fail("arguments", EINVAL, "%s: not understood; usage: %s", *at, usage);
    } else {
      set(options, *at + 2, at[1]);
      at++;
    }
  }
  check_name("id", options->id);
  check_name("nonce", options->nonce);
  if (!options->directory || !options->log || !options->argv || !options->argv[0])
    fail("arguments", EINVAL, "--dir, --log and a program after -- are needed; usage: %s", usage);
}
