// What the kernel may use: control groups where the host offers them, else rlimits, else an error.

#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[LIMITS] = {"memory", "cpu", "processes", "open_files", "file_size", "nice"};
static const char *enforced_by[LIMITS];  // NULL: not asked for, or not settled yet

struct control {
  enum hierarchy version1;
  const char *file2, *value2, *file1, *value1;
};

static void control_of(enum limit limit, long long value, struct control *control, char *first, char *second, size_t room) {
  snprintf(first, room, limit == LIMIT_CPU ? "%lld 100000" : "%lld", value);
  snprintf(second, room, "%lld", value);
  static const struct control controls[] = {
      [LIMIT_MEMORY] = {MEMORY, "memory.max", NULL, "memory.limit_in_bytes", NULL},
      [LIMIT_CPU] = {CPU, "cpu.max", NULL, "cpu.cfs_quota_us", NULL},
      [LIMIT_PROCESSES] = {PIDS, "pids.max", NULL, "pids.max", NULL},
  };
  *control = controls[limit];
  control->value2 = first;
  control->value1 = second;
}

// Without these a kernel would only be pushed into swap. A system without swap accounting has no such files.
static int forbid_swap(enum limit limit, bool unified, const char *value) {
  if (limit != LIMIT_MEMORY) return 0;
  enum hierarchy which = unified ? UNIFIED : MEMORY;
  const char *file = unified ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
  return group_has(which, file) ? group_write(which, file, unified ? "0" : value) : 0;
}

// 0 when a control group holds the limit, else why none does.
static int by_group(const struct options *options, enum limit limit) {
  struct control control;
  char first[48], second[32];
  control_of(limit, options->limits[limit], &control, first, second, sizeof second);
  int error = ENOENT;
  if (group_has(UNIFIED, control.file2)) {
    error = group_write(UNIFIED, control.file2, control.value2);
    if (!error) error = forbid_swap(limit, true, NULL);
    if (!error) enforced_by[limit] = "cgroup v2";
    if (!error) return 0;
  }
  if (!group_make(options, control.version1)) return errno == ENOENT ? error : errno;
  if (limit == LIMIT_CPU) group_write(CPU, "cpu.cfs_period_us", "100000");
  error = group_write(control.version1, control.file1, control.value1);
  if (!error) error = forbid_swap(limit, false, control.value1);
  if (!error) enforced_by[limit] = "cgroup v1";
  return error;
}

static void refuse(const struct options *options, enum limit limit, int error, const char *why) {
  if (!options->best_effort) fail("limits", error, "%s cannot be limited: %s", names[limit], why);
  enforced_by[limit] = "not enforced";
}

// Before the kernel's process exists: groups and what they hold.
void limits_prepare(const struct options *options) {
  group_make(options, UNIFIED);
  if (!group_has(UNIFIED, "cgroup.kill")) group_make(options, FREEZER);
  // A kernel of many processes gets no more than one of a single process.
  if (!group_has(UNIFIED, "cpu.weight")) group_wish(options, CPU);
  for (enum limit limit = LIMIT_MEMORY; limit <= LIMIT_PROCESSES; limit++) {
    if (!options->limited[limit]) continue;
    int error = by_group(options, limit);
    if (error && limit == LIMIT_CPU) refuse(options, limit, error, "no control group for it can be written");
  }
}

static int set_resource(pid_t kernel, int resource, long long value) {
  struct rlimit limit = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
  return prlimit(kernel, resource, &limit, NULL) < 0 ? errno : 0;
}

// RLIMIT_DATA counts what a process may write, not the address space that many runtimes only reserve.
static void memory_by_rlimit(const struct options *options, pid_t kernel) {
  int error = set_resource(kernel, RLIMIT_DATA, options->limits[LIMIT_MEMORY]);
  if (error) return refuse(options, LIMIT_MEMORY, error, "no control group, and the rlimit was refused");
  enforced_by[LIMIT_MEMORY] = "rlimit";
}

// RLIMIT_NPROC counts all tasks of the user, so the ones that exist are added; root is exempt from it.
static void processes_by_rlimit(const struct options *options, pid_t kernel) {
  uid_t user = options->user ? options->user : getuid();
  if (user == 0) return refuse(options, LIMIT_PROCESSES, EPERM, "no control group, and rlimits do not bind root");
  long long most = count_user_tasks(user) + options->limits[LIMIT_PROCESSES];
  if (user == getuid()) most--;  // the kernel is there already
  int error = set_resource(kernel, RLIMIT_NPROC, most);
  if (error) return refuse(options, LIMIT_PROCESSES, error, "no control group, and the rlimit was refused");
  enforced_by[LIMIT_PROCESSES] = "rlimit";
}

static void by_rlimit(const struct options *options, enum limit limit, int resource, pid_t kernel) {
  int error = set_resource(kernel, resource, options->limits[limit]);
  if (error) return refuse(options, limit, error, strerror(error));
  enforced_by[limit] = "rlimit";
}

static void be_nice(const struct options *options, pid_t kernel) {
  if (setpriority(PRIO_PROCESS, (id_t)kernel, (int)options->limits[LIMIT_NICE]) < 0)
    return refuse(options, LIMIT_NICE, errno, strerror(errno));
  enforced_by[LIMIT_NICE] = "nice";
}

// While the kernel's process waits for its release, in its control groups: everything holds before its first instruction.
void limits_apply(const struct options *options, pid_t kernel) {
  const bool *limited = options->limited;
  if (limited[LIMIT_MEMORY] && !enforced_by[LIMIT_MEMORY]) memory_by_rlimit(options, kernel);
  if (limited[LIMIT_PROCESSES] && !enforced_by[LIMIT_PROCESSES]) processes_by_rlimit(options, kernel);
  if (limited[LIMIT_FILES]) by_rlimit(options, LIMIT_FILES, RLIMIT_NOFILE, kernel);
  if (limited[LIMIT_FILE_SIZE]) by_rlimit(options, LIMIT_FILE_SIZE, RLIMIT_FSIZE, kernel);
  if (limited[LIMIT_NICE]) be_nice(options, kernel);
}

// "limits":{"memory":"cgroup v1",…},
void limits_add(struct text *text) {
  const char *separator = "";
  text_add(text, "\"limits\":{");
  for (int limit = 0; limit < LIMITS; limit++) {
    if (!enforced_by[limit]) continue;
    text_add(text, "%s\"%s\":\"%s\"", separator, names[limit], enforced_by[limit]);
    separator = ",";
  }
  text_add(text, "},");
}
