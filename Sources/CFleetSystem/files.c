// Small files of /proc and /sys, read and written by one call each.

#include "CFleetSystem.h"

#include <errno.h>
#include <fcntl.h>
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
