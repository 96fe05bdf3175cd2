// Whatever a DNS server sends is records, or a sentence. What is believed of it is within its bounds, and a
// negative answer carries nothing.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "discovery/dns/dns_answer.h"
#include "discovery/dns/srv_endpoints.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using naru::discovery::DnsAnswer;
using naru::discovery::DnsMessage;
using naru::discovery::DnsQuestion;
using naru::discovery::DnsRecord;

// RFC 1035 2.3.4: 255 bytes, of which each may take four characters.
constexpr size_t kLongestName = 4 * 255;
constexpr size_t kLeastRecordBytes = 11;

void RequireSound(const std::vector<DnsRecord>& records, size_t size) {
  Require(records.size() <= size / kLeastRecordBytes);
  for (const DnsRecord& record : records) {
    Require(record.name.size() <= kLongestName);
    Require(record.ttl <= 0x7fff'ffff);
    Require(std::all_of(record.name.begin(), record.name.end(),
                        [](unsigned char c) { return c > 32 && c < 127; }));
  }
}

void CheckAnswer(const DnsAnswer& answer) {
  Require(answer.ttl.count() >= 0);
  Require(std::is_sorted(answer.addresses.begin(), answer.addresses.end()));
  Require((answer.kind == DnsAnswer::Kind::kRecords) ==
          (!answer.addresses.empty() || !answer.targets.empty()));
  naru::discovery::SrvEndpoints endpoints;
  endpoints.Update(answer.targets);
  Require(endpoints.HostsToResolve().size() <= answer.targets.size());
  const auto combined = endpoints.Combine({});
  for (const auto& endpoint : combined ? combined->endpoints : std::vector<naru::discovery::Endpoint>{}) {
    Require(endpoint.weight >= 1 && endpoint.address.port != 0);
  }
}

void CheckMessage(const DnsMessage& message, size_t size) {
  RequireSound(message.answers, size);
  RequireSound(message.authorities, size);
  RequireSound(message.additionals, size);
  const DnsQuestion question = message.questions.empty() ? DnsQuestion{} : message.questions[0];
  const auto answer = naru::discovery::ReadDnsAnswer(message, question);
  if (answer.ok())
    CheckAnswer(*answer);
  else
    Require(!answer.status().message().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = naru::discovery::ParseDnsMessage(bytes);
  if (message.ok())
    CheckMessage(*message, size);
  else
    Require(!message.status().message().empty());
  return 0;
}
