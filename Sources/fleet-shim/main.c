// fleet-shim: the parent of one kernel. It outlives the host, sets limits, writes the log, and records how the kernel
// ended. While nothing happens it sleeps in poll.

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct options options;
static pid_t kernel;
static bool ended;
static struct ending ending;
static int signals = -1, output = -1, report = REPORT;
static char buffer[16384];

void fail(const char *step, int error, const char *format, ...) {
  char detail[1024], line[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  struct text text = text_in(line, sizeof line);
  text_add(&text, "{\"error\":");
  text_add_quoted(&text, detail);
  text_add(&text, ",\"step\":\"%s\",\"errno\":%d}\n", step, error);
  stop_start();
  group_remove();
  remove_pid(&options);
  write_all(report, text.bytes, text.used);
  _exit(125);
}

// Nothing that we open may land on the numbers that have a meaning, and nothing of the host's stays open.
static void settle_descriptors(void) {
  for (int fd = 0; fd < REPORT; fd++) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
  }
  if (fcntl(REPORT, F_SETFD, FD_CLOEXEC) < 0) {
    dup2(2, REPORT);  // started by hand: say it where a person sees it
    fcntl(REPORT, F_SETFD, FD_CLOEXEC);
  }
  if (syscall(SYS_close_range, REPORT + 1, ~0U, 0) == 0) return;
  for (int fd = REPORT + 1; fd < 65536; fd++) close(fd);  // before Linux 5.9
}

static void leave_terminal(void) {
  if (setsid() < 0 && getsid(0) != getpid()) fail("prepare", errno, "cannot leave the session of the caller");
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) fail("prepare", errno, "cannot open /dev/null");
  for (int fd = 0; fd < REPORT; fd++) dup2(null, fd);
  close(null);
}

static void catch_signals(void) {
  struct sigaction children = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
  sigset_t caught;
  sigfillset(&caught);
  sigaction(SIGCHLD, &children, NULL);
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_SETMASK, &caught, NULL);
  signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail("prepare", errno, "cannot receive signals");
}

// A host that died before we had the lock is followed by one that saw no lock and forgot this launch: it must not happen.
// From the lock on, every host finds us.
static void check_host(void) {
  struct pollfd reader = {.fd = report};
  if (poll(&reader, 1, 0) > 0 && reader.revents & POLLERR) fail("host", EPIPE, "the host died");
}

static void start(void) {
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) < 0) fail("prepare", errno, "cannot make a pipe");
  output = pipes[0];
  fcntl(output, F_SETFL, O_NONBLOCK);  // only our end: the kernel's own writes go on waiting for us
  limits_prepare(&options);
  kernel = start_kernel(&options, pipes[1]);
  close(pipes[1]);
  limits_apply(&options, kernel);
  write_lock(&options, kernel);
  write_pid(&options, kernel);
  check_host();
  release_kernel(&options);
  // What was refused is known only now.
  if (options.best_effort) write_lock(&options, kernel);
}

static void report_start(void) {
  char line[2048];
  struct text text = text_in(line, sizeof line);
  text_add(&text, "{\"kernel\":%d,\"shim\":%d,", (int)kernel, (int)getpid());
  limits_add(&text);
  hardening_add(&text, &options);
  group_add_paths(&text, &options, false);
  text_add(&text, "}\n");
  write_all(report, text.bytes, text.used);  // a host that died meanwhile finds the lock
  close(report);
}

static void reap(void) {
  struct rusage usage;
  int status;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
    if (pid != kernel || ended) continue;  // its number may be another's by now
    ended = true;
    ending.status = status;
    ending.usage = usage;
  }
}

// A kernel leads a group of its own, so that an interrupt reaches the commands which it waits for, as in a terminal.
static void tell_kernel(int number, bool group) {
  if (ended) return;
  if (!group || kill(-kernel, number) < 0) kill(kernel, number);
}

static void obey(int number) {
  switch (number) {
    case SIGCHLD: reap(); break;
    case SIGHUP: log_rotate_soon(); break;
    case SIGINT: tell_kernel(SIGINT, true); break;
    case SIGTERM:
      if (!ending.asked) ending.asked = "term";
      tell_kernel(SIGTERM, false);
      tell_kernel(SIGCONT, true);
      break;
    case SIGUSR1:
      ending.asked = "kill";
      kill_below();
      break;
    default: break;
  }
}

static void take_signals(void) {
  struct signalfd_siginfo infos[4];
  ssize_t got;
  while ((got = read(signals, infos, sizeof infos)) > 0) {
    for (size_t at = 0; at < (size_t)got / sizeof *infos; at++) obey((int)infos[at].ssi_signo);
  }
}

// False when there is nothing to read now, or nothing ever again.
static bool take_output(void) {
  if (output < 0) return false;
  ssize_t got = read(output, buffer, sizeof buffer);
  if (got > 0) {
    log_take(buffer, (size_t)got);
    return true;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return errno == EINTR;
  close(output);
  output = -1;
  return false;
}

static void watch(void) {
  while (!ended) {
    int patience = output < 0 ? 0 : log_patience();
    struct pollfd events[2] = {{.fd = signals, .events = POLLIN}, {.fd = patience ? -1 : output, .events = POLLIN}};
    poll(events, 2, patience ? patience : -1);
    if (events[1].revents) take_output();
    if (events[0].revents) take_signals();
  }
}

// The kernel is gone; what it started goes too. All of it is below us, so that no child left means nothing left.
static void clear_below(void) {
  for (int tries = 0; tries < 50; tries++) {
    reap();
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD) return;
    kill_below();
  }
  ending.left_alive = alive_below();
}

// What is in the pipe now, and no more: a process that escaped with the pipe must not hold us.
static void drain(void) {
  for (int reads = 0; reads < 256 && take_output(); reads++) {
  }
}

static void settle(void) {
  long long kills = group_count(UNIFIED, "memory.events", "oom_kill");
  ending.oom_kills = kills + group_count(MEMORY, "memory.oom_control", "oom_kill");
  ending.forks_refused = group_count(UNIFIED, "pids.events", "max") + group_count(PIDS, "pids.events", "max");
  ending.lost_bytes = log_lost();
  bool killed = WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGKILL;
  bool by_host = ending.asked && !strcmp(ending.asked, "kill");
  ending.out_of_memory = killed && !by_host && ending.oom_kills > 0;
  // Version 1 counts every time that the limit was reached, also when something could still be freed.
  // Nor do all systems count there. Memory is charged in portions, so that the most that was used may be a little less.
  bool near = group_number(MEMORY, "memory.max_usage_in_bytes") >= options.limits[LIMIT_MEMORY] / 8 * 7;
  bool reached = near || group_count(UNIFIED, "memory.events", "oom") > 0 || group_number(MEMORY, "memory.failcnt") > 0;
  ending.own_memory = options.limited[LIMIT_MEMORY] && reached;
}

int main(int count, char **arguments) {
  (void)count;
  settle_descriptors();
  read_options(&options, arguments);
  leave_terminal();
  catch_signals();
  open_directory(&options);
  take_lock(&options);
  log_open(&options);
  start();
  report_start();
  if (chdir("/") < 0) {
    // Only keeps a directory busy.
  }
  watch();
  clear_below();
  drain();
  settle();
  group_remove();
  bool written = write_exit(&options, kernel, &ending);
  // For a parent that finds no exit file: as a shell would say it.
  if (!written) return WIFEXITED(ending.status) ? WEXITSTATUS(ending.status) : 128 + WTERMSIG(ending.status);
  return 0;
}
