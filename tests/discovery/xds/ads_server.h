// A real gRPC server on loopback that serves ADS as the test tells it, on gRPC's threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discovery/xds/ads_message.h"

namespace naru::discovery::test {

class AdsServer {
 public:
  // On a port of the system's choice, or on this one.
  explicit AdsServer(uint16_t port = 0, bool serves_ads = true);
  ~AdsServer();  // breaks all streams

  std::string address() const;

  // What arrived, in order, of all streams.
  std::vector<AdsRequest> requests() const;
  int streams_begun() const;
  int streams_open() const;

  // On the latest stream.
  void Send(const AdsResponse& response);
  void SendBytes(const std::string& bytes);
  void EndStream();

 private:
  class Stream;
  class Service;
  std::unique_ptr<Service> service_;
  uint16_t port_ = 0;
};

}  // namespace naru::discovery::test
