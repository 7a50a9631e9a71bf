// The calls of the operating system that Swift cannot make safely or cannot see: starting a process with an exact set of
// descriptors, pidfds, the holder of a lock, TCP peers by netlink. All of them answer 0 or a count, or minus an errno.

#ifndef FLEET_SYSTEM_H
#define FLEET_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// Starts `path` in a session of its own with signals at their defaults. It gets exactly four descriptors: 0, 1 and 2 are
// /dev/null and 3 is `report`, which must be above 3. The cost does not depend on the size of the caller (vfork inside).
int fleet_spawn(const char *path, char *const argv[], char *const envp[], int report, pid_t *pid);

// A pipe whose ends are close-on-exec and above 3; the reading end does not block.
int fleet_report_pipe(int *reader, int *writer);

// For debuggers and top; at most 15 bytes.
void fleet_name_thread(const char *name);

// A close-on-exec descriptor of a live or not yet reaped process.
int fleet_pidfd_open(pid_t pid);

// Signal 0 only asks whether the process exists.
int fleet_pidfd_signal(int pidfd, int signal);

enum fleet_end { FLEET_END_UNKNOWN = 0, FLEET_END_EXITED = 1, FLEET_END_SIGNALED = 2 };

// Reaps exactly the process behind the pidfd, if it ended and is a child of the caller. Answers an `enum fleet_end` and
// sets `value` to the exit code or the signal; FLEET_END_UNKNOWN when it is no child of ours; -EAGAIN while it runs.
int fleet_reap(int pidfd, pid_t pid, int *value);

// The number that the kernel gives a process for one boot, as bytes of a file handle (Linux 6.14): how many were written.
int fleet_process_handle(int pidfd, unsigned char *bytes, size_t capacity);

// Pid of the process that holds a POSIX lock on the open file; 0: nobody; -1: somebody whom this namespace cannot see.
int fleet_lock_holder(int fd, pid_t *holder);

// Reads a small file (of /proc, mostly) in one go: how many bytes, never more than `capacity`.
ssize_t fleet_read_file(const char *path, void *bytes, size_t capacity);

// Writes a value to a control file that exists, by one write.
int fleet_write_file(const char *path, const char *bytes, size_t count);

// Reads a file that a stranger may have replaced: only a regular file, no link, without waiting for anybody. Answers as
// `fleet_read_file`; -ELOOP for a link, -EINVAL for what is no file.
ssize_t fleet_read_record(const char *path, void *bytes, size_t capacity);

// Opens a regular file to be read, no link, without waiting for anybody; a close-on-exec descriptor.
int fleet_open_record(const char *path);

// Removes a directory with everything below it; links are removed, not followed. 0 also when there is none.
int fleet_remove_tree(const char *path);

// The version of Landlock that this system has; below 1 it has none.
int fleet_landlock_abi(void);

enum fleet_cgroup { FLEET_CGROUP_NONE = 0, FLEET_CGROUP_V1 = 1, FLEET_CGROUP_V2 = 2 };

// Which kind of control group file system the path is on (an `enum fleet_cgroup`).
int fleet_cgroup_version(const char *path);

// One end of an established TCP connection on this machine.
struct fleet_tcp_end {
  uint16_t local_port;
  uint16_t remote_port;
  uint32_t inode;
};

// Dumps the established connections of AF_INET or AF_INET6. Answers how many there are; only the first `capacity` of
// them are stored, so ask again with more room when it answers more.
long fleet_tcp_established(int family, struct fleet_tcp_end *ends, size_t capacity);

// Inodes of the sockets that a process has open; answers how many there are, stores at most `capacity`.
long fleet_socket_inodes(pid_t pid, uint32_t *inodes, size_t capacity);

#endif
