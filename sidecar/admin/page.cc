#include "sidecar/admin/page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <tuple>

#include "sidecar/admin/quantity.h"
#include "sidecar/log/json_text.h"
#include "sidecar/log/line.h"

namespace naru::admin {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>naru</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ddd; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.bad { color: #b00020; font-weight: 600; } pre { overflow-x: auto; }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e8e8e8; } a { color: #8ab4f8; }
  th, td { border-color: #3a3a3a; } .bad { color: #ff8a80; } }
</style>
</head>
<body>
)";

constexpr std::string_view kColumns =
    "<table>\n<tr><th>service</th><th class=\"n\">calls/s</th><th class=\"n\">failed</th>"
    "<th class=\"n\">p50</th><th class=\"n\">p99</th><th class=\"n\">in flight</th><th "
    "class=\"n\">queued</th>"
    "<th>breaker</th><th>endpoints</th></tr>\n";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : log::ValidUtf8(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// Percent-encodes all but the unreserved characters of RFC 3986 2.3.
std::string PathSegment(std::string_view text) {
  std::string segment;
  for (const char c : text) {
    if (isalnum(static_cast<unsigned char>(c)) ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      segment += c;
      continue;
    }
    char code[4];
    snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned char>(c));
    segment += code;
  }
  return segment;
}

std::string Number(const std::string& text, bool bad = false) {
  return std::string(bad ? "<td class=\"n bad\">" : "<td class=\"n\">") + text + "</td>";
}

std::string TrafficCells(const TrafficReport& report, const ServiceView& service) {
  const auto found = report.services.find({service.squad, service.name});
  if (found == report.services.end()) return Number("0") + Number("") + Number("") + Number("");
  const RecentTraffic& traffic = found->second;
  return Number(NumberText(traffic.calls_per_second)) +
         Number(PercentText(traffic.failed_share), traffic.failed_share > 0) + Number(SpanText(traffic.p50)) +
         Number(SpanText(traffic.p99));
}

// How much never left for the public network, and how much of it once did.
std::string PrivateLine(const PageFacts& facts) {
  uint64_t all = 0;
  uint64_t formerly_public = 0;
  for (const ServiceView& service : facts.services) {
    const auto found = facts.traffic.bytes.find({service.squad, service.name});
    if (found == facts.traffic.bytes.end()) continue;
    all += found->second;
    if (!service.hosts.empty()) formerly_public += found->second;
  }
  return "<p>" + BytesText(all) + " of bodies stayed on the private network since the start, " +
         BytesText(formerly_public) + " of them with services that have a host name of their own.</p>\n";
}

// Why a service's endpoints may not be what they should.
std::string SourceNote(const ServiceView& service) {
  if (!service.source || service.source->error.empty()) return "";
  return "<br><span class=\"bad\">" + Escaped(service.source->uri + ": " + service.source->error) + "</span>";
}

bool Failing(const EndpointView& endpoint) {
  return endpoint.last_failure && endpoint.last_failure->is_latest;
}

// Endpoints whose last attempt failed: one that serves by name may be dead, and nobody called it since.
std::string FailingNote(const std::vector<EndpointView>& endpoints) {
  constexpr size_t kMostShown = 3;
  std::string note;
  size_t failing = 0;
  for (const EndpointView& endpoint : endpoints) {
    if (!Failing(endpoint) || ++failing > kMostShown) continue;
    const FailureView& failure = *endpoint.last_failure;
    note += "<br><span class=\"bad\">" + Escaped(endpoint.address + ": " + failure.reason) + "</span> " +
            NumberText(std::floor(failure.age_s)) + " s ago, not called since";
  }
  return failing > kMostShown ? note + "<br>and " + std::to_string(failing - kMostShown) + " more" : note;
}

std::string EndpointsCell(const ServiceView& service) {
  const std::vector<EndpointView>& endpoints = service.endpoints;
  const auto serving = std::count_if(endpoints.begin(), endpoints.end(), [](const EndpointView& endpoint) {
    return endpoint.state == "serving";
  });
  const bool all = static_cast<size_t>(serving) == endpoints.size() && !endpoints.empty() &&
                   !std::all_of(endpoints.begin(), endpoints.end(), Failing);
  return std::string(all ? "<td>" : "<td class=\"bad\">") + std::to_string(serving) + " of " +
         std::to_string(endpoints.size()) + " serving" + FailingNote(endpoints) + SourceNote(service) +
         "</td>";
}

std::string Row(const TrafficReport& report, const ServiceView& service) {
  const bool calm = service.breaker == "closed" || service.breaker == "off";
  return "<tr><td><a href=\"/services/" + PathSegment(service.name) + "?pretty\">" + Escaped(service.name) +
         "</a></td>" + TrafficCells(report, service) + Number(std::to_string(service.in_flight)) +
         Number(std::to_string(service.queued)) + (calm ? "<td>" : "<td class=\"bad\">") +
         Escaped(service.breaker) + "</td>" + EndpointsCell(service) + "</tr>\n";
}

// "14:54:30 UTC on 2026-11-28".
std::string TimeOfDay(std::chrono::system_clock::time_point time) {
  const std::string text = log::FormatTime(time);
  return text.substr(11, 8) + " UTC on " + text.substr(0, 10);
}

std::string RefusalNote(const std::optional<Refusal>& refused) {
  constexpr size_t kMostShown = 10;
  if (!refused) return "";
  std::string note = "<p><span class=\"bad\">" + Escaped(refused->file) + " was refused at " +
                     TimeOfDay(refused->time) + "</span> (" + Escaped(refused->why) +
                     "). The configuration before it stays in force.</p>\n<pre>";
  for (size_t i = 0; i < std::min(refused->problems.size(), kMostShown); ++i) {
    note += Escaped(refused->problems[i]) + (refused->problems[i].ends_with('\n') ? "" : "\n");
  }
  if (refused->problems.size() > kMostShown) {
    note += "and " + std::to_string(refused->problems.size() - kMostShown) + " more: see /config\n";
  }
  return note + "</pre>\n";
}

std::string Introduction(const PageFacts& facts) {
  const long long span = std::chrono::duration_cast<std::chrono::seconds>(facts.traffic.span).count();
  return "<h1>naru " + Escaped(facts.version) + "</h1>\n<p>Calls of <b>" + Escaped(facts.caller.squad) + "/" +
         Escaped(facts.caller.service) + "</b>, over the last " + std::to_string(span) + " s. " +
         (facts.not_ready.empty()
              ? "Ready."
              : "<span class=\"bad\">Not ready: " + Escaped(facts.not_ready) + "</span>") +
         "</p>\n" + RefusalNote(facts.refused) + PrivateLine(facts) +
         "<p><a href=\"/calls/recent?pretty\">recent failed and slow calls</a> · <a "
         "href=\"/services?pretty\">services</a>"
         " · <a href=\"/config?pretty\">configuration</a> · <a href=\"/metrics\">metrics</a></p>\n";
}

}  // namespace

std::string Page(PageFacts facts) {
  std::sort(facts.services.begin(), facts.services.end(), [](const ServiceView& a, const ServiceView& b) {
    return std::tie(a.squad, a.name) < std::tie(b.squad, b.name);
  });
  std::string page = std::string(kHead) + Introduction(facts);
  const std::string* squad = nullptr;
  for (const ServiceView& service : facts.services) {
    if (squad == nullptr || *squad != service.squad) {
      if (squad != nullptr) page += "</table>\n";
      page += "<h2>" + Escaped(service.squad) + "</h2>\n" + std::string(kColumns);
      squad = &service.squad;
    }
    page += Row(facts.traffic, service);
  }
  page += squad == nullptr ? "<p>No services are configured.</p>\n" : "</table>\n";
  return page + "</body>\n</html>\n";
}

}  // namespace naru::admin
