#include "discovery/host_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

class HostLookupTest : public testing::Test {
 protected:
  void Find(const std::string& host) {
    lookup_->Find(host, 8500,
                  [this](boost::system::error_code error, const HostLookup::Endpoints& endpoints) {
                    ++told_;
                    error_ = error;
                    endpoints_ = endpoints;
                  });
  }
  void RunUntilTold(int times) {
    while (told_ < times) io_.run_one();
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  std::unique_ptr<HostLookup> lookup_ = std::make_unique<HostLookup>(io_.get_executor());
  int told_ = 0;
  boost::system::error_code error_;
  HostLookup::Endpoints endpoints_;
};

TEST_F(HostLookupTest, FindsWhatTheHostsFileSays) {
  Find("localhost");
  EXPECT_EQ(told_, 0);  // never before it has returned
  RunUntilTold(1);
  EXPECT_FALSE(error_) << error_.message();
  ASSERT_FALSE(endpoints_.empty());
  EXPECT_TRUE(std::all_of(endpoints_.begin(), endpoints_.end(), [](const auto& endpoint) {
    return endpoint.address().is_loopback() && endpoint.port() == 8500;
  }));
}

TEST_F(HostLookupTest, TellsEveryoneAndGoesOnWithTheNext) {
  for (const char* host : {"localhost", "localhost", "127.0.0.1", "localhost"}) Find(host);
  RunUntilTold(4);
  EXPECT_FALSE(error_);
  Find("127.0.0.1");
  RunUntilTold(5);
  EXPECT_FALSE(error_);
}

TEST_F(HostLookupTest, SaysWhyNothingWasFound) {
  Find("no spaces in names");
  RunUntilTold(1);
  EXPECT_TRUE(error_ == asio::error::host_not_found || error_ == asio::error::host_not_found_try_again ||
              error_ == asio::error::no_recovery)
      << error_.message();
  EXPECT_TRUE(endpoints_.empty());
}

TEST_F(HostLookupTest, LeavesNothingToItsThreadThatBelongsToWhoAsked) {
  const auto asked = std::make_shared<int>();
  for (const char* host : {"localhost", "127.0.0.1"}) {
    lookup_->Find(host, 80, [asked](boost::system::error_code, const HostLookup::Endpoints&) {});
  }
  EXPECT_EQ(asked.use_count(), 3);
  lookup_.reset();
  io_.poll();  // what was found before it went
  EXPECT_EQ(asked.use_count(), 1);
}

}  // namespace
}  // namespace naru::discovery
