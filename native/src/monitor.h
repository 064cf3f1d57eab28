#pragma once

#include <uv.h>

#include <chrono>
#include <cstdlib>

namespace cloudreve {

/**
 * A lock and a condition in one, on libuv, which Node brings along: those of the standard library make a binary need a newer
 * libstdc++ and glibc than Node itself. Locked and unlocked by std::unique_lock.
 */
class Monitor {
 public:
  Monitor() {
    if (uv_mutex_init(&mutex_) != 0 || uv_cond_init(&changed_) != 0) std::abort();
  }
  ~Monitor() {
    uv_cond_destroy(&changed_);
    uv_mutex_destroy(&mutex_);
  }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  void lock() { uv_mutex_lock(&mutex_); }
  void unlock() { uv_mutex_unlock(&mutex_); }

  /** These three need the lock. */
  void NotifyAll() { uv_cond_broadcast(&changed_); }
  void Wait() { uv_cond_wait(&changed_, &mutex_); }
  /** False when nothing was notified for so long. */
  bool WaitFor(std::chrono::nanoseconds patience) {
    return uv_cond_timedwait(&changed_, &mutex_, patience.count()) != UV_ETIMEDOUT;
  }

 private:
  uv_mutex_t mutex_;
  uv_cond_t changed_;
};

}  // namespace cloudreve
