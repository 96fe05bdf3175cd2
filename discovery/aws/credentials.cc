#include "discovery/aws/credentials.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "discovery/address.h"
#include "discovery/aws/json.h"
#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds kLatestRefresh = minutes(5);  // before they expire
constexpr seconds kEarliestRefresh = minutes(15);
constexpr seconds kLongestWait = minutes(1);
constexpr int kMostDoublings = 6;

// Who may be told the token in the clear: the task itself and the link-local endpoints of ECS and EKS.
bool IsTrustedHost(const std::string& host) {
  constexpr std::array<std::string_view, 4> kTrusted = {"localhost", "169.254.170.2", "169.254.170.23",
                                                        "fd00:ec2::23"};
  if (std::find(kTrusted.begin(), kTrusted.end(), host) != kTrusted.end()) return true;
  const std::optional<IpBytes> ip = ParseIp(host);
  if (!ip.has_value()) return false;
  const bool loopback_v4 = IsV4(*ip) && (*ip)[12] == 127;
  return loopback_v4 || host == "::1";
}

// Short-lived ones are refreshed half-way.
WallTime RefreshOf(WallTime now, WallTime expires, double uniform) {
  const auto spread = std::chrono::duration_cast<seconds>((kEarliestRefresh - kLatestRefresh) * uniform);
  const WallTime usual = expires - kLatestRefresh - spread;
  return usual > now ? usual : now + std::max<seconds>((expires - now) / 2, seconds(1));
}

absl::StatusOr<HttpUrl> ParseUrl(std::string_view variable, std::string_view text) {
  absl::StatusOr<HttpUrl> url = HttpUrl::Parse(text);
  if (url.ok()) return url;
  return absl::InvalidArgumentError(Cat(variable, ": the URL ", url.status().message()));
}

}  // namespace

CredentialsFrom WhereCredentialsAre(const Environment& environment) {
  const bool has_keys = !environment.access_key_id.empty() && !environment.secret_access_key.empty();
  if (has_keys) return CredentialsFrom::kEnvironment;
  const bool in_container = !environment.credentials_path.empty() || !environment.credentials_url.empty();
  if (in_container) return CredentialsFrom::kContainer;
  // A task that was given no role is not to use that of its host.
  const bool has_instance = environment.task_metadata.empty() && !environment.instance_metadata_disabled;
  return has_instance ? CredentialsFrom::kInstance : CredentialsFrom::kNowhere;
}

absl::StatusOr<HttpUrl> ContainerCredentialsUrl(const Environment& environment,
                                                std::string_view container_origin) {
  if (!environment.credentials_path.empty()) {
    return ParseUrl("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                    Cat(container_origin, environment.credentials_path));
  }
  absl::StatusOr<HttpUrl> url = ParseUrl("AWS_CONTAINER_CREDENTIALS_FULL_URI", environment.credentials_url);
  if (!url.ok() || url->tls || IsTrustedHost(url->host)) return url;
  return absl::InvalidArgumentError(Cat(
      "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to ", url->host,
      ", which may not be told a token in the clear: use https, loopback, 169.254.170.2, 169.254.170.23 or "
      "fd00:ec2::23"));
}

std::optional<WallTime> ParseTime(std::string_view text) {
  int year = 0, hour = 0, minute = 0, second = 0, read = 0;
  unsigned month = 0, day = 0;
  const std::string copy(text);
  const int found = std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &hour,
                                &minute, &second, &read);
  if (found != 6) return std::nullopt;
  std::string_view rest = text.substr(static_cast<size_t>(read));
  if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find('Z'), rest.size()));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  const bool sound = rest == "Z" && date.ok() && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 &&
                     second >= 0 && second <= 60;
  if (!sound) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + minutes(minute) + seconds(second);
}

absl::StatusOr<Credentials> ParseCredentials(std::string_view json) {
  const std::optional<boost::json::object> object = ParseObject(json);
  if (!object.has_value()) return absl::UnavailableError("the answer is no JSON object");
  const std::string code = TextOf(*object, "Code");  // of instances only
  if (!code.empty() && code != "Success") {
    return absl::UnavailableError(Cat("the answer says ", code, ": ", TextOf(*object, "Message")));
  }
  Credentials credentials;
  credentials.keys = {TextOf(*object, "AccessKeyId"), TextOf(*object, "SecretAccessKey"),
                      TextOf(*object, "Token")};
  if (credentials.keys.access_key_id.empty() || credentials.keys.secret_access_key.empty()) {
    return absl::UnavailableError("the answer has no AccessKeyId and SecretAccessKey");
  }
  const std::string expiration = TextOf(*object, "Expiration");
  credentials.expires = ParseTime(expiration);
  if (!expiration.empty() && !credentials.expires.has_value()) {
    return absl::UnavailableError(Cat("the Expiration \"", expiration, "\" is no time"));
  }
  return credentials;
}

const Keys* CredentialsCache::Usable(WallTime now) const {
  const bool usable =
      credentials_.has_value() && (!credentials_->expires.has_value() || now < *credentials_->expires);
  return usable ? &credentials_->keys : nullptr;
}

void CredentialsCache::Succeeded(Credentials credentials, WallTime now, double uniform) {
  failures_ = 0;
  asked_ = now;
  due_ = credentials.expires.has_value() ? RefreshOf(now, *credentials.expires, uniform) : WallTime::max();
  credentials_ = std::move(credentials);
}

void CredentialsCache::Failed(WallTime now) {
  asked_ = now;
  due_ = now + std::min<seconds>(seconds(1 << std::min(failures_, kMostDoublings)), kLongestWait);
  ++failures_;
}

void CredentialsCache::Rejected(WallTime now) {
  due_ = std::min(due_, std::max(now, asked_ + kLongestWait));
}

}  // namespace naru::discovery::aws
