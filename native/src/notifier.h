#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "monitor.h"

namespace cloudreve {

/**
 * Writes notifications from a thread of its own, in order. The kernel may make their writer wait, beyond any signal, for a
 * request that is not answered yet: so it must never be the thread that answers.
 *
 * Post and Stop are for the thread that made it.
 */
class Notifier {
 public:
  /** `fd` must stay open until Stop has returned. */
  explicit Notifier(int fd) : fd_(fd) {}
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  struct Counts {
    uint64_t sent;
    /** The kernel knew nothing of it: ENOENT. */
    uint64_t unknown;
    uint64_t failed;
    /** errno of the last failure, 0 when there was none. */
    int last_error;
    uint64_t waiting;
    uint64_t waiting_bytes;
  };

  /** Queues a copy, unless the newest that waits says the same; the first one starts the thread. 0 or errno: EAGAIN when too many wait. */
  int Post(const void* message, size_t length);
  Counts counts();
  /**
   * Drops what waits and ends the thread. While its last write hangs, calls `unblock` again and again: it answers the
   * requests that the kernel may be waiting for.
   */
  void Stop(const std::function<void()>& unblock);

 private:
  static void Main(void* self);
  void Run();
  void Count(int error, size_t length);

  const int fd_;
  uv_thread_t thread_{};
  bool started_ = false;

  Monitor monitor_;
  /** Under `monitor_`, as all below. */
  std::deque<std::vector<char>> queue_;
  Counts counts_{};
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace cloudreve
