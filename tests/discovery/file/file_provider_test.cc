// Real files, watched by a real inotify.
#include "discovery/file/file_provider.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "discovery/text.h"
#include "tests/support/temporary_directory.h"

namespace naru::discovery {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience(20);

std::string ListOf(std::string_view address) {
  return Cat(R"([{"targets": [")", address, R"("]}])");
}

std::vector<std::string> AddressesOf(const Report& report) {
  std::vector<std::string> addresses;
  if (const auto* answer = std::get_if<Answer>(&report)) {
    for (const Endpoint& endpoint : answer->endpoints) addresses.push_back(endpoint.address.ToString());
  }
  return addresses;
}

class FileProviderTest : public testing::Test {
 protected:
  fs::path Path(const std::string& name) const { return directory_.path() / name; }
  void Write(const fs::path& path, const std::string& text) const { std::ofstream(path) << text; }
  void Replace(const fs::path& path, const std::string& text) const {
    Write(path.string() + ".new", text);
    fs::rename(path.string() + ".new", path);
  }

  std::unique_ptr<Source> Open(const fs::path& path) {
    return provider_->Open(*SourceUri::Parse("file://" + path.string()),
                           [this](Report report) { reports_.push_back(std::move(report)); });
  }

  // Runs until a report is `wanted`, and forgets it and those before it.
  template <class Wanted>
  testing::AssertionResult Comes(Wanted wanted) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      io_.run_for(std::chrono::milliseconds(2));
      io_.restart();
      for (size_t i = 0; i < reports_.size(); ++i) {
        if (!wanted(reports_[i])) continue;
        reports_.erase(reports_.begin(), reports_.begin() + static_cast<long>(i) + 1);
        return testing::AssertionSuccess();
      }
    }
    return testing::AssertionFailure() << "no such report within " << kPatience.count() << " s";
  }
  testing::AssertionResult AnswerComes(const std::vector<std::string>& addresses) {
    return Comes([&](const Report& report) {
      return std::holds_alternative<Answer>(report) && AddressesOf(report) == addresses;
    });
  }
  testing::AssertionResult TroubleComes(const std::string& detail) {
    return Comes([&](const Report& report) {
      const auto* trouble = std::get_if<Trouble>(&report);
      return trouble != nullptr && trouble->detail == detail;
    });
  }

  TemporaryDirectory directory_;
  boost::asio::io_context io_;
  std::mt19937_64 random_;
  std::unique_ptr<SourceProvider> provider_ = MakeFileProvider(SourceContext{io_, random_});
  std::vector<Report> reports_;
};

TEST_F(FileProviderTest, ReportsTheFileSoonAfterItWasOpenedAndNotBefore) {
  Write(Path("c.json"), ListOf("10.0.0.1:80"));
  const auto source = Open(Path("c.json"));
  EXPECT_TRUE(reports_.empty());
  EXPECT_TRUE(AnswerComes({"10.0.0.1:80"}));
}

TEST_F(FileProviderTest, SaysWhenTheFileWasWritten) {
  Write(Path("c.json"), "[]");
  const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 500'000'000}};
  ASSERT_EQ(utimensat(AT_FDCWD, Path("c.json").c_str(), times, 0), 0);
  const auto source = Open(Path("c.json"));
  EXPECT_TRUE(Comes([](const Report& report) {
    return report == Report(Answer{{}, true, "", "written 2023-11-14T22:13:20.500Z"});
  }));
}

TEST_F(FileProviderTest, NoticesAFileThatIsReplacedOrWrittenInPlace) {
  Write(Path("c.json"), ListOf("10.0.0.1:80"));
  const auto source = Open(Path("c.json"));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  Replace(Path("c.json"), ListOf("10.0.0.2:80"));
  EXPECT_TRUE(AnswerComes({"10.0.0.2:80"}));
  Write(Path("c.json"), ListOf("10.0.0.3:80"));
  EXPECT_TRUE(AnswerComes({"10.0.0.3:80"}));
}

TEST_F(FileProviderTest, IsInTroubleWhileTheFileIsBadOrGoneAndRecovers) {
  const std::string path = Path("c.json");
  Write(path, ListOf("10.0.0.1:80"));
  const auto source = Open(path);
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  Write(path, "[{");
  EXPECT_TRUE(
      TroubleComes(path + ":1:3: the JSON ends before its list does: was the file written to its end?"));
  fs::remove(path);
  EXPECT_TRUE(TroubleComes(path + " cannot be read: No such file or directory"));
  Replace(path, ListOf("10.0.0.1:80"));
  EXPECT_TRUE(AnswerComes({"10.0.0.1:80"}));
}

TEST_F(FileProviderTest, WaitsForAFileThatIsStillBeingWritten) {
  Write(Path("c.yaml"), "- targets: [10.0.0.1:80]\n");
  const auto source = Open(Path("c.yaml"));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  std::ofstream writer(Path("c.yaml"));
  writer << "- targets: [10.0.0.2:80]\n" << std::flush;
  Replace(Path("other.yaml"), "[]");            // something happens in the directory meanwhile
  io_.run_for(std::chrono::milliseconds(500));  // for as long as anything else would have settled
  io_.restart();
  writer << "- targets: [10.0.0.3:80]\n";
  writer.close();
  std::vector<std::string> read;
  ASSERT_TRUE(Comes([&](const Report& report) {
    read = AddressesOf(report);
    return !std::holds_alternative<Confirmed>(report);
  }));
  EXPECT_EQ(read, (std::vector<std::string>{"10.0.0.2:80", "10.0.0.3:80"}));
}

TEST_F(FileProviderTest, NoticesAFileThatComesLater) {
  const auto source = Open(Path("later/c.json"));
  EXPECT_TRUE(TroubleComes(Path("later/c.json").string() + " cannot be read: No such file or directory"));
  fs::create_directory(Path("later"));
  Write(Path("later/c.json"), ListOf("10.0.0.1:80"));
  EXPECT_TRUE(AnswerComes({"10.0.0.1:80"}));
}

// As Kubernetes swaps mounted configuration: the file leads through ..data into a directory with a date.
TEST_F(FileProviderTest, NoticesADirectoryThatIsSwappedByASymbolicLink) {
  fs::create_directory(Path("..1"));
  fs::create_directory(Path("..2"));
  Write(Path("..1/c.json"), ListOf("10.0.0.1:80"));
  Write(Path("..2/c.json"), ListOf("10.0.0.2:80"));
  fs::create_directory_symlink("..1", Path("..data"));
  fs::create_symlink("..data/c.json", Path("c.json"));
  const auto source = Open(Path("c.json"));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  fs::create_directory_symlink("..2", Path("..data_tmp"));
  fs::rename(Path("..data_tmp"), Path("..data"));
  EXPECT_TRUE(AnswerComes({"10.0.0.2:80"}));
}

TEST_F(FileProviderTest, NoticesWhatHappensWhereASymbolicLinkLeads) {
  fs::create_directory(Path("real"));
  Write(Path("real/list.json"), ListOf("10.0.0.1:80"));
  fs::create_symlink(Path("real/list.json"), Path("c.json"));
  const auto source = Open(Path("c.json"));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  Replace(Path("real/list.json"), ListOf("10.0.0.2:80"));
  EXPECT_TRUE(AnswerComes({"10.0.0.2:80"}));
}

TEST_F(FileProviderTest, ConfirmsAFileThatStaysAsItIs) {
  Write(Path("c.json"), ListOf("10.0.0.1:80"));
  const auto source = Open(Path("c.json"));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  Write(Path("other"), "");  // makes it look
  EXPECT_TRUE(Comes([](const Report& report) { return report == Report(Confirmed()); }));
}

TEST_F(FileProviderTest, RefusesWhatIsNoRegularFile) {
  fs::create_directory(Path("c.json"));
  ASSERT_EQ(mkfifo(Path("d.json").c_str(), 0600), 0);
  const auto source = Open(Path("c.json"));
  EXPECT_TRUE(TroubleComes(Path("c.json").string() + " is no regular file"));
  const auto other = Open(Path("d.json"));
  EXPECT_TRUE(TroubleComes(Path("d.json").string() + " is no regular file"));
}

TEST_F(FileProviderTest, ServesSeveralSourcesOfOneFileAndEndsEachAlone) {
  Write(Path("c.json"), ListOf("10.0.0.1:80"));
  auto one = Open(Path("c.json"));
  const auto other = Open(Path("c.json"));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  ASSERT_TRUE(AnswerComes({"10.0.0.1:80"}));
  one.reset();
  Replace(Path("c.json"), ListOf("10.0.0.2:80"));
  ASSERT_TRUE(AnswerComes({"10.0.0.2:80"}));
  EXPECT_FALSE(std::any_of(reports_.begin(), reports_.end(),
                           [](const Report& report) { return std::holds_alternative<Answer>(report); }));
}

TEST_F(FileProviderTest, MayBeDestroyedByTheOneItReportsTo) {
  Write(Path("c.json"), "[]");
  std::unique_ptr<Source> source;
  bool reported = false;
  source = provider_->Open(*SourceUri::Parse("file://" + Path("c.json").string()), [&](Report) {
    reported = true;
    source.reset();
    provider_.reset();
  });
  io_.run_for(std::chrono::seconds(5));
  EXPECT_TRUE(reported);
  EXPECT_TRUE(io_.stopped());  // nothing is left running
}

}  // namespace
}  // namespace naru::discovery
