// Registration, and what JavaScript passes turned into what C++ takes. The contract is ../index.d.ts.
#include <errno.h>
#include <limits.h>
#include <node_api.h>

#include <algorithm>
#include <cstring>

#include "arguments.h"
#include "channel.h"
#include "device.h"
#include "mount.h"

namespace cloudreve {

namespace {

constexpr int kAbiVersion = 6;
constexpr size_t kMaxArguments = 4;
constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;
/** FUSE_MIN_READ_BUFFER: with less, read(2) refuses. */
constexpr int64_t kMinBufferBytes = 8192;
constexpr int64_t kMaxBufferBytes = 64 << 20;
constexpr int64_t kDefaultSlots = 128;
constexpr int64_t kMaxSlots = 4096;
constexpr int64_t kMaxSpinUs = 1'000'000;

/** Arguments that were not passed are `undefined`. */
struct Call {
  napi_value self = nullptr;
  napi_value arguments[kMaxArguments];

  bool Read(napi_env env, napi_callback_info info) {
    size_t count = kMaxArguments;
    return napi_get_cb_info(env, info, &count, arguments, &self, nullptr) == napi_ok;
  }
};

napi_value Number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

/** Of a function that answers a descriptor or -errno. */
napi_value Descriptor(napi_env env, int result, const char* syscall) {
  return result < 0 ? ThrowErrno(env, -result, syscall) : Number(env, result);
}

bool ReadDescriptor(napi_env env, napi_value value, const char* what, int* out) {
  int64_t number;
  if (!ReadInteger(env, value, what, 0, INT_MAX, &number)) return false;
  *out = static_cast<int>(number);
  return true;
}

napi_value OpenDeviceCall(napi_env env, napi_callback_info) { return Descriptor(env, OpenDevice(), "open"); }

bool ReadText(napi_env env, napi_value object, const char* what, std::string* out) {
  napi_value value;
  return ReadProperty(env, object, what, &value) && ReadString(env, value, what, out);
}

napi_value MountDeviceCall(napi_env env, napi_callback_info info) {
  Call call;
  int fd;
  MountTarget target;
  napi_value flags;
  int64_t flag_bits;
  if (!call.Read(env, info) || !ReadDescriptor(env, call.arguments[0], "fd", &fd) ||
      !ReadText(env, call.arguments[1], "source", &target.source) ||
      !ReadText(env, call.arguments[1], "mountpoint", &target.mountpoint) ||
      !ReadText(env, call.arguments[1], "subtype", &target.subtype) ||
      !ReadText(env, call.arguments[1], "options", &target.options) ||
      !ReadProperty(env, call.arguments[1], "flags", &flags) ||
      !ReadInteger(env, flags, "flags", 0, UINT32_MAX, &flag_bits)) {
    return nullptr;
  }
  target.flags = static_cast<unsigned long>(flag_bits);
  const int error = MountDevice(fd, target);
  return error == 0 ? nullptr : ThrowErrno(env, error, "mount");
}

napi_value SocketPairCall(napi_env env, napi_callback_info) {
  int ends[2];
  const int error = SocketPair(ends);
  if (error != 0) return ThrowErrno(env, error, "socketpair");
  napi_value pair;
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok) return nullptr;
  for (uint32_t index = 0; index < 2; index++) napi_set_element(env, pair, index, Number(env, ends[index]));
  return pair;
}

napi_value ReceiveDeviceCall(napi_env env, napi_callback_info info) {
  Call call;
  int socket;
  int64_t timeout_ms;
  if (!call.Read(env, info) || !ReadDescriptor(env, call.arguments[0], "ours", &socket) ||
      !ReadInteger(env, call.arguments[1], "timeoutMs", 0, INT_MAX, &timeout_ms)) {
    return nullptr;
  }
  return Descriptor(env, ReceiveDevice(socket, static_cast<int>(timeout_ms)), "recvmsg");
}

bool ReadOptions(napi_env env, napi_value object, ChannelOptions* options) {
  napi_value fd, bytes, slots, spin;
  int64_t buffer_bytes, slot_count = kDefaultSlots, spin_us;
  if (!ReadProperty(env, object, "fd", &fd) || !ReadDescriptor(env, fd, "fd", &options->fd) ||
      !ReadProperty(env, object, "bufferBytes", &bytes) ||
      !ReadInteger(env, bytes, "bufferBytes", kMinBufferBytes, kMaxBufferBytes, &buffer_bytes) ||
      !ReadProperty(env, object, "spinUs", &spin) || !ReadInteger(env, spin, "spinUs", 0, kMaxSpinUs, &spin_us) ||
      !ReadProperty(env, object, "slots", &slots) ||
      (!IsUndefined(env, slots) && !ReadInteger(env, slots, "slots", 1, kMaxSlots, &slot_count)) ||
      !ReadProperty(env, object, "onRequests", &options->on_requests) ||
      !ReadFunction(env, options->on_requests, "onRequests") || !ReadProperty(env, object, "onEnd", &options->on_end) ||
      !ReadFunction(env, options->on_end, "onEnd")) {
    return false;
  }
  options->buffer_bytes = static_cast<size_t>(buffer_bytes);
  options->slots = static_cast<size_t>(slot_count);
  options->spin_ns = static_cast<uint64_t>(spin_us) * 1000;
  return true;
}

void Finalize(napi_env, void* channel, void*) { static_cast<Channel*>(channel)->Abandon(); }

napi_value Construct(napi_env env, napi_callback_info info) {
  Call call;
  napi_value target;
  ChannelOptions options{};
  if (napi_get_new_target(env, info, &target) != napi_ok || !call.Read(env, info)) return nullptr;
  if (target == nullptr) {
    napi_throw_type_error(env, nullptr, "Channel is a class: call it with new");
    return nullptr;
  }
  if (!ReadOptions(env, call.arguments[0], &options)) return nullptr;
  Channel* channel = new Channel(env, options);
  const int error = channel->Start(call.self, options);
  if (error != 0) {
    channel->Abandon();
    return ThrowErrno(env, error, "epoll_ctl");
  }
  if (napi_wrap(env, call.self, channel, Finalize, nullptr, nullptr) != napi_ok) channel->Abandon();
  return call.self;
}

/** The channel of a method's receiver; nullptr with an exception pending when it is none. */
Channel* ChannelOf(napi_env env, napi_callback_info info, Call* call) {
  void* channel = nullptr;
  if (call->Read(env, info) && napi_unwrap(env, call->self, &channel) == napi_ok) return static_cast<Channel*>(channel);
  napi_throw_type_error(env, "ERR_INVALID_THIS", "the receiver is not a Channel");
  return nullptr;
}

template <int (Channel::*method)(int)>
napi_value SlotCall(napi_env env, napi_callback_info info) {
  Call call;
  int64_t number;
  Channel* channel = ChannelOf(env, info, &call);
  if (channel == nullptr || !ReadInteger(env, call.arguments[0], "slot", 0, kMaxSlots, &number)) return nullptr;
  const int slot = (channel->*method)(static_cast<int>(number));
  if (slot >= 0) return Number(env, slot);
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the slot is not in the hands of the caller");
  return nullptr;
}

/** Cuts the first message off `rest`, and off `body` when it ends there. False when they do not hold a whole one. */
bool CutMessage(iovec* rest, iovec* body, iovec parts[2]) {
  ReplyHeader header;
  if (rest->iov_len < sizeof(header)) return false;
  std::memcpy(&header, rest->iov_base, sizeof(header));
  const size_t head = std::min<size_t>(header.len, rest->iov_len);
  parts[0] = {rest->iov_base, head};
  parts[1] = {body->iov_base, header.len - head};
  if (header.len < sizeof(header) || (parts[1].iov_len != 0 && parts[1].iov_len != body->iov_len)) return false;
  const size_t padded = std::min((head + 7) & ~size_t{7}, rest->iov_len);
  *rest = {static_cast<char*>(rest->iov_base) + padded, rest->iov_len - padded};
  return true;
}

napi_value ReplyCall(napi_env env, napi_callback_info info) {
  Call call;
  iovec rest, parts[2], body{};
  int64_t length;
  Channel* channel = ChannelOf(env, info, &call);
  if (channel == nullptr || !ReadBytes(env, call.arguments[0], "messages", 0, &rest) ||
      !ReadInteger(env, call.arguments[1], "lengthBytes", 0, static_cast<int64_t>(rest.iov_len), &length) ||
      (!IsUndefined(env, call.arguments[2]) && !ReadBytes(env, call.arguments[2], "body", 1, &body))) {
    return nullptr;
  }
  rest.iov_len = static_cast<size_t>(length);
  napi_value errors = nullptr;
  for (uint32_t index = 0; rest.iov_len > 0; index++) {
    if (!CutMessage(&rest, &body, parts)) {
      napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "a message does not end where it says");
      return nullptr;
    }
    const int error = channel->Reply(parts, parts[1].iov_len == 0 ? 1 : 2);
    if (error == 0) continue;
    if (errors == nullptr && napi_create_array(env, &errors) != napi_ok) return nullptr;
    napi_set_element(env, errors, index, Number(env, error));
  }
  return errors;
}

napi_value ReplyFromCachedFileCall(napi_env env, napi_callback_info info) {
  Call call;
  iovec header;
  int fd;
  int64_t offset, length;
  Channel* channel = ChannelOf(env, info, &call);
  if (channel == nullptr || !ReadBytes(env, call.arguments[0], "header", sizeof(ReplyHeader), &header) ||
      !ReadDescriptor(env, call.arguments[1], "fd", &fd) ||
      !ReadInteger(env, call.arguments[2], "offset", 0, kMaxSafeInteger, &offset) ||
      !ReadInteger(env, call.arguments[3], "length", 0, kMaxBufferBytes, &length)) {
    return nullptr;
  }
  return Number(env, channel->ReplyFromCachedFile(header, fd, offset, static_cast<size_t>(length)));
}

napi_value NotifyCall(napi_env env, napi_callback_info info) {
  Call call;
  iovec message;
  Channel* channel = ChannelOf(env, info, &call);
  if (channel == nullptr || !ReadBytes(env, call.arguments[0], "message", sizeof(ReplyHeader), &message)) return nullptr;
  const int error = channel->Notify(message.iov_base, message.iov_len);
  if (error != 0 && error != EAGAIN) return ThrowErrno(env, error, "notify");
  napi_value is_taken = nullptr;
  napi_get_boolean(env, error == 0, &is_taken);
  return is_taken;
}

napi_value NotificationsCall(napi_env env, napi_callback_info info) {
  Call call;
  Channel* channel = ChannelOf(env, info, &call);
  if (channel == nullptr) return nullptr;
  const Notifier::Counts counts = channel->notifications();
  const struct {
    const char* name;
    double value;
  } fields[] = {
      {"sent", static_cast<double>(counts.sent)},         {"unknown", static_cast<double>(counts.unknown)},
      {"failed", static_cast<double>(counts.failed)},     {"lastErrno", static_cast<double>(counts.last_error)},
      {"waiting", static_cast<double>(counts.waiting)},   {"waitingBytes", static_cast<double>(counts.waiting_bytes)},
  };
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return nullptr;
  for (const auto& field : fields) napi_set_named_property(env, result, field.name, Number(env, field.value));
  return result;
}

napi_value SpinsCall(napi_env env, napi_callback_info info) {
  Call call;
  Channel* channel = ChannelOf(env, info, &call);
  return channel == nullptr ? nullptr : Number(env, static_cast<double>(channel->spins()));
}

napi_value CloseCall(napi_env env, napi_callback_info info) {
  Call call;
  Channel* channel = ChannelOf(env, info, &call);
  if (channel != nullptr) channel->Close();
  return nullptr;
}

napi_property_descriptor Method(const char* name, napi_callback method) {
  return {name, nullptr, method, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

napi_value DefineChannel(napi_env env) {
  const napi_property_descriptor methods[] = {
      Method("keep", SlotCall<&Channel::Keep>),
      Method("release", SlotCall<&Channel::Release>),
      Method("reply", ReplyCall),
      Method("replyFromCachedFile", ReplyFromCachedFileCall),
      Method("notify", NotifyCall),
      Method("notifications", NotificationsCall),
      Method("spins", SpinsCall),
      Method("close", CloseCall),
  };
  napi_value result = nullptr;
  napi_define_class(env, "Channel", NAPI_AUTO_LENGTH, Construct, nullptr, sizeof(methods) / sizeof(methods[0]), methods,
                    &result);
  return result;
}

napi_property_descriptor Value(const char* name, napi_value value) {
  return {name, nullptr, nullptr, nullptr, nullptr, value, napi_enumerable, nullptr};
}

napi_property_descriptor Function(const char* name, napi_callback function) {
  return {name, nullptr, function, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace

napi_value Register(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      Value("ABI_VERSION", Number(env, kAbiVersion)),
      Function("openDevice", OpenDeviceCall),
      Function("mountDevice", MountDeviceCall),
      Function("socketPair", SocketPairCall),
      Function("receiveDevice", ReceiveDeviceCall),
      Value("Channel", DefineChannel(env)),
  };
  napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  return exports;
}

}  // namespace cloudreve

NAPI_MODULE_INIT() { return cloudreve::Register(env, exports); }
