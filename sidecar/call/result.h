// A value or the Failure that took its place: how everything on the request path reports what the network did
// to it.
#pragma once

#include <utility>
#include <variant>

#include "resilience/failure.h"

namespace naru::call {

using resilience::Failure;
using resilience::FailureKind;

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : held_(std::in_place_index<1>, std::move(failure)) {}

  bool ok() const { return held_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&held_); }
  const T& operator*() const { return *std::get_if<0>(&held_); }
  T* operator->() { return std::get_if<0>(&held_); }
  const T* operator->() const { return std::get_if<0>(&held_); }
  const Failure& failure() const { return *std::get_if<1>(&held_); }
  Failure& failure() { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, Failure> held_;
};

}  // namespace naru::call
