// Decides when a file is worth reading, from how it looks. Pure: somebody else looks.
//
// Half of a YAML list is a YAML list, so what is being written must not be read. A file whose writer has
// finished is read at once; any other that looks new is read once it has looked the same for a moment, which
// is long where somebody is known to write and has not said that it is done.
#pragma once

#include <cstdint>
#include <optional>

#include "discovery/time.h"

namespace naru::discovery {

// What changes whenever a file does.
struct FileLook {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;  // of the inode: also where the time of modification was set by hand

  bool operator==(const FileLook&) const = default;
};

// What is known of a file's writer since the last look.
enum class Writer : uint8_t { kUnknown, kWriting, kFinished };

class ReadDecision {
 public:
  static constexpr Duration kSettled = std::chrono::milliseconds(200);
  static constexpr Duration kGivenUp =
      std::chrono::seconds(5);  // a writer that holds the file open and rests

  enum class Verdict : uint8_t {
    kUnchanged,  // as it was when it was last read
    kLookAgain,  // new, and perhaps not finished: look again soon
    kRead,       // read it now
  };

  // `look` is nothing where there is no such file.
  Verdict Look(const std::optional<FileLook>& look, Writer writer, TimePoint now);

 private:
  struct Candidate {
    std::optional<FileLook> look;
    TimePoint since;
  };

  Verdict Wait(const std::optional<FileLook>& look, Writer writer, TimePoint now);

  bool ever_read_ = false;
  std::optional<FileLook> read_;
  std::optional<Candidate> candidate_;
};

}  // namespace naru::discovery
