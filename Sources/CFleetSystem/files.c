// Small files of /proc and /sys, read and written by one call each.

#include "CFleetSystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static ssize_t read_and_close(int fd, void *bytes, size_t capacity) {
  size_t used = 0;
  while (used < capacity) {
    ssize_t got = read(fd, (char *)bytes + used, capacity - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      int error = errno;
      close(fd);
      return -error;
    }
    if (got == 0) break;
    used += (size_t)got;
  }
  close(fd);
  return (ssize_t)used;
}

ssize_t fleet_read_file(const char *path, void *bytes, size_t capacity) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : read_and_close(fd, bytes, capacity);
}

int fleet_open_record(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return -errno;
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) return fd;
  close(fd);
  return -EINVAL;
}

ssize_t fleet_read_record(const char *path, void *bytes, size_t capacity) {
  int fd = fleet_open_record(path);
  return fd < 0 ? fd : read_and_close(fd, bytes, capacity);
}

static DIR *open_directory(int parent, const char *name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return NULL;
  DIR *directory = fdopendir(fd);
  if (!directory) {
    close(fd);
    errno = ENOMEM;
  }
  return directory;
}

enum {
  MOST_LEVELS = 32,    // each holds a descriptor
  MOST_PASSES = 20000  // who goes on making directories is not waited for
};

// What is removed, and what was found too deep below it.
struct removal {
  int top;
  unsigned moved;
};

// Puts a directory that is too deep into the top one, where the next pass removes it.
static int move_up(struct removal *removal, int parent, const char *name) {
  char there[32];
  for (;;) {
    snprintf(there, sizeof there, ".moved-%u", removal->moved++);
    if (renameat(parent, name, removal->top, there) == 0) return 0;
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) return -errno;
  }
}

static int empty(struct removal *removal, DIR *directory, int level);

static int remove_entry(struct removal *removal, int parent, const char *name, int level) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return -errno;
  if (level == MOST_LEVELS) return move_up(removal, parent, name);
  DIR *directory = open_directory(parent, name);
  if (!directory) return -errno;
  int error = empty(removal, directory, level);
  closedir(directory);
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return 0;
  return error ? error : -errno;
}

// Removes what can be removed; the last error.
static int empty(struct removal *removal, DIR *directory, int level) {
  int result = 0;
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    int error = remove_entry(removal, dirfd(directory), entry->d_name, level + 1);
    if (error) result = error;
  }
  return result;
}

int fleet_remove_tree(const char *path) {
  if (unlink(path) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return -errno;
  DIR *directory = open_directory(AT_FDCWD, path);
  if (!directory) return -errno;
  struct removal removal = {dirfd(directory), 0};
  int error = 0;
  for (unsigned pass = 0, before = 1; pass < MOST_PASSES && before != removal.moved; pass++) {
    before = removal.moved;
    rewinddir(directory);
    error = empty(&removal, directory, 0);
  }
  closedir(directory);
  if (rmdir(path) == 0) return 0;
  return error ? error : -errno;
}

int fleet_write_file(const char *path, const char *bytes, size_t count) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t put;
  do put = write(fd, bytes, count);
  while (put < 0 && errno == EINTR);
  int error = put < 0 ? errno : ((size_t)put < count ? EIO : 0);
  close(fd);
  return -error;
}

int fleet_cgroup_version(const char *path) {
  struct statfs info;
  if (statfs(path, &info) < 0) return -errno;
  if (info.f_type == 0x63677270) return FLEET_CGROUP_V2;
  return info.f_type == 0x27e0eb ? FLEET_CGROUP_V1 : FLEET_CGROUP_NONE;
}
