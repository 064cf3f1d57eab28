#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>

namespace cloudreve {

namespace {

constexpr uint32_t kForget = 2;
constexpr uint32_t kInterrupt = 36;
constexpr uint32_t kNotifyReply = 41;
constexpr uint32_t kBatchForget = 42;

// FUSE_DEV_IOC_CLONE
const unsigned long kCloneRequest = _IOR(229, 0, uint32_t);

ssize_t ReadSome(int fd, const iovec& part, int64_t offset) {
  const ssize_t bytes = preadv2(fd, &part, 1, offset, RWF_NOWAIT);
  // Some filesystems do not know the flag: then waiting is all there is.
  if (bytes < 0 && errno == EOPNOTSUPP) return preadv(fd, &part, 1, offset);
  return bytes;
}

}  // namespace

bool IsAnswered(const RequestHeader& header) {
  return header.opcode != kForget && header.opcode != kInterrupt && header.opcode != kNotifyReply &&
         header.opcode != kBatchForget;
}

int OpenDevice() {
  const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int CloneDevice(int fd) {
  const int clone = OpenDevice();
  if (clone < 0) return clone;
  const uint32_t original = static_cast<uint32_t>(fd);
  if (ioctl(clone, kCloneRequest, &original) == 0) return clone;
  const int error = errno;
  close(clone);
  return -error;
}

ReadResult ReadRequest(int fd, void* memory, size_t size) {
  for (;;) {
    const ssize_t bytes = read(fd, memory, size);
    if (bytes >= static_cast<ssize_t>(sizeof(RequestHeader))) {
      ReadResult read{ReadResult::Kind::kRequest, {}, 0};
      std::memcpy(&read.header, memory, sizeof(read.header));
      if (read.header.len == static_cast<size_t>(bytes)) return read;
    }
    if (bytes >= 0) return {ReadResult::Kind::kEnd, {}, EIO};
    if (errno == EAGAIN) return {ReadResult::Kind::kNothing, {}, 0};
    if (errno != ENOENT && errno != EINTR) return {ReadResult::Kind::kEnd, {}, errno};
  }
}

int WriteMessage(int fd, const iovec* parts, int count) {
  for (;;) {
    // To look at a list costs the kernel a little more.
    if ((count == 1 ? write(fd, parts->iov_base, parts->iov_len) : writev(fd, parts, count)) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

int WriteError(int fd, uint64_t unique, int error) {
  ReplyHeader header{sizeof(ReplyHeader), -error, unique};
  const iovec part{&header, sizeof(header)};
  return WriteMessage(fd, &part, 1);
}

int ReadCached(int fd, void* memory, size_t length, int64_t offset) {
  size_t done = 0;
  while (done < length) {
    const iovec part{static_cast<char*>(memory) + done, length - done};
    const ssize_t bytes = ReadSome(fd, part, offset + static_cast<int64_t>(done));
    if (bytes == 0) return EIO;
    if (bytes > 0) {
      done += static_cast<size_t>(bytes);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace cloudreve
