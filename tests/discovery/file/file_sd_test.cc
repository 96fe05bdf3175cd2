#include "discovery/file/file_sd.h"

#include <gtest/gtest.h>

#include <string>

#include "discovery/endpoint_set.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

Endpoint On(std::string_view address) {
  return {*Address::Parse(address), 1, "", {}};
}

absl::StatusOr<Answer> Json(std::string_view text) {
  return ParseFileSd(text, FileFormat::kJson, "/c.json");
}

absl::StatusOr<Answer> Yaml(std::string_view text) {
  return ParseFileSd(text, FileFormat::kYaml, "/c.yaml");
}

std::string WhyNot(const absl::StatusOr<Answer>& read) {
  return std::string(read.status().message());
}

void ExpectAnswer(const absl::StatusOr<Answer>& read, const Answer& answer) {
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, answer);
}

const Answer& Courses() {
  static const auto* answer =
      new Answer{{{*Address::Parse("10.0.1.11:8080"), 3, "seoul-a", {{"__meta_task", "7"}, {"version", "2"}}},
                  {*Address::Parse("[fd00::1]:8080"), 3, "seoul-a", {{"__meta_task", "7"}, {"version", "2"}}},
                  On("10.0.1.12:8080")},
                 true,
                 "learning",
                 ""};
  return *answer;
}

TEST(FileSd, IsReadFromJson) {
  ExpectAnswer(Json(R"([
    {"targets": ["10.0.1.11:8080", "[fd00::1]:8080"],
     "labels": {"zone": "seoul-a", "weight": "3", "squad": "learning", "version": "2", "__meta_task": "7"}},
    {"targets": ["10.0.1.12:8080"]}
  ])"),
               Courses());
}

TEST(FileSd, IsReadFromYaml) {
  ExpectAnswer(Yaml(R"(
# written by deployment
- targets: [10.0.1.11:8080, "[fd00::1]:8080"]
  labels:
    availability_zone: seoul-a
    weight: 3
    squad: learning
    version: "2"
    __meta_task: 7
- targets:
    - 10.0.1.12:8080
  labels: ~
)"),
               Courses());
}

TEST(FileSd, SaysByAnEmptyListThatThereIsNothing) {
  ExpectAnswer(Json("[]\n"), Answer());
  ExpectAnswer(Yaml("[]"), Answer());
  ExpectAnswer(Json(R"([{"targets": []}])"), Answer());
}

TEST(FileSd, TakesNumbersAndTruthValuesForTheTextThatTheyMean) {
  ExpectAnswer(
      Json(R"([{"targets": ["10.0.0.1:80"], "labels": {"weight": 2, "canary": true, "build": -5}}])"),
      Answer{{{*Address::Parse("10.0.0.1:80"), 2, "", {{"build", "-5"}, {"canary", "true"}}}}});
}

TEST(FileSd, PrefersZoneAndKeepsTheOtherAsMetadata) {
  ExpectAnswer(Json(R"([{"targets": ["10.0.0.1:80"], "labels": {"zone": "a", "availability_zone": "b"}}])"),
               Answer{{{*Address::Parse("10.0.0.1:80"), 1, "a", {{"availability_zone", "b"}}}}});
}

TEST(FileSd, KeepsAsManyLabelsAsAnEndpointHolds) {
  std::string labels;
  for (int i = 10; i < 40; ++i) labels += Cat(i == 10 ? "" : ",", "\"l", i, "\":\"\"");
  const auto read = Json(Cat(R"([{"targets": ["10.0.0.1:80"], "labels": {)", labels, "}}]"));
  ASSERT_TRUE(read.ok()) << read.status();
  const auto& metadata = read->endpoints.at(0).metadata;
  EXPECT_EQ(metadata.size(), Endpoint::kMostMetadata);
  EXPECT_EQ(metadata.front().first, "l10");
  EXPECT_EQ(metadata.back().first, "l25");
}

struct Refused {
  std::string_view text;
  std::string_view why;
};

TEST(FileSd, SaysWhatIsWrongWithJsonAndWhere) {
  for (const Refused& row : {
           Refused{
               "",
               "/c.json: the file is empty, which says nothing: write [] for a service without endpoints"},
           Refused{
               " \n",
               "/c.json: the file is empty, which says nothing: write [] for a service without endpoints"},
           Refused{"[\n {\"targets\": [\"10.0.0.1:80\"",
                   "/c.json:2:28: the JSON ends before its list does: was the file written to its end?"},
           Refused{"[\n  {targets: 1}]", "/c.json:2:4: this is no JSON: syntax error"},
           Refused{"[] []", "/c.json:1:4: there is something after the end of the list: remove it"},
           Refused{"{}",
                   "/c.json: the file holds no list: write "
                   R"([{"targets": ["10.0.1.11:8080"], "labels": {"zone": "a"}}])"},
           Refused{"[{\"targets\": []}, 5]",
                   "/c.json: entry 2 is no map: write "
                   R"([{"targets": ["10.0.1.11:8080"], "labels": {"zone": "a"}}])"},
           Refused{R"([{"target": []}])",
                   "/c.json: entry 1 has the key \"target\": there are \"targets\" and \"labels\""},
           Refused{R"([{"labels": {}}])", "/c.json: entry 1 has no list of \"targets\""},
           Refused{R"([{"targets": "10.0.0.1:80"}])", "/c.json: entry 1 has no list of \"targets\""},
           Refused{R"([{"targets": [80]}])",
                   "/c.json: entry 1 has a target that is no text: write \"IP:PORT\""},
           Refused{R"([{"targets": []}, {"targets": ["courses:80"]}])",
                   "/c.json: entry 2 has the target \"courses:80\" does not begin with an IP address: "
                   "\"courses\" is "
                   "none; targets are IP:PORT, and a name belongs into a dns:// URI"},
           Refused{R"([{"targets": [], "labels": []}])", "/c.json: entry 1 has \"labels\" that are no map"},
           Refused{R"([{"targets": [], "labels": {"a": 1.5}}])",
                   "/c.json: entry 1 has the label \"a\" whose value is no text"},
           Refused{R"([{"targets": [], "labels": {"weight": "0"}}])",
                   "/c.json: entry 1 has the weight \"0\", which is no whole number from 1 to 65535"},
           Refused{R"([{"targets": [], "labels": {"weight": "2x"}}])",
                   "/c.json: entry 1 has the weight \"2x\", which is no whole number from 1 to 65535"},
           Refused{
               R"([{"targets": [], "labels": {"squad": "a"}}, {"targets": [], "labels": {"squad": "b"}}])",
               "/c.json: entry 2 has the squad \"b\" and an earlier one \"a\": a service has one"},
       }) {
    EXPECT_EQ(WhyNot(Json(row.text)), row.why) << row.text;
  }
}

TEST(FileSd, SaysWhatIsWrongWithYamlAndWhere) {
  for (const Refused& row : {
           Refused{"# nothing\n",
                   "/c.yaml: the file is empty, which says nothing: write [] for a service without "
                   "endpoints"},
           Refused{"- targets:\n  - @10.0.0.1:80", "/c.yaml:2:5: this is no YAML: unknown token"},
           Refused{"- targets: []\n  targets: []", "/c.yaml:2:3: \"targets\" is here twice: keep one"},
           Refused{"- targets: &a []\n- targets: *a",
                   "/c.yaml:2:12: aliases are not read here: write the value out"},
           Refused{"- !mine {}", "/c.yaml:1:3: the tag !mine means nothing here: remove it"},
           Refused{"- [a]: b", "/c.yaml:1:3: this is no name: the left side of a colon is plain text"},
           Refused{"[]\n---\n[]", "/c.yaml:1:1: the file holds more than one YAML document: keep one"},
           Refused{"- targets: [courses]",
                   "/c.yaml: entry 1 has the target \"courses\" has no port: write ADDRESS:PORT; targets are "
                   "IP:PORT, "
                   "and a name belongs into a dns:// URI"},
           Refused{"- targets:", "/c.yaml: entry 1 has no list of \"targets\""},
           Refused{"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
                   "/c.yaml:1:17: values are nested more than 16 deep"},
       }) {
    EXPECT_EQ(WhyNot(Yaml(row.text)), row.why) << row.text;
  }
}

TEST(FileSd, IsBounded) {
  std::string targets;
  for (size_t i = 0; i <= kMostEndpoints; ++i) {
    targets += Cat(i == 0 ? "" : ",", "\"10.0.", i / 250, ".", i % 250, ":80\"");
  }
  EXPECT_EQ(Json(Cat("[{\"targets\": [", targets, "]}]")).status().message(),
            "/c.json: entry 1 brings the targets above 10000, more than a service may have");
  EXPECT_EQ(Json(std::string(kLargestFileSd + 1, ' ')).status().message(),
            "/c.json: the file is larger than 16777216 bytes");
  EXPECT_EQ(WhyNot(Yaml(std::string(kLargestYaml + 1, ' '))),
            "/c.yaml: the file is larger than 2097152 bytes: write it as JSON, which may be larger");
  EXPECT_EQ(
      Json(Cat(R"([{"targets": [], "labels": {"a": ")", std::string(513, 'x'), "\"}}]")).status().message(),
      "/c.json: entry 1 has a label \"a\" that is too long: names may have 128 bytes and values 512");
}

TEST(FileSd, KnowsTheFormatByThePath) {
  EXPECT_EQ(FormatOf("/a.json"), FileFormat::kJson);
  EXPECT_EQ(FormatOf("/a.yaml"), FileFormat::kYaml);
  EXPECT_EQ(FormatOf("/a.yml"), FileFormat::kYaml);
}

}  // namespace
}  // namespace naru::discovery
