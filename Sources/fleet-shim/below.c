// Everything below the shim: found in /proc by walking up from each process, because a process can leave its session and
// its group but not its ancestors (the shim is a subreaper).

#include "shim.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process {
  pid_t parent;
  char state;
  int threads;
};

static bool look(pid_t pid, struct process *process) {
  char path[32], bytes[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, bytes, sizeof bytes - 1);
  close(fd);
  if (got <= 0) return false;
  bytes[got] = 0;
  char *after_name = strrchr(bytes, ')');  // the name may hold anything, brackets too
  return after_name && sscanf(after_name + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
                              &process->state, &process->parent, &process->threads) == 3;
}

// 1: below us; 0: not; -1: an ancestor went away while we looked.
static int is_below(pid_t pid) {
  pid_t self = getpid();
  for (int steps = 0; steps < 4096; steps++) {
    struct process process;
    if (!look(pid, &process)) return -1;
    if (process.parent == self) return 1;
    if (process.parent <= 1) return 0;
    pid = process.parent;
  }
  return 0;
}

// Calls `visit` for each process of the system; the sum of its answers.
static int each_process(int (*visit)(pid_t pid, int argument), int argument) {
  int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), sum = 0;
  if (proc < 0) return 0;
  _Alignas(struct entry) char bytes[4096];
  for (long got; (got = syscall(SYS_getdents64, proc, bytes, sizeof bytes)) > 0;) {
    for (long at = 0; at < got;) {
      const struct entry *entry = (const struct entry *)(const void *)(bytes + at);
      int pid = atoi(entry->name);
      if (pid > 1) sum += visit(pid, argument);
      at += entry->length;
    }
  }
  close(proc);
  return sum;
}

static bool is_of_user(pid_t pid, int user, struct process *process) {
  char path[32];
  struct stat info;
  snprintf(path, sizeof path, "/proc/%d", (int)pid);
  return stat(path, &info) == 0 && info.st_uid == (uid_t)user && look(pid, process);
}

static int tasks_of_user(pid_t pid, int user) {
  struct process process;
  return is_of_user(pid, user, &process) ? process.threads : 0;
}

static int lives_for(pid_t pid, int user) {
  struct process process;
  return is_of_user(pid, user, &process) && process.state != 'Z' && process.state != 'X';
}

// Whether a user has a process that can still do something.
bool user_lives(uid_t user) { return each_process(lives_for, (int)user) > 0; }

int count_user_tasks(uid_t user) { return each_process(tasks_of_user, (int)user); }

static int alive(pid_t pid, int unused) {
  struct process process;
  (void)unused;
  return is_below(pid) == 1 && look(pid, &process) && process.state != 'Z' && process.state != 'X';
}

int alive_below(void) { return each_process(alive, 0); }

// The pidfd is taken before the second look, so that the signal cannot reach whoever gets the pid next.
static int signal_below(pid_t pid, int signal) {
  struct process process;
  if (!is_below(pid) || !look(pid, &process)) return 0;
  if (process.state == 'Z' || process.state == 'X' || (signal == SIGSTOP && process.state == 'T')) return 0;
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return 0;
  int below = is_below(pid);
  if (below == 1) syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
  close(fd);
  return below != 0;
}

// First all are stopped until no new one appears, then all are killed: killing at once would make room for a fork bomb's
// next children.
static void stop_and_kill(void) {
  for (int passes = 0; passes < 100 && each_process(signal_below, SIGSTOP) > 0; passes++) {
  }
  each_process(signal_below, SIGKILL);
}

// Whoever is still alive afterwards cannot be interrupted by the system itself.
void kill_below(void) {
  const int patient = group_kill() ? 20 : 0;  // ms in which a whole group has time to die by itself
  for (int tries = 0; tries < 200; tries++) {
    if (tries >= patient + 2) stop_and_kill();
    else if (tries >= patient) each_process(signal_below, SIGKILL);  // the usual few, without ceremony
    if (alive_below() == 0) return;
    poll(NULL, 0, 1);
  }
}
