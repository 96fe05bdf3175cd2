// Decides what a source reports once something was heard: the whole answer where it changed. Pure.
#pragma once

#include <optional>
#include <string>

#include "discovery/source.h"

namespace naru::discovery {

class ReportChoice {
 public:
  // `answer` is what is believed now, if anything is; `trouble` a sentence, or empty; `answered` says whether
  // this comes of an answer, which confirms what was believed before.
  std::optional<Report> Choose(const std::optional<Answer>& answer, const std::string& trouble,
                               bool answered);

 private:
  std::optional<Answer> last_;
};

}  // namespace naru::discovery
