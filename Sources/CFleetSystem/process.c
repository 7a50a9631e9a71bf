// Starting, naming, signalling and reaping processes without ever trusting a bare pid.

#include "CFleetSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int null_descriptors(posix_spawn_file_actions_t *actions) {
  for (int fd = 0; fd < 3; fd++) {
    int error = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    if (error) return error;
  }
  return 0;
}

static int exact_descriptors(posix_spawn_file_actions_t *actions, int report) {
  int error = null_descriptors(actions);
  if (!error) error = posix_spawn_file_actions_adddup2(actions, report, 3);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
  // Elsewhere the shim closes what it inherits as its first act.
  if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, 4);
#endif
  return error;
}

static int fresh_session(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawnattr_setsigmask(attributes, &none);
  if (!error) error = posix_spawnattr_setsigdefault(attributes, &all);
  if (!error) {
    error = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  return error;
}

int fleet_spawn(const char *path, char *const argv[], char *const envp[], int report, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (report <= 3) return -EINVAL;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return -error;
  error = posix_spawnattr_init(&attributes);
  if (!error) {
    error = exact_descriptors(&actions, report);
    if (!error) error = fresh_session(&attributes);
    if (!error) error = posix_spawn(pid, path, &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return -error;
}

static int raise_above_standard(int *fd) {
  int high = fcntl(*fd, F_DUPFD_CLOEXEC, 4), error = errno;
  close(*fd);
  *fd = high;
  return high < 0 ? -error : 0;
}

int fleet_report_pipe(int *reader, int *writer) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  int error = raise_above_standard(&ends[0]);
  int other = raise_above_standard(&ends[1]);
  if (!error) error = other;
  if (!error && fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) error = -errno;
  if (error) {
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
    return error;
  }
  *reader = ends[0];
  *writer = ends[1];
  return 0;
}

void fleet_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

int fleet_pidfd_open(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : fd;
}

int fleet_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int fleet_reap(int pidfd, pid_t pid, int *value) {
  const idtype_t by_pidfd = (idtype_t)3;  // P_PIDFD, since Linux 5.4; older headers lack the name
  siginfo_t info;
  int result;
  memset(&info, 0, sizeof info);
  do result = waitid(by_pidfd, (id_t)pidfd, &info, WEXITED | WNOHANG);
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno == EINVAL) {
    // Safe as well: the pid of a child that nobody else reaps cannot be given away.
    do result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
    while (result < 0 && errno == EINTR);
  }
  if (result < 0) return errno == ECHILD ? FLEET_END_UNKNOWN : -errno;
  if (info.si_pid == 0) return -EAGAIN;
  *value = info.si_status;
  return info.si_code == CLD_EXITED ? FLEET_END_EXITED : FLEET_END_SIGNALED;
}

int fleet_process_handle(int pidfd, unsigned char *bytes, size_t capacity) {
  union {
    struct file_handle head;
    unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } handle;
  int mount;
  handle.head.handle_bytes = MAX_HANDLE_SZ;
  if (name_to_handle_at(pidfd, "", &handle.head, &mount, AT_EMPTY_PATH) < 0) return -errno;
  if (handle.head.handle_bytes > capacity) return -EOVERFLOW;
  memcpy(bytes, handle.head.f_handle, handle.head.handle_bytes);
  return (int)handle.head.handle_bytes;
}

int fleet_lock_holder(int fd, pid_t *holder) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(fd, F_GETLK, &lock) < 0) return -errno;
  *holder = lock.l_type == F_UNLCK ? 0 : (lock.l_pid > 0 ? lock.l_pid : -1);
  return 0;
}

int fleet_landlock_abi(void) {
  const long create_ruleset = 444;  // of <asm/unistd.h> since Linux 5.13, the same on every machine
  return (int)syscall(create_ruleset, NULL, 0, 1);
}
