// Decides when a file is worth reading, from how it looks. Pure: somebody else looks.
//
// Half of a YAML list is a YAML list, so what is being written must not be read. A file whose writer has
// finished is read at once; any other that looks new is read once it has looked the same twice.
#pragma once

#include <cstdint>
#include <optional>

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

class ReadDecision {
 public:
  enum class Verdict : uint8_t {
    kUnchanged,  // as it was when it was last read
    kLookAgain,  // new, and perhaps not finished: look again soon
    kRead,       // read it now
  };

  // `look` is nothing where there is no such file; `finished`: its writer has said so since the last look.
  Verdict Look(const std::optional<FileLook>& look, bool finished);

 private:
  bool ever_read_ = false;
  std::optional<FileLook> read_;
  std::optional<std::optional<FileLook>> candidate_;
};

}  // namespace naru::discovery
