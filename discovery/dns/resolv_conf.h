// Reads resolv.conf(5): which servers there are, and which names a short one can mean. Text in, values out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "discovery/address.h"

namespace naru::discovery {

struct ResolvConf {
  static constexpr size_t kMostServers = 8;  // glibc reads 3
  static constexpr size_t kMostSearch = 16;
  static constexpr int kMostDots = 15;  // resolv.conf(5)
  static constexpr uint16_t kDnsPort = 53;

  std::vector<Address> servers;     // the local host's where the file names none
  std::vector<std::string> search;  // domains, in order
  int dots = 1;                     // a name with as many is tried as it is first

  // Lines and words that it does not know mean nothing, as resolv.conf(5) says.
  static ResolvConf Parse(std::string_view text);

  // The names to ask for one after the other until one exists, each with its last dot.
  std::vector<std::string> NamesFor(std::string_view name) const;

  bool operator==(const ResolvConf&) const = default;
};

}  // namespace naru::discovery
