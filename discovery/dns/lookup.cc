#include "discovery/dns/lookup.h"

#include <boost/asio/post.hpp>

#include "absl/strings/ascii.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Whatever its case, it is one name. Its last dot says that it is not to be searched for.
std::string InLowerCase(std::string name) {
  absl::AsciiStrToLower(&name);
  return name;
}

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

}  // namespace

std::shared_ptr<Lookup> Lookups::Addresses(const std::string& name,
                                           const std::shared_ptr<LookupListener>& listener) {
  return Find({InLowerCase(name), false}, {RecordType::kA, RecordType::kAaaa}, listener);
}

std::shared_ptr<Lookup> Lookups::Services(const std::string& name,
                                          const std::shared_ptr<LookupListener>& listener) {
  return Find({InLowerCase(name), true}, {RecordType::kSrv}, listener);
}

std::shared_ptr<Lookup> Lookups::Find(const Key& key, std::vector<RecordType> types,
                                      const std::shared_ptr<LookupListener>& listener) {
  std::shared_ptr<Lookup> lookup = lookups_[key].lock();
  const bool fresh = lookup == nullptr;
  if (fresh) {
    std::erase_if(lookups_, [](const auto& entry) { return entry.second.expired(); });
    lookup = std::make_shared<Lookup>(*this, DnsWatch(key.first, std::move(types), timing_, Now()));
    lookups_[key] = lookup;
  }
  lookup->Listen(listener);
  if (fresh) lookup->AskWhatIsDue();
  return lookup;
}

void Lookup::Listen(const std::shared_ptr<LookupListener>& listener) {
  std::erase_if(listeners_, [](const auto& other) { return other.expired(); });
  listeners_.push_back(listener);
  asio::post(lookups_.io_, [weak = weak_from_this(), late = std::weak_ptr(listener)] {
    const auto self = weak.lock();
    const auto alive = late.lock();
    if (self && alive && self->watch_.HeardAny()) alive->OnHeard(self->watch_);
  });
}

void Lookup::AskWhatIsDue() {
  for (const RecordType type : watch_.TakeDue(Now())) Ask(type);
  if (watch_.NextDue() == TimePoint::max()) return;
  timer_.expires_at(watch_.NextDue());
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (self && !error) self->AskWhatIsDue();
  });
}

void Lookup::Ask(RecordType type) {
  lookups_.resolver_.Ask({watch_.name(), type},
                         [weak = weak_from_this(), type](const absl::StatusOr<DnsAnswer>& answer) {
                           if (const auto self = weak.lock()) self->OnAnswer(type, answer);
                         });
}

void Lookup::OnAnswer(RecordType type, const absl::StatusOr<DnsAnswer>& answer) {
  const double uniform = lookups_.Uniform();
  if (answer.ok()) {
    watch_.Heard(type, *answer, Now(), uniform);
  } else {
    watch_.Failed(type, std::string(answer.status().message()), Now(), uniform);
  }
  AskWhatIsDue();
  TellAll();
}

// Whoever is told may end listening, others' too.
void Lookup::TellAll() {
  const auto self = shared_from_this();
  const std::vector<std::weak_ptr<LookupListener>> listeners = listeners_;
  for (const auto& listener : listeners) {
    if (const auto alive = listener.lock()) alive->OnHeard(watch_);
  }
}

}  // namespace naru::discovery
