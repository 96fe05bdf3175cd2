// Credentials as values: where they are to be asked for, how the answers read, and when to ask again.
//
// Pure: time and chance are arguments. Expiry dates are wall-clock time, as the endpoints give them. Sources:
// "Container credential provider" and "IMDS credential provider", AWS SDKs and Tools Reference Guide.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/aws/environment.h"
#include "discovery/aws/sigv4.h"
#include "discovery/http_url.h"

namespace naru::discovery::aws {

struct Credentials {
  Keys keys;
  std::optional<WallTime> expires;  // never where nothing is said

  bool operator==(const Credentials&) const = default;
};

// Whom to ask: the first that the environment names, and the instance only where it names none.
enum class CredentialsFrom { kEnvironment, kContainer, kInstance, kNowhere };
CredentialsFrom WhereCredentialsAre(const Environment& environment);

// Where a container asks. `container_origin` is where relative paths lead: http://169.254.170.2 but in tests.
// Fails where the full URL leads to a host that may not be told the token.
absl::StatusOr<HttpUrl> ContainerCredentialsUrl(const Environment& environment,
                                                std::string_view container_origin);

// The answer of a container's endpoint, or of an instance's for its role.
absl::StatusOr<Credentials> ParseCredentials(std::string_view json);

// "2026-11-24T14:00:00Z", with or without a fraction.
std::optional<WallTime> ParseTime(std::string_view text);

// When to ask, and what may be used meanwhile.
//
//   Empty --Succeeded--> Fresh --5 to 15 min before they expire--> Due --Succeeded--> Fresh
//                                                                   |--Failed--> Due again after a wait
//                                                                   '--expiry--> Empty
class CredentialsCache {
 public:
  // Null where there are none, or none that have not expired.
  const Keys* Usable(WallTime now) const;
  bool IsDue(WallTime now) const { return now >= due_; }

  // `uniform` is of [0, 1): sidecars that started together do not ask together.
  void Succeeded(Credentials credentials, WallTime now, double uniform);
  void Failed(WallTime now);

  // A service did not accept them: they are asked for again, but not all the time.
  void Rejected(WallTime now);

 private:
  std::optional<Credentials> credentials_;
  WallTime due_{};
  WallTime asked_{};
  int failures_ = 0;
};

}  // namespace naru::discovery::aws
