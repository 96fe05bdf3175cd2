#include "sidecar/call/cancellation.h"

namespace naru::call {

void Cancellation::Cancel(Failure why) {
  if (reason_) return;
  reason_ = std::make_unique<const Failure>(std::move(why));
  for (OnCancel* waiting = innermost_; waiting != nullptr; waiting = waiting->outer_)
    waiting->hook_(waiting->context_);
}

OnCancel::OnCancel(Cancellation& cancellation, Hook hook, void* context)
    : cancellation_(cancellation), hook_(hook), context_(context), outer_(cancellation.innermost_) {
  if (outer_ != nullptr) outer_->inner_ = this;
  cancellation_.innermost_ = this;
}

// Waits of a call run side by side (its upload beside its answer), so they may end in any order.
OnCancel::~OnCancel() {
  if (outer_ != nullptr) outer_->inner_ = inner_;
  if (inner_ != nullptr) inner_->outer_ = outer_;
  if (cancellation_.innermost_ == this) cancellation_.innermost_ = outer_;
}

}  // namespace naru::call
