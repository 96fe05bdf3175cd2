#include "sidecar/admin/page.h"

#include <gtest/gtest.h>

#include "tests/sidecar/admin/fake_backend.h"

namespace naru::admin {
namespace {

// What stands between the body's tags.
std::string BodyOf(const std::string& page) {
  const size_t start = page.find("<body>\n") + 7;
  return page.substr(start, page.find("</body>") - start);
}

constexpr std::string_view kLinks =
    "<p><a href=\"/calls/recent?pretty\">recent failed and slow calls</a> · <a "
    "href=\"/services?pretty\">services</a> · "
    "<a href=\"/config?pretty\">configuration</a> · <a href=\"/metrics\">metrics</a></p>\n";
constexpr std::string_view kColumns =
    "<table>\n<tr><th>service</th><th class=\"n\">calls/s</th><th class=\"n\">failed</th>"
    "<th class=\"n\">p50</th><th class=\"n\">p99</th><th class=\"n\">in flight</th><th "
    "class=\"n\">queued</th>"
    "<th>breaker</th><th>endpoints</th></tr>\n";

TEST(Page, ShowsServicesBySquad) {
  TrafficReport traffic{std::chrono::seconds(10), {}, {}};
  traffic.services[{"learning", "courses"}] = {12.5, 0.02, std::chrono::microseconds(1250),
                                               std::chrono::milliseconds(75)};
  traffic.bytes = {{{"learning", "courses"}, 1536}, {{"pay", "billing"}, 1024 * 1024}};  // courses has a host
  EXPECT_EQ(
      BodyOf(Page({{"video", "video-api"}, "1.2.3", "", {Billing(), Courses()}, traffic})),
      "<h1>naru 1.2.3</h1>\n<p>Calls of <b>video/video-api</b>, over the last 10 s. Ready.</p>\n"
      "<p>1.0 MiB of bodies stayed on the private network since the start, 1.5 KiB of them with services "
      "that have a "
      "host name of their own.</p>\n" +
          std::string(kLinks) + "<h2>learning</h2>\n" + std::string(kColumns) +
          "<tr><td><a href=\"/services/courses?pretty\">courses</a></td><td class=\"n\">12.5</td>"
          "<td class=\"n bad\">2 %</td><td class=\"n\">1.25 ms</td><td class=\"n\">75 ms</td>"
          "<td class=\"n\">3</td><td class=\"n\">1</td><td>closed</td>"
          "<td class=\"bad\">1 of 2 serving</td></tr>\n</table>\n"
          "<h2>pay</h2>\n" +
          std::string(kColumns) +
          "<tr><td><a href=\"/services/billing?pretty\">billing</a></td><td class=\"n\">0</td><td "
          "class=\"n\"></td>"
          "<td class=\"n\"></td><td class=\"n\"></td><td class=\"n\">0</td><td class=\"n\">0</td>"
          "<td>off</td><td class=\"bad\">0 of 0 serving</td></tr>\n</table>\n");
}

TEST(Page, SaysWhenNothingIsConfiguredOrReady) {
  EXPECT_EQ(BodyOf(Page({{"video", "video-api"}, "1.2.3", "draining", {}, {}})),
            "<h1>naru 1.2.3</h1>\n<p>Calls of <b>video/video-api</b>, over the last 0 s. "
            "<span class=\"bad\">Not ready: draining</span></p>\n"
            "<p>0 bytes of bodies stayed on the private network since the start, 0 bytes of them with "
            "services that "
            "have a host name of their own.</p>\n" +
                std::string(kLinks) + "<p>No services are configured.</p>\n");
}

TEST(Page, SaysWhatIsWrongWithASource) {
  ServiceView service = Billing();
  service.source = SourceView{"dns://billing:80", 1, 3.0, false, true, "", "timed <out>", {}};
  EXPECT_NE(
      Page({{"video", "video-api"}, "", "", {service}, {}})
          .find("0 of 0 serving<br><span class=\"bad\">dns://billing:80: timed &lt;out&gt;</span></td>"),
      std::string::npos);
}

TEST(Page, SaysThatAConfigurationWasRefused) {
  Refusal refused{"naru.yaml",
                  std::chrono::system_clock::time_point(std::chrono::milliseconds(1772600767089)),
                  "a file changed",
                  {"naru.yaml:9:5: there is no key \"<x>\"\n  <x>: 1\n", "ports"}};
  EXPECT_NE(
      Page({{"video", "video-api"}, "", "", {}, {}, refused})
          .find("Ready.</p>\n<p><span class=\"bad\">naru.yaml was refused at 05:06:07 UTC on "
                "2026-03-04</span> (a file changed). The configuration before it stays in force.</p>\n"
                "<pre>naru.yaml:9:5: there is no key &quot;&lt;x&gt;&quot;\n  &lt;x&gt;: 1\nports\n</pre>\n"),
      std::string::npos);
  refused.problems.assign(12, "x\n");
  EXPECT_NE(
      Page({{"video", "video-api"}, "", "", {}, {}, refused}).find("x\nand 2 more: see /config\n</pre>"),
      std::string::npos);
}

TEST(Page, SaysThatEndpointsWhichServeDoNotAnswer) {
  ServiceView service = Courses();
  for (EndpointView& endpoint : service.endpoints) {
    endpoint.state = "serving";
    endpoint.last_failure = FailureView{"connect_refused", 12.75, true};
  }
  const std::string note = ": connect_refused</span> 12 s ago, not called since";
  EXPECT_NE(Page({{"video", "video-api"}, "", "", {service}, {}})
                .find("<td class=\"bad\">2 of 2 serving<br><span class=\"bad\">10.0.1.11:8080" + note +
                      "<br><span class=\"bad\">10.0.1.12:8080" + note + "</td>"),
            std::string::npos);
  service.endpoints[1].last_failure->is_latest = false;  // it has answered since
  EXPECT_NE(Page({{"video", "video-api"}, "", "", {service}, {}})
                .find("<td>2 of 2 serving<br><span class=\"bad\">10.0.1.11:8080" + note + "</td>"),
            std::string::npos);
}

TEST(Page, EscapesNames) {
  ServiceView service = Billing();
  service.name = "a<b>&\"/c";
  const std::string page = Page({{"<s>", "v"}, "", "", {service}, {}});
  EXPECT_NE(page.find("<a href=\"/services/a%3Cb%3E%26%22%2Fc?pretty\">a&lt;b&gt;&amp;&quot;/c</a>"),
            std::string::npos);
  EXPECT_NE(page.find("<b>&lt;s&gt;/v</b>"), std::string::npos);
}

TEST(Page, LoadsNothingFromElsewhere) {
  const std::string page = Page({{"video", "video-api"}, "1.2.3", "", {Courses()}, {}});
  for (const char* foreign : {"http:", "https:", "<script", "src=", "url(", "@import"}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
}

}  // namespace
}  // namespace naru::admin
