#include "discovery/file/read_decision.h"

namespace naru::discovery {

ReadDecision::Verdict ReadDecision::Look(const std::optional<FileLook>& look, Writer writer, TimePoint now) {
  Verdict verdict = Verdict::kRead;
  if (ever_read_ && writer != Writer::kFinished) {
    verdict = look == read_ ? Verdict::kUnchanged : Wait(look, writer, now);
  }
  if (verdict == Verdict::kLookAgain) return verdict;
  ever_read_ = true;
  read_ = look;
  candidate_.reset();
  return verdict;
}

ReadDecision::Verdict ReadDecision::Wait(const std::optional<FileLook>& look, Writer writer, TimePoint now) {
  if (!candidate_.has_value() || candidate_->look != look) {
    candidate_ = Candidate{look, now};
    return Verdict::kLookAgain;
  }
  const Duration settled = writer == Writer::kWriting ? kGivenUp : kSettled;
  return now - candidate_->since >= settled ? Verdict::kRead : Verdict::kLookAgain;
}

}  // namespace naru::discovery
