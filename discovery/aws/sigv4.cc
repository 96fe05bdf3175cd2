#include "discovery/aws/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr size_t kDigestBytes = 32;  // of SHA-256

// --- hashes ---

std::string Sha256(std::string_view bytes) {
  std::string digest(kDigestBytes, '\0');
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha256(), nullptr);
  return digest;
}

std::string Hmac(std::string_view key, std::string_view bytes) {
  std::string digest(kDigestBytes, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

std::string Hex(const std::string& bytes) {
  return absl::BytesToHexString(bytes);
}

// --- time ---

// "20150830T123600Z"
std::string TimestampOf(WallTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

// --- path and query ---

bool IsUnreserved(unsigned char c) {  // RFC 3986 2.3
  return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string Escape(std::string_view text, std::string_view also_kept = "") {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsUnreserved(byte) || also_kept.find(c) != also_kept.npos) {
      escaped += c;
    } else {
      escaped += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return escaped;
}

std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]));
    plain += escape ? absl::HexStringToBytes(std::string(text.substr(i + 1, 2))) : std::string(1, text[i]);
    if (escape) i += 2;
  }
  return plain;
}

std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Without empty and dot segments (RFC 3986 5.2.4), but with the last slash.
std::string Normalized(std::string_view path) {
  std::vector<std::string_view> kept;
  const std::vector<std::string_view> segments = Split(path, '/');
  for (const std::string_view segment : segments) {
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") kept.push_back(segment);
  }
  const std::string_view last = segments.back();
  const bool is_folder = last.empty() || last == "." || last == "..";
  return Cat("/", Join(kept, "/"), is_folder && !kept.empty() ? "/" : "");
}

std::string CanonicalQuery(std::string_view query) {
  if (query.empty()) return "";
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view parameter : Split(query, '&')) {
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    parameters.emplace_back(Escape(Unescape(parameter.substr(0, equals))), Escape(Unescape(value)));
  }
  std::sort(parameters.begin(), parameters.end());
  std::vector<std::string> words;
  for (const auto& [name, value] : parameters) words.push_back(Cat(name, "=", value));
  return Join(words, "&");
}

// --- fields ---

// Without white space around it, and one space where there is more inside it.
std::string Trimmed(std::string_view value) {
  std::string trimmed;
  bool gap = false;
  for (const char c : value) {
    const bool space = absl::ascii_isspace(static_cast<unsigned char>(c));
    if (!space && gap && !trimmed.empty()) trimmed += ' ';
    if (!space) trimmed += c;
    gap = space;
  }
  return trimmed;
}

// By name in lower case, sorted; values of one name joined.
std::map<std::string, std::string> CanonicalFields(const HttpFields& fields) {
  std::map<std::string, std::string> canonical;
  for (const auto& [name, value] : fields) {
    const auto [at, is_new] = canonical.try_emplace(absl::AsciiStrToLower(name), Trimmed(value));
    if (!is_new) at->second += "," + Trimmed(value);
  }
  return canonical;
}

HttpFields FieldsToSign(const RequestToSign& request, const Keys& keys, const std::string& timestamp,
                        const SigningRules& rules) {
  HttpFields fields;
  if (!keys.session_token.empty()) fields.emplace_back("X-Amz-Security-Token", keys.session_token);
  fields.emplace_back("X-Amz-Date", timestamp);
  if (rules.sends_body_hash) fields.emplace_back("x-amz-content-sha256", Hex(Sha256(request.body)));
  return fields;
}

std::string KeyFor(const Keys& keys, std::string_view date, const SigningScope& scope) {
  const std::string of_day = Hmac("AWS4" + keys.secret_access_key, date);
  const std::string of_region = Hmac(of_day, scope.region);
  return Hmac(Hmac(of_region, scope.service), "aws4_request");
}

std::string CanonicalPath(std::string_view path, const SigningRules& rules) {
  return Escape(rules.normalizes_path ? Normalized(path) : std::string(path), "/");
}

// --- the parts of a signature ---

using FieldMap = std::map<std::string, std::string>;

FieldMap SignedFields(const HttpFields& of_request, const HttpFields& added, const SigningRules& rules) {
  FieldMap fields = CanonicalFields(of_request);
  for (const auto& [name, value] : CanonicalFields(added)) fields[name] = value;
  if (!rules.signs_token) fields.erase("x-amz-security-token");
  return fields;
}

std::string NamesOf(const FieldMap& fields) {
  std::vector<std::string> names;
  for (const auto& [name, value] : fields) names.push_back(name);
  return Join(names, ";");
}

std::string CanonicalRequest(const RequestToSign& request, const FieldMap& fields,
                             const SigningRules& rules) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query = target.substr(std::min(path.size() + 1, target.size()));
  std::string lines;
  for (const auto& [name, value] : fields) lines += Cat(name, ":", value, "\n");
  return Cat(request.method, "\n", CanonicalPath(path, rules), "\n", CanonicalQuery(query), "\n", lines, "\n",
             NamesOf(fields), "\n", Hex(Sha256(request.body)));
}

}  // namespace

Signed Sign(const RequestToSign& request, const Keys& keys, const SigningScope& scope, WallTime now,
            const SigningRules& rules) {
  const std::string timestamp = TimestampOf(now);
  const std::string date = timestamp.substr(0, 8);
  const std::string scope_text = Cat(date, "/", scope.region, "/", scope.service, "/aws4_request");
  Signed result;
  result.fields = FieldsToSign(request, keys, timestamp, rules);
  const FieldMap fields = SignedFields(request.fields, result.fields, rules);
  result.canonical_request = CanonicalRequest(request, fields, rules);
  result.string_to_sign =
      Cat(kAlgorithm, "\n", timestamp, "\n", scope_text, "\n", Hex(Sha256(result.canonical_request)));
  result.signature = Hex(Hmac(KeyFor(keys, date, scope), result.string_to_sign));
  result.fields.emplace_back("Authorization",
                             Cat(kAlgorithm, " Credential=", keys.access_key_id, "/", scope_text,
                                 ", SignedHeaders=", NamesOf(fields), ", Signature=", result.signature));
  return result;
}

}  // namespace naru::discovery::aws
