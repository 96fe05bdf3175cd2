// Sources that are files in Prometheus' file_sd format: file:///etc/naru/courses.json.
//
// A file is read when its writer closes it or renames it into place, and when it looks different and has
// stopped changing: whatever swaps it (symbolic links, a directory replaced whole), and where there is no
// inotify. A file that vanishes, is empty or makes no sense is Trouble.
#pragma once

#include <memory>

#include "discovery/source.h"

namespace naru::discovery {

std::unique_ptr<SourceProvider> MakeFileProvider(const SourceContext& context);

}  // namespace naru::discovery
