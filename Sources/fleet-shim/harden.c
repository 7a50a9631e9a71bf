// What a kernel is kept from, besides limits: other people's temporary files, files that are not its own, processes that
// it did not start, calls that no kernel needs. All of it happens in the kernel's process, before its program.

#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// <linux/landlock.h> of the machine that builds may be older than the system that runs.
enum {
  EXECUTE = 1 << 0, WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIR = 1 << 3,
  REMOVE_DIR = 1 << 4, REMOVE_FILE = 1 << 5, MAKE_ANY = 0x7f << 6, MAKE_DEVICES = 1 << 6 | 1 << 11, REFER = 1 << 13, TRUNCATE = 1 << 14,
  SCOPE_SIGNAL = 1 << 1,
  JOIN_SESSION_KEYRING = 1, CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1,
};
struct ruleset {
  uint64_t files, network, scoped;
};
struct beneath {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

static const char *const names[HARDENINGS] = {"private_tmp", "uid_range", "landlock", "seccomp"};
static const char *enforced_by[HARDENINGS];

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
  close(fd);
  return error;
}

// Without rights of root a namespace of users comes first, in which the user stays who it is.
static int own_mounts(void) {
  char users[48], groups[48];
  snprintf(users, sizeof users, "%u %u 1", geteuid(), geteuid());
  snprintf(groups, sizeof groups, "%u %u 1", getegid(), getegid());
  if (unshare(CLONE_NEWNS) == 0) return 0;
  if (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return errno;
  int error = put("/proc/self/setgroups", "deny");
  if (!error || error == ENOENT) error = put("/proc/self/uid_map", users);
  return error ? error : put("/proc/self/gid_map", groups);
}

// Whether the fleet directory, with everybody's files, lies in `path`.
static bool holds_fleet(const struct options *options, const char *path) {
  struct stat wanted, seen;
  if (stat(path, &wanted) < 0) return false;
  int fd = open(options->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  bool found = false;
  for (struct stat last = {0}; fd >= 0 && fstat(fd, &seen) == 0;) {
    found = seen.st_ino == wanted.st_ino && seen.st_dev == wanted.st_dev;
    bool is_root = seen.st_ino == last.st_ino && seen.st_dev == last.st_dev;
    int up = found || is_root ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    last = seen;
    close(fd);
    fd = up;
  }
  return found;
}

// Its memory counts as the kernel's and is gone with its last process.
static int private_tmp(const struct options *options) {
  static const char *const places[] = {"/tmp", "/var/tmp"};
  static const int lookers[] = {CAP_SYS_ADMIN, CAP_SYS_PTRACE};
  if (holds_fleet(options, places[0]) || holds_fleet(options, places[1])) return EXDEV;
  int error = own_mounts();
  if (error) return error;
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return errno;
  for (size_t at = 0; at < sizeof places / sizeof *places; at++) {
    if (mount("fleet", places[at], "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=25%") < 0 && errno != ENOENT) return errno;
  }
  // Else root would look around the mount, by /proc/PID/root, or take it away.
  for (size_t at = 0; geteuid() == 0 && at < sizeof lookers / sizeof *lookers; at++) {
    if (prctl(PR_CAPBSET_DROP, lookers[at], 0, 0, 0) < 0) return errno;
  }
  return 0;
}

// The rights of root go with the user: none of the three sets of capabilities survives this.
static int own_user(const struct options *options) {
  uid_t user = options->user;
  if (setgroups(1, &options->fleet) < 0 || setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0) return errno;
  syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL);  // else it had the host's keys; some systems have none
  return 0;
}

static int landlock_abi(void) { return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION); }

static int allow(int ruleset, const char *path, uint64_t allowed) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == EACCES ? 0 : errno;
  struct stat info;
  if (fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode)) allowed &= WRITE_FILE | TRUNCATE;
  struct beneath rule = {.allowed = allowed, .parent = fd};
  int error = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? errno : 0;
  close(fd);
  return error;
}

// Reading stays free. What the kernel starts is bound likewise, and none of it can signal or trace anybody outside.
static int landlock(const struct options *options) {
  int abi = landlock_abi();
  if (abi < 0) return errno;
  struct ruleset rules = {.files = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_ANY};
  if (abi >= 2) rules.files |= REFER;
  if (abi >= 3) rules.files |= TRUNCATE;
  if (abi >= 6) rules.scoped = SCOPE_SIGNAL;
  size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
  if (ruleset < 0) return errno;
  // A node of a device would lead around everything that is said of /dev below.
  uint64_t writing = rules.files & ~(uint64_t)MAKE_DEVICES;
  static const char *const shared[] = {"/tmp", "/var/tmp", "/dev/shm"};
  static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                                        "/dev/tty", "/dev/ptmx", "/dev/pts"};
  int error = 0;
  for (int at = 0; !error && at < options->writables; at++) error = allow(ruleset, options->writable[at], writing);
  if (!error && holds_fleet(options, ".")) error = EXDEV;
  if (!error) error = allow(ruleset, ".", writing);
  for (size_t at = 0; !error && at < sizeof shared / sizeof *shared; at++) {
    if (!holds_fleet(options, shared[at])) error = allow(ruleset, shared[at], writing);
  }
  for (size_t at = 0; !error && at < sizeof devices / sizeof *devices; at++)
    error = allow(ruleset, devices[at], WRITE_FILE | (rules.files & TRUNCATE));
  if (!error && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) error = errno;
  close(ruleset);
  return error;
}

// In the kernel's process; 0 or an errno.
int harden(const struct options *options, enum hardening which) {
  switch (which) {
    case HARDEN_TMP: return private_tmp(options);
    case HARDEN_USER: return own_user(options);
    case HARDEN_LANDLOCK: return landlock(options);
    case HARDEN_SECCOMP: return forbid_calls();
    default: return EINVAL;
  }
}

static const char *why(enum hardening which, int error) {
  switch (which) {
    case HARDEN_TMP:
      if (error == EXDEV) return "the fleet directory lies in the common one";
      return error == EPERM || error == EACCES || error == ENOSPC ? "no namespace of mounts may be made here" : strerror(error);
    case HARDEN_USER:
      if (error == EINVAL) return "this namespace of users has no such user id";
      return error == EPERM ? "only root may start a kernel as another user" : strerror(error);
    case HARDEN_LANDLOCK:
      if (error == ENOSYS) return "this Linux has no Landlock (5.13 has)";
      if (error == EOPNOTSUPP) return "Landlock is switched off on this system (kernel parameter lsm=)";
      return error == EXDEV ? "the kernel's working directory holds the fleet directory" : strerror(error);
    default: return error == ENOSYS || error == EINVAL ? "this Linux has no filters for system calls" : strerror(error);
  }
}

// In the shim, told by the kernel's process.
void hardening_refused(const struct options *options, enum hardening which, int error) {
  bool must = !options->best_effort || which == HARDEN_USER;
  if (must) fail("hardening", error, "%s is not possible: %s", names[which], why(which, error));
  enforced_by[which] = "not enforced";
}

// "hardening":{"landlock":"landlock",…},
void hardening_add(struct text *text, const struct options *options) {
  static const char *const means[HARDENINGS] = {"mount namespace", "user id", "landlock", "seccomp"};
  const char *separator = "";
  text_add(text, "\"hardening\":{");
  for (int which = 0; which < HARDENINGS; which++) {
    if (!options->hardened[which]) continue;
    text_add(text, "%s\"%s\":\"%s\"", separator, names[which], enforced_by[which] ? enforced_by[which] : means[which]);
    separator = ",";
  }
  text_add(text, "},");
}
