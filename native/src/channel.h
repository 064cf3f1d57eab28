#pragma once

#include <node_api.h>
#include <uv.h>

#include <cstdint>
#include <vector>

#include "device.h"
#include "notifier.h"
#include "slots.h"

namespace cloudreve {

struct ChannelOptions {
  int fd;
  size_t buffer_bytes;
  size_t slots;
  uint64_t spin_ns;
  napi_value on_requests;
  napi_value on_end;
};

/**
 * The byte pipe of one mount: reads requests on the loop of the thread that made it, and writes answers from there.
 *
 *   open --unmounted--> ended --Close--> closed        open --Close, or the thread ends--> closed
 *
 * Owns the descriptor from Start on, and closes it in Close: a thread that dies must not leave a mount behind that never
 * answers. Lives until its JavaScript object is collected and libuv has let go of its handle.
 */
class Channel {
 public:
  Channel(napi_env env, const ChannelOptions& options);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /** 0 or errno; on failure the descriptor stays the caller's, and the channel goes with its JavaScript object. */
  int Start(napi_value self, const ChannelOptions& options);
  /** The slot of a request that is being handed over; -1 when there is none, or it is kept already. */
  int Keep(int index);
  /** The slot; -1 when it is not kept. */
  int Release(int slot);
  /** One message. 0 or errno. */
  int Reply(const iovec* parts, int count);
  int ReplyFromCachedFile(iovec header, int fd, int64_t offset, size_t length);
  /** 0 or errno: EAGAIN when too many wait. */
  int Notify(const void* message, size_t length);
  Notifier::Counts notifications() { return notifier_.counts(); }
  uint64_t spins() const { return spins_; }
  void Close();
  /** The JavaScript object is gone. */
  void Abandon();

 private:
  enum class State { kNew, kOpen, kEnded, kClosed };
  /** What a turn of the loop does after some requests. */
  enum class Next { kGoOn, kStop };

  static void OnPoll(uv_poll_t* poll, int status, int events);
  static void OnTeardown(napi_async_cleanup_hook_handle handle, void* self);
  static void OnHandleClosed(uv_handle_t* handle);

  void Drain();
  Next TakeSome(uint64_t turn_began, uint64_t last_request_at);
  bool Lend(Slots::Lent* lent);
  ReadResult Await(void* memory, uint64_t turn_began, uint64_t last_request_at);
  Next Deliver(const napi_value* memories);
  void Watch();
  void End(int error);
  void FailUnanswered();

  const napi_env env_;
  const int fd_;
  const size_t buffer_bytes_;
  const uint64_t spin_ns_;
  uint64_t spins_ = 0;
  State state_ = State::kNew;
  uv_poll_t poll_{};
  Slots slots_;
  Notifier notifier_;
  /** Requests that the kernel waits for, the latest at the end. */
  std::vector<uint64_t> unanswered_;
  /** Slots of the requests that are being handed over. */
  std::vector<int> batch_;
  std::vector<char> scratch_;
  bool starved_ = false;
  bool collected_ = false;
  bool handle_open_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref self_ = nullptr;
  napi_ref on_requests_ = nullptr;
  napi_ref on_end_ = nullptr;
};

}  // namespace cloudreve
