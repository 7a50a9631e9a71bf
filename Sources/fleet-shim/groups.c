// The kernel's own control groups: one per hierarchy that is used, named after the id and the nonce, never shared.

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
  int root, group;  // descriptors, 0 while there is none
  bool joined, wished;
} groups[HIERARCHIES];
static char name[2 * NAME_LIMIT + 8];

static void make_name(const struct options *options) {
  snprintf(name, sizeof name, "fleet-%s-%s", options->id, options->nonce);
}

bool group_make(const struct options *options, enum hierarchy which) {
  groups[which].wished = false;
  if (groups[which].group) return true;
  if (!options->roots[which]) {
    errno = ENOENT;
    return false;
  }
  make_name(options);
  int root = open(options->roots[which], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return false;
  bool made = mkdirat(root, name, 0755) == 0;
  int group = made ? openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (group < 0) {
    int error = errno;
    if (made) unlinkat(root, name, AT_REMOVEDIR);
    close(root);
    errno = error;
    return false;
  }
  groups[which].root = root;
  groups[which].group = group;
  return true;
}

// For what no limit needs: it may fail, and so may joining it.
void group_wish(const struct options *options, enum hierarchy which) {
  if (!groups[which].group && group_make(options, which)) groups[which].wished = true;
}

bool group_has(enum hierarchy which, const char *file) {
  return groups[which].group && faccessat(groups[which].group, file, W_OK, 0) == 0;
}

// 0 or an errno.
int group_write(enum hierarchy which, const char *file, const char *value) {
  if (!groups[which].group) return ENOENT;
  int fd = openat(groups[which].group, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ssize_t put = write(fd, value, strlen(value));
  int error = put < 0 ? errno : 0;
  close(fd);
  return error;
}

static ssize_t read_file(enum hierarchy which, const char *file, char *bytes, size_t room) {
  int fd = groups[which].group ? openat(groups[which].group, file, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return -1;
  ssize_t got = read(fd, bytes, room - 1);
  close(fd);
  if (got >= 0) bytes[got] = 0;
  return got;
}

// The number behind a key of a flat file ("oom_kill 1"), 0 when there is none.
long long group_count(enum hierarchy which, const char *file, const char *key) {
  char bytes[1024];
  size_t length = strlen(key);
  if (read_file(which, file, bytes, sizeof bytes) <= 0) return 0;
  for (char *line = bytes; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (!strncmp(line, key, length) && line[length] == ' ') return strtoll(line + length, NULL, 10);
  }
  return 0;
}

// A file of one number, 0 when there is none.
long long group_number(enum hierarchy which, const char *file) {
  char bytes[32];
  return read_file(which, file, bytes, sizeof bytes) > 0 ? strtoll(bytes, NULL, 10) : 0;
}

// The child is born in the group of version 2, where the system can do that: moving a process later makes all of the
// machine's processors wait for each other, which takes as long as the start of a kernel (7 ms were measured). Only a
// thread that moves itself, and nothing but itself, need not wait: `group_join` does that in version 1.
pid_t group_fork(void) {
  if (groups[UNIFIED].group) {
    struct clone_args arguments = {
      .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (unsigned long long)groups[UNIFIED].group};
    groups[UNIFIED].joined = true;
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid >= 0) return pid;
    groups[UNIFIED].joined = false;  // before Linux 5.7, or forbidden, as some containers do: `group_join` moves it
  }
  return fork();
}

// Moves the calling process, which has one thread, to where it is not yet; 0 or an errno.
int group_join(void) {
  for (int which = 0; which < HIERARCHIES; which++) {
    if (!groups[which].group || groups[which].joined) continue;
    const char *file = which == UNIFIED ? "cgroup.procs" : "tasks";
    int error = group_write((enum hierarchy)which, file, "0");
    if (error && !groups[which].wished) return error;
  }
  return 0;
}

static bool wait_frozen(void) {
  char state[32];
  for (int tries = 0; tries < 200; tries++) {
    if (read_file(FREEZER, "freezer.state", state, sizeof state) > 0 && !strncmp(state, "FROZEN", 6)) return true;
    poll(NULL, 0, 1);
  }
  return false;
}

// Frozen processes can neither fork nor leave, so that the list of pids stays true while they are signalled.
static bool freeze_and_kill(void) {
  if (group_write(FREEZER, "freezer.state", "FROZEN")) return false;
  bool frozen = wait_frozen();
  int fd = openat(groups[FREEZER].group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  char bytes[4096];
  long pid = 0;
  for (ssize_t got; fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0;) {
    for (ssize_t at = 0; at < got; at++) {
      if (bytes[at] != '\n') {
        pid = pid * 10 + bytes[at] - '0';
        continue;
      }
      if (pid > 1) kill((pid_t)pid, SIGKILL);
      pid = 0;
    }
  }
  if (fd >= 0) close(fd);
  group_write(FREEZER, "freezer.state", "THAWED");
  return frozen;
}

// True when everything in the group was signalled in one step that no fork can outrun.
bool group_kill(void) {
  if (group_write(UNIFIED, "cgroup.kill", "1") == 0) return true;
  return groups[FREEZER].group && freeze_and_kill();
}

// A kernel with enough rights may have made groups inside its own.
static void remove_tree(int parent, const char *child, int depth) {
  if (unlinkat(parent, child, AT_REMOVEDIR) == 0 || errno != EBUSY || depth == 0) return;
  int fd = openat(parent, child, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  _Alignas(struct entry) char bytes[2048];
  for (long got; (got = syscall(SYS_getdents64, fd, bytes, sizeof bytes)) > 0;) {
    for (long at = 0; at < got;) {
      const struct entry *entry = (const struct entry *)(const void *)(bytes + at);
      if (entry->type == 4 && entry->name[0] != '.') remove_tree(fd, entry->name, depth - 1);  // DT_DIR
      at += entry->length;
    }
  }
  close(fd);
  unlinkat(parent, child, AT_REMOVEDIR);
}

// The last process of a group may still be on its way out of it when it was reaped.
void group_remove(void) {
  for (int which = 0; which < HIERARCHIES; which++) {
    if (!groups[which].group) continue;
    for (int tries = 0; tries < 100; tries++) {
      remove_tree(groups[which].root, name, 8);
      if (faccessat(groups[which].root, name, F_OK, 0) < 0) break;
      poll(NULL, 0, 2);
    }
    groups[which].group = 0;
  }
}

// Of the groups that there are, or of all that may be made.
void group_add_paths(struct text *text, const struct options *options, bool planned) {
  make_name(options);
  const char *separator = "";
  text_add(text, "\"cgroups\":[");
  for (int which = 0; which < HIERARCHIES; which++) {
    if (planned ? !options->roots[which] : !groups[which].group) continue;
    text_add(text, "%s\"", separator);
    text_add_escaped(text, options->roots[which]);
    text_add(text, "/%s\"", name);
    separator = ",";
  }
  text_add(text, "]");
}
