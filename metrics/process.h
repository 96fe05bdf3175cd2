// What the operating system says about this process, for the process_* metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace naru::metrics {

struct ProcessReading {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  // since 1970
};

// Nothing where /proc is not readable.
std::optional<ProcessReading> ReadProcess();

// The fields of /proc/PID/stat that are used (proc(5)).
struct ProcStat {
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t start_ticks = 0;  // since boot
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;

  bool operator==(const ProcStat&) const = default;
};
std::optional<ProcStat> ParseProcStat(std::string_view text);

}  // namespace naru::metrics
