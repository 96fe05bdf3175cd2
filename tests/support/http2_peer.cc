#include "tests/support/http2_peer.h"

#include <algorithm>

#include "sidecar/http/http2_head.h"

namespace naru {

using http::Http2Error;

namespace {

std::string Describe(const http::Http2HeadBlock& block) {
  std::string text;
  for (size_t i = 0; i < block.size(); ++i)
    text.append(block[i].name).append(": ").append(block[i].value) += "\n";
  return text;
}

std::string ValueIn(const std::string& lines, std::string_view name) {
  const std::string prefix = std::string(name) + ": ";
  size_t at = lines.starts_with(prefix) ? 0 : lines.find("\n" + prefix);
  if (at == std::string::npos) return "none";
  at += (at == 0 && lines.starts_with(prefix) ? 0 : 1) + prefix.size();
  return lines.substr(at, lines.find('\n', at) - at);
}

}  // namespace

http::Http2Fields ToFields(const OwnedFields& fields) {
  http::Http2Fields list;
  for (const auto& [name, value] : fields) list.Add(name, value);
  return list;
}

OwnedFields RequestFields(std::string method, std::string path, OwnedFields more) {
  OwnedFields fields = {{":method", std::move(method)},
                        {":scheme", "http"},
                        {":path", std::move(path)},
                        {":authority", "courses"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

OwnedFields GrpcRequestFields(std::string path, OwnedFields more) {
  OwnedFields fields =
      RequestFields("POST", std::move(path), {{"content-type", "application/grpc"}, {"te", "trailers"}});
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

OwnedFields AnswerFields(int status, OwnedFields more) {
  OwnedFields fields = {{":status", std::to_string(status)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

// --- a stream ---

std::string PeerStream::Transcript() const {
  std::string text;
  for (const std::string& one : informational) text += one + "[informational]\n";
  text += head;
  if (head_too_large) text += "[too large]\n";
  if (!body.empty()) text += body + "\n";
  for (std::string_view rest = trailers; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    text.append("+").append(rest.substr(0, rest.find('\n') + 1));
  }
  if (ended) text += "[end]";
  if (closed) text += "[closed " + std::string(http::WordOf(error)) + "]";
  return text;
}

std::string PeerStream::Field(std::string_view name) const {
  return ValueIn(head, name);
}

std::string PeerStream::Trailer(std::string_view name) const {
  return ValueIn(trailers, name);
}

void PeerStream::Consume(size_t bytes) {
  peer_.session().Consume(id, bytes);
}

void PeerStream::Answer(const OwnedFields& fields, bool has_body) {
  peer_.session().SubmitAnswer(id, ToFields(fields), has_body);
}

void PeerStream::Inform(const OwnedFields& fields) {
  peer_.session().SubmitInformational(id, ToFields(fields));
}

void PeerStream::Send(std::string_view bytes, bool last, OwnedFields with_trailers) {
  sending_.append(bytes);
  last_ = last;
  sending_trailers_ = std::move(with_trailers);
  peer_.session().ResumeBody(id);
}

void PeerStream::Reset(Http2Error with) {
  peer_.session().Reset(id, with);
}

void PeerStream::OnHeaders(http::Http2HeadBlock& block, bool ends, bool too_large) {
  if (peer_.on_block) peer_.on_block(block, ends);
  const std::string text = Describe(block);
  const bool is_informational = http::HasStatus(block) && http::StatusOf(block) / 100 == 1 && !ends;
  if (is_informational) {
    informational.push_back(text);
  } else if (head.empty()) {
    head = text;
    head_too_large = too_large;
  } else {
    trailers = text;
  }
}

void PeerStream::OnData(std::string_view bytes) {
  body.append(bytes);
  if (reads) Consume(bytes.size());
}

void PeerStream::OnClosed(Http2Error with) {
  closed = true;
  error = with;
}

PeerStream::Offer PeerStream::OfferBody() {
  return {unsent(), last_, last_ && !sending_trailers_.empty()};
}

std::string_view PeerStream::TakeBody(size_t bytes) {
  const std::string_view taken = std::string_view(sending_).substr(taken_, bytes);
  taken_ += bytes;
  return taken;
}

void PeerStream::AppendTrailers(http::Http2Fields& fields) {
  for (const auto& [name, value] : sending_trailers_) fields.Add(name, value);
}

// --- a connection ---

bool Http2Peer::Saw(std::string_view event) const {
  return std::find(events.begin(), events.end(), event) != events.end();
}

PeerStream& Http2Peer::Add() {
  streams_.push_back(std::make_unique<PeerStream>(*this));
  return *streams_.back();
}

PeerStream& Http2Peer::Request(const OwnedFields& fields, bool has_body) {
  PeerStream& stream = Add();
  stream.id = session_.SubmitRequest(ToFields(fields), has_body, stream);
  return stream;
}

bool Http2Peer::Upgrade(std::string_view settings_base64, bool is_head) {
  PeerStream& stream = Add();
  stream.id = 1;
  return session_.UpgradeFromHttp1(settings_base64, is_head, stream);
}

bool Http2Peer::Receive(std::string_view bytes) {
  return session_.Receive(bytes);
}

std::string Http2Peer::Take() {
  std::string all;
  std::string buffer(16 * 1024, '\0');
  while (const size_t filled = session_.Fill(buffer)) all.append(buffer, 0, filled);
  return all;
}

http::Http2StreamHandler* Http2Peer::OnRequest(int32_t stream) {
  if (refuses) return nullptr;
  Add().id = stream;
  return streams_.back().get();
}

void Http2Peer::OnGoAway(Http2Error error) {
  events.push_back("goaway " + std::string(http::WordOf(error)));
}

void Http2Peer::OnUnsendable(int32_t stream) {
  events.push_back("unsendable " + std::to_string(stream));
}

}  // namespace naru
