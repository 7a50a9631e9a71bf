// Removes a directory with everything below it, however deep, and whoever made it.

#include "CFleetSystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
  MOST_LEVELS = 32,     // each holds a descriptor
  MOST_MOVED = 1 << 20  // who goes on making directories is not waited for
};

// What is removed. Directories that are too deep are moved up into the top one, and removed in their turn.
struct removal {
  int top;
  unsigned long long secret;  // so that nobody has made a file of such a name
  unsigned moved;
};

static void name_moved(const struct removal *removal, unsigned number, char name[64]) {
  snprintf(name, 64, ".moved-%016llx-%u", removal->secret, number);
}

static int move_up(struct removal *removal, int parent, const char *name) {
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return 0;
  if (errno != ENOTEMPTY && errno != EEXIST) return -errno;
  if (removal->moved == MOST_MOVED) return -ELOOP;
  char there[64];
  name_moved(removal, removal->moved, there);
  if (renameat(parent, name, removal->top, there) != 0) return -errno;
  removal->moved++;
  return 0;
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
  struct removal removal = {.top = dirfd(directory)};
  if (getrandom(&removal.secret, sizeof removal.secret, 0) < 0) removal.secret = (unsigned long long)getpid();
  int error = empty(&removal, directory, 0);
  for (unsigned number = 0; number < removal.moved; number++) {
    char name[64];
    name_moved(&removal, number, name);
    int result = remove_entry(&removal, removal.top, name, 1);
    if (result) error = result;
  }
  closedir(directory);
  if (rmdir(path) == 0) return 0;
  return error ? error : -errno;
}
