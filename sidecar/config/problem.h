// What is wrong with a configuration, as it is told to the person who wrote it.
#pragma once

#include <string>
#include <vector>

namespace naru::config {

// A place in a file, counted from 1; line 0: the file as a whole.
struct Place {
  int file = -1;  // an index into the files that were read
  int line = 0;
  int column = 0;

  bool operator==(const Place&) const = default;
};

struct Problem {
  std::string file;
  int line = 0;             // 0: the file as a whole
  int column = 0;           // 0: the line as a whole
  std::string message;      // what is wrong
  std::string hint;         // what to do; may be empty when the message says it
  std::string source_line;  // the line it is in

  bool operator==(const Problem&) const = default;
};

//   naru.yaml:12:5: there is no key "timout" in a service
//       timout: 5s
//       ^
//     did you mean "timeout"?
// Ends with a line end. A long line is cut around the column.
std::string Render(const Problem& problem);
std::string Render(const std::vector<Problem>& problems);

}  // namespace naru::config
