// Addresses, URIs of sources, URLs and resolv.conf: what is read is written as it is read again, and what is
// not is answered with a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/address.h"
#include "discovery/dns/resolv_conf.h"
#include "discovery/http_url.h"
#include "discovery/source_uri.h"
#include "tests/fuzz/answer_fuzzing.h"

namespace {

using naru::Require;
using naru::RequireSentence;
using namespace naru::discovery;

template <class T>
void ReadAndWrite(std::string_view text) {
  const absl::StatusOr<T> read = T::Parse(text);
  RequireSentence(read);
  if (!read.ok()) return;
  const absl::StatusOr<T> again = T::Parse(read->ToString());
  Require(again.ok() && *again == *read);
}

void ReadUri(std::string_view text) {
  const absl::StatusOr<SourceUri> uri = SourceUri::Parse(text);
  RequireSentence(uri);
  if (uri.ok()) Require(uri->text == text && !uri->name.empty());
}

void ReadTemplate(std::string_view text) {
  const absl::StatusOr<SourceTemplate> pattern = SourceTemplate::Parse(text);
  RequireSentence(pattern);
  if (pattern.ok()) Require(pattern->For("courses").ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ReadAndWrite<Address>(text);
  ReadAndWrite<HttpUrl>(text);
  ReadUri(text);
  ReadTemplate(text);
  const ResolvConf conf = ResolvConf::Parse(text);
  Require(!conf.servers.empty() && conf.servers.size() <= ResolvConf::kMostServers);
  Require(conf.search.size() <= ResolvConf::kMostSearch && !conf.NamesFor("courses").empty());
  return 0;
}
