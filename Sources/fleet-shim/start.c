// The kernel's process: forked, held until its limits stand, then executed; a failure comes back through a pipe.

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum stage { STAGE_PREPARE, STAGE_GROUPS, STAGE_DIRECTORY, STAGE_EXECUTE, STAGE_HARDENING };  // the last one is followed by the others of its kind
static const char *const stage_names[] = {"prepare", "limits", "cwd", "exec"};

struct failure {
  int stage, error;
};

static pid_t kernel;
static int go = -1, outcome = -1;  // our ends: written to release the child, read for its failure

static void tell(int report, int stage, int error) {
  struct failure failure = {stage, error};
  write_all(report, (const char *)&failure, sizeof failure);
}

static void give_up(int report, enum stage stage) {
  tell(report, stage, errno);
  _exit(127);
}

static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// The filter of calls comes last: it would forbid the others.
static void harden_self(const struct options *options, enum hardening which, int report) {
  int error = options->hardened[which] ? harden(options, which) : 0;
  if (!error) return;
  tell(report, STAGE_HARDENING + (int)which, error);
  // Not with the rights of root in the place of nobody's.
  if (!options->best_effort || which == HARDEN_USER) _exit(127);
}

// The death of the shim is to be the kernel's; said again after the process's credentials may have changed.
static void bind_to(pid_t shim, int report) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) give_up(report, STAGE_PREPARE);
  // The shim may have died before the line above: then nobody will send that signal any more.
  if (getppid() != shim) _exit(127);
}

static void become_kernel(const struct options *options, pid_t shim, int output, int gate, int report) {
  bind_to(shim, report);
  if (setsid() < 0) give_up(report, STAGE_PREPARE);
  reset_signals();
  if ((errno = group_join())) give_up(report, STAGE_GROUPS);
  char released;
  ssize_t got;
  do got = read(gate, &released, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) _exit(127);
  harden_self(options, HARDEN_TMP, report);
  harden_self(options, HARDEN_USER, report);
  if (options->cwd && chdir(options->cwd) < 0) give_up(report, STAGE_DIRECTORY);
  harden_self(options, HARDEN_LANDLOCK, report);
  bind_to(shim, report);
  harden_self(options, HARDEN_SECCOMP, report);
  if (dup2(output, 1) < 0 || dup2(output, 2) < 0) give_up(report, STAGE_PREPARE);
  execvp(options->argv[0], options->argv);
  give_up(report, STAGE_EXECUTE);
}

pid_t start_kernel(const struct options *options, int output) {
  int gate[2], result[2];
  if (pipe2(gate, O_CLOEXEC) < 0 || pipe2(result, O_CLOEXEC) < 0) fail("prepare", errno, "cannot make a pipe");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("prepare", errno, "cannot set no_new_privs");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) fail("prepare", errno, "cannot become a subreaper");
  if (options->user && user_lives(options->user))
    fail("hardening", EBUSY, "user %u has processes already; each host needs a uid_range of its own", options->user);
  // Whoever opens /dev/stdout opens the pipe again, as its own user.
  if (options->user && fchown(output, options->user, options->user) < 0) {
    // Then it cannot become that user either, which is told.
  }
  pid_t shim = getpid();
  kernel = group_fork();
  if (kernel < 0) fail("fork", errno, "cannot start another process");
  if (kernel == 0) {
    close(gate[1]);
    become_kernel(options, shim, output, gate[0], result[1]);
  }
  close(gate[0]);
  close(result[1]);
  go = gate[1];
  outcome = result[0];
  return kernel;
}

// Undoes a start that did not succeed.
void stop_start(void) {
  if (kernel <= 0) return;
  kill(kernel, SIGKILL);
  waitpid(kernel, NULL, 0);
  kernel = 0;
}

static const char *subject(const struct options *options, enum stage stage) {
  switch (stage) {
    case STAGE_GROUPS: return "cannot put the kernel in its control group";
    case STAGE_DIRECTORY: return options->cwd;
    default: return options->argv[0];
  }
}

void release_kernel(const struct options *options) {
  struct failure failure;
  char released = 1;
  bool waits = write_all(go, &released, 1);  // else it gave up before, and says why
  close(go);
  ssize_t got;
  for (;;) {
    do got = read(outcome, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    if (got != sizeof failure || failure.stage < STAGE_HARDENING) break;
    hardening_refused(options, (enum hardening)(failure.stage - STAGE_HARDENING), failure.error);
  }
  close(outcome);
  if (got == 0 && waits) return;  // closed by the successful exec, or by the kernel's death, which is its own story
  if (got == 0) fail("prepare", ESRCH, "the process of the kernel died before its start");
  if (got != sizeof failure) fail("prepare", EIO, "the process of the kernel said nothing readable");
  fail(stage_names[failure.stage], failure.error, "%s", subject(options, (enum stage)failure.stage));
}
