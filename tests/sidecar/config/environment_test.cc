#include "sidecar/config/environment.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/sidecar/config/fake_environment.h"
#include "tests/support/temporary_directory.h"

namespace naru::config {
namespace {

class ExpandVariablesTest : public testing::Test {
 protected:
  void SetUp() override {
    environment_.variables = {{"HOST", "10.0.0.1"}, {"EMPTY", ""}, {"DOLLAR", "${HOST}"}};
  }

  std::string Expand(std::string_view text) const {
    const absl::StatusOr<std::string> expanded = ExpandVariables(text, environment_);
    return expanded.ok() ? *expanded : "error: " + std::string(expanded.status().message());
  }
  FakeEnvironment environment_;
};

TEST_F(ExpandVariablesTest, ReplacesVariables) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"plain $HOST text", "plain $HOST text"},
      {"${HOST}:80", "10.0.0.1:80"},
      {"${HOST}${HOST}", "10.0.0.110.0.0.1"},
      {"${NONE:-here}", "here"},
      {"${NONE:-}", ""},
      {"${EMPTY}", ""},
      {"${EMPTY:-full}", "full"},
      {"${HOST:-other}", "10.0.0.1"},
      {"$${HOST}", "${HOST}"},
      {"a$${HOST} ${HOST}", "a${HOST} 10.0.0.1"},
      {"${DOLLAR}", "${HOST}"},
  };
  for (const auto& [text, expanded] : rows) EXPECT_EQ(Expand(text), expanded) << text;
}

TEST_F(ExpandVariablesTest, SaysWhatIsWrong) {
  EXPECT_EQ(Expand("${NONE}"),
            "error: the environment variable NONE is not set: set it, or write ${NONE:-default}");
  EXPECT_EQ(Expand("${HOST"), "error: \"${\" has no closing }");
  EXPECT_EQ(Expand("${}"),
            "error: \"${}\" is not a variable: write ${NAME} or ${NAME:-default}, or $${ for a literal ${");
  EXPECT_EQ(Expand("${1A}"),
            "error: \"${1A}\" is not a variable: write ${NAME} or ${NAME:-default}, or $${ for a literal ${");
}

TEST_F(ExpandVariablesTest, AValueDoesNotGrowWithoutBound) {
  environment_.variables["LONG"] = std::string(40'000, 'x');
  EXPECT_EQ(Expand("${LONG}${LONG}"), "error: the value grows beyond 64KiB");
}

class ProcessEnvironmentTest : public testing::Test {
 protected:
  std::string Read(const std::string& path) const {
    const absl::StatusOr<std::string> content = environment_.ReadFile(path, 10);
    return content.ok() ? *content : "error: " + std::string(content.status().message());
  }
  TemporaryDirectory directory_;
  ProcessEnvironment environment_;
};

TEST_F(ProcessEnvironmentTest, ReadsAWholeFileUpToALimit) {
  directory_.Write("ten", "0123456789");
  directory_.Write("eleven", "0123456789a");
  EXPECT_EQ(Read(directory_.File("ten")), "0123456789");
  EXPECT_EQ(Read(directory_.File("eleven")), "error: is larger than 10B");
}

TEST_F(ProcessEnvironmentTest, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(Read(directory_.File("none")), "error: does not exist");
  EXPECT_EQ(Read(directory_.path().string()), "error: is a directory, not a file");
}

TEST_F(ProcessEnvironmentTest, TellsWhatMayNotBeReadFromWhatMayBeReadLater) {
  directory_.Write("file", "");
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status file = environment_.ReadFile(directory_.File("file"), 10).status();
  const absl::Status pattern = environment_.Glob(directory_.File("*")).status();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(file, absl::ResourceExhaustedError("cannot be read: Too many open files"));
  EXPECT_EQ(pattern, absl::ResourceExhaustedError("cannot be read: Too many open files"));
  EXPECT_EQ(*environment_.Glob(directory_.File("none/*")), (std::vector<std::string>{}));
}

TEST_F(ProcessEnvironmentTest, GlobsInOrder) {
  directory_.Write("b.glob", "");
  directory_.Write("a.glob", "");
  EXPECT_EQ(*environment_.Glob(directory_.File("*.glob")),
            (std::vector<std::string>{directory_.File("a.glob"), directory_.File("b.glob")}));
  EXPECT_EQ(*environment_.Glob(directory_.File("*.none")), (std::vector<std::string>{}));
}

TEST_F(ProcessEnvironmentTest, KnowsVariables) {
  setenv("NARU_ENVIRONMENT_TEST", "set", 1);
  EXPECT_EQ(environment_.Variable("NARU_ENVIRONMENT_TEST"), "set");
  EXPECT_EQ(environment_.Variable("NARU_ENVIRONMENT_TEST_NONE"), std::nullopt);
}

}  // namespace
}  // namespace naru::config
