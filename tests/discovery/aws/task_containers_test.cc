#include "discovery/aws/task_containers.h"

#include <gtest/gtest.h>

namespace naru::discovery::aws {
namespace {

constexpr std::string_view kOwn = R"({"DockerId": "naru-1", "Name": "naru"})";

std::string Task(const std::string& others) {
  return R"({"Containers": [{"DockerId": "naru-1", "KnownStatus": "RUNNING", "Type": "NORMAL"})" + others +
         "]}";
}

TEST(OtherContainers, AreToldFromOnesOwnAndFromThoseOfEcs) {
  const std::string pause =
      R"(, {"DockerId": "p", "KnownStatus": "RESOURCES_PROVISIONED", "Type": "CNI_PAUSE"})";
  EXPECT_EQ(*ParseOtherContainers(Task(pause), kOwn), OtherContainers::kNone);
}

TEST(OtherContainers, HaveStoppedWhenTheLastOfThemHas) {
  const std::string stopped = R"(, {"DockerId": "a", "KnownStatus": "STOPPED", "Type": "NORMAL"})";
  const std::string running = R"(, {"DockerId": "b", "KnownStatus": "RUNNING"})";
  EXPECT_EQ(*ParseOtherContainers(Task(stopped), kOwn), OtherContainers::kStopped);
  EXPECT_EQ(*ParseOtherContainers(Task(stopped + running), kOwn), OtherContainers::kRunning);
}

TEST(OtherContainers, AreUnknownWhereTheMetadataMakeNoSense) {
  for (const std::string_view task : {"", "[]", "{}", R"({"Containers": 1})"}) {
    EXPECT_EQ(std::string(ParseOtherContainers(task, kOwn).status().message()),
              "the task's metadata do not list its containers")
        << task;
  }
  EXPECT_FALSE(ParseOtherContainers(Task(""), "{}").ok());
}

}  // namespace
}  // namespace naru::discovery::aws
