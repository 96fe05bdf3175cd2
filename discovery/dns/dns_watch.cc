#include "discovery/dns/dns_watch.h"

#include <algorithm>
#include <cassert>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

using Standing = RecordWatch::Standing;

}  // namespace

DnsWatch::DnsWatch(std::string name, std::vector<RecordType> types, const DnsTiming& timing, TimePoint now)
    : name_(std::move(name)), timing_(timing) {
  for (const RecordType type : types) questions_.push_back({type, RecordWatch(timing, now)});
}

TimePoint DnsWatch::NextDue() const {
  TimePoint next = TimePoint::max();
  for (const Question& question : questions_) next = std::min(next, question.watch.due());
  return next;
}

std::vector<RecordType> DnsWatch::TakeDue(TimePoint now) {
  std::vector<RecordType> due;
  for (Question& question : questions_) {
    if (question.watch.due() > now) continue;
    question.watch.Ask();
    due.push_back(question.type);
  }
  return due;
}

void DnsWatch::Heard(RecordType type, const DnsAnswer& answer, TimePoint now, double uniform) {
  RecordWatch& watch = WatchOf(type);
  const bool had_records = watch.standing() == Standing::kRecords;
  // Where the name has records of another type, nothing is missed, and nobody is to be asked every 5 s.
  const Duration longest = OthersHaveRecords(type) ? timing_.max_ttl : RecordWatch::kLongestNegative;
  watch.Heard(answer, longest, now, uniform);
  answered_ = true;
  trouble_ = watch.doubted() ? Doubt(type, answer, had_records) : "";
  if (watch.doubted() && had_records) AskOthersAgain(type, now);
}

void DnsWatch::Failed(RecordType type, std::string detail, TimePoint now, double uniform) {
  RecordWatch& watch = WatchOf(type);
  watch.Failed(now, uniform);
  answered_ = false;
  // A server that never answers one of the two is told of once, not every time in turn with the other's
  // answer.
  const bool told = watch.failures() > 1 && OthersAnswer(type);
  trouble_ = told ? "" : std::move(detail);
}

// A service that moves from one family to the other is not to look empty until the other one's turn comes.
void DnsWatch::AskOthersAgain(RecordType type, TimePoint now) {
  for (Question& question : questions_) {
    if (question.type != type) question.watch.AskBy(now);
  }
}

DnsFound DnsWatch::Found() const {
  DnsFound found{{}, {}, true, false, ""};
  for (const Question& question : questions_) {
    const DnsAnswer& answer = question.watch.answer();
    found.addresses.insert(found.addresses.end(), answer.addresses.begin(), answer.addresses.end());
    found.targets.insert(found.targets.end(), answer.targets.begin(), answer.targets.end());
    found.sure = found.sure && question.watch.sure();
    found.exists = found.exists || question.watch.standing() != Standing::kMissing;
  }
  if (found.empty() && found.sure)
    found.nothing = DescribeNothing(questions_.front().watch.answer(), TypesInWords());
  return found;
}

bool DnsWatch::HeardAll() const {
  return std::all_of(questions_.begin(), questions_.end(), [](const Question& q) { return q.watch.heard(); });
}

bool DnsWatch::HeardAny() const {
  return std::any_of(questions_.begin(), questions_.end(), [](const Question& q) { return q.watch.heard(); });
}

RecordWatch& DnsWatch::WatchOf(RecordType type) {
  const auto at = std::find_if(questions_.begin(), questions_.end(),
                               [type](const Question& question) { return question.type == type; });
  assert(at != questions_.end());
  return at->watch;
}

bool DnsWatch::OthersHaveRecords(RecordType type) const {
  return std::any_of(questions_.begin(), questions_.end(), [type](const Question& question) {
    return question.type != type && question.watch.standing() == Standing::kRecords;
  });
}

bool DnsWatch::OthersAnswer(RecordType type) const {
  return std::any_of(questions_.begin(), questions_.end(), [type](const Question& question) {
    return question.type != type && question.watch.heard() && question.watch.failures() == 0;
  });
}

// A family that a name never had is no trouble, and neither is one that is doubted while another is not
// heard.
std::string DnsWatch::Doubt(RecordType type, const DnsAnswer& answer, bool had_records) const {
  if (had_records)
    return Cat(DescribeNothing(answer, WordOf(type)), ". What was known stays until that is confirmed.");
  if (OthersHaveRecords(type) || !HeardAll()) return "";
  return Cat(DescribeNothing(answer, TypesInWords()), ". It is asked once more before that is believed.");
}

std::string DnsWatch::DescribeNothing(const DnsAnswer& answer, const std::string& types) const {
  const std::string says = Cat(", says the DNS server ", answer.said_by);
  if (answer.kind != DnsAnswer::Kind::kMissing) {
    return Cat(name_, " has no ", types, " record", says);
  }
  // The SOA of a Cloud Map zone gives 300 s through the resolver of a VPC.
  return Cat(name_, " does not exist", says,
             " (NXDOMAIN). If it was created a moment ago, a caching resolver on the way, such as the "
             "VPC's, may keep saying so for up to 300 s");
}

std::string DnsWatch::TypesInWords() const {
  std::vector<std::string> words;
  for (const Question& question : questions_) words.push_back(WordOf(question.type));
  return Join(words, " or ");
}

}  // namespace naru::discovery
