// What a DNS message says to the question that was asked: records, or that there are none, or nothing usable.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/dns/dns_message.h"

namespace naru::discovery {

// One SRV record and what the same message says of its target.
struct SrvTarget {
  SrvData srv;
  std::vector<IpBytes> addresses;  // of the additional section, ascending; empty: to be asked for

  bool operator==(const SrvTarget&) const = default;
};

struct DnsAnswer {
  enum class Kind : uint8_t {
    kRecords,
    kEmpty,    // the name exists and has no records of this type (NODATA, RFC 2308 2.2)
    kMissing,  // the name does not exist (NXDOMAIN)
  };

  Kind kind = Kind::kEmpty;
  std::vector<IpBytes> addresses;  // to an A or AAAA question, ascending, each once
  std::vector<SrvTarget> targets;  // to an SRV question, by priority, then target and port
  // How long this may be believed: the least of the CNAMEs that led here, of the records, and of the
  // addresses in `targets`. Of a negative answer as RFC 2308 5 says: the lesser of the SOA's TTL and its
  // MINIMUM, and the most there is when it has no SOA.
  std::chrono::seconds ttl{0};
  std::string said_by;  // the server or servers asked, for people

  bool operator==(const DnsAnswer&) const = default;
};

// Fails with a clause that can follow the name of the server: "answered SERVFAIL". A failure says nothing
// about the name: what was known of it stays.
absl::StatusOr<DnsAnswer> ReadDnsAnswer(const DnsMessage& message, const DnsQuestion& question);

}  // namespace naru::discovery
