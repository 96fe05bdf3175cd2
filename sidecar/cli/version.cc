#include "sidecar/cli/version.h"

#include <CLI/Version.hpp>
#include <boost/json.hpp>
#include <boost/version.hpp>
#include <vector>

#include "absl/base/config.h"
#include "sidecar/build_info.h"
#include "sidecar/config/text.h"
#include "sidecar/http/http2_session.h"

namespace naru::cli {
namespace {

using config::Cat;

struct Library {
  std::string_view name;
  std::string version;
};

std::string BoostVersion() {
  return Cat(BOOST_VERSION / 100000, ".", BOOST_VERSION / 100 % 1000, ".", BOOST_VERSION % 100);
}

std::string AbseilVersion() {
#ifdef ABSL_LTS_RELEASE_VERSION
  return Cat(ABSL_LTS_RELEASE_VERSION, ".", ABSL_LTS_RELEASE_PATCH_LEVEL);
#else
  return "head";
#endif
}

std::vector<Library> Libraries() {
  return {{"boost", BoostVersion()},           {"abseil", AbseilVersion()},
          {"yaml-cpp", NARU_YAML_CPP_VERSION}, {"prometheus-cpp", NARU_PROMETHEUS_CPP_VERSION},
          {"llhttp", NARU_LLHTTP_VERSION},     {"nghttp2", std::string(http::Http2LibraryVersion())},
          {"grpc", NARU_GRPC_VERSION},         {"cli11", CLI11_VERSION}};
}

}  // namespace

std::string VersionText() {
  std::string text = Cat("naru ", kVersion, "\ncommit ", kCommit, "\nbuild ", kBuildType, "\ncompiler ",
                         NARU_COMPILER, "\n");
  for (const Library& library : Libraries()) text += Cat(library.name, " ", library.version, "\n");
  return text;
}

std::string VersionJson() {
  boost::json::object libraries;
  for (const Library& library : Libraries()) libraries[library.name] = library.version;
  return boost::json::serialize(boost::json::object{{"version", kVersion},
                                                    {"commit", kCommit},
                                                    {"build", kBuildType},
                                                    {"compiler", NARU_COMPILER},
                                                    {"libraries", std::move(libraries)}});
}

}  // namespace naru::cli
