// The wire between a gRPC peer and the test that runs it: protobuf messages as JSON lines on standard input
// and output.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/support/string_ref.h>

#include <chrono>
#include <iosfwd>
#include <mutex>
#include <string>
#include <utility>

#include "remote_control.pb.h"

namespace naru::test {

// From any thread, a line at once.
class EventWriter {
 public:
  explicit EventWriter(std::ostream& out) : out_(out) {}

  template <typename Event>
  void Write(Event event) {
    event.set_at(std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
    WriteLine(event);
  }

 private:
  void WriteLine(const google::protobuf::Message& event);

  std::ostream& out_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
};

// False at the end of the input. A line that is no such message ends the process with a sentence: the test is
// wrong.
bool ReadCommand(std::istream& in, google::protobuf::Message& command);

// For what was given on the command line, in the same way.
void ParseOrDie(const std::string& json, google::protobuf::Message& message);

// Adds one entry of metadata.
void AddEntry(google::protobuf::RepeatedPtrField<Entry>& entries, grpc::string_ref key,
              grpc::string_ref value);

template <typename Metadata>
void AddEntries(google::protobuf::RepeatedPtrField<Entry>& entries, const Metadata& metadata) {
  for (const auto& [key, value] : metadata) AddEntry(entries, key, value);
}

}  // namespace naru::test
