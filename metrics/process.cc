#include "metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace naru::metrics {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// When the machine started, in seconds since 1970: the line "btime N" of /proc/stat. Zero when it is not
// there.
uint64_t BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    uint64_t seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double OpenFds() {
  std::error_code error;
  std::filesystem::directory_iterator fds("/proc/self/fd", error);
  // The listing itself holds one while it counts.
  return error ? 0 : static_cast<double>(std::distance(fds, std::filesystem::directory_iterator())) - 1;
}

double MaxFds() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

std::optional<ProcStat> ParseProcStat(std::string_view text) {
  // The second field is the command in parentheses and may hold spaces and parentheses itself.
  const size_t command_end = text.rfind(')');
  if (command_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(text.substr(command_end + 1))};
  // From field 3 of proc(5) on; the first of them is a letter, the others are numbers.
  const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
  const auto number = [&words](size_t field, uint64_t& into) {
    if (field - 3 >= words.size()) return false;
    const std::string& word = words[field - 3];
    return std::from_chars(word.data(), word.data() + word.size(), into).ec == std::errc();
  };
  ProcStat stat;
  const bool sound = number(14, stat.user_ticks) && number(15, stat.system_ticks) &&
                     number(22, stat.start_ticks) && number(23, stat.virtual_bytes) &&
                     number(24, stat.resident_pages);
  return sound ? std::optional(stat) : std::nullopt;
}

std::optional<ProcessReading> ReadProcess() {
  const std::optional<ProcStat> stat = ParseProcStat(ReadFile("/proc/self/stat"));
  if (!stat) return std::nullopt;
  const double ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessReading reading;
  reading.cpu_seconds = static_cast<double>(stat->user_ticks + stat->system_ticks) / ticks_per_second;
  reading.resident_bytes =
      static_cast<double>(stat->resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
  reading.virtual_bytes = static_cast<double>(stat->virtual_bytes);
  reading.open_fds = OpenFds();
  reading.max_fds = MaxFds();
  reading.start_time_seconds =
      static_cast<double>(BootTime()) + static_cast<double>(stat->start_ticks) / ticks_per_second;
  return reading;
}

}  // namespace naru::metrics
