#include "discovery/dns/dns_message.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

constexpr uint16_t kClassInternet = 1;
constexpr size_t kLongestNameBytes = 255;       // RFC 1035 2.3.4, length bytes included
constexpr uint32_t kGreatestTtl = 0x7fff'ffff;  // RFC 2181 8: what is greater counts as 0

// A place in the message. A read beyond the end gives zeros and sets `failed`, so that the caller looks once.
class Reader {
 public:
  Reader(std::string_view message, size_t at) : message_(message), at_(at) {}

  uint8_t U8() { return Take(1) ? Byte(at_ - 1) : 0; }
  uint16_t U16() { return Take(2) ? static_cast<uint16_t>(Byte(at_ - 2) << 8 | Byte(at_ - 1)) : 0; }
  uint32_t U32() {
    const uint32_t high = U16();
    return high << 16 | U16();
  }
  std::string_view Bytes(size_t count) { return Take(count) ? message_.substr(at_ - count, count) : ""; }
  std::string Name();

  size_t at() const { return at_; }
  bool failed() const { return failed_; }

 private:
  bool Take(size_t count) {
    if (failed_ || message_.size() - at_ < count) {
      failed_ = true;
      return false;
    }
    at_ += count;
    return true;
  }
  uint8_t Byte(size_t at) const { return static_cast<uint8_t>(message_[at]); }
  std::string Fail() {
    failed_ = true;
    return "";
  }

  std::string_view message_;
  size_t at_;
  bool failed_ = false;
};

// "\046"
std::string Escaped(unsigned char byte) {
  const std::string digits = std::to_string(byte);
  return '\\' + std::string(3 - digits.size(), '0') + digits;
}

void AppendLabel(std::string& name, std::string_view label) {
  if (!name.empty()) name += '.';
  for (const char c : label) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isgraph(byte) && c != '.' && c != '\\') {
      name += absl::ascii_tolower(byte);
    } else {
      name += Escaped(byte);
    }
  }
}

// RFC 1035 4.1.4. Every pointer leads to before the one that led there, so there is an end to them.
std::string Reader::Name() {
  constexpr uint8_t kPointer = 0xc0;
  std::string name;
  size_t wire_bytes = 1;
  size_t lowest = at_;
  std::optional<size_t> after;
  while (true) {
    const uint8_t length = U8();
    if (failed_) return "";
    if (length == 0) break;
    if ((length & kPointer) == kPointer) {
      const size_t target = static_cast<size_t>(length & ~kPointer) << 8 | U8();
      if (failed_ || target >= lowest) return Fail();
      if (!after) after = at_;
      at_ = lowest = target;
      continue;
    }
    wire_bytes += length + 1;
    if ((length & kPointer) != 0 || wire_bytes > kLongestNameBytes) return Fail();
    AppendLabel(name, Bytes(length));
  }
  if (after) at_ = *after;
  return name;
}

IpBytes IpOf(std::string_view bytes) {
  IpBytes ip{};
  if (bytes.size() == 4) ip[10] = ip[11] = 0xff;
  std::copy(bytes.rbegin(), bytes.rend(), ip.rbegin());
  return ip;
}

void ReadAddress(Reader& reader, size_t size, size_t wanted, DnsRecord& record) {
  if (size == wanted) record.data = IpOf(reader.Bytes(size));
}

void ReadSrv(Reader& reader, DnsRecord& record) {
  SrvData data;
  data.priority = reader.U16();
  data.weight = reader.U16();
  data.port = reader.U16();
  data.target = reader.Name();
  record.data = std::move(data);
}

void ReadSoa(Reader& reader, DnsRecord& record) {
  constexpr size_t kSerialToExpireBytes = 16;
  reader.Name();
  reader.Name();
  reader.Bytes(kSerialToExpireBytes);
  record.data = SoaData{reader.U32()};
}

// Leaves the reader behind the data, where that is what its type says.
void ReadData(Reader& reader, size_t size, DnsRecord& record) {
  switch (record.type) {
    case RecordType::kA:
      return ReadAddress(reader, size, 4, record);
    case RecordType::kAaaa:
      return ReadAddress(reader, size, 16, record);
    case RecordType::kCname:
      record.data = CnameData{reader.Name()};
      return;
    case RecordType::kSrv:
      return ReadSrv(reader, record);
    case RecordType::kSoa:
      return ReadSoa(reader, record);
    default:
      reader.Bytes(size);
  }
}

absl::Status EndsTooSoon(std::string_view where) {
  return absl::InvalidArgumentError(Cat("ends or breaks off inside ", where));
}

absl::Status ReadQuestions(Reader& reader, int count, DnsMessage& message) {
  for (int i = 0; i < count; ++i) {
    DnsQuestion question;
    question.name = reader.Name();
    question.type = static_cast<RecordType>(reader.U16());
    reader.U16();
    if (reader.failed()) return EndsTooSoon("its question");
    message.questions.push_back(std::move(question));
  }
  return absl::OkStatus();
}

// RFC 6891 6.1.3: the OPT record's TTL begins with the upper 8 of the 12 bits of the code.
void AddExtendedCode(const DnsRecord& opt, DnsMessage& message) {
  const uint32_t upper = opt.ttl >> 24;
  message.code = static_cast<ResponseCode>(upper << 4 | static_cast<uint32_t>(message.code));
}

// Records of other classes than IN are passed over.
absl::Status ReadRecord(Reader& reader, DnsMessage& message, std::vector<DnsRecord>& section) {
  DnsRecord record;
  record.name = reader.Name();
  record.type = static_cast<RecordType>(reader.U16());
  const uint16_t record_class = reader.U16();
  record.ttl = reader.U32();
  const size_t size = reader.U16();
  const size_t begin = reader.at();
  if (reader.failed()) return EndsTooSoon("a record");
  if (record.type == RecordType::kOpt) AddExtendedCode(record, message);
  const bool ours = record_class == kClassInternet && record.type != RecordType::kOpt;
  if (ours)
    ReadData(reader, size, record);
  else
    reader.Bytes(size);
  if (reader.failed() || reader.at() != begin + size) {
    return EndsTooSoon(Cat("the ", WordOf(record.type), " record of \"", record.name, "\""));
  }
  if (record.ttl > kGreatestTtl) record.ttl = 0;
  if (ours) section.push_back(std::move(record));
  return absl::OkStatus();
}

absl::Status ReadSection(Reader& reader, int count, DnsMessage& message, std::vector<DnsRecord>& section) {
  for (int i = 0; i < count; ++i) {
    const absl::Status read = ReadRecord(reader, message, section);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

struct Counts {
  int questions = 0;
  int answers = 0;
  int authorities = 0;
  int additionals = 0;
};

// RFC 1035 4.1.1
Counts ReadHeader(Reader& reader, DnsMessage& message) {
  constexpr uint16_t kResponse = 0x8000;
  constexpr uint16_t kTruncated = 0x0200;
  constexpr uint16_t kCode = 0x000f;
  message.id = reader.U16();
  const uint16_t flags = reader.U16();
  message.response = (flags & kResponse) != 0;
  message.truncated = (flags & kTruncated) != 0;
  message.code = static_cast<ResponseCode>(flags & kCode);
  Counts counts;
  counts.questions = reader.U16();
  counts.answers = reader.U16();
  counts.authorities = reader.U16();
  counts.additionals = reader.U16();
  return counts;
}

absl::Status ReadBody(Reader& reader, const Counts& counts, DnsMessage& message) {
  absl::Status read = ReadQuestions(reader, counts.questions, message);
  if (read.ok()) read = ReadSection(reader, counts.answers, message, message.answers);
  if (read.ok()) read = ReadSection(reader, counts.authorities, message, message.authorities);
  if (read.ok()) read = ReadSection(reader, counts.additionals, message, message.additionals);
  return read;
}

}  // namespace

std::string WordOf(RecordType type) {
  switch (type) {
    case RecordType::kA:
      return "A";
    case RecordType::kNs:
      return "NS";
    case RecordType::kCname:
      return "CNAME";
    case RecordType::kSoa:
      return "SOA";
    case RecordType::kAaaa:
      return "AAAA";
    case RecordType::kSrv:
      return "SRV";
    case RecordType::kOpt:
      return "OPT";
  }
  return Cat("TYPE", static_cast<int>(type));
}

std::string WordOf(ResponseCode code) {
  switch (code) {
    case ResponseCode::kNoError:
      return "NOERROR";
    case ResponseCode::kFormatError:
      return "FORMERR";
    case ResponseCode::kServerFailure:
      return "SERVFAIL";
    case ResponseCode::kNameError:
      return "NXDOMAIN";
    case ResponseCode::kNotImplemented:
      return "NOTIMP";
    case ResponseCode::kRefused:
      return "REFUSED";
  }
  return Cat("RCODE ", static_cast<int>(code));
}

absl::StatusOr<DnsMessage> ParseDnsMessage(std::string_view bytes) {
  Reader reader(bytes, 0);
  DnsMessage message;
  const Counts counts = ReadHeader(reader, message);
  if (reader.failed()) return EndsTooSoon("its header");
  const absl::Status read = ReadBody(reader, counts, message);
  if (!read.ok()) return read;
  return message;
}

std::string CanonicalName(std::string_view name) {
  if (name.ends_with(".")) name.remove_suffix(1);
  std::string lower(name);
  absl::AsciiStrToLower(&lower);
  return lower;
}

}  // namespace naru::discovery
