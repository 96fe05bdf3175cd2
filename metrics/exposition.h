// Scrape output: the Prometheus text format 0.0.4 and OpenMetrics 1.0, chosen by the Accept header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "metrics/registry.h"

namespace naru::metrics {

enum class Format : uint8_t { kText, kOpenMetrics };

// OpenMetrics where the header names it and does not like text/plain better.
Format ChooseFormat(std::string_view accept);

// Prometheus 3 refuses a scrape without a valid one.
std::string_view ContentTypeOf(Format format);

// The body of one scrape, narrowed to a squad unless that is empty (see Collector).
std::string Expose(const Registry& registry, Format format, std::string_view squad = "");

}  // namespace naru::metrics
