#include "discovery/file/read_decision.h"

namespace naru::discovery {

ReadDecision::Verdict ReadDecision::Look(const std::optional<FileLook>& look, bool finished) {
  if (ever_read_ && !finished && look == read_) {
    candidate_.reset();
    return Verdict::kUnchanged;
  }
  const bool settled = candidate_ == std::make_optional(look);
  if (ever_read_ && !finished && !settled) {
    candidate_ = look;
    return Verdict::kLookAgain;
  }
  ever_read_ = true;
  read_ = look;
  candidate_.reset();
  return Verdict::kRead;
}

}  // namespace naru::discovery
