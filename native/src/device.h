#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace cloudreve {

/** What every request begins with (linux/fuse.h). Spelled out here: headers of a distribution may be years old. */
struct RequestHeader {
  uint32_t len;
  uint32_t opcode;
  uint64_t unique;
  uint64_t nodeid;
  uint32_t uid;
  uint32_t gid;
  uint32_t pid;
  uint32_t padding;
};

struct ReplyHeader {
  uint32_t len;
  int32_t error;
  uint64_t unique;
};

/** False for the requests that must not be answered: FORGET, INTERRUPT, NOTIFY_REPLY, BATCH_FORGET. */
bool IsAnswered(const RequestHeader& header);

/** `/dev/fuse`, close-on-exec and non-blocking; or -errno. */
int OpenDevice();

/** Another descriptor of the connection behind `fd`, with a queue of its own for what is read from it; or -errno. */
int CloneDevice(int fd);

struct ReadResult {
  enum class Kind { kRequest, kNothing, kEnd } kind;
  /** Of kRequest. */
  RequestHeader header;
  /** Of kEnd: ENODEV after an unmount. */
  int error;
};

/** One request. Those that were given up before they could be read, and signals, are passed over. */
ReadResult ReadRequest(int fd, void* memory, size_t size);

/** A whole message in one writev(2), as the kernel wants it. 0 or errno. */
int WriteMessage(int fd, const iovec* parts, int count);

/** An answer without a body. 0 or errno. */
int WriteError(int fd, uint64_t unique, int error);

/**
 * Exactly `length` bytes of a file, without waiting for a disk.
 * 0 or errno: EIO when the file ends before, EAGAIN when a disk would have to be asked.
 */
int ReadCached(int fd, void* memory, size_t length, int64_t offset);

}  // namespace cloudreve
