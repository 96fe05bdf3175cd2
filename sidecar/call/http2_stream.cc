#include "sidecar/call/http2_stream.h"

#include <utility>

#include "sidecar/call/http2_connection.h"
#include "sidecar/http/http1_writer.h"
#include "sidecar/http/http2_head.h"

namespace naru::call {

namespace {

constexpr size_t kMaxFreeStrings = 512;
constexpr size_t kMaxFreeBytes = 4096;  // of one of them

// What bodies arrive in, kept for the next streams of this thread.
thread_local std::vector<std::string> free_strings;

void Renew(std::string& string) {
  if (string.capacity() > sizeof(std::string) || free_strings.empty()) return;
  string.swap(free_strings.back());
  free_strings.pop_back();
}

void LetGo(std::string& string) {
  if (string.capacity() <= sizeof(std::string)) return string.clear();
  std::string gone;
  gone.swap(string);
  gone.clear();
  const bool worth_keeping = gone.capacity() <= kMaxFreeBytes && free_strings.size() < kMaxFreeStrings;
  if (worth_keeping) free_strings.emplace_back().swap(gone);
}

}  // namespace

Http2Stream::~Http2Stream() {
  if (connection_ != nullptr) connection_->Leave(*this);
  LetGo(arriving_);
  LetGo(handed_out_);
}

Http2Stream::Heads::~Heads() {
  head.LetGo();
  trailer_block.LetGo();
}

Http2Stream::Heads& Http2Stream::heads() {
  if (heads_ == nullptr) heads_ = std::make_unique<Heads>();
  return *heads_;
}

const http::Http2HeadBlock& Http2Stream::head() const {
  static const http::Http2HeadBlock kNone;
  return heads_ == nullptr ? kNone : heads_->head;
}

const http::FieldList& Http2Stream::trailers() const {
  static const http::FieldList kNone;
  // An empty list is none too: a writer may still look at it when the heads have been forgotten.
  return heads_ == nullptr || heads_->trailers.empty() ? kNone : heads_->trailers;
}

// Trailers may have come already, which somebody will ask for.
void Http2Stream::ForgetHead() {
  if (heads_ == nullptr) return;
  heads_->head.LetGo();
  if (heads_->trailers.empty() && heads_->informational.empty()) heads_.reset();
}

http::Http2HeadBlock Http2Stream::TakeInformational() {
  std::vector<http::Http2HeadBlock>& waiting = heads_->informational;
  http::Http2HeadBlock first = std::move(waiting.front());
  waiting.erase(waiting.begin());
  return first;
}

void Http2Stream::OnHeaders(http::Http2HeadBlock& block, bool ends, bool too_large) {
  if (has_head()) {
    if (too_large) return RefuseTrailers();
    heads().trailer_block.Swap(block);
    http::ReadTrailers(heads_->trailer_block, heads_->trailers);
    return;
  }
  const bool informational = http::HasStatus(block) && http::StatusOf(block) / 100 == 1;
  if (informational && !ends) {
    heads().informational.emplace_back().Swap(block);
  } else {
    heads().head.Swap(block);
    has_head_ = true;
    ended_with_head_ = ends;
    head_too_large_ = too_large;
  }
  owner_.OnHead();
  arrived_.Set();
}

// Trailers that were cut cannot be passed on as if they were all.
void Http2Stream::RefuseTrailers() {
  Reset(http::Http2Error::kEnhanceYourCalm);
  closed_ = true;
  error_ = http::Http2Error::kMalformed;
  owner_.OnClosed();
  arrived_.Set();
  taken_.Set();
}

void Http2Stream::OnData(std::string_view bytes) {
  Renew(arriving_);
  arriving_.append(bytes);
  arrived_.Set();
}

void Http2Stream::OnEnd() {
  if (closed_) return;  // refused with its trailers
  ended_ = true;
  arrived_.Set();
}

void Http2Stream::OnClosed(http::Http2Error error) {
  closed_ = true;
  // RST_STREAM from us that we did not ask for: nghttp2 found the peer's messages malformed. GOAWAY closes
  // with REFUSED_STREAM.
  const bool ours = !peer_reset_ && error != http::Http2Error::kNoError &&
                    error != http::Http2Error::kRefusedStream && error < http::Http2Error::kMalformed;
  error_ = ours ? http::Http2Error::kMalformed : error;
  if (connection_ != nullptr && ours) connection_->CountMalformed();
  if (connection_ != nullptr) connection_->Forget(*this);
  owner_.OnClosed();
  arrived_.Set();
  taken_.Set();
}

std::optional<Chunk> Http2Stream::Buffered() {
  if (connection_ != nullptr) connection_->Consume(id_, handed_out_.size());
  handed_out_.clear();
  if (!arriving_.empty()) {
    handed_out_.swap(arriving_);
    return Chunk{handed_out_, ended_};
  }
  if (ended_) return Chunk{{}, true};
  LetGo(handed_out_);
  LetGo(arriving_);
  return std::nullopt;
}

Signal* Http2Stream::Arrival() {
  if (has_bytes() || ended_ || closed_ || read_cancelled_) return nullptr;
  Buffered();  // there is nothing, but the chunk before has been used
  return &arrived_;
}

net::Task<std::optional<Chunk>> Http2Stream::Read() {
  for (Signal* arrival = Arrival(); arrival != nullptr; arrival = Arrival()) {
    co_await arrival->Wait();
  }
  const std::optional<Chunk> chunk = Buffered();
  if (!chunk) read_cancelled_ = false;
  co_return chunk;
}

void Http2Stream::CancelRead() {
  read_cancelled_ = true;
  arrived_.Set();
}

net::Task<bool> Http2Stream::Write(Chunk chunk, const http::FieldList& trailers) {
  if (closed_ || write_cancelled_ || connection_ == nullptr) co_return false;
  if (chunk.bytes.empty() && !chunk.last) co_return true;
  sending_ = chunk.bytes;
  sending_last_ = chunk.last;
  sending_trailers_ = &trailers;
  all_taken_ = false;
  connection_->ResumeBody(id_);
  while (!all_taken_ && !closed_ && !write_cancelled_) {
    co_await taken_.Wait();
  }
  sending_ = {};
  sending_last_ = false;
  co_return std::exchange(all_taken_, true);
}

void Http2Stream::CancelWrite() {
  write_cancelled_ = true;
  taken_.Set();
}

Http2Stream::Offer Http2Stream::OfferBody() {
  if (all_taken_) return {};
  return {sending_.size(), sending_last_, sending_last_ && !sending_trailers_->empty()};
}

std::string_view Http2Stream::TakeBody(size_t bytes) {
  const std::string_view taken = sending_.substr(0, bytes);
  sending_.remove_prefix(bytes);
  if (sending_.empty()) {
    all_taken_ = true;
    sent_end_ = sending_last_;
    taken_.Set();
  }
  return taken;
}

void Http2Stream::AppendTrailers(http::Http2Fields& fields) {
  for (const http::Field& field : *sending_trailers_) {
    if (!field.hop_by_hop && http::MayBeTrailer(field.id)) fields.AddAnyCase(field.name, field.value);
  }
}

void Http2Stream::SubmitAnswer(const http::Http2Fields& fields, bool has_body) {
  if (connection_ == nullptr) return;
  sent_end_ = !has_body;
  connection_->SubmitAnswer(id_, fields, has_body);
}

void Http2Stream::SubmitInformational(const http::Http2Fields& fields) {
  if (connection_ != nullptr) connection_->SubmitInformational(id_, fields);
}

void Http2Stream::ResetWhenSent(http::Http2Error error) {
  if (connection_ != nullptr) connection_->ResetWhenSent(*this, error);
}

void Http2Stream::ReceiveUpgraded(http::Http2HeadBlock& block) {
  OnHeaders(block, true, false);
  OnEnd();
}

void Http2Stream::Reset(http::Http2Error error) {
  if (connection_ == nullptr) return;
  connection_->Reset(*this, error);
}

}  // namespace naru::call
