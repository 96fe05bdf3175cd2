// What a request says of how long its caller still waits. EnforceDeadline goes by it, and `naru explain`
// tells it.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "resilience/deadline.h"
#include "sidecar/http/message.h"

namespace naru::call {

// Of the fields with one name, which may be repeated: the least that any of them says.
struct TimeLeft {
  bool sound = true;  // false when one of them is malformed
  std::optional<resilience::Duration> least;
};

template <class Parse>
TimeLeft TimeLeftBy(const http::FieldList& fields, http::FieldId id, Parse parse) {
  TimeLeft left;
  fields.ForEachValueOf(id, [&](std::string_view value) {
    const std::optional<resilience::Duration> said = parse(value);
    if (!said) left.sound = false;
    if (said) left.least = left.least ? std::min(*left.least, *said) : *said;
  });
  return left;
}

inline TimeLeft TimeLeftByNaru(const http::FieldList& fields) {
  return TimeLeftBy(fields, http::FieldId::kXNaruDeadlineMs, resilience::ParseDeadlineMs);
}

// For calls of gRPC alone; elsewhere the field means nothing.
inline TimeLeft TimeLeftByGrpc(const http::FieldList& fields) {
  return TimeLeftBy(fields, http::FieldId::kGrpcTimeout, resilience::ParseGrpcTimeout);
}

}  // namespace naru::call
