#include "tests/support/dns_messages.h"

#include <cctype>

namespace naru::discovery {
namespace {

constexpr size_t kV4Begin = 12;

std::string U16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string U32(uint32_t value) {
  return U16(value >> 16) + U16(value & 0xffff);
}

std::string Name(std::string_view name) {
  std::string bytes;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    bytes += static_cast<char>(label.size());
    bytes += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return bytes + '\0';
}

std::string Ip(std::string_view text) {
  const IpBytes ip = ParseIp(text).value();
  const std::string bytes(ip.begin(), ip.end());
  return IsV4(ip) ? bytes.substr(kV4Begin) : bytes;
}

}  // namespace

std::string FromHex(std::string_view digits) {
  std::string bytes;
  std::string pair;
  for (const char c : digits) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) continue;
    pair += c;
    if (pair.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
    pair.clear();
  }
  return bytes;
}

DnsReply::DnsReply(uint16_t id, const DnsQuestion& question, ResponseCode code, uint16_t flags) {
  constexpr uint16_t kResponse = 0x8180;  // recursion desired and available
  head_ = U16(id) + U16(kResponse | flags | static_cast<unsigned>(code)) + U16(1);
  question_ = Name(question.name) + U16(static_cast<unsigned>(question.type)) + U16(1);
}

DnsReply& DnsReply::A(std::string_view name, uint32_t ttl, std::string_view ip) {
  return Record(name, RecordType::kA, ttl, Ip(ip));
}

DnsReply& DnsReply::Aaaa(std::string_view name, uint32_t ttl, std::string_view ip) {
  return Record(name, RecordType::kAaaa, ttl, Ip(ip));
}

DnsReply& DnsReply::Cname(std::string_view name, uint32_t ttl, std::string_view target) {
  return Record(name, RecordType::kCname, ttl, Name(target));
}

DnsReply& DnsReply::Ns(std::string_view name, uint32_t ttl, std::string_view server) {
  return Record(name, RecordType::kNs, ttl, Name(server));
}

DnsReply& DnsReply::Srv(std::string_view name, uint32_t ttl, const SrvData& data) {
  return Record(name, RecordType::kSrv, ttl,
                U16(data.priority) + U16(data.weight) + U16(data.port) + Name(data.target));
}

DnsReply& DnsReply::Soa(std::string_view name, uint32_t ttl, uint32_t minimum) {
  return Record(name, RecordType::kSoa, ttl,
                Name("ns.internal") + Name("admin.internal") + std::string(16, '\0') + U32(minimum));
}

DnsReply& DnsReply::Opt(uint8_t upper_code) {
  constexpr uint16_t kUdpBytes = 1232;
  return Record("", RecordType::kOpt, static_cast<uint32_t>(upper_code) << 24, "", kUdpBytes);
}

std::string DnsReply::Bytes() const {
  return head_ + U16(counts_[0]) + U16(counts_[1]) + U16(counts_[2]) + question_ + records_;
}

DnsReply& DnsReply::Into(int section) {
  section_ = section;
  return *this;
}

DnsReply& DnsReply::Record(std::string_view name, RecordType type, uint32_t ttl, std::string_view data,
                           uint16_t rclass) {
  ++counts_[section_];
  records_ += Name(name) + U16(static_cast<unsigned>(type)) + U16(rclass) + U32(ttl) +
              U16(static_cast<unsigned>(data.size())) + std::string(data);
  return *this;
}

}  // namespace naru::discovery
