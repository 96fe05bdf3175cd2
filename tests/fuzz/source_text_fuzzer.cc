// Addresses, URIs of sources, URLs and resolv.conf: what is read is written as it is read again, and what is
// not is answered with a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/address.h"
#include "discovery/dns/resolv_conf.h"
#include "discovery/http_url.h"
#include "discovery/source_uri.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using namespace naru::discovery;

template <class T>
void ReadAndWrite(std::string_view text) {
  const absl::StatusOr<T> read = T::Parse(text);
  if (!read.ok()) return Require(!read.status().message().empty());
  const absl::StatusOr<T> again = T::Parse(read->ToString());
  Require(again.ok() && *again == *read);
}

void ReadUri(std::string_view text) {
  const absl::StatusOr<SourceUri> uri = SourceUri::Parse(text);
  if (!uri.ok()) return Require(!uri.status().message().empty());
  Require(uri->text == text && !uri->name.empty());
}

void ReadTemplate(std::string_view text) {
  const absl::StatusOr<SourceTemplate> pattern = SourceTemplate::Parse(text);
  if (!pattern.ok()) return Require(!pattern.status().message().empty());
  Require(pattern->For("courses").ok());
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
