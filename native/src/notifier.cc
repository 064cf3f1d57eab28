#include "notifier.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <mutex>

#include "device.h"

namespace cloudreve {

namespace {

/** A write that does not wait for anything is over by then. */
constexpr auto kPatience = std::chrono::milliseconds(10);
constexpr auto kUnblockEvery = std::chrono::milliseconds(1);
/** The thread may hang for as long as a request is worked on: with so much waiting nothing more is taken. */
constexpr uint64_t kMaxWaiting = 1024;
constexpr uint64_t kMaxWaitingBytes = 1 << 20;

bool CloseRange(unsigned first, unsigned last) { return syscall(SYS_close_range, first, last, 0) == 0; }

/** Of the calling thread alone: on Linux sigprocmask(2) is that, and all glibcs have it under the same version. */
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
}

/**
 * Gives the calling thread a table of descriptors of its own that holds a clone of the device and nothing else, and answers
 * the clone. Why: when the process is killed while this thread hangs in the kernel, the device itself is closed nevertheless,
 * which fails the requests that nobody will answer any more. A program that asks again then waits, but can be killed, and its
 * end lets this thread go. With a shared table both stay, unkillable, until somebody aborts the connection. Where the kernel
 * cannot do it, answers `fd` as it is.
 */
int SeparateDevice(int fd) {
  // Nothing is closed by this one: does the kernel know the call?
  if (!CloseRange(~0U, ~0U) || unshare(CLONE_FILES) != 0) return fd;
  const int clone = CloneDevice(fd);
  const unsigned own = static_cast<unsigned>(clone < 0 ? fd : clone);
  // Standard error stays, for the messages of a crash.
  CloseRange(0, 1);
  if (own > 3) CloseRange(3, own - 1);
  CloseRange(own + 1, ~0U);
  return static_cast<int>(own);
}

}  // namespace

int Notifier::Post(const void* message, size_t length) {
  if (!started_) {
    const int error = uv_thread_create(&thread_, Main, this);
    if (error != 0) return -error;
    started_ = true;
  }
  const char* bytes = static_cast<const char*>(message);
  std::vector<char> copy(bytes, bytes + length);
  const std::lock_guard<Monitor> lock(monitor_);
  if (!queue_.empty() && queue_.back() == copy) return 0;
  if (counts_.waiting >= kMaxWaiting || counts_.waiting_bytes >= kMaxWaitingBytes) return EAGAIN;
  queue_.push_back(std::move(copy));
  counts_.waiting++;
  counts_.waiting_bytes += length;
  monitor_.NotifyAll();
  return 0;
}

Notifier::Counts Notifier::counts() {
  const std::lock_guard<Monitor> lock(monitor_);
  return counts_;
}

void Notifier::Stop(const std::function<void()>& unblock) {
  if (!started_) return;
  {
    std::unique_lock<Monitor> lock(monitor_);
    stopping_ = true;
    monitor_.NotifyAll();
    auto patience = kPatience;
    while (!ended_) {
      if (monitor_.WaitFor(patience)) continue;
      lock.unlock();
      unblock();
      lock.lock();
      patience = kUnblockEvery;
    }
  }
  uv_thread_join(&thread_);
  started_ = false;
}

void Notifier::Main(void* self) { static_cast<Notifier*>(self)->Run(); }

void Notifier::Run() {
  BlockSignals();
  const int device = SeparateDevice(fd_);
  std::unique_lock<Monitor> lock(monitor_);
  for (;;) {
    while (!stopping_ && queue_.empty()) monitor_.Wait();
    if (stopping_) break;
    std::vector<char> message = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const iovec part{message.data(), message.size()};
    const int error = WriteMessage(device, &part, 1);
    lock.lock();
    Count(error, message.size());
  }
  ended_ = true;
  monitor_.NotifyAll();
}

void Notifier::Count(int error, size_t length) {
  counts_.waiting--;
  counts_.waiting_bytes -= length;
  if (error == 0) {
    counts_.sent++;
  } else if (error == ENOENT) {
    counts_.unknown++;
  } else {
    counts_.failed++;
    counts_.last_error = error;
  }
}

}  // namespace cloudreve
