#include "channel.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace cloudreve {

namespace {

/** A turn of the loop ends after so long although requests go on coming: timers and sockets want theirs too. */
constexpr uint64_t kTurnNs = 1'000'000;
/** Requests failed in one go while the notifier hangs; then it is looked at again. */
constexpr int kFailedAtOnce = 1024;
/** Requests handed over in one callback. */
constexpr size_t kAtOnce = 8;

void Delete(napi_env env, napi_ref* reference) {
  if (*reference != nullptr) napi_delete_reference(env, *reference);
  *reference = nullptr;
}

/** Hands an exception that nobody can catch to `uncaughtException`. One that ends the thread is left alone. */
void RaisePending(napi_env env) {
  bool pending = false;
  napi_value thrown;
  if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

}  // namespace

Channel::Channel(napi_env env, const ChannelOptions& options)
    : env_(env),
      fd_(options.fd),
      buffer_bytes_(options.buffer_bytes),
      spin_ns_(uv_available_parallelism() > 1 ? options.spin_ns : 0),
      slots_(env, options.buffer_bytes, options.slots),
      notifier_(options.fd) {}

int Channel::Start(napi_value self, const ChannelOptions& options) {
  uv_loop_t* loop;
  napi_value name;
  if (napi_get_uv_event_loop(env_, &loop) != napi_ok ||
      napi_create_string_utf8(env_, "CloudreveChannel", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env_, nullptr, name, &context_) != napi_ok ||
      napi_create_reference(env_, options.on_requests, 1, &on_requests_) != napi_ok ||
      napi_create_reference(env_, options.on_end, 1, &on_end_) != napi_ok ||
      napi_create_reference(env_, self, 1, &self_) != napi_ok) {
    return ENOMEM;
  }
  const int error = uv_poll_init(loop, &poll_, fd_);
  if (error != 0) return -error;
  poll_.data = this;
  handle_open_ = true;
  state_ = State::kOpen;
  napi_add_async_cleanup_hook(env_, OnTeardown, this, &hook_);
  Watch();
  return 0;
}

int Channel::Keep(int index) {
  const size_t at = static_cast<size_t>(index);
  return at < batch_.size() && slots_.Keep(batch_[at]) ? batch_[at] : -1;
}

int Channel::Release(int slot) {
  if (!slots_.Release(slot)) return -1;
  if (starved_ && state_ == State::kOpen) Watch();
  return slot;
}

int Channel::Reply(const iovec* parts, int count) {
  if (state_ == State::kClosed) return ENODEV;
  const int error = WriteMessage(fd_, parts, count);
  if (error != 0 && error != ENOENT) return error;
  ReplyHeader reply;
  std::memcpy(&reply, parts[0].iov_base, sizeof(reply));
  // From the end: most requests are answered at once.
  const auto found = std::find(unanswered_.rbegin(), unanswered_.rend(), reply.unique);
  if (found != unanswered_.rend()) {
    *found = unanswered_.back();
    unanswered_.pop_back();
  }
  return error;
}

int Channel::ReplyFromCachedFile(iovec header, int fd, int64_t offset, size_t length) {
  if (length > buffer_bytes_) return EINVAL;
  scratch_.resize(buffer_bytes_);
  const int error = ReadCached(fd, scratch_.data(), length, offset);
  if (error != 0) return error;
  const iovec parts[] = {header, {scratch_.data(), length}};
  return Reply(parts, 2);
}

int Channel::Notify(const void* message, size_t length) {
  return state_ == State::kOpen ? notifier_.Post(message, length) : ENODEV;
}

void Channel::Close() {
  if (state_ == State::kClosed) return;
  const bool started = state_ != State::kNew;
  state_ = State::kClosed;
  if (started) {
    uv_poll_stop(&poll_);
    notifier_.Stop([this] { FailUnanswered(); });
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnHandleClosed);
    // Closes a file of the kernel, which fails what is still unanswered; an errno of it changes nothing.
    close(fd_);
  }
  slots_.Drop();
  for (napi_ref* reference : {&self_, &on_requests_, &on_end_}) Delete(env_, reference);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  context_ = nullptr;
}

void Channel::Abandon() {
  Close();
  collected_ = true;
  if (!handle_open_) delete this;
}

void Channel::OnPoll(uv_poll_t* poll, int status, int) {
  Channel* channel = static_cast<Channel*>(poll->data);
  channel->Drain();
  // libuv stops watching on an error of the device. Usually the read has found its reason and ended the channel.
  if (status < 0 && channel->state_ == State::kOpen && !channel->starved_) channel->Watch();
}

void Channel::OnTeardown(napi_async_cleanup_hook_handle, void* self) { static_cast<Channel*>(self)->Close(); }

void Channel::OnHandleClosed(uv_handle_t* handle) {
  Channel* channel = static_cast<Channel*>(handle->data);
  const napi_async_cleanup_hook_handle hook = channel->hook_;
  channel->handle_open_ = false;
  if (channel->collected_) delete channel;
  // Last: it may end the environment, and with it the channel.
  napi_remove_async_cleanup_hook(hook);
}

void Channel::Drain() {
  const uint64_t turn_began = uv_hrtime();
  uint64_t last_request_at = 0;
  while (state_ == State::kOpen && TakeSome(turn_began, last_request_at) == Next::kGoOn) {
    last_request_at = uv_hrtime();
    if (last_request_at - turn_began >= kTurnNs) return;
  }
}

/**
 * Hands over what waits in one call, and then lets JavaScript finish it (run its microtasks): answers then follow each other
 * closely, so that a program which is woken does not take the processor before the next request is read.
 */
Channel::Next Channel::TakeSome(uint64_t turn_began, uint64_t last_request_at) {
  napi_handle_scope handles;
  if (napi_open_handle_scope(env_, &handles) != napi_ok) return Next::kStop;
  napi_value memories[kAtOnce];
  ReadResult read{ReadResult::Kind::kNothing, {}, 0};
  Slots::Lent lent;
  while (batch_.size() < kAtOnce && Lend(&lent)) {
    read = batch_.empty() ? Await(lent.memory, turn_began, last_request_at) : ReadRequest(fd_, lent.memory, buffer_bytes_);
    if (read.kind != ReadResult::Kind::kRequest) {
      slots_.Settle(lent.slot);
      break;
    }
    if (IsAnswered(read.header)) unanswered_.push_back(read.header.unique);
    memories[batch_.size()] = lent.buffer;
    batch_.push_back(lent.slot);
  }
  const Next next = batch_.empty() ? Next::kStop : Deliver(memories);
  for (const int slot : batch_) slots_.Settle(slot);
  batch_.clear();
  if (read.kind == ReadResult::Kind::kEnd && state_ == State::kOpen) End(read.error);
  napi_close_handle_scope(env_, handles);
  return next;
}

/** A place to read to; without one nothing is watched, because the device stays readable, which would only burn the processor. */
bool Channel::Lend(Slots::Lent* lent) {
  if (!slots_.HasFree()) {
    starved_ = true;
    uv_poll_stop(&poll_);
    return false;
  }
  if (slots_.Take(lent)) return true;
  RaisePending(env_);
  return false;
}

/** A request; after the first one of a turn, asks for so long as spinning is allowed. */
ReadResult Channel::Await(void* memory, uint64_t turn_began, uint64_t last_request_at) {
  for (;;) {
    const ReadResult read = ReadRequest(fd_, memory, buffer_bytes_);
    if (read.kind != ReadResult::Kind::kNothing || spin_ns_ == 0 || last_request_at == 0) return read;
    const uint64_t now = uv_hrtime();
    if (now - last_request_at >= spin_ns_ || now - turn_began >= kTurnNs) return read;
    spins_++;
  }
}

Channel::Next Channel::Deliver(const napi_value* memories) {
  napi_callback_scope callback;
  napi_value self, function;
  if (napi_open_callback_scope(env_, nullptr, context_, &callback) != napi_ok) return Next::kStop;
  const bool done = napi_get_reference_value(env_, self_, &self) == napi_ok &&
                    napi_get_reference_value(env_, on_requests_, &function) == napi_ok &&
                    napi_call_function(env_, self, function, batch_.size(), memories, nullptr) == napi_ok;
  if (!done) RaisePending(env_);
  napi_close_callback_scope(env_, callback);
  return done ? Next::kGoOn : Next::kStop;
}

void Channel::Watch() {
  starved_ = false;
  uv_poll_start(&poll_, UV_READABLE, OnPoll);
}

void Channel::End(int error) {
  state_ = State::kEnded;
  uv_poll_stop(&poll_);
  napi_value self, function, number;
  if (napi_get_reference_value(env_, self_, &self) != napi_ok ||
      napi_get_reference_value(env_, on_end_, &function) != napi_ok ||
      napi_create_int32(env_, error, &number) != napi_ok ||
      napi_make_callback(env_, context_, self, function, 1, &number, nullptr) != napi_ok) {
    RaisePending(env_);
  }
}

/** Fails every request, those in JavaScript's hands and those not read yet: a notification may hang on one of them. */
void Channel::FailUnanswered() {
  for (const uint64_t unique : unanswered_) WriteError(fd_, unique, ENOTCONN);
  unanswered_.clear();
  scratch_.resize(buffer_bytes_);
  for (int count = 0; count < kFailedAtOnce; count++) {
    const ReadResult read = ReadRequest(fd_, scratch_.data(), buffer_bytes_);
    if (read.kind != ReadResult::Kind::kRequest) return;
    if (IsAnswered(read.header)) WriteError(fd_, read.header.unique, ENOTCONN);
  }
}

}  // namespace cloudreve
