#include "sidecar/config/environment.h"

#include <glob.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "sidecar/config/text.h"
#include "sidecar/config/values.h"

namespace naru::config {
namespace {

constexpr size_t kLongestExpansion = 64 * 1024;

bool IsVariableName(std::string_view name) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  for (char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  }
  return true;
}

// The value of what stands between ${ and }.
absl::StatusOr<std::string> ValueOf(std::string_view reference, const Environment& environment) {
  const size_t dash = reference.find(":-");
  const std::string_view name = reference.substr(0, dash);
  if (!IsVariableName(name)) {
    return absl::InvalidArgumentError(
        Cat("\"${", reference,
            "}\" is not a variable: write ${NAME} or ${NAME:-default}, or $${ for a literal ${"));
  }
  std::optional<std::string> value = environment.Variable(name);
  if (dash != std::string_view::npos) {
    return value.has_value() && !value->empty() ? *value : std::string(reference.substr(dash + 2));
  }
  if (value.has_value()) return *std::move(value);
  return absl::NotFoundError(
      Cat("the environment variable ", name, " is not set: set it, or write ${", name, ":-default}"));
}

std::string OwnUser() {
  const uid_t id = geteuid();
  const passwd* user = getpwuid(id);
  return user == nullptr ? Cat("with the number ", id) : std::string(user->pw_name);
}

// What errno says of reading something: whose it is to mend, and whether time may do so.
absl::Status CannotBeRead(int error) {
  const std::string why = Cat("cannot be read: ", std::strerror(error));
  switch (error) {
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          Cat("cannot be read by the user ", OwnUser(), ": ", std::strerror(error)));
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR:
    case EIO:
    case ESTALE:
    case ETIMEDOUT:
      return absl::ResourceExhaustedError(why);
    default:
      return absl::UnavailableError(why);
  }
}

// Of the last glob() of this thread: a folder that could not be searched. Its callback takes no argument.
thread_local int glob_error = 0;
int KeepGlobError(const char*, int error) {
  const bool is_not_there = error == ENOENT || error == ENOTDIR;
  if (!is_not_there) glob_error = error;
  return is_not_there ? 0 : 1;
}

}  // namespace

std::optional<std::string> ProcessEnvironment::Variable(std::string_view name) const {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

absl::StatusOr<std::string> ProcessEnvironment::ReadFile(const std::string& path, size_t most_bytes) const {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return absl::NotFoundError("does not exist");
  if (std::filesystem::is_directory(status)) return absl::InvalidArgumentError("is a directory, not a file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return CannotBeRead(errno);
  // Read in pieces, because the size of a pipe is not known and that of a file may change.
  std::string content;
  char piece[16 * 1024];
  while (file.read(piece, sizeof piece) || file.gcount() > 0) {
    content.append(piece, file.gcount());
    if (content.size() > most_bytes) {
      return absl::OutOfRangeError(Cat("is larger than ", FormatSize(most_bytes)));
    }
  }
  if (file.bad()) return CannotBeRead(errno);
  return content;
}

bool ProcessEnvironment::Exists(const std::string& path) const {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

absl::StatusOr<std::vector<std::string>> ProcessEnvironment::Glob(const std::string& pattern) const {
  glob_t found{};
  const absl::Cleanup free = [&found] { globfree(&found); };
  const int result = glob(pattern.c_str(), 0, KeepGlobError, &found);
  if (result == GLOB_ABORTED) return CannotBeRead(glob_error);
  if (result == GLOB_NOSPACE) return CannotBeRead(ENOMEM);
  if (result != 0) return std::vector<std::string>();
  return std::vector<std::string>(found.gl_pathv, found.gl_pathv + found.gl_pathc);
}

absl::StatusOr<std::string> ExpandVariables(std::string_view text, const Environment& environment) {
  std::string expanded;
  while (true) {
    const size_t dollar = text.find("${");
    if (dollar == std::string_view::npos) return Cat(expanded, text);
    if (dollar > 0 && text[dollar - 1] == '$') {
      expanded += Cat(text.substr(0, dollar - 1), "${");
      text.remove_prefix(dollar + 2);
      continue;
    }
    const size_t end = text.find('}', dollar);
    if (end == std::string_view::npos) return absl::InvalidArgumentError("\"${\" has no closing }");
    absl::StatusOr<std::string> value = ValueOf(text.substr(dollar + 2, end - dollar - 2), environment);
    if (!value.ok()) return value.status();
    expanded += Cat(text.substr(0, dollar), *value);
    if (expanded.size() > kLongestExpansion) {
      return absl::OutOfRangeError(Cat("the value grows beyond ", FormatSize(kLongestExpansion)));
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace naru::config
