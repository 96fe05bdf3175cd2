// What is told about one key of the file: the reference page and the JSON Schema are made of these.
#pragma once

#include <string_view>
#include <vector>

#include "sidecar/config/value_type.h"

namespace naru::config {

enum class Shape : uint8_t {
  kValue,       // a scalar of `type`
  kText,        // a scalar without further type
  kTextOrList,  // one text or a list of them
  kTextList,
  kSection,   // keys of `section`; of kFile: the policy keys
  kServices,  // a map from name to service
  kRoutes,    // a list of routes
};

enum class Section : uint8_t {
  kFile,
  kCaller,
  kPrivate,
  kDiscovery,
  kDns,
  kCloudMap,
  kConsul,
  kXds,
  kService,
  kRoute
};

struct FieldDoc {
  std::string_view key;
  Shape shape = Shape::kText;
  ValueType type;               // of kValue
  std::string_view fallback;    // the default as it would be written; empty: none
  std::string_view constraint;  // beyond the type's bounds
  std::string_view form = {};   // of texts: a regular expression that each of them matches; empty: any
  std::string_view doc;
  bool required = false;
  std::string_view unless = {};      // required unless this key is given, which excludes it
  Section section = Section::kFile;  // of kSection
};

// The keys of a section in the order in which they are best read, without the policy keys that kService,
// kRoute and `defaults` have as well.
std::vector<FieldDoc> FieldsOf(Section section);

}  // namespace naru::config
