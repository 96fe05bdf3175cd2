#include "discovery/file/file_provider.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "discovery/file/directory_watch.h"
#include "discovery/file/file_sd.h"
#include "discovery/file/read_decision.h"
#include "discovery/text.h"
#include "discovery/time.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

// A change is in use within a second: 20 ms after its writer says that it is finished, else once it has
// settled.
constexpr Duration kQuiet = std::chrono::milliseconds(20);  // what comes together is read together
constexpr Duration kLookSettling = ReadDecision::kSettled;
constexpr Duration kLookWatched = std::chrono::seconds(5);  // for what inotify does not tell
constexpr Duration kLookBlind = std::chrono::milliseconds(400);
constexpr size_t kReadBytes = 64 * 1024;

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// --- one file ---

FileLook LookOf(const struct stat& status) {
  const auto ns = [](const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; };
  return {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size), ns(status.st_mtim),
          ns(status.st_ctim)};
}

std::optional<FileLook> LookAt(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return LookOf(status);
}

absl::Status Unreadable(const std::string& path, int error) {
  return absl::UnavailableError(Cat(path, " cannot be read: ", std::generic_category().message(error)));
}

struct Content {
  std::string text;
  std::string written;  // when, for people
};

absl::StatusOr<Content> ReadOpen(int fd, const std::string& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return Unreadable(path, errno);
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError(Cat(path, " is no regular file"));
  Content content;
  content.written =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::TimeFromTimespec(status.st_mtim), absl::UTCTimeZone());
  while (content.text.size() <= kLargestFileSd) {  // the parser refuses what is larger
    const size_t before = content.text.size();
    content.text.resize(before + kReadBytes);
    const ssize_t bytes = read(fd, content.text.data() + before, kReadBytes);
    content.text.resize(before + static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
    if (bytes == 0) break;
    if (bytes < 0) return Unreadable(path, errno);
  }
  return content;
}

absl::StatusOr<Content> ReadFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not hold us up
  if (fd < 0) return Unreadable(path, errno);
  absl::StatusOr<Content> content = ReadOpen(fd, path);
  close(fd);
  return content;
}

absl::StatusOr<Answer> ReadAnswer(const std::string& path) {
  const absl::StatusOr<Content> content = ReadFile(path);
  if (!content.ok()) return content.status();
  absl::StatusOr<Answer> answer = ParseFileSd(content->text, FormatOf(path), path);
  if (answer.ok()) answer->revision = Cat("written ", content->written);
  return answer;
}

// A file while it is watched; owned by its source.
struct WatchedFile {
  WatchedFile(std::string named, OnReport on_report) : path(std::move(named)), report(std::move(on_report)) {
    FindReal();
  }

  // Where symbolic links lead now, so that what happens there is noticed, too.
  void FindReal() {
    char* resolved = realpath(path.c_str(), nullptr);
    real = resolved == nullptr ? path : resolved;
    std::free(resolved);
  }

  bool IsAt(const std::string& directory, std::string_view name) const {
    return (name == NameOf(path) && directory == DirectoryOf(path)) ||
           (name == NameOf(real) && directory == DirectoryOf(real));
  }

  const std::string path;
  const OnReport report;
  std::string real;
  ReadDecision decision;
  Writer writer = Writer::kUnknown;
  bool unsettled = false;
  std::optional<Answer> last;  // nothing while the file is in trouble
};

Report ReportOn(WatchedFile& file, ReadDecision::Verdict verdict) {
  if (verdict != ReadDecision::Verdict::kRead) return Confirmed();
  absl::StatusOr<Answer> answer = ReadAnswer(file.path);
  if (!answer.ok()) {
    file.last.reset();
    return Trouble{std::string(answer.status().message())};
  }
  file.last = *answer;
  return *std::move(answer);
}

Writer WriterOf(DirectoryWatch::Event event) {
  switch (event) {
    case DirectoryWatch::Event::kWriting:
      return Writer::kWriting;
    case DirectoryWatch::Event::kFinished:
      return Writer::kFinished;
    case DirectoryWatch::Event::kOther:
      break;
  }
  return Writer::kUnknown;
}

// --- all of them ---

// Owned by the provider and by its coroutine, which ends a moment after the provider.
class Files : public std::enable_shared_from_this<Files> {
 public:
  explicit Files(asio::io_context& io) : io_(io), timer_(io) {}

  void Start();
  void Retire();
  void Add(const std::shared_ptr<WatchedFile>& file);

 private:
  static asio::awaitable<void> KeepLooking(std::shared_ptr<Files> files);
  void OnEvent(const std::string& directory, std::string_view name, DirectoryWatch::Event event);
  void LookAtAll();
  void LookAt(const std::shared_ptr<WatchedFile>& file);
  void WatchDirectories();
  Duration UntilNextLook() const;
  void LookBy(TimePoint due);

  asio::io_context& io_;
  asio::steady_timer timer_;
  std::shared_ptr<DirectoryWatch> directories_;
  std::vector<std::weak_ptr<WatchedFile>> files_;
  TimePoint due_ = TimePoint::max();
  bool blind_ = false;
  bool retired_ = false;
};

void Files::Start() {
  const auto on_event = [weak = weak_from_this()](const std::string& directory, std::string_view name,
                                                  DirectoryWatch::Event event) {
    if (const auto self = weak.lock()) self->OnEvent(directory, name, event);
  };
  directories_ = std::make_shared<DirectoryWatch>(io_, on_event);
  asio::co_spawn(io_, DirectoryWatch::ReadEvents(directories_), asio::detached);
  asio::co_spawn(io_, KeepLooking(shared_from_this()), asio::detached);
}

void Files::Retire() {
  retired_ = true;
  timer_.cancel();
  directories_->Close();
}

void Files::Add(const std::shared_ptr<WatchedFile>& file) {
  files_.push_back(file);
  WatchDirectories();  // before the first look, so that nothing falls between
  LookBy(Now());
}

asio::awaitable<void> Files::KeepLooking(std::shared_ptr<Files> files) {
  while (!files->retired_) {
    files->timer_.expires_at(files->due_);
    co_await files->timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (files->retired_) co_return;
    if (Now() < files->due_) continue;
    files->due_ = TimePoint::max();
    files->LookAtAll();
    if (!files->retired_) files->LookBy(Now() + files->UntilNextLook());
  }
}

void Files::LookBy(TimePoint due) {
  if (due >= due_) return;
  due_ = due;
  timer_.cancel();
}

void Files::OnEvent(const std::string& directory, std::string_view name, DirectoryWatch::Event event) {
  for (const auto& weak : files_) {
    const auto file = weak.lock();
    if (file != nullptr && file->IsAt(directory, name)) file->writer = WriterOf(event);
  }
  // While somebody writes there is nothing to see yet.
  if (event != DirectoryWatch::Event::kWriting) LookBy(Now() + kQuiet);
}

void Files::LookAtAll() {
  std::erase_if(files_, [](const auto& weak) { return weak.expired(); });
  WatchDirectories();
  const auto files = files_;  // a report may open sources and end them, this provider's life included
  for (const auto& weak : files) {
    if (retired_) return;
    if (const auto file = weak.lock()) LookAt(file);
  }
}

void Files::LookAt(const std::shared_ptr<WatchedFile>& file) {
  const ReadDecision::Verdict verdict =
      file->decision.Look(discovery::LookAt(file->path), file->writer, Now());
  if (file->writer == Writer::kFinished) file->writer = Writer::kUnknown;
  file->unsettled = verdict == ReadDecision::Verdict::kLookAgain;
  const bool nothing_new = verdict != ReadDecision::Verdict::kRead;
  if (nothing_new && (file->unsettled || !file->last.has_value())) return;
  file->report(ReportOn(*file, verdict));
}

void Files::WatchDirectories() {
  std::set<std::string> wanted;
  for (const auto& weak : files_) {
    const auto file = weak.lock();
    if (file == nullptr) continue;
    file->FindReal();
    wanted.insert(DirectoryOf(file->path));
    wanted.insert(DirectoryOf(file->real));
  }
  blind_ = !directories_->Watch(wanted);
}

Duration Files::UntilNextLook() const {
  const bool unsettled = std::any_of(files_.begin(), files_.end(), [](const auto& weak) {
    const auto file = weak.lock();
    return file != nullptr && file->unsettled;
  });
  if (unsettled) return kLookSettling;
  return blind_ ? kLookBlind : kLookWatched;
}

// --- what the Discoverer sees ---

class FileSource final : public Source {
 public:
  explicit FileSource(std::shared_ptr<WatchedFile> file) : file_(std::move(file)) {}

 private:
  const std::shared_ptr<WatchedFile> file_;
};

class FileProvider final : public SourceProvider {
 public:
  explicit FileProvider(const SourceContext& context) : files_(std::make_shared<Files>(context.io)) {
    files_->Start();
  }
  ~FileProvider() override { files_->Retire(); }

  std::unique_ptr<Source> Open(const SourceUri& uri, OnReport report) override {
    auto file = std::make_shared<WatchedFile>(uri.name, std::move(report));
    files_->Add(file);
    return std::make_unique<FileSource>(std::move(file));
  }

 private:
  const std::shared_ptr<Files> files_;
};

}  // namespace

std::unique_ptr<SourceProvider> MakeFileProvider(const SourceContext& context) {
  return std::make_unique<FileProvider>(context);
}

}  // namespace naru::discovery
