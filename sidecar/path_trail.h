// Which names decide what a path leads to: those along the way from the root, through symbolic links and
// patterns. Watching them all notices a file that is written, replaced or put there for the first time, a
// folder that is replaced as a whole, and a link on the way that is switched, as Kubernetes does with
// `..data`.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace naru {

struct FolderNames {
  std::set<std::string> names;
  bool any = false;  // a pattern is matched against the names in this folder

  bool operator==(const FolderNames&) const = default;
};

struct PathTrail {
  std::map<std::string, FolderNames> folders;  // by the path on which the folder was reached
  std::set<std::string> files;  // those at the end; one may be mounted alone, apart from its folder

  bool operator==(const PathTrail&) const = default;
};

// The trail of files and shell patterns as it is now. It ends at a name that is not there, in the folder
// where that would have to appear. Bounded: what lies beyond kMostTrailNames names is left out.
inline constexpr size_t kMostTrailNames = 16384;
PathTrail TrailOf(const std::vector<std::string>& paths);

}  // namespace naru
