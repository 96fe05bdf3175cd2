#include "remote_control.h"

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/string_view.h>
#include <google/protobuf/util/json_util.h>

#include <cstdlib>
#include <iostream>

namespace naru::test {

void EventWriter::WriteLine(const google::protobuf::Message& event) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string line;
  if (!google::protobuf::util::MessageToJsonString(event, &line, options).ok()) std::abort();
  const std::lock_guard lock(mutex_);
  out_ << line << std::endl;
}

bool ReadCommand(std::istream& in, google::protobuf::Message& command) {
  std::string line;
  if (!std::getline(in, line)) return false;
  ParseOrDie(line, command);
  return true;
}

void ParseOrDie(const std::string& json, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (status.ok()) return;
  std::cerr << "no " << message.GetTypeName() << ": " << status << ": " << json << std::endl;
  std::exit(2);
}

void AddEntry(google::protobuf::RepeatedPtrField<Entry>& entries, grpc::string_ref key,
              grpc::string_ref value) {
  const absl::string_view name(key.data(), key.size());
  const absl::string_view bytes(value.data(), value.size());
  Entry& entry = *entries.Add();
  entry.set_key(std::string(name));
  entry.set_value(absl::EndsWith(name, "-bin") ? absl::Base64Escape(bytes) : std::string(bytes));
}

}  // namespace naru::test
