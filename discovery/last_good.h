// Keeps the last good answer of every source on disk, so that naru can start while a source is down.
//
// One small JSON file a source, named by a hash of its URI and written whole beside the old one, then
// renamed: a reader sees the old or the new. What cannot be read or written costs the memory of an answer,
// never a call: both are reported and forgotten. Answers that were last confirmed longer ago than
// kLongestKept are not used any more: their addresses may belong to others by now (RFC 8767 5 advises one to
// three days).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/source_record.h"

namespace naru::discovery {

using WallTime = std::chrono::system_clock::time_point;

inline constexpr auto kLongestKept = std::chrono::hours(72);

// The file's content, and back. Decoding fails with a clause that can follow "PATH ".
std::string EncodeKept(const SourceUri& uri, const Answer& answer, WallTime confirmed);
absl::StatusOr<KeptAnswer> DecodeKept(std::string_view content, const SourceUri& uri, WallTime now);

class LastGood {
 public:
  // `directory` exists already or can be made; empty: nothing is kept.
  explicit LastGood(std::string directory) : directory_(std::move(directory)) {}

  bool enabled() const { return !directory_.empty(); }
  const std::string& directory() const { return directory_; }

  // Fails with a sentence. An answer larger than kMostBytes is not kept.
  absl::Status Save(const SourceUri& uri, const Answer& answer, WallTime confirmed) const;
  // Nothing where none is kept; fails with a sentence where it cannot be used.
  absl::StatusOr<std::optional<KeptAnswer>> Load(const SourceUri& uri, WallTime now) const;
  // Removes files beyond kMostFiles, the oldest first, and those older than kLongestKept.
  void Prune(WallTime now) const;

 private:
  static constexpr size_t kMostBytes = 4 * 1024 * 1024;
  static constexpr size_t kMostFiles = 4096;

  std::string PathOf(const SourceUri& uri) const;

  const std::string directory_;
};

// Where answers are kept unless the configuration says so: systemd's $STATE_DIRECTORY, else /var/lib/naru
// where that exists and can be written; empty: nowhere.
std::string DefaultStateDirectory();

}  // namespace naru::discovery
