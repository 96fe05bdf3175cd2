// One ADS stream over gRPC, on a connection of its own, in the clear: from its opening to its end.
//
// Belongs to the thread of the io_context; gRPC's threads hand everything over to it. The gRPC library starts
// its threads with the first stream and ends them with the last: who uses no xds:// source pays nothing.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

namespace naru::discovery {

class AdsCall {
 public:
  // Each may destroy the AdsCall.
  struct Events {
    std::function<void()> sent;                       // what Send was given has left
    std::function<void(std::string bytes)> received;  // the next message is read once this returns
    std::function<void(std::string why)> ended;       // last: "UNAVAILABLE: ..."
  };

  // `server` is HOST:PORT.
  AdsCall(boost::asio::io_context& io, const std::string& server, Events events);

  // Ends the stream; no event comes afterwards. Waits until gRPC's threads have let go of it, which needs
  // nothing of this thread.
  ~AdsCall();

  // One at a time: not again before `sent`.
  void Send(const std::string& bytes);

 private:
  class Stream;
  std::shared_ptr<Stream> stream_;
};

}  // namespace naru::discovery
