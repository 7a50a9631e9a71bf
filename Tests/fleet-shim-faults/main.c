// Stands in the place of fleet-shim in an installation for tests: becomes the real one (real/fleet-shim beside it), traced
// by a process that kills it, or makes a call fail, at the n-th call of those that change something. fleet-shim is static,
// so that nothing can be preloaded into it.
//
// The file `shim-fault` beside it holds `N kill` or `N ERRNO`, and counts for one start. What was done is written to
// `shim-report`: the number of calls, and the call that was meant.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
  long number;
  const char *name;
} calls[] = {
    {SYS_openat, "openat"}, {SYS_write, "write"}, {SYS_pwrite64, "pwrite"}, {SYS_fsync, "fsync"},
    {SYS_unlinkat, "unlinkat"}, {SYS_renameat, "renameat"}, {SYS_ftruncate, "ftruncate"}, {SYS_fcntl, "fcntl"},
    {SYS_mkdirat, "mkdirat"}, {SYS_pipe2, "pipe2"}, {SYS_prctl, "prctl"}, {SYS_setsid, "setsid"},
    {SYS_clone, "clone"}, {SYS_clone3, "clone3"}, {SYS_prlimit64, "prlimit"}, {SYS_dup3, "dup3"},
#ifdef __x86_64__
    {SYS_open, "open"}, {SYS_rename, "rename"}, {SYS_unlink, "unlink"}, {SYS_mkdir, "mkdir"}, {SYS_rmdir, "rmdir"},
    {SYS_fork, "fork"}, {SYS_vfork, "vfork"}, {SYS_dup2, "dup2"},
#endif
};

static const char *name_of(uint64_t number) {
  for (size_t at = 0; at < sizeof calls / sizeof *calls; at++)
    if ((uint64_t)calls[at].number == number) return calls[at].name;
  return NULL;
}

static void place_of(const char *name, char *path, size_t size) {
  ssize_t length = readlink("/proc/self/exe", path, size - 1);
  path[length > 0 ? length : 0] = 0;
  char *slash = strrchr(path, '/');
  size_t used = slash ? (size_t)(slash - path) : 0;
  snprintf(path + used, size - used, "/%s", name);
}

static void report(int count, const char *call) {
  char path[PATH_MAX];
  place_of("shim-report", path, sizeof path);
  FILE *file = fopen(path, "w");
  if (!file) return;
  fprintf(file, "%d %s\n", count, call);
  fclose(file);
}

// The call is not made, and seems to have failed.
static bool refuse(pid_t shim, int error) {
#ifdef __x86_64__
  struct user_regs_struct registers;
  int status;
  if (ptrace(PTRACE_GETREGS, shim, NULL, &registers) < 0) return false;
  registers.orig_rax = (unsigned long long)-1;
  ptrace(PTRACE_SETREGS, shim, NULL, &registers);
  ptrace(PTRACE_SYSCALL, shim, NULL, NULL);
  if (waitpid(shim, &status, __WALL) < 0 || !WIFSTOPPED(status)) return false;
  ptrace(PTRACE_GETREGS, shim, NULL, &registers);
  registers.rax = (unsigned long long)-error;
  return ptrace(PTRACE_SETREGS, shim, NULL, &registers) == 0;
#else
  (void)shim, (void)error;
  return false;
#endif
}

static int trace(pid_t shim, int wanted, int error, int ready) {
  if (ptrace(PTRACE_SEIZE, shim, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) < 0) return 1;
  if (write(ready, "!", 1) != 1) return 1;
  close(ready);
  // It is in the read that waits for us; from here on it stops at each call.
  ptrace(PTRACE_INTERRUPT, shim, NULL, NULL);
  bool is_shim = false;
  int count = 0, status;
  while (waitpid(shim, &status, __WALL) == shim && WIFSTOPPED(status)) {
    int signal = WSTOPSIG(status);
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) is_shim = true;
    bool is_call = signal == (SIGTRAP | 0x80);
    if (is_call && is_shim) {
      struct __ptrace_syscall_info info = {0};
      ptrace(PTRACE_GET_SYSCALL_INFO, shim, sizeof info, &info);
      const char *name = info.op == PTRACE_SYSCALL_INFO_ENTRY ? name_of(info.entry.nr) : NULL;
      if (name && ++count == wanted) {
        report(count, name);
        if (!error) return kill(shim, SIGKILL);
        if (!refuse(shim, error)) return 1;
        return (int)ptrace(PTRACE_DETACH, shim, NULL, NULL);
      }
    }
    bool is_event = is_call || status >> 16 || signal == SIGTRAP;
    ptrace(PTRACE_SYSCALL, shim, NULL, is_event ? 0 : signal);
  }
  report(count, "-");
  return 0;
}

// Neither a child of the shim, nor with its environment: it must not be found by what looks for remains.
static void start_tracer(const char *number, const char *error, int ready[2]) {
  char shim[16], end[16];
  snprintf(shim, sizeof shim, "%d", getpid());
  snprintf(end, sizeof end, "%d", ready[1]);
  char *const arguments[] = {"tracer", shim, (char *)number, (char *)error, end, NULL};
  char *const nothing[] = {NULL};
  pid_t middle = fork();
  if (middle == 0) {
    setsid();
    if (fork() == 0) execve("/proc/self/exe", arguments, nothing);
    _exit(0);
  }
  waitpid(middle, NULL, 0);
}

static bool take_fault(char number[16], char error[16]) {
  char path[PATH_MAX], taken[PATH_MAX];
  place_of("shim-fault", path, sizeof path);
  snprintf(taken, sizeof taken, "%s.%d", path, getpid());
  if (rename(path, taken) < 0) return false;
  FILE *file = fopen(taken, "r");
  bool found = file && fscanf(file, "%15s %15s", number, error) == 2;
  if (file) fclose(file);
  unlink(taken);
  return found;
}

int main(int count, char **arguments) {
  if (count == 5 && !strcmp(arguments[0], "tracer")) {
    int ready = atoi(arguments[4]);
    syscall(SYS_close_range, 0, (unsigned)ready - 1, 0);
    syscall(SYS_close_range, (unsigned)ready + 1, ~0U, 0);
    return trace(atoi(arguments[1]), atoi(arguments[2]), atoi(arguments[3]), ready);
  }
  char number[16], error[16], real[PATH_MAX], signal;
  place_of("real/fleet-shim", real, sizeof real);
  if (take_fault(number, error)) {
    int ready[2];
    if (pipe(ready) < 0) return 125;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    start_tracer(number, error, ready);
    close(ready[1]);
    ssize_t got = read(ready[0], &signal, 1);
    while (got < 0 && errno == EINTR) got = read(ready[0], &signal, 1);
    close(ready[0]);
    if (got != 1) return 125;
  }
  execv(real, arguments);
  return 125;
}
