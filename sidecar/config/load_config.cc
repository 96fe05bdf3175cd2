#include "sidecar/config/load_config.h"

#include <optional>
#include <set>
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
    result_.paths.push_back(path);
    absl::StatusOr<std::string> content = environment_.ReadFile(path, kLargestFile);
    if (!content.ok()) return Unreadable(path, content.status());
    ReadMain(path, *std::move(content));
    for (const Located<std::string>& file : FilesToInclude(path)) {
      if (included_bytes_ <= kMostIncludedBytes) ReadIncluded(file.value, file.place);
    }
    return Finish();
  }

 private:
  LoadResult Unreadable(const std::string& path, const absl::Status& why) {
    ReportUnreadable(path, why, absl::IsNotFound(why) ? HowToNameTheFile(path) : HintFor(why));
    result_.problems = problems_.TakeProblems();
    return std::move(result_);
  }

  void ReportUnreadable(const std::string& path, const absl::Status& why, std::string hint) {
    const int file = problems_.AddFile(path, "");
    problems_.Add(Place{file, 0, 0}, std::string(why.message()), std::move(hint));
    NoteUnreadable(why);
  }

  void NoteUnreadable(const absl::Status& why) {
    result_.unreadable = true;
    result_.try_again = result_.try_again || absl::IsResourceExhausted(why);
  }

  std::string HowToNameTheFile(const std::string& path) const {
    const std::string hint = "name the file by -c FILE or by NARU_CONFIG";
    const std::string usual(kUsualName);
    if (path == usual || !environment_.ReadFile(usual, kLargestFile).ok()) return hint;
    return Cat(hint, "; there is one here: -c ", usual);
  }

  static std::string HintFor(const absl::Status& why) {
    if (absl::IsPermissionDenied(why)) {
      return "let that user read it and enter every folder on the way to it, by chgrp and chmod";
    }
    if (absl::IsInvalidArgument(why)) return "name a file in it";
    if (absl::IsResourceExhausted(why)) return "too many open files? raise the limit (ulimit -n)";
    return "";
  }

  LoadResult Finish() {
    Config config = BuildConfig(draft_, problems_);
    NoteMissingSources();
    if (problems_.empty()) result_.config = std::make_shared<const Config>(std::move(config));
    result_.problems = problems_.TakeProblems();
    result_.notes = problems_.TakeNotes();
    return std::move(result_);
  }

  // Which may come later, or be found where naru runs but not where it is checked.
  void NoteMissingSources() {
    for (const DraftService& service : draft_.services) {
      const bool is_file =
          service.source.has_value() && service.source->value.scheme == discovery::Scheme::kFile;
      if (!is_file || environment_.Exists(service.source->value.name)) continue;
      problems_.Note(service.source->place,
                     Cat("endpoints: there is no file ", service.source->value.name, " here"),
                     Cat("until there is, the service \"", service.name, "\" has no endpoint"));
    }
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

  void ReadIncluded(const std::string& path, const Place& included_at) {
    absl::StatusOr<std::string> content = environment_.ReadFile(path, kLargestFile);
    if (!content.ok()) {
      const std::string hint = HintFor(content.status());
      return ReportUnreadable(
          path, content.status(),
          Cat("it is included at ", problems_.Where(included_at), hint.empty() ? "" : "; ", hint));
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
  std::vector<Located<std::string>> FilesToInclude(const std::string& main_path) {
    std::set<std::string> known = {main_path};
    std::vector<Located<std::string>> files;
    for (const Located<std::string>& pattern : draft_.include) {
      for (const std::string& file : FilesThatMatch(pattern, main_path)) {
        if (known.insert(file).second) files.push_back({file, pattern.place});
      }
      if (files.size() > kMostIncludedFiles) {
        problems_.Add(pattern.place, Cat("include names more than ", kMostIncludedFiles, " files"), "");
        return {};
      }
    }
    return files;
  }

  std::vector<std::string> FilesThatMatch(const Located<std::string>& pattern, const std::string& main_path) {
    result_.paths.push_back(FromDirectoryOf(main_path, pattern.value));
    absl::StatusOr<std::vector<std::string>> found = environment_.Glob(result_.paths.back());
    if (found.ok()) {
      if (found->empty()) ReportNothingFound(pattern);
      return *std::move(found);
    }
    problems_.Add(pattern.place, Cat("include: a folder of ", pattern.value, " ", found.status().message()),
                  HintFor(found.status()));
    NoteUnreadable(found.status());
    return {};
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
  LoadResult result_;
  size_t included_bytes_ = 0;
};

}  // namespace

LoadResult LoadConfig(const std::string& path, const Environment& environment) {
  return Loader(environment).Load(path);
}

}  // namespace naru::config
