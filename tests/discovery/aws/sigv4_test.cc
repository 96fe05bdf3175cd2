#include "discovery/aws/sigv4.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr size_t kCases = 38;
constexpr WallTime kTime = std::chrono::sys_days(2015y / 8 / 30) + 12h + 36min;  // of every case

struct Case {
  std::string name;
  std::map<std::string, std::string> files;
};

// The public test suite; see its README.md for the format.
std::vector<Case> Suite() {
  std::ifstream file(SIGNING_TEST_SUITE, std::ios::binary);
  std::vector<Case> cases;
  std::string mark, name;
  while (file >> mark >> name) {
    if (mark == "===") {
      cases.push_back({name, {}});
      continue;
    }
    size_t bytes = 0;
    file >> bytes;
    file.get();
    std::string& text = cases.back().files[name];
    text.resize(bytes);
    file.read(text.data(), static_cast<std::streamsize>(bytes));
  }
  return cases;
}

// A request as it travels, but with the line ends of a text file.
struct WrittenRequest {
  std::string first_line;
  RequestToSign request;

  static WrittenRequest Parse(const std::string& text);
  std::string With(const HttpFields& more) const;
};

WrittenRequest WrittenRequest::Parse(const std::string& text) {
  WrittenRequest written;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, written.first_line);
  const size_t target = written.first_line.find(' ') + 1;
  const size_t version = written.first_line.rfind(' ');
  written.request.method = written.first_line.substr(0, target - 1);
  written.request.target = written.first_line.substr(target, version - target);
  HttpFields& fields = written.request.fields;
  while (std::getline(lines, line) && !line.empty()) {
    if (line.starts_with(' ')) {
      fields.back().second += "\n" + line;
      continue;
    }
    const size_t colon = line.find(':');
    fields.emplace_back(line.substr(0, colon), line.substr(colon + 1));
  }
  std::getline(lines, written.request.body, '\0');
  return written;
}

std::string WrittenRequest::With(const HttpFields& more) const {
  std::string text = first_line + "\n";
  for (const auto& [name, value] : request.fields) text += Cat(name, ":", value, "\n");
  for (const auto& [name, value] : more) text += Cat(name, ":", value, "\n");
  return text + "\n" + request.body;
}

std::string TextOf(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? "" : json::value_to<std::string>(*value);
}

Signed SignedAsTheCaseSays(const Case& test, const WrittenRequest& written) {
  const json::object context = json::parse(test.files.at("context.json")).as_object();
  const json::object& keys = context.at("credentials").as_object();
  EXPECT_EQ(TextOf(context, "timestamp"), "2015-08-30T12:36:00Z");
  SigningRules rules;
  rules.normalizes_path = context.at("normalize").as_bool();
  rules.sends_body_hash = context.at("sign_body").as_bool();
  rules.signs_token = !context.contains("omit_session_token") || !context.at("omit_session_token").as_bool();
  return Sign(written.request,
              {TextOf(keys, "access_key_id"), TextOf(keys, "secret_access_key"), TextOf(keys, "token")},
              {TextOf(context, "region"), TextOf(context, "service")}, kTime, rules);
}

TEST(SigV4, AgreesWithEveryCaseOfThePublicTestSuite) {
  const std::vector<Case> suite = Suite();
  ASSERT_EQ(suite.size(), kCases);
  for (const Case& test : suite) {
    SCOPED_TRACE(test.name);
    const WrittenRequest written = WrittenRequest::Parse(test.files.at("request.txt"));
    const Signed result = SignedAsTheCaseSays(test, written);
    EXPECT_EQ(result.canonical_request, test.files.at("header-canonical-request.txt"));
    EXPECT_EQ(result.string_to_sign, test.files.at("header-string-to-sign.txt"));
    EXPECT_EQ(result.signature, test.files.at("header-signature.txt"));
    EXPECT_EQ(written.With(result.fields), test.files.at("header-signed-request.txt"));
  }
}

TEST(SigV4, EscapesAnEscapedPathOnceMore) {
  const Signed result =
      Sign({"GET", "/a%20b/c", {{"Host", "h"}}, ""}, {"id", "secret", ""}, {"r", "s"}, kTime);
  EXPECT_EQ(result.canonical_request,
            "GET\n/a%2520b/c\n\nhost:h\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(SigV4, AddsTheFieldsThatItSigned) {
  const Signed result =
      Sign({"POST", "/", {{"Host", "h"}}, "{}"}, {"id", "secret", "token"}, {"r", "s"}, kTime);
  EXPECT_EQ(result.fields, (HttpFields{{"X-Amz-Security-Token", "token"},
                                       {"X-Amz-Date", "20150830T123600Z"},
                                       {"Authorization",
                                        "AWS4-HMAC-SHA256 Credential=id/20150830/r/s/aws4_request, "
                                        "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=" +
                                            result.signature}}));
}

}  // namespace
}  // namespace naru::discovery::aws
