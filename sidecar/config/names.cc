#include "sidecar/config/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

constexpr size_t kLongestHost = 253;
constexpr size_t kLongestGrpcName = 1024;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
}

std::string WhyTooLong(std::string_view name, size_t longest) {
  if (name.empty()) return "is empty";
  return name.size() > longest ? Cat("is longer than ", longest, " characters") : "";
}

bool EqualIgnoringCase(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return absl::ascii_tolower(static_cast<unsigned char>(x)) == y; });
}

bool EndsIgnoringCase(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && EqualIgnoringCase(text.substr(text.size() - end.size()), end);
}

// 127.0.0.0/8 as four decimal numbers: "127.example.com" is a name like any other.
bool IsLoopbackV4(std::string_view host) {
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos &&
         std::count(host.begin(), host.end(), '.') == 3;
}

std::string WhyNoHostName(std::string_view name) {
  if (!std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return "may hold only lower-case letters, digits, \"-\", \"_\" and \".\"";
  }
  const std::string lower = absl::AsciiStrToLower(std::string(name));
  if (lower != name) return Cat("must be lower case: write ", lower);
  const bool ends_well = absl::ascii_isalnum(static_cast<unsigned char>(name.front())) &&
                         absl::ascii_isalnum(static_cast<unsigned char>(name.back()));
  if (!ends_well) return "must begin and end with a letter or a digit";
  if (MeansThisMachine(name))
    return "means this machine: with that Host, the first path segment names the service";
  return "";
}

// A protobuf identifier: a letter or "_", then letters, digits and "_".
bool IsIdentifier(std::string_view text) {
  return !text.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; });
}

bool AreIdentifiersWithDots(std::string_view text) {
  while (true) {
    const size_t dot = text.find('.');
    if (!IsIdentifier(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

enum class OrAll : bool { kNo, kYes };  // may the method be "*"?

std::string WhyNoGrpcName(std::string_view name, OrAll or_all) {
  if (name.size() > kLongestGrpcName) return Cat("is longer than ", kLongestGrpcName, " characters");
  if (name.starts_with("/")) return "begins with \"/\"";
  const std::string_view service = name.substr(0, name.find('/'));
  const std::string_view method = service.size() == name.size() ? "" : name.substr(service.size() + 1);
  if (service.empty()) return "names no service";
  if (!AreIdentifiersWithDots(service)) {
    return Cat("has a malformed service, \"", service.substr(0, kLongestName),
               "\": it is names of letters, digits and \"_\", no digit first, joined by \".\"");
  }
  if (method.empty()) return "names no method";
  if (Contains(method, "/")) return "names more than a service and a method";
  if (IsIdentifier(method) || (or_all == OrAll::kYes && method == "*")) return "";
  return Cat("has a malformed method, \"", method.substr(0, kLongestName),
             "\": it is a name of letters, digits and \"_\", no digit first");
}

}  // namespace

bool MeansThisMachine(std::string_view host) {
  return host == "[::1]" || IsLoopbackV4(host) || EqualIgnoringCase(host, "localhost") ||
         EndsIgnoringCase(host, ".localhost");
}

std::string WhyNoServiceName(std::string_view name) {
  std::string why = WhyTooLong(name, kLongestName);
  return why.empty() ? WhyNoHostName(name) : why;
}

std::string WhyNoHost(std::string_view host) {
  if (std::string why = WhyTooLong(host, kLongestHost); !why.empty()) return why;
  if (Contains(host, "://")) return "is a URL: write the host name alone";
  if (Contains(host, "*")) return "holds a wildcard, which hosts do not have: write every name out";
  if (host.starts_with("[")) {
    if (MeansThisMachine(host)) return WhyNoHostName("localhost");
    const bool hex = host.size() > 3 && host.back() == ']' &&
                     host.find_first_not_of("0123456789abcdef:.", 1) == host.size() - 1;
    return hex ? "" : "is not an IPv6 address in brackets";
  }
  if (Contains(host, ":")) return "holds a port, which is ignored in Host: write the name alone";
  return WhyNoHostName(host);
}

std::string WhyNoLabel(std::string_view name) {
  if (std::string why = WhyTooLong(name, kLongestName); !why.empty()) return why;
  if (std::all_of(name.begin(), name.end(), IsNameCharacter)) return "";
  return "may hold only letters, digits, \"-\", \"_\" and \".\"";
}

std::string WhyNoRouteName(std::string_view name) {
  if (std::string why = WhyTooLong(name, kLongestName); !why.empty()) return why;
  for (char c : name) {
    if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') return "may hold only printable ASCII without quotes";
  }
  return name == "other" ? "is the name of calls that match no route" : "";
}

std::string WhyNoGrpcMethod(std::string_view name) {
  return WhyNoGrpcName(name, OrAll::kNo);
}

std::string WhyNoGrpcMethods(std::string_view name) {
  return WhyNoGrpcName(name, OrAll::kYes);
}

}  // namespace naru::config
