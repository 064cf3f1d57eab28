#include "slots.h"

namespace cloudreve {

namespace {

/** Memory of this many free slots stays for the next burst. */
constexpr size_t kIdleSlots = 16;

}  // namespace

Slots::Slots(napi_env env, size_t bytes, size_t count) : env_(env), bytes_(bytes), slots_(count) {
  free_.reserve(count);
  for (size_t slot = count; slot > 0; slot--) free_.push_back(static_cast<int>(slot - 1));
}

bool Slots::Take(Lent* lent) {
  lent->slot = free_.back();
  Slot& slot = slots_[static_cast<size_t>(lent->slot)];
  if (slot.buffer != nullptr) idle_--;
  size_t bytes = 0;
  // Memory that JavaScript transferred to another thread is not ours any more: its length is 0 then.
  const bool usable = slot.buffer != nullptr && napi_get_reference_value(env_, slot.buffer, &lent->buffer) == napi_ok &&
                      napi_get_buffer_info(env_, lent->buffer, &lent->memory, &bytes) == napi_ok && bytes == bytes_;
  if (!usable && !Allocate(&slot, lent)) return false;
  free_.pop_back();
  slot.state = State::kLent;
  slot.is_on_loan = true;
  return true;
}

void Slots::Settle(int number) {
  Slot& slot = slots_[static_cast<size_t>(number)];
  slot.is_on_loan = false;
  if (slot.state == State::kLent) Free(number);
}

bool Slots::Keep(int slot) {
  if (!IsSlot(slot) || slots_[static_cast<size_t>(slot)].state != State::kLent) return false;
  slots_[static_cast<size_t>(slot)].state = State::kKept;
  return true;
}

bool Slots::Release(int number) {
  if (!IsSlot(number) || slots_[static_cast<size_t>(number)].state != State::kKept) return false;
  Slot& slot = slots_[static_cast<size_t>(number)];
  slot.state = State::kLent;
  if (!slot.is_on_loan) Free(number);
  return true;
}

void Slots::Drop() {
  for (Slot& slot : slots_) Forget(&slot);
}

bool Slots::Allocate(Slot* slot, Lent* lent) {
  Forget(slot);
  return napi_create_buffer(env_, bytes_, &lent->memory, &lent->buffer) == napi_ok &&
         napi_create_reference(env_, lent->buffer, 1, &slot->buffer) == napi_ok;
}

void Slots::Free(int number) {
  Slot& slot = slots_[static_cast<size_t>(number)];
  slot.state = State::kFree;
  if (idle_ >= kIdleSlots) Forget(&slot);
  if (slot.buffer != nullptr) idle_++;
  free_.push_back(number);
}

void Slots::Forget(Slot* slot) {
  if (slot->buffer == nullptr) return;
  napi_delete_reference(env_, slot->buffer);
  slot->buffer = nullptr;
}

}  // namespace cloudreve
