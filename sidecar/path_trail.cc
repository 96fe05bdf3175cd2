#include "sidecar/path_trail.h"

#include <fnmatch.h>

#include <deque>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace naru {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as many as Linux follows in one path

using Names = std::deque<std::string>;

Names NamesOf(const std::string& path) {
  return absl::StrSplit(path, '/', absl::SkipEmpty());
}

std::string RootOf(const std::string& path) {
  return path.starts_with('/') ? "/" : ".";
}

std::string Below(const std::string& folder, const std::string& name) {
  return folder == "/" ? absl::StrCat("/", name) : absl::StrCat(folder, "/", name);
}

bool IsPattern(const std::string& name) {
  return name.find_first_of("*?[") != std::string::npos;
}

class Follower {
 public:
  PathTrail Take() { return std::move(trail_); }

  // `rest` is what of the path lies below `folder`.
  void Follow(std::string folder, Names rest, int links = kMostLinks) {
    while (!rest.empty()) {
      const std::string name = std::move(rest.front());
      rest.pop_front();
      if (IsPattern(name)) return FollowMatches(folder, name, rest, links);
      const std::string path = Below(folder, name);
      if (name != "." && name != ".." && !Note(folder, name)) return;
      std::error_code none;
      if (fs::is_symlink(fs::symlink_status(path, none))) {
        if (links-- == 0) return;
        const std::string target = fs::read_symlink(path, none).string();
        const Names on_the_way = NamesOf(target);
        rest.insert(rest.begin(), on_the_way.begin(), on_the_way.end());
        if (target.starts_with('/')) folder = "/";
        continue;
      }
      if (!fs::is_directory(path, none)) return NoteFile(path, rest);
      folder = path;
    }
  }

 private:
  void FollowMatches(const std::string& folder, const std::string& pattern, const Names& rest, int links) {
    trail_.folders[folder].any = true;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      const std::string name = at->path().filename().string();
      if (fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
      if (IsPattern(name) || names_ >= kMostTrailNames) continue;  // a file with such a name is in `folder`
      Names with_match = rest;
      with_match.push_front(name);
      Follow(folder, std::move(with_match), links);
    }
  }

  bool Note(const std::string& folder, const std::string& name) {
    if (names_ >= kMostTrailNames) return false;
    names_ += trail_.folders[folder].names.insert(name).second ? 1 : 0;
    return true;
  }

  void NoteFile(const std::string& path, const Names& rest) {
    std::error_code none;
    if (rest.empty() && fs::is_regular_file(path, none)) trail_.files.insert(path);
  }

  PathTrail trail_;
  size_t names_ = 0;
};

}  // namespace

PathTrail TrailOf(const std::vector<std::string>& paths) {
  Follower follower;
  for (const std::string& path : paths) follower.Follow(RootOf(path), NamesOf(path));
  return follower.Take();
}

}  // namespace naru
