#include "discovery/source_record.h"

#include <utility>
#include <variant>

namespace naru::discovery {

SourceRecord::Change SourceRecord::Restore(KeptAnswer kept, TimePoint now) {
  if (finding_.set != nullptr) return {};
  const Change change = TakeAnswer(std::move(kept.answer));
  finding_.kept = true;
  finding_.confirmed = now - kept.age;
  return change;
}

SourceRecord::Change SourceRecord::Take(Report report, TimePoint now) {
  if (Trouble* trouble = std::get_if<Trouble>(&report)) return TakeTrouble(std::move(*trouble), now);
  ++finding_.answers;
  finding_.confirmed = now;
  finding_.kept = false;
  Change change;
  if (Answer* answer = std::get_if<Answer>(&report)) change = TakeAnswer(std::move(*answer));
  change.trouble_ended = EndTrouble();
  return change;
}

SourceRecord::Change SourceRecord::UseRanges(const PrivateRanges& ranges) {
  ranges_ = ranges;
  return finding_.set == nullptr ? Change{} : TakeAnswer(answer());
}

SourceRecord::Change SourceRecord::TakeAnswer(Answer answer) {
  const EndpointSet* before = finding_.set.get();
  const uint64_t version = before == nullptr ? 1 : before->version + 1;
  refused_.clear();
  for (const Endpoint& endpoint : answer.endpoints) {
    if (!ranges_.Allows(endpoint.address, WrittenBy::kSource)) refused_.push_back(endpoint);
  }
  EndpointSet set =
      Guarded(std::exchange(answer.endpoints, {}), ranges_, WrittenBy::kSource, uri_.text, version);
  Change change;
  change.endpoints = before == nullptr || !before->SameEndpoints(set) || finding_.exists != answer.exists;
  change.refused = before == nullptr ? !set.refused.empty() : before->refused != set.refused;
  finding_.exists = answer.exists;
  finding_.squad = answer.squad;
  finding_.revision = answer.revision;
  if (change.endpoints) finding_.set = std::make_shared<const EndpointSet>(std::move(set));
  told_ = std::move(answer);
  return change;
}

Answer SourceRecord::answer() const {
  Answer answer = told_;
  if (finding_.set != nullptr) answer.endpoints = finding_.set->endpoints;
  answer.endpoints.insert(answer.endpoints.end(), refused_.begin(), refused_.end());
  return answer;
}

SourceRecord::Change SourceRecord::TakeTrouble(Trouble trouble, TimePoint now) {
  ++finding_.troubles;
  Change change;
  change.trouble_began = finding_.error.empty();
  finding_.error = trouble.detail.empty() ? "asking failed" : std::move(trouble.detail);
  // Whoever shows it names the source anyway.
  if (const std::string prefix = uri_.text + ": "; finding_.error.starts_with(prefix)) {
    finding_.error.erase(0, prefix.size());
  }
  finding_.error_at = now;
  return change;
}

bool SourceRecord::EndTrouble() {
  const bool was = !finding_.error.empty();
  finding_.error.clear();
  return was;
}

}  // namespace naru::discovery
