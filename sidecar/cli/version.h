// What naru version prints: this build and the libraries that it was made with.
#pragma once

#include <string>

namespace naru::cli {

std::string VersionText();
std::string VersionJson();

}  // namespace naru::cli
