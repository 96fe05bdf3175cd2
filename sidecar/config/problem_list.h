// Collects problems while files are read, and shows each in its line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/problem.h"

namespace naru::config {

class ProblemList {
 public:
  static constexpr size_t kMostProblems = 200;

  // Makes a file known; its index is what Place::file means.
  int AddFile(std::string path, std::string content);
  const std::vector<std::string>& paths() const { return paths_; }

  void Add(const Place& place, std::string message, std::string hint);
  void Note(const Place& place, std::string message,
            std::string hint);  // worth knowing, but no reason to refuse

  bool empty() const { return problems_.empty(); }

  // "naru.yaml:12"
  std::string Where(const Place& place) const;

  // In the order of files and lines.
  std::vector<Problem> TakeProblems() { return Take(problems_); }
  std::vector<Problem> TakeNotes() { return Take(notes_); }

 private:
  struct Entry {
    Place place;
    Problem problem;
  };
  Problem Make(const Place& place, std::string message, std::string hint) const;
  static std::vector<Problem> Take(std::vector<Entry>& entries);

  std::vector<std::string> paths_;
  std::vector<std::string> contents_;
  std::vector<Entry> problems_;
  std::vector<Entry> notes_;
};

}  // namespace naru::config
