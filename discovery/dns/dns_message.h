// Reads a DNS message: bytes in, records out. Knows neither sockets nor what the answer means.
//
// Everything may come from a broken or hostile server, so every length is checked and every loop ends with
// the message. Only what naru uses is decoded; records of other types are kept without their data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/address.h"

namespace naru::discovery {

// RFC 1035 3.2.2, RFC 3596 (AAAA), RFC 2782 (SRV), RFC 6891 (OPT). Other values occur.
enum class RecordType : uint16_t { kA = 1, kNs = 2, kCname = 5, kSoa = 6, kAaaa = 28, kSrv = 33, kOpt = 41 };

// "A", "AAAA", "SRV"; "TYPE99" as RFC 3597 writes unknown ones.
std::string WordOf(RecordType type);

// RFC 1035 4.1.1 and RFC 6891 6.1.3: 12 bits with the part of the OPT record. Other values occur.
enum class ResponseCode : uint16_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNameError = 3,
  kNotImplemented = 4,
  kRefused = 5,
};

// "SERVFAIL"; "RCODE 16" where there is no word.
std::string WordOf(ResponseCode code);

struct CnameData {
  std::string target;

  bool operator==(const CnameData&) const = default;
};

struct SrvData {
  uint16_t priority = 0;
  uint16_t weight = 0;
  uint16_t port = 0;
  std::string target;  // empty: the service is decidedly not there (RFC 2782)

  bool operator==(const SrvData&) const = default;
};

struct SoaData {
  uint32_t minimum = 0;  // seconds that "there is none" may be believed (RFC 2308 4)

  bool operator==(const SoaData&) const = default;
};

// Names are in lower case and without the last dot, so the root is empty. Bytes that a label can hold but
// nobody would type are written \DDD (RFC 1035 5.1), so that two names are equal only when they are one.
struct DnsRecord {
  std::string name;
  RecordType type{};
  uint32_t ttl = 0;  // seconds
  std::variant<std::monostate, IpBytes, CnameData, SrvData, SoaData> data;

  bool operator==(const DnsRecord&) const = default;
};

struct DnsQuestion {
  std::string name;
  RecordType type{};

  auto operator<=>(const DnsQuestion&) const = default;
};

struct DnsMessage {
  uint16_t id = 0;
  bool response = false;
  bool truncated = false;
  ResponseCode code{};
  std::vector<DnsQuestion> questions;
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authorities;
  std::vector<DnsRecord> additionals;

  bool operator==(const DnsMessage&) const = default;
};

// Fails with a clause that can follow "the answer ": "ends inside a record".
absl::StatusOr<DnsMessage> ParseDnsMessage(std::string_view bytes);

// As names are compared: lower case, without the last dot.
std::string CanonicalName(std::string_view name);

}  // namespace naru::discovery
