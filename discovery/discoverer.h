// Asks the sources of all services, on a thread of its own, which starts with the first source that there is.
//
// Services with one URI share one watch. What a source says becomes a Finding that any thread may read; a
// source in trouble, slow or gone costs nobody anything but the age of its finding.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/private_ranges.h"
#include "discovery/settings.h"
#include "discovery/source_record.h"

namespace naru::discovery {

// Something worth a line in the log.
struct Event {
  enum class Kind : uint8_t {
    kAnswered,  // other endpoints than before
    kRefused,   // the guard removed addresses, others than before
    kTroubleBegan,
    kTroubleEnded,
    kNotKept,  // the last good answer could not be written or read
  };
  Kind kind;
  std::string source;
  size_t endpoints = 0;
  std::vector<Address> refused;  // the first few
  size_t refused_count = 0;
  std::string detail;  // of trouble
};

struct DiscovererHooks {
  // Both on the discoverer's thread. `changed`: Find says something new about at least one source.
  std::function<void()> changed;
  std::function<void(const Event&)> happened;
};

class Discoverer {
 public:
  explicit Discoverer(DiscovererHooks hooks);
  ~Discoverer();  // stops

  // Control thread: asks exactly these from now on, with these settings. Watches that are there already go on
  // undisturbed, unless the settings have changed. What an earlier run left on disk is found before it
  // returns.
  void Watch(const std::vector<SourceUri>& sources, const Settings& settings, const PrivateRanges& ranges);

  // Control thread: ends every watch and the thread. The destructor does the same.
  void Stop();

  // Any thread. Nothing for a URI that is not watched.
  std::optional<Finding> Find(const std::string& uri) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace naru::discovery
