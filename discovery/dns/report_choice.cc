#include "discovery/dns/report_choice.h"

namespace naru::discovery {

std::optional<Report> ReportChoice::Choose(const std::optional<Answer>& answer, const std::string& trouble,
                                           bool answered) {
  if (answer && answer != last_) {
    last_ = answer;
    return *answer;
  }
  if (!trouble.empty()) return Trouble{trouble};
  if (answer && answered) return Confirmed{};
  return std::nullopt;
}

}  // namespace naru::discovery
