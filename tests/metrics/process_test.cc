#include "metrics/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

namespace naru::metrics {
namespace {

// Fields 3 to 24 of a line of /proc/PID/stat, with the used ones told apart.
constexpr std::string_view kFields =
    " S 1 2 3 4 5 6 7 8 9 10 1100 220 13 14 15 16 17 18 330000 44000000 5500 21\n";

TEST(ParseProcStat, ReadsTheFieldsBehindTheCommand) {
  const ProcStat expected{1100, 220, 330000, 44000000, 5500};
  for (const std::string_view command : {"7 (naru)", "7 (a b) c)", "7 ()"}) {
    EXPECT_EQ(ParseProcStat(std::string(command) + std::string(kFields)), expected) << command;
  }
}

TEST(ParseProcStat, RefusesWhatItCannotRead) {
  for (const std::string_view text :
       {"", "7 naru S 1 2", "7 (naru) S 1 2 3", "7 (naru) S 1 2 3 4 5 6 7 8 9 10 x 1"}) {
    EXPECT_EQ(ParseProcStat(text), std::nullopt) << text;
  }
}

TEST(ReadProcess, ReadsThisProcess) {
  const std::optional<ProcessReading> reading = ReadProcess();
  ASSERT_TRUE(reading.has_value());
  EXPECT_GT(reading->resident_bytes, 100000);
  EXPECT_GT(reading->virtual_bytes, reading->resident_bytes);
  EXPECT_GE(reading->open_fds, 1);
  EXPECT_GE(reading->max_fds, reading->open_fds);
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LE(reading->start_time_seconds, now.count() + 1);
  EXPECT_GT(reading->start_time_seconds, now.count() - 3600);
}

TEST(ReadProcess, CountsADescriptorThatIsOpened) {
  const double before = ReadProcess()->open_fds;
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(ReadProcess()->open_fds, before + 1);
  close(fd);
}

}  // namespace
}  // namespace naru::metrics
