// Established TCP connections, by one netlink dump instead of parsing /proc/net/tcp (which formats every socket as text).

#include "CFleetSystem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const int ESTABLISHED = 1;  // TCP_ESTABLISHED of <netinet/tcp.h>

static int ask(int fd, int family) {
  struct {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
  } request = {
      .head = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .body = {.sdiag_family = (__u8)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1U << ESTABLISHED},
  };
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do sent = sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

// Reads one datagram of the dump; 1 at its end, 0 when there is more.
static int take(struct nlmsghdr *message, size_t length, struct fleet_tcp_end *ends, size_t capacity, long *count) {
  for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
    if (message->nlmsg_type == NLMSG_DONE) return 1;
    if (message->nlmsg_type == NLMSG_ERROR) {
      const struct nlmsgerr *error = NLMSG_DATA(message);
      return error->error ? error->error : -EPROTO;
    }
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY) continue;
    const struct inet_diag_msg *found = NLMSG_DATA(message);
    if ((size_t)*count < capacity) {
      ends[*count] = (struct fleet_tcp_end){
          .local_port = ntohs(found->id.idiag_sport),
          .remote_port = ntohs(found->id.idiag_dport),
          .inode = found->idiag_inode,
      };
    }
    ++*count;
  }
  return 0;
}

static long dump(int fd, struct fleet_tcp_end *ends, size_t capacity) {
  union {
    struct nlmsghdr head;
    char bytes[32768];  // what the kernel fills at most in one dump message
  } buffer;
  long count = 0;
  for (;;) {
    ssize_t got = recv(fd, &buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    int state = take(&buffer.head, (size_t)got, ends, capacity, &count);
    if (state != 0) return state < 0 ? state : count;
  }
}

long fleet_tcp_established(int family, struct fleet_tcp_end *ends, size_t capacity) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return -errno;
  long result = ask(fd, family);
  if (result == 0) result = dump(fd, ends, capacity);
  close(fd);
  return result;
}

// For our own process one fstat a descriptor does; of another one only the links can be read.
static int socket_inode(int directory, const char *name, int own, uint32_t *inode) {
  if (own) {
    struct stat info;
    if (fstat(atoi(name), &info) < 0 || !S_ISSOCK(info.st_mode)) return 0;
    *inode = (uint32_t)info.st_ino;
    return 1;
  }
  char target[64];
  ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
  if (length <= 0) return 0;
  target[length] = 0;
  return sscanf(target, "socket:[%u]", inode) == 1;
}

long fleet_socket_inodes(pid_t pid, uint32_t *inodes, size_t capacity) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *directory = opendir(path);
  if (!directory) return -errno;
  long count = 0;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    uint32_t inode;
    if (entry->d_name[0] == '.') continue;
    if (!socket_inode(dirfd(directory), entry->d_name, pid == getpid(), &inode)) continue;
    if ((size_t)count < capacity) inodes[count] = inode;
    ++count;
  }
  closedir(directory);
  return count;
}
