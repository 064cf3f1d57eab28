#pragma once

#include <uv.h>

#include <chrono>
#include <cstdlib>
#include <mutex>

namespace cloudreve {

/**
 * What std::mutex and std::condition_variable do, on libuv, which Node brings along: those of the standard library make a
 * binary need a newer libstdc++ and glibc than Node itself.
 */
class Mutex {
 public:
  Mutex() {
    if (uv_mutex_init(&mutex_) != 0) std::abort();
  }
  ~Mutex() { uv_mutex_destroy(&mutex_); }
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { uv_mutex_lock(&mutex_); }
  void unlock() { uv_mutex_unlock(&mutex_); }

 private:
  friend class Condition;
  uv_mutex_t mutex_;
};

/** Every wait needs the lock of one and the same Mutex. */
class Condition {
 public:
  Condition() {
    if (uv_cond_init(&condition_) != 0) std::abort();
  }
  ~Condition() { uv_cond_destroy(&condition_); }
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  void NotifyAll() { uv_cond_broadcast(&condition_); }

  template <typename Holds>
  void Wait(std::unique_lock<Mutex>& lock, Holds holds) {
    while (!holds()) uv_cond_wait(&condition_, &lock.mutex()->mutex_);
  }

  /** False when it does not hold after `patience`, counted from the last wake-up. */
  template <typename Holds>
  bool WaitFor(std::unique_lock<Mutex>& lock, std::chrono::nanoseconds patience, Holds holds) {
    while (!holds()) {
      if (uv_cond_timedwait(&condition_, &lock.mutex()->mutex_, patience.count()) == UV_ETIMEDOUT) return holds();
    }
    return true;
  }

 private:
  uv_cond_t condition_;
};

}  // namespace cloudreve
