// Keeps one name looked up for as long as somebody holds it, and tells its listeners whenever something was
// heard.
//
// On the thread of the io_context. One Lookup a name, however many sources want it, so that there is one
// question under way a name and type.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "discovery/dns/dns_watch.h"
#include "discovery/dns/resolver.h"

namespace naru::discovery {

class LookupListener {
 public:
  virtual ~LookupListener() = default;

  // `lookup` heard something; what it knows now is there to be read. Never from inside a call of Lookups.
  virtual void OnHeard(const DnsWatch& lookup) = 0;
};

class Lookup;

// Owns no Lookup: those who listen do.
class Lookups {
 public:
  Lookups(boost::asio::io_context& io, std::mt19937_64& random, const DnsTiming& timing,
          ResolverOptions options)
      : io_(io), random_(random), timing_(timing), resolver_(io, std::move(options)) {}

  // The lookup of A and AAAA, or of SRV. A listener that comes late is told what is known, soon.
  std::shared_ptr<Lookup> Addresses(const std::string& name, const std::shared_ptr<LookupListener>& listener);
  std::shared_ptr<Lookup> Services(const std::string& name, const std::shared_ptr<LookupListener>& listener);

 private:
  friend class Lookup;
  using Key = std::pair<std::string, bool>;  // name, whether SRV

  std::shared_ptr<Lookup> Find(const Key& key, std::vector<RecordType> types,
                               const std::shared_ptr<LookupListener>& listener);
  double Uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  boost::asio::io_context& io_;
  std::mt19937_64& random_;
  const DnsTiming timing_;
  Resolver resolver_;
  std::map<Key, std::weak_ptr<Lookup>> lookups_;  // those that ended are removed when the next begins
};

// Shared by its listeners; what asks on its behalf holds it only while it is heard.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(Lookups& lookups, DnsWatch watch)
      : lookups_(lookups), watch_(std::move(watch)), timer_(lookups.io_) {}

  const DnsWatch& watch() const { return watch_; }

 private:
  friend class Lookups;

  void Listen(const std::shared_ptr<LookupListener>& listener);
  void AskWhatIsDue();
  void Ask(RecordType type);
  void OnAnswer(RecordType type, const absl::StatusOr<DnsAnswer>& answer);
  void TellAll();

  Lookups& lookups_;
  DnsWatch watch_;
  boost::asio::steady_timer timer_;
  std::vector<std::weak_ptr<LookupListener>> listeners_;
};

}  // namespace naru::discovery
