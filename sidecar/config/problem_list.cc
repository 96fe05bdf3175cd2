#include "sidecar/config/problem_list.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

std::string LineOf(std::string_view content, int line) {
  for (int i = 1; i < line; ++i) {
    const size_t end = content.find('\n');
    if (end == std::string_view::npos) return "";
    content.remove_prefix(end + 1);
  }
  std::string_view found = content.substr(0, content.find('\n'));
  if (found.ends_with('\r')) found.remove_suffix(1);
  return std::string(found);
}

}  // namespace

int ProblemList::AddFile(std::string path, std::string content) {
  paths_.push_back(std::move(path));
  contents_.push_back(std::move(content));
  return static_cast<int>(paths_.size()) - 1;
}

void ProblemList::Add(const Place& place, std::string message, std::string hint) {
  if (problems_.size() > kMostProblems) return;
  if (problems_.size() == kMostProblems) {
    message = Cat("more than ", kMostProblems, " problems were found");
    hint = "solve these first";
  }
  problems_.push_back({place, Make(place, std::move(message), std::move(hint))});
}

void ProblemList::Note(const Place& place, std::string message, std::string hint) {
  if (notes_.size() >= kMostProblems) return;
  notes_.push_back({place, Make(place, std::move(message), std::move(hint))});
}

std::string ProblemList::Where(const Place& place) const {
  return place.file < 0 ? "default" : Cat(paths_[place.file], ":", place.line);
}

Problem ProblemList::Make(const Place& place, std::string message, std::string hint) const {
  Problem problem{"", place.line, place.column, std::move(message), std::move(hint), ""};
  if (place.file < 0) return problem;
  problem.file = paths_[place.file];
  if (place.line > 0) problem.source_line = LineOf(contents_[place.file], place.line);
  return problem;
}

std::vector<Problem> ProblemList::Take(std::vector<Entry>& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
  std::vector<Problem> problems;
  for (Entry& entry : entries) problems.push_back(std::move(entry.problem));
  entries.clear();
  return problems;
}

}  // namespace naru::config
