// What the tables of keys tell to others: the JSON Schema for editors and CI, and the reference page for
// people.
#pragma once

#include <string>

namespace naru::config {

// JSON Schema draft 07, which YAML editors read.
std::string SchemaJson();

// docs/reference/configuration.md.
std::string ReferencePage();

}  // namespace naru::config
