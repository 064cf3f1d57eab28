#pragma once

#include <string>

namespace cloudreve {

struct MountTarget {
  std::string source;
  std::string mountpoint;
  std::string subtype;
  unsigned long flags;
  std::string options;
};

/** mount(2), which only root may. The kernel's first request waits in `fd` afterwards. 0 or errno. */
int MountDevice(int fd, const MountTarget& target);

/** A connected pair, close-on-exec. 0 or errno. */
int SocketPair(int ends[2]);

/**
 * The descriptor that fusermount3 sends, made close-on-exec and non-blocking; or -errno: ETIMEDOUT when none came in time,
 * ECONNRESET when the other end was closed without one.
 */
int ReceiveDevice(int socket, int timeout_ms);

}  // namespace cloudreve
