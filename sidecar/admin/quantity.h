// Numbers as people read them on the page: three digits, never an exponent, and a unit that fits.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace naru::admin {

std::string NumberText(double number);                // "0", "0.125", "12.5", "1234"
std::string PercentText(double share);                // of 0..1: "100 %", "2.5 %"
std::string SpanText(std::chrono::nanoseconds span);  // "0.25 ms", "75 ms", "2.13 s"
std::string BytesText(uint64_t bytes);                // "17 bytes", "1.5 KiB"

}  // namespace naru::admin
