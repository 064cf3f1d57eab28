#pragma once

#include <node_api.h>

#include <cstddef>
#include <vector>

namespace cloudreve {

/**
 * The memory that requests are read into, lent to JavaScript. Every slot is one Buffer that V8 owns, so a reference that
 * JavaScript keeps too long shows other bytes, never memory that is gone. Made when first needed.
 *
 *   free --Take--> lent --Keep--> kept --Release--> free
 *                   '-----Settle----------------------^
 *
 * All calls from the thread of `env`.
 */
class Slots {
 public:
  Slots(napi_env env, size_t bytes, size_t count);
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  struct Lent {
    int slot;
    void* memory;
    /** The whole slot; lives as long as the caller's handle scope. */
    napi_value buffer;
  };

  bool HasFree() const { return !free_.empty(); }
  /** @requires HasFree() and an open handle scope. False when there is no memory; an exception is then pending. */
  bool Take(Lent* lent);
  /** Ends a loan: what was not kept is free again. */
  void Settle(int slot);
  /** False when the slot is not lent. */
  bool Keep(int slot);
  /** False when the slot is not kept. A slot whose loan has not ended is lent again until it does. */
  bool Release(int slot);
  /** Forgets all memory; what JavaScript still holds stays valid. */
  void Drop();

 private:
  enum class State { kFree, kLent, kKept };
  struct Slot {
    State state = State::kFree;
    /** From Take to Settle. */
    bool is_on_loan = false;
    napi_ref buffer = nullptr;
  };

  bool IsSlot(int slot) const { return slot >= 0 && static_cast<size_t>(slot) < slots_.size(); }
  bool Allocate(Slot* slot, Lent* lent);
  void Free(int slot);
  void Forget(Slot* slot);

  const napi_env env_;
  const size_t bytes_;
  std::vector<Slot> slots_;
  /** The one used last is used next: it is warm, and the others stay untouched. */
  std::vector<int> free_;
  /** Free slots that have memory. */
  size_t idle_ = 0;
};

}  // namespace cloudreve
