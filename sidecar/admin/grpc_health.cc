#include "sidecar/admin/grpc_health.h"

#include <array>
#include <optional>
#include <utility>

#include "resilience/grpc_status.h"
#include "sidecar/http/grpc.h"
#include "sidecar/http/http2_head.h"

namespace naru::admin {
namespace {

using resilience::GrpcCode;

// HealthCheckResponse.ServingStatus
enum class Status : char { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// A message of gRPC: not compressed, its length, HealthCheckResponse{status = 1}.
std::string Message(Status status) {
  return {0, 0, 0, 0, 2, 0x08, static_cast<char>(status)};
}

std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// The `service` of a HealthCheckRequest (field 1). Nothing when malformed.
std::optional<std::string> ServiceIn(std::string_view message) {
  constexpr size_t kPrefixBytes = 5;
  if (message.size() < kPrefixBytes || message[0] != 0) return std::nullopt;
  message.remove_prefix(kPrefixBytes);
  std::string service;
  while (!message.empty()) {
    const std::optional<uint64_t> tag = TakeVarint(message);
    const std::optional<uint64_t> value = tag ? TakeVarint(message) : std::nullopt;
    if (!value) return std::nullopt;
    const uint64_t wire_type = *tag & 7;
    if (wire_type == 0) continue;
    if (wire_type != 2 || *value > message.size()) return std::nullopt;
    if (*tag >> 3 == 1) service = std::string(message.substr(0, *value));
    message.remove_prefix(*value);
  }
  return service;
}

}  // namespace

// One call: Check or Watch.
class GrpcHealth::Stream final : public http::Http2StreamHandler {
 public:
  Stream(GrpcHealth& health, int32_t id) : health_(health), id_(id) {}

  bool watching() const { return watching_; }
  bool closed() const { return closed_; }
  void Tell(Status status) {
    if (told_ == status) return;
    told_ = status;
    out_ += Message(status);
    health_.session_.ResumeBody(id_);
  }

 private:
  void OnHeaders(http::Http2HeadBlock& block, bool, bool) override {
    if (head_.empty()) head_.Swap(block);
  }
  void OnData(std::string_view bytes) override {
    health_.session_.Consume(id_, bytes.size());
    if (request_.size() + bytes.size() <= kMaxMessageBytes) request_ += bytes;
  }
  void OnEnd() override { Answer(); }
  void OnPeerReset() override {}
  void OnClosed(http::Http2Error) override {
    closed_ = true;
    if (std::exchange(watching_, false)) --health_.watchers_;
  }

  Offer OfferBody() override { return {out_.size() - taken_, ended_, ended_}; }
  std::string_view TakeBody(size_t bytes) override {
    const std::string_view piece = std::string_view(out_).substr(taken_, bytes);
    taken_ += bytes;
    return piece;
  }
  void AppendTrailers(http::Http2Fields& fields) override { fields.Add("grpc-status", "0"); }

  void Answer();
  void Refuse(GrpcCode code, std::string_view message);

  GrpcHealth& health_;
  const int32_t id_;
  http::Http2HeadBlock head_;
  std::string request_;
  std::string out_;
  size_t taken_ = 0;
  bool ended_ = false;
  bool closed_ = false;
  bool watching_ = false;
  std::optional<Status> told_;
};

void GrpcHealth::Stream::Answer() {
  http::RequestHead head;
  const std::string_view problem = http::ReadRequestHead(head_, false, head);
  const bool check = head.target == "/grpc.health.v1.Health/Check";
  const bool watch = head.target == "/grpc.health.v1.Health/Watch";
  if (!problem.empty() || !http::IsGrpc(head) || (!check && !watch)) {
    return Refuse(GrpcCode::kUnimplemented,
                  "HTTP/2 on the admin port is for grpc.health.v1.Health only; everything else is HTTP/1.1");
  }
  const std::optional<std::string> service = ServiceIn(request_);
  if (!service) return Refuse(GrpcCode::kInternal, "the request is no HealthCheckRequest");
  const bool known = service->empty() || *service == "naru";
  if (check && !known) return Refuse(GrpcCode::kNotFound, "naru itself is \"\" or \"naru\"");
  http::Http2Fields fields;
  fields.Add(":status", "200");
  fields.Add("content-type", "application/grpc");
  health_.session_.SubmitAnswer(id_, fields, true);
  ended_ = check;
  watching_ = watch && known;
  if (watching_) ++health_.watchers_;
  if (!known) return Tell(Status::kServiceUnknown);
  Tell(health_.serving_() ? Status::kServing : Status::kNotServing);
}

void GrpcHealth::Stream::Refuse(GrpcCode code, std::string_view message) {
  http::Http2Fields fields;
  fields.Add(":status", "200");
  fields.Add("content-type", "application/grpc");
  fields.AddCopy("grpc-status", std::to_string(static_cast<int>(code)));
  fields.AddCopy("grpc-message", http::EncodeGrpcMessage(message));
  health_.session_.SubmitAnswer(id_, fields, false);
}

GrpcHealth::GrpcHealth(std::function<bool()> serving)
    : serving_(std::move(serving)), session_(http::Http2Session::Role::kServer, *this) {}

GrpcHealth::~GrpcHealth() = default;

bool GrpcHealth::Receive(std::string_view bytes) {
  const bool alive = session_.Receive(bytes);
  streams_.remove_if([](const std::unique_ptr<Stream>& stream) { return stream->closed(); });
  return alive;
}

std::string GrpcHealth::TakeOutput() {
  std::string output;
  std::array<char, 16 * 1024> piece;
  while (session_.WantsToSend()) {
    const size_t filled = session_.Fill(piece);
    if (filled == 0) break;
    output.append(piece.data(), filled);
  }
  streams_.remove_if([](const std::unique_ptr<Stream>& stream) { return stream->closed(); });
  return output;
}

void GrpcHealth::Poll() {
  const Status status = serving_() ? Status::kServing : Status::kNotServing;
  for (const std::unique_ptr<Stream>& stream : streams_) {
    if (stream->watching()) stream->Tell(status);
  }
}

http::Http2StreamHandler* GrpcHealth::OnRequest(int32_t stream) {
  if (streams_.size() >= kMaxStreams) return nullptr;
  return streams_.emplace_back(std::make_unique<Stream>(*this, stream)).get();
}

}  // namespace naru::admin
