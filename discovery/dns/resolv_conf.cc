#include "discovery/dns/resolv_conf.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

using Words = std::vector<std::string_view>;

// The pieces between any of `separators` that are not empty.
Words Split(std::string_view text, std::string_view separators) {
  Words words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

void ReadServer(const Words& words, ResolvConf& conf) {
  if (words.size() < 2 || conf.servers.size() >= ResolvConf::kMostServers) return;
  const std::optional<IpBytes> ip = ParseIp(words[1]);
  if (ip) conf.servers.push_back({*ip, ResolvConf::kDnsPort});
}

// The last `search` or `domain` counts.
void ReadSearch(const Words& words, ResolvConf& conf) {
  conf.search.clear();
  for (size_t i = 1; i < words.size() && conf.search.size() < ResolvConf::kMostSearch; ++i) {
    std::string_view domain = words[i];
    if (domain.ends_with('.')) domain.remove_suffix(1);
    if (!domain.empty()) conf.search.emplace_back(domain);
  }
}

void ReadOptions(const Words& words, ResolvConf& conf) {
  constexpr std::string_view kDots = "ndots:";
  for (const std::string_view word : words) {
    if (!word.starts_with(kDots)) continue;
    int dots = 0;
    const auto [end, error] = std::from_chars(word.data() + kDots.size(), word.data() + word.size(), dots);
    if (error != std::errc() || end != word.data() + word.size()) continue;
    conf.dots = std::clamp(dots, 0, ResolvConf::kMostDots);
  }
}

void ReadLine(std::string_view line, ResolvConf& conf) {
  if (line.starts_with('#') || line.starts_with(';')) return;
  const Words words = Split(line, " \t\r");
  if (words.empty()) return;
  if (words[0] == "nameserver") ReadServer(words, conf);
  if (words[0] == "search" || words[0] == "domain") ReadSearch(words, conf);
  if (words[0] == "options") ReadOptions(words, conf);
}

}  // namespace

ResolvConf ResolvConf::Parse(std::string_view text) {
  ResolvConf conf;
  for (const std::string_view line : Split(text, "\n")) ReadLine(line, conf);
  if (conf.servers.empty()) conf.servers.push_back({*ParseIp("127.0.0.1"), kDnsPort});
  return conf;
}

std::vector<std::string> ResolvConf::NamesFor(std::string_view name) const {
  if (name.ends_with('.')) return {std::string(name)};
  std::vector<std::string> names;
  for (const std::string& domain : search) names.push_back(Cat(name, ".", domain, "."));
  const bool first = std::count(name.begin(), name.end(), '.') >= dots;
  names.insert(first ? names.begin() : names.end(), Cat(name, "."));
  return names;
}

}  // namespace naru::discovery
