#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace cloudreve {

namespace {

/** The kernel takes one page of mount options and cuts off the rest without a word. */
constexpr size_t kMaxOptionBytes = 4096;

/** 0 when something can be read, or errno. */
int WaitReadable(int fd, int timeout_ms) {
  pollfd watched{fd, POLLIN, 0};
  for (;;) {
    const int ready = poll(&watched, 1, timeout_ms);
    if (ready > 0) return 0;
    if (ready == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

/** The descriptor in a control message; or -errno. */
int DescriptorOf(msghdr* message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    if (part->cmsg_len < CMSG_LEN(sizeof(int))) continue;
    int fd;
    std::memcpy(&fd, CMSG_DATA(part), sizeof(fd));
    return fd;
  }
  return -ECONNRESET;
}

}  // namespace

int MountDevice(int fd, const MountTarget& target) {
  std::string data = "fd=" + std::to_string(fd) + ",rootmode=40000,user_id=" + std::to_string(getuid()) +
                     ",group_id=" + std::to_string(getgid());
  if (!target.options.empty()) data += "," + target.options;
  if (data.size() >= kMaxOptionBytes) return EINVAL;
  const std::string type = "fuse." + target.subtype;
  const int result = mount(target.source.c_str(), target.mountpoint.c_str(), type.c_str(), target.flags, data.c_str());
  return result == 0 ? 0 : errno;
}

int SocketPair(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno; }

int ReceiveDevice(int socket, int timeout_ms) {
  const int error = WaitReadable(socket, timeout_ms);
  if (error != 0) return -error;
  char payload[1];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part{payload, sizeof(payload)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t bytes;
  do {
    bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (bytes < 0 && errno == EINTR);
  if (bytes < 0) return -errno;
  const int fd = DescriptorOf(&message);
  if (fd < 0) return fd;
  const int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) return fd;
  const int failure = errno;
  close(fd);
  return -failure;
}

}  // namespace cloudreve
