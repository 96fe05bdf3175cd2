#include "discovery/aws/task_containers.h"

#include <utility>

#include "discovery/aws/json.h"
#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;

constexpr size_t kMostBytes = 1024 * 1024;

asio::awaitable<absl::StatusOr<std::string>> Ask(std::shared_ptr<HttpClient> client, std::string text,
                                                 Duration limit) {
  absl::StatusOr<HttpUrl> url = HttpUrl::Parse(text);
  if (!url.ok()) co_return absl::InvalidArgumentError(Cat("the URL ", url.status().message()));
  HttpRequest request;
  request.url = *std::move(url);
  request.timeout = limit;
  request.most_bytes = kMostBytes;
  absl::StatusOr<HttpResponse> response = co_await client->Send(std::move(request));
  if (!response.ok()) co_return response.status();
  if (response->status != 200) co_return absl::UnavailableError(Cat(text, ": status ", response->status));
  co_return std::move(response->body);
}

bool IsOther(const boost::json::object& container, std::string_view own_id) {
  const std::string type = TextOf(container, "Type");
  return (type.empty() || type == "NORMAL") && TextOf(container, "DockerId") != own_id;
}

}  // namespace

absl::StatusOr<OtherContainers> ParseOtherContainers(std::string_view task, std::string_view own_container) {
  const std::optional<boost::json::object> whole = ParseObject(task);
  const std::optional<boost::json::object> own = ParseObject(own_container);
  const boost::json::array* containers = whole.has_value() ? ArrayOf(*whole, "Containers") : nullptr;
  const std::string own_id = own.has_value() ? TextOf(*own, "DockerId") : "";
  if (containers == nullptr || own_id.empty()) {
    return absl::UnavailableError("the task's metadata do not list its containers");
  }
  OtherContainers others = OtherContainers::kNone;
  for (const boost::json::value& value : *containers) {
    const boost::json::object* container = value.if_object();
    if (container == nullptr || !IsOther(*container, own_id)) continue;
    if (TextOf(*container, "KnownStatus") != "STOPPED") return OtherContainers::kRunning;
    others = OtherContainers::kStopped;
  }
  return others;
}

asio::awaitable<absl::StatusOr<OtherContainers>> AskOtherContainers(std::shared_ptr<HttpClient> client,
                                                                    std::string origin, Duration limit) {
  if (origin.ends_with('/')) origin.pop_back();
  absl::StatusOr<std::string> task = co_await Ask(client, origin + "/task", limit);
  if (!task.ok()) co_return task.status();
  absl::StatusOr<std::string> own = co_await Ask(client, origin, limit);
  if (!own.ok()) co_return own.status();
  co_return ParseOtherContainers(*task, *own);
}

}  // namespace naru::discovery::aws
