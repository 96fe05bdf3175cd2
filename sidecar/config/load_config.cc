#include "sidecar/config/load_config.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sidecar/config/build_config.h"
#include "sidecar/config/draft_reader.h"
#include "sidecar/config/text.h"
#include "sidecar/config/values.h"
#include "sidecar/config/yaml_document.h"

namespace naru::config {
namespace {

constexpr std::string_view kUsualName = "naru.yaml";
constexpr size_t kMostIncludedFiles = 1000;
constexpr size_t kMostIncludedBytes = 64 * 1024 * 1024;  // over all files

class Loader {
 public:
  explicit Loader(const Environment& environment) : environment_(environment) {}

  LoadResult Load(const std::string& path) {
    absl::StatusOr<std::string> content = environment_.ReadFile(path, kLargestFile);
    if (!content.ok()) return Unreadable(path, content.status());
    ReadMain(path, *std::move(content));
    for (const std::string& file : FilesToInclude(path)) {
      if (included_bytes_ <= kMostIncludedBytes) ReadIncluded(file);
    }
    return Finish();
  }

 private:
  LoadResult Unreadable(const std::string& path, const absl::Status& why) {
    const int file = problems_.AddFile(path, "");
    std::string hint = "name the file by -c FILE or by NARU_CONFIG";
    const std::string usual(kUsualName);
    if (path != usual && !environment_.Glob(usual).empty()) hint += Cat("; there is one here: -c ", usual);
    problems_.Add(Place{file, 0, 0}, std::string(why.message()), std::move(hint));
    LoadResult result;
    result.problems = problems_.TakeProblems();
    result.unreadable = true;
    return result;
  }

  LoadResult Finish() {
    Config config = BuildConfig(draft_, problems_);
    LoadResult result;
    if (problems_.empty()) result.config = std::make_shared<const Config>(std::move(config));
    result.problems = problems_.TakeProblems();
    result.notes = problems_.TakeNotes();
    return result;
  }

  void ReadMain(const std::string& path, std::string content) {
    const std::optional<YamlNode> root = Parse(path, std::move(content));
    // A file that is being written is empty for a moment; a reload at that moment must not forget every
    // service.
    if (root.has_value() && root->kind == YamlNode::Kind::kNull) {
      problems_.Add(Place{0, 0, 0}, "the file holds nothing", "write at least: services: {}");
    } else if (root.has_value()) {
      ReadMainFile(*root, 0, environment_, problems_, draft_);
    }
  }

  void ReadIncluded(const std::string& path) {
    absl::StatusOr<std::string> content = environment_.ReadFile(path, kLargestFile);
    if (!content.ok()) {
      const int file = problems_.AddFile(path, "");
      return problems_.Add(Place{file, 0, 0}, std::string(content.status().message()), "");
    }
    included_bytes_ += content->size();
    if (included_bytes_ > kMostIncludedBytes) {
      return problems_.Add(
          Place{0, 0, 0},
          Cat("the included files are larger than ", FormatSize(kMostIncludedBytes), " together"), "");
    }
    const std::optional<YamlNode> root = Parse(path, *std::move(content));
    const int file = static_cast<int>(problems_.paths().size()) - 1;
    if (root.has_value()) ReadIncludedFile(*root, file, environment_, problems_, draft_);
  }

  std::optional<YamlNode> Parse(const std::string& path, std::string content) {
    std::variant<YamlNode, YamlError> parsed = ParseYaml(content);
    const int file = problems_.AddFile(path, std::move(content));
    if (auto* error = std::get_if<YamlError>(&parsed)) {
      problems_.Add(Place{file, error->line, error->column}, std::move(error->message),
                    std::move(error->hint));
      return std::nullopt;
    }
    return std::get<YamlNode>(std::move(parsed));
  }

  // In the order of the patterns, each file once and the main file never.
  std::vector<std::string> FilesToInclude(const std::string& main_path) {
    std::vector<std::string> files;
    for (const Located<std::string>& pattern : draft_.include) {
      const std::vector<std::string> found = environment_.Glob(FromDirectoryOf(main_path, pattern.value));
      if (found.empty()) ReportNothingFound(pattern);
      for (const std::string& file : found) {
        const bool is_known = file == main_path || std::find(files.begin(), files.end(), file) != files.end();
        if (!is_known) files.push_back(file);
      }
      if (files.size() > kMostIncludedFiles) {
        problems_.Add(pattern.place, Cat("include names more than ", kMostIncludedFiles, " files"), "");
        return {};
      }
    }
    return files;
  }

  void ReportNothingFound(const Located<std::string>& pattern) {
    std::string message = Cat("include: no file matches ", pattern.value);
    std::string hint = "the path starts from the directory of this file";
    const bool is_pattern = pattern.value.find_first_of("*?[") != std::string::npos;
    if (is_pattern) {
      problems_.Note(pattern.place, std::move(message), std::move(hint));
    } else {
      problems_.Add(pattern.place, std::move(message), std::move(hint));
    }
  }

  static std::string FromDirectoryOf(const std::string& main_path, const std::string& pattern) {
    const size_t slash = main_path.rfind('/');
    if (pattern.starts_with('/') || slash == std::string::npos) return pattern;
    return main_path.substr(0, slash + 1) + pattern;
  }

  const Environment& environment_;
  ProblemList problems_;
  Draft draft_;
  size_t included_bytes_ = 0;
};

}  // namespace

LoadResult LoadConfig(const std::string& path, const Environment& environment) {
  return Loader(environment).Load(path);
}

}  // namespace naru::config
