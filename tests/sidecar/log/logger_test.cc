#include "sidecar/log/logger.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <regex>
#include <sstream>

namespace naru::log {
namespace {

// Stands for standard error; what was written is read back at the end.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(fds_, O_CLOEXEC), 0); }
  ~Pipe() {
    CloseReader();
    CloseWriter();
  }
  int writer() const { return fds_[1]; }
  void CloseReader() { Close(fds_[0]); }
  void CloseWriter() { Close(fds_[1]); }

  // Makes it as small as it gets and full, so that the next write has to wait.
  void Fill() {
    const int size = fcntl(fds_[1], F_SETPIPE_SZ, 4096);
    ASSERT_GT(size, 0);
    const std::string bytes(static_cast<size_t>(size) - 1, ' ');
    ASSERT_EQ(write(fds_[1], (bytes + "\n").data(), static_cast<size_t>(size)), size);
  }

  // Every line up to the end of the stream, without its time; waits for CloseWriter.
  std::vector<std::string> ReadLines() {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(fds_[0], buffer, sizeof(buffer))) > 0;)
      text.append(buffer, static_cast<size_t>(n));
    std::istringstream stream(std::regex_replace(text, std::regex("\"time\":\"[^\"]*\","), ""));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

 private:
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  int fds_[2] = {-1, -1};
};

using Lines = std::vector<std::string>;

// Of a goodbye to a reader that comes, however late its thread is.
constexpr std::chrono::seconds kPatience(20);

TEST(Logger, WritesOneLineOfJsonAMessage) {
  Pipe pipe;
  {
    Logger logger({.fd = pipe.writer()});
    logger.Write(Level::kInfo, "started", {{"workers", 2}});
    logger.Write(Level::kError, "no such file");
  }
  pipe.CloseWriter();
  EXPECT_EQ(pipe.ReadLines(), (Lines{R"({"level":"info","message":"started","workers":2})",
                                     R"({"level":"error","message":"no such file"})"}));
}

TEST(Logger, WritesNothingBelowItsLevel) {
  Pipe pipe;
  {
    Logger logger({.fd = pipe.writer(), .level = Level::kWarn});
    EXPECT_FALSE(logger.IsOn(Level::kInfo));
    logger.Write(Level::kInfo, "quiet");
    logger.WriteLimited("k", Level::kDebug, "quiet");
    logger.Write(Level::kWarn, "loud");
  }
  pipe.CloseWriter();
  EXPECT_EQ(pipe.ReadLines(), (Lines{R"({"level":"warn","message":"loud"})"}));
}

TEST(Logger, SaysHowManyLinesOfAKindItDidNotWrite) {
  Pipe pipe;
  {
    Logger logger({.fd = pipe.writer(), .lines_per_second = 2, .now = [] { return LineLimit::TimePoint(); }});
    for (int i = 0; i < 5; ++i)
      logger.WriteLimited("courses timeout", Level::kWarn, "call failed", {{"n", i}});
    logger.WriteLimited("billing timeout", Level::kWarn, "call failed", {{"n", 9}});
  }
  pipe.CloseWriter();
  EXPECT_EQ(
      pipe.ReadLines(),
      (Lines{
          R"({"level":"warn","message":"call failed","n":0})",
          R"({"level":"warn","message":"call failed","n":1})",
          R"({"level":"warn","message":"call failed","n":9})",
          R"({"level":"warn","message":"more lines of this kind were not written","kind":"courses timeout","lines":3})"}));
}

TEST(Logger, NeverWaitsForItsReaderAndSaysWhatItDropped) {
  constexpr int kLines = 1000;
  Pipe pipe;
  pipe.Fill();
  auto logger = std::make_unique<Logger>(
      LoggerOptions{.fd = pipe.writer(), .max_queued_lines = 4, .longest_goodbye = kPatience});
  for (int i = 0; i < kLines; ++i) logger->Write(Level::kInfo, "line");  // returns although nobody reads

  Lines lines;
  std::thread reader([&] { lines = pipe.ReadLines(); });
  logger.reset();
  pipe.CloseWriter();
  reader.join();

  int written = 0;
  int dropped = 0;
  for (const std::string& line : lines) {
    std::smatch match;
    if (line == R"({"level":"info","message":"line"})") ++written;
    if (std::regex_match(line, match,
                         std::regex(R"(\{"level":"warn","message":"log lines were dropped: standard )"
                                    R"(error is read too slowly","lines":(\d+)\})"))) {
      dropped += std::stoi(match[1]);
    }
  }
  EXPECT_EQ(written + dropped, kLines);
  EXPECT_LE(written, 8);  // what the writer held and what was queued
}

TEST(Logger, EndsAlthoughNobodyReads) {
  Pipe pipe;
  pipe.Fill();
  Logger logger({.fd = pipe.writer(), .longest_goodbye = std::chrono::milliseconds(1)});
  logger.Write(Level::kInfo, "line");
}

TEST(Logger, OutlivesAReaderThatIsGone) {
  Pipe pipe;
  pipe.CloseReader();
  Logger logger({.fd = pipe.writer()});
  logger.Write(Level::kInfo, "line");
}

TEST(Logger, TakesLinesFromManyThreads) {
  Pipe pipe;
  std::optional<Logger> logger(
      std::in_place,
      LoggerOptions{.fd = pipe.writer(), .max_queued_lines = 1000, .longest_goodbye = kPatience});
  Lines lines;
  std::thread reader([&] { lines = pipe.ReadLines(); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) logger->Write(Level::kInfo, "line", {{"j", j}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  logger.reset();
  pipe.CloseWriter();
  reader.join();
  EXPECT_EQ(lines.size(), 800u);
}

}  // namespace
}  // namespace naru::log
