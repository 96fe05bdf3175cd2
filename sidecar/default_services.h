// The services that `discovery.default` has found because calls named them, beside those of the file.
//
//   wanted --the source knows it--> known --no call for kIdle--> forgotten
//          --it knows no such service--> denied for kDenied, then forgotten
//          --trouble--> asked on while calls want it; they are told why they fail
//
// Bounded: at most kMost names are wanted or known at once. Control thread; time is an argument.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/source_record.h"
#include "resilience/time.h"
#include "sidecar/config/config.h"

namespace naru {

class DefaultServices {
 public:
  static constexpr size_t kMost = 1000;
  static constexpr auto kDenied = std::chrono::seconds(5);     // RFC 2308 7.1 allows five minutes
  static constexpr auto kUnwanted = std::chrono::seconds(30);  // asked for in vain, and then by nobody
  static constexpr auto kIdle = std::chrono::minutes(10);

  // What is to be told to workers that wait for a name.
  struct Told {
    std::string name;
    std::set<int> workers;
    bool known = false;
    bool exists = true;
    std::string why_not;

    bool operator==(const Told&) const = default;
  };

  // A worker wants to know this name, which no service of the configuration in force has. Says at once what
  // is known already; otherwise its source is asked from now on (Sources) and Take tells what came of it.
  std::optional<Told> Want(const config::Config& file, const std::string& name, int worker,
                           resilience::TimePoint now);

  using FindingOf = std::function<std::optional<discovery::Finding>(const std::string& uri)>;
  // Looks at what the sources of wanted names have found.
  std::vector<Told> Take(const FindingOf& finding_of, resilience::TimePoint now);

  // Calls to this service were made.
  void Used(const std::string& name, resilience::TimePoint now);
  // Forgets what nobody has needed for a while. True if that changed Services or Sources.
  bool ForgetIdle(resilience::TimePoint now);
  // The configuration was loaded anew: forgets what it names itself now, and everything where it has another
  // default source.
  void Reloaded(const config::Config& file);

  bool empty() const { return names_.empty(); }
  // The known ones, as the configuration would have them.
  std::vector<config::Service> Services(const config::Config& file) const;
  // Whom to ask about those that are wanted and not known yet.
  std::vector<discovery::SourceUri> Sources() const;

 private:
  struct Name {
    discovery::SourceUri source;
    std::set<int> waiting;
    bool known = false;
    std::string squad;
    std::optional<resilience::TimePoint> denied_until;
    std::string why_not;  // of the last look
    bool exists = true;
    resilience::TimePoint last_wanted{};
  };

  static Told Tell(const std::string& name, Name& entry);
  bool MakeRoom(resilience::TimePoint now);

  std::string template_;
  std::map<std::string, Name> names_;
};

}  // namespace naru
