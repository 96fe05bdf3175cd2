// How the sources ask: the `discovery` section of the configuration.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "discovery/source_uri.h"
#include "discovery/time.h"

namespace naru::discovery {

struct DnsSettings {
  std::vector<Address> servers;  // empty: those of resolv.conf
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::seconds(30);
  bool search = false;  // whether the search domains of resolv.conf are tried

  bool operator==(const DnsSettings&) const = default;
};

struct CloudMapSettings {
  std::string region;    // empty: from the environment, else from metadata
  std::string endpoint;  // URL; empty: AWS's own for the region
  Duration interval = std::chrono::seconds(5);

  bool operator==(const CloudMapSettings&) const = default;
};

struct ConsulSettings {
  std::string address = "http://127.0.0.1:8500";
  std::string token;
  std::string datacenter;  // empty: the agent's own
  bool stale = true;       // any server may answer, not the leader only
  bool cached = false;     // the agent answers from its cache
  Duration wait = std::chrono::minutes(5);

  bool operator==(const ConsulSettings&) const = default;
};

struct XdsSettings {
  std::string server;        // HOST:PORT; empty: xds:// cannot be used
  std::string node_id;       // empty: the caller's SQUAD/SERVICE
  std::string node_cluster;  // empty: the caller's service
  bool clusters = false;     // ask for CDS first, where the server insists on it

  bool operator==(const XdsSettings&) const = default;
};

struct Settings {
  std::optional<SourceTemplate> fallback;  // `default`: of services that the file does not name
  DnsSettings dns;
  CloudMapSettings cloud_map;
  ConsulSettings consul;
  XdsSettings xds;
  // Where the last good answers are kept; empty: nowhere. Not given: see StateDirectory.
  std::optional<std::string> state_directory;

  bool operator==(const Settings&) const = default;
};

}  // namespace naru::discovery
