// The parent of one kernel: what its parts share. One thread, no allocation; every text has a fixed bound.

#ifndef FLEET_SHIM_H
#define FLEET_SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
  REPORT = 3,           // where the host listens for the outcome of the start
  NAME_LIMIT = 65,      // an id or a nonce with its end
  WRITABLES = 4,        // directories of its own that a kernel under Landlock may have
  RECORD_BYTES = 2048,  // lock and exit files keep this size, so that their last write needs no space on the disk
};

enum hierarchy { UNIFIED, MEMORY, CPU, PIDS, FREEZER, HIERARCHIES };
enum limit { LIMIT_MEMORY, LIMIT_CPU, LIMIT_PROCESSES, LIMIT_FILES, LIMIT_FILE_SIZE, LIMIT_NICE, LIMITS };
enum hardening { HARDEN_TMP, HARDEN_USER, HARDEN_LANDLOCK, HARDEN_SECCOMP, HARDENINGS };

struct options {
  const char *directory, *id, *nonce, *cwd;
  char *log;
  const char *roots[HIERARCHIES];  // directories in which control groups may be made
  long long limits[LIMITS];        // bytes, µs of CPU per 100 ms, counts, niceness
  bool limited[LIMITS], hardened[HARDENINGS];
  uid_t user;   // whom the kernel runs as, which is its group, too; 0: as the shim
  gid_t fleet;  // the group that may pass through the fleet directory
  const char *writable[WRITABLES];
  int writables;
  unsigned long long directory_device, directory_inode;  // 0: any will do
  bool best_effort;
  long long log_size, log_keep, log_age;  // bytes, files, seconds; 0: no such rotation
  char **argv;
};

// What getdents64 fills in; readdir would allocate 32 KiB.
struct entry {
  unsigned long long inode, offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

// options.c
void read_options(struct options *options, char **arguments);

// text.c
struct text {
  char *bytes;
  size_t used, room;
};
struct text text_in(char *bytes, size_t room);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_escaped(struct text *text, const char *string);  // for inside of a JSON string
void text_add_quoted(struct text *text, const char *string);
void text_add_time(struct text *text, long long seconds);
bool write_all(int fd, const char *bytes, size_t count);

// main.c: says why on the report descriptor, undoes what was begun, and leaves.
void fail(const char *step, int error, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

// files.c: lock, pid and exit file
void open_directory(const struct options *options);
void take_lock(const struct options *options);
void write_lock(const struct options *options, pid_t kernel);
void write_pid(const struct options *options, pid_t kernel);
void remove_pid(const struct options *options);
struct ending {
  int status;  // as wait4 gives it
  struct rusage usage;
  bool out_of_memory, own_memory;  // its own limit, or that of a group above and of the machine
  long long oom_kills, forks_refused, lost_bytes;
  int left_alive;
  const char *asked;  // "term" or "kill" when the host wanted it, else NULL
};
bool write_exit(const struct options *options, pid_t kernel, const struct ending *ending);

// groups.c: control groups of the kernel
bool group_make(const struct options *options, enum hierarchy which);
void group_wish(const struct options *options, enum hierarchy which);
int group_write(enum hierarchy which, const char *file, const char *value);
bool group_has(enum hierarchy which, const char *file);
long long group_count(enum hierarchy which, const char *file, const char *key);
long long group_number(enum hierarchy which, const char *file);
pid_t group_fork(void);
int group_join(void);
bool group_kill(void);
void group_remove(void);
void group_add_paths(struct text *text, const struct options *options, bool planned);

// limits.c: what the kernel may use
void limits_prepare(const struct options *options);
void limits_apply(const struct options *options, pid_t kernel);
void limits_add(struct text *text);

// harden.c, seccomp.c: what the kernel is kept from
int harden(const struct options *options, enum hardening which);
int forbid_calls(void);
void hardening_refused(const struct options *options, enum hardening which, int error);
void hardening_add(struct text *text, const struct options *options);

// below.c: the processes below the shim
int count_user_tasks(uid_t user);
bool user_lives(uid_t user);
void kill_below(void);
int alive_below(void);

// log.c: what the kernel prints
void log_open(const struct options *options);
int log_patience(void);
void log_take(const char *bytes, size_t count);
void log_rotate_soon(void);
long long log_lost(void);

// start.c: the kernel's process
pid_t start_kernel(const struct options *options, int output);
void stop_start(void);
void release_kernel(const struct options *options);

#endif
