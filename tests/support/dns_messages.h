// Writes DNS messages, uncompressed, for tests; and hex digits as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "discovery/dns/dns_message.h"

namespace naru::discovery {

// Spaces and line ends are passed over.
std::string FromHex(std::string_view digits);

// DnsReply(1, {"a.internal", RecordType::kA}).Answer().A("a.internal", 30, "10.0.0.1").Bytes(). Records go
// into the section that was named last.
class DnsReply {
 public:
  static constexpr uint16_t kTruncated = 0x0200;

  DnsReply(uint16_t id, const DnsQuestion& question, ResponseCode code = ResponseCode::kNoError,
           uint16_t flags = 0);

  DnsReply& Answer() { return Into(0); }
  DnsReply& Authority() { return Into(1); }
  DnsReply& Additional() { return Into(2); }

  DnsReply& A(std::string_view name, uint32_t ttl, std::string_view ip);
  DnsReply& Aaaa(std::string_view name, uint32_t ttl, std::string_view ip);
  DnsReply& Cname(std::string_view name, uint32_t ttl, std::string_view target);
  DnsReply& Ns(std::string_view name, uint32_t ttl, std::string_view server);
  DnsReply& Srv(std::string_view name, uint32_t ttl, const SrvData& data);
  DnsReply& Soa(std::string_view name, uint32_t ttl, uint32_t minimum);
  DnsReply& Opt(uint8_t upper_code);

  std::string Bytes() const;

 private:
  DnsReply& Into(int section);
  DnsReply& Record(std::string_view name, RecordType type, uint32_t ttl, std::string_view data,
                   uint16_t rclass = 1);

  std::string head_;
  std::string question_;
  std::string records_;
  uint16_t counts_[3] = {};
  int section_ = 0;
};

}  // namespace naru::discovery
