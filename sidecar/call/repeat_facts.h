// What a request says of itself about trying it again. RetryAttempts goes by it, and `naru explain` tells it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "resilience/retry_policy.h"
#include "sidecar/http/message.h"

namespace naru::call {

// The largest count that a field holds, which may be repeated or joined to a list; 0 when there is none.
inline uint32_t LargestCount(const http::FieldList& fields, http::FieldId id) {
  uint32_t largest = 0;
  fields.ForEachTokenOf(
      id, [&](std::string_view sent) { largest = std::max(largest, resilience::ParseAttemptCount(sent)); });
  return largest;
}

// x-naru-attempt, at least 1; above 1, the caller is retrying itself.
inline uint32_t InboundAttemptOf(const http::RequestHead& head) {
  return std::max(LargestCount(head.fields, http::FieldId::kXNaruAttempt), 1u);
}

// By its method, by an Idempotency-Key, or because the policy says so.
inline bool IsSafeToRepeat(const http::RequestHead& head, const resilience::RetryPolicy& policy) {
  return policy.idempotent || resilience::IsIdempotent(head.method) ||
         head.fields.Has(http::FieldId::kIdempotencyKey);
}

}  // namespace naru::call
