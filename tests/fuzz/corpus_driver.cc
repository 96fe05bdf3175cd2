// Stands in for libFuzzer where the compiler has none: runs the target once on every file of the directories
// named on the command line, and fails when there is no file, so that a mistyped corpus does not pass for a
// clean one.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

int RunDirectory(const std::filesystem::path& directory) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string input = ReadFile(entry.path());
    std::cerr << entry.path().filename().string() << '\n';  // the last name printed is the one that crashed
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
    ++files;
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) files += RunDirectory(argv[i]);
  if (files > 0) return 0;
  std::cerr << "no corpus file was found: name the corpus directory\n";
  return 1;
}
