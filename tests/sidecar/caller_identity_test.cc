#include "sidecar/caller_identity.h"

#include <gtest/gtest.h>

namespace naru {
namespace {

std::shared_ptr<const config::Config> With(config::Caller caller) {
  auto config = std::make_shared<config::Config>();
  config->caller = std::move(caller);
  return config;
}

const CallerIdentity& Task() {
  static const CallerIdentity identity(
      discovery::aws::EcsIdentity{"learning", "courses", "ap-northeast-2a", "prod", "0123abcd"});
  return identity;
}

TEST(CallerIdentity, CompletesWhatTheFileLeavesOpen) {
  EXPECT_EQ(Task().Complete(With({}))->caller,
            (config::Caller{"learning", "courses", "ap-northeast-2a", "prod", "0123abcd"}));
}

TEST(CallerIdentity, WhatTheFileSaysStays) {
  EXPECT_EQ(Task().Complete(With({"video", "video-api", "", "", ""}))->caller,
            (config::Caller{"video", "video-api", "ap-northeast-2a", "prod", "0123abcd"}));
}

TEST(CallerIdentity, WhatCannotBeALabelIsLeftOut) {
  const CallerIdentity odd(discovery::aws::EcsIdentity{"a squad\n", "courses", "", "", ""});
  EXPECT_EQ(odd.Complete(With({}))->caller, (config::Caller{"unknown", "courses", "", "", ""}));
}

TEST(CallerIdentity, WithoutATaskNothingChanges) {
  const auto config = With({"video", "video-api", "", "", ""});
  EXPECT_EQ(CallerIdentity(absl::NotFoundError("")).Complete(config), config);
}

}  // namespace
}  // namespace naru
