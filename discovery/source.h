// A source of endpoints: something that is asked, or watched, for where one service is.
//
// Everything here happens on the one thread of the Discoverer, the thread that runs SourceContext::io. A
// source reports what it learns, for as long as it lives: a first answer or trouble soon after it was opened,
// and then whenever something changes or was confirmed. It never reports an empty answer because asking
// failed: that is Trouble, and the last good answer stays in use.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <random>

#include "discovery/report.h"
#include "discovery/source_uri.h"

namespace naru::discovery {

// Called on the Discoverer's thread; may destroy the source that calls it, so a source reports last.
using OnReport = std::function<void(Report)>;

// One watch of one name. Destroying it ends the watch: nothing is reported afterwards.
class Source {
 public:
  virtual ~Source() = default;
};

// Opens sources of one scheme and owns what those share: a resolver, credentials, a stream. Outlives them.
class SourceProvider {
 public:
  virtual ~SourceProvider() = default;

  // `uri` is of the provider's scheme. Reports only after it has returned.
  virtual std::unique_ptr<Source> Open(const SourceUri& uri, OnReport report) = 0;
};

// What every provider is given. All of it outlives the provider.
struct SourceContext {
  boost::asio::io_context& io;
  std::mt19937_64& random;  // for jitter
};

}  // namespace naru::discovery
