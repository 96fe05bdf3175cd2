// Lets a deadline or a vanished application end whatever a call is waiting for, wherever that is.
//
// Cancelling never destroys a coroutine: it tells those who wait, they resume with a failure and unwind. The
// first reason stays. One thread.
#pragma once

#include <memory>

#include "sidecar/call/result.h"

namespace naru::call {

class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel(Failure why);
  bool cancelled() const { return reason_ != nullptr; }
  // What a wait that was ended returns. Only when cancelled.
  const Failure& failure() const { return *reason_; }
  void Reset() { reason_.reset(); }

 private:
  friend class OnCancel;
  std::unique_ptr<const Failure> reason_;  // most calls have none
  class OnCancel* innermost_ = nullptr;
};

// While it lives, a cancellation calls `hook(context)` once. The hook may make coroutines resume later, not
// now. If the call is cancelled already, the hook is not called: check first.
class OnCancel {
 public:
  using Hook = void (*)(void* context);
  OnCancel(Cancellation& cancellation, Hook hook, void* context);
  ~OnCancel();
  OnCancel(const OnCancel&) = delete;
  OnCancel& operator=(const OnCancel&) = delete;

 private:
  friend class Cancellation;
  Cancellation& cancellation_;
  Hook hook_;
  void* context_;
  OnCancel* outer_;
  OnCancel* inner_ = nullptr;
};

}  // namespace naru::call
