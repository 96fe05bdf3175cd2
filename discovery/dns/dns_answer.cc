#include "discovery/dns/dns_answer.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

using std::chrono::seconds;

constexpr int kLongestChain = 16;  // CNAMEs; resolvers stop at about as many
constexpr seconds kNoLimit{0x7fff'ffff};

absl::Status Unusable(std::string what) {
  return absl::UnavailableError(std::move(what));
}

seconds TtlOf(const DnsRecord& record) {
  return seconds(record.ttl);
}

// The end of the CNAMEs that begin at a name, and the least TTL on the way.
struct Chain {
  std::string name;
  seconds ttl = kNoLimit;
};

const DnsRecord* FindCname(const std::vector<DnsRecord>& records, const std::string& name) {
  const auto at = std::find_if(records.begin(), records.end(), [&](const DnsRecord& record) {
    return record.type == RecordType::kCname && record.name == name;
  });
  return at == records.end() ? nullptr : &*at;
}

std::optional<Chain> FollowCnames(const std::vector<DnsRecord>& records, std::string name) {
  Chain chain{std::move(name)};
  for (int links = 0; links <= kLongestChain; ++links) {
    const DnsRecord* cname = FindCname(records, chain.name);
    if (cname == nullptr) return chain;
    chain.ttl = std::min(chain.ttl, TtlOf(*cname));
    chain.name = std::get<CnameData>(cname->data).target;
  }
  return std::nullopt;
}

void SortOut(std::vector<IpBytes>& addresses) {
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

bool HasAddress(const DnsRecord& record, const std::string& name) {
  return record.name == name && std::holds_alternative<IpBytes>(record.data);
}

// The addresses of the target that the message brings along (RFC 2782, "Additional Data").
void AddAddresses(const std::vector<DnsRecord>& additionals, SrvTarget& target, seconds& ttl) {
  for (const DnsRecord& record : additionals) {
    if (!HasAddress(record, target.srv.target)) continue;
    target.addresses.push_back(std::get<IpBytes>(record.data));
    ttl = std::min(ttl, TtlOf(record));
  }
  SortOut(target.addresses);
}

void AddRecord(const DnsRecord& record, const DnsMessage& message, DnsAnswer& answer) {
  answer.ttl = std::min(answer.ttl, TtlOf(record));
  if (const auto* ip = std::get_if<IpBytes>(&record.data)) answer.addresses.push_back(*ip);
  if (const auto* srv = std::get_if<SrvData>(&record.data)) {
    answer.targets.push_back({*srv, {}});
    AddAddresses(message.additionals, answer.targets.back(), answer.ttl);
  }
}

void SortOut(std::vector<SrvTarget>& targets) {
  const auto key = [](const SrvTarget& target) {
    return std::tie(target.srv.priority, target.srv.target, target.srv.port, target.srv.weight);
  };
  std::sort(targets.begin(), targets.end(),
            [&](const SrvTarget& a, const SrvTarget& b) { return key(a) < key(b); });
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
}

DnsAnswer Positive(const DnsMessage& message, const Chain& chain, RecordType type) {
  DnsAnswer answer{DnsAnswer::Kind::kRecords, {}, {}, chain.ttl};
  for (const DnsRecord& record : message.answers) {
    if (record.type == type && record.name == chain.name) AddRecord(record, message, answer);
  }
  SortOut(answer.addresses);
  SortOut(answer.targets);
  return answer;
}

bool Has(const std::vector<DnsRecord>& records, RecordType type) {
  return std::any_of(records.begin(), records.end(), [&](const DnsRecord& r) { return r.type == type; });
}

// RFC 2308 5
seconds NegativeTtl(const DnsMessage& message) {
  seconds ttl = kNoLimit;
  for (const DnsRecord& record : message.authorities) {
    const auto* soa = std::get_if<SoaData>(&record.data);
    if (soa != nullptr) ttl = std::min({ttl, TtlOf(record), seconds(soa->minimum)});
  }
  return ttl;
}

// RFC 2308 2.2: a server that does not recurse sends names of other servers and no SOA, which says nothing.
bool IsReferral(const DnsMessage& message) {
  return message.code == ResponseCode::kNoError && Has(message.authorities, RecordType::kNs) &&
         !Has(message.authorities, RecordType::kSoa);
}

absl::StatusOr<DnsAnswer> Negative(const DnsMessage& message) {
  if (IsReferral(message)) {
    return Unusable("referred to other servers instead of answering: it does not recurse for us");
  }
  const bool missing = message.code == ResponseCode::kNameError;
  return DnsAnswer{
      missing ? DnsAnswer::Kind::kMissing : DnsAnswer::Kind::kEmpty, {}, {}, NegativeTtl(message)};
}

absl::Status CheckUsable(const DnsMessage& message, const DnsQuestion& question) {
  if (!message.response) return Unusable("sent a question in place of an answer");
  if (message.code != ResponseCode::kNoError && message.code != ResponseCode::kNameError) {
    return Unusable("answered " + WordOf(message.code));
  }
  if (message.truncated) return Unusable("sent a truncated answer over TCP, too");
  if (message.questions.size() != 1 || message.questions[0] != question) {
    return Unusable("answered another question than was asked");
  }
  return absl::OkStatus();
}

// Letters, digits, hyphens and underscores: what can be asked for in turn. The root says "not here".
bool IsHostName(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

absl::Status CheckTargets(const DnsAnswer& answer) {
  for (const SrvTarget& target : answer.targets) {
    if (IsHostName(target.srv.target) && (target.srv.port != 0 || target.srv.target.empty())) continue;
    return Unusable(Cat("sent the SRV target \"", target.srv.target, ":", target.srv.port,
                        "\", which is no host and port"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DnsAnswer> ReadDnsAnswer(const DnsMessage& message, const DnsQuestion& asked) {
  const DnsQuestion question{CanonicalName(asked.name), asked.type};
  const absl::Status usable = CheckUsable(message, question);
  if (!usable.ok()) return usable;
  const std::optional<Chain> chain = FollowCnames(message.answers, question.name);
  if (!chain) return Unusable(Cat("sent CNAMEs that go in a circle, or more than ", kLongestChain));
  DnsAnswer answer = Positive(message, *chain, question.type);
  if (answer.addresses.empty() && answer.targets.empty()) return Negative(message);
  const absl::Status sound = CheckTargets(answer);
  if (!sound.ok()) return sound;
  return answer;
}

}  // namespace naru::discovery
