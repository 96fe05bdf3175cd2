// The body of a message as a source that is pulled: whoever needs bytes asks for them, so a slow reader slows
// the writer.
#pragma once

#include <optional>
#include <string_view>

#include "sidecar/call/result.h"
#include "sidecar/call/signal.h"
#include "sidecar/http/message.h"
#include "sidecar/net/task.h"

namespace naru::call {

// Part of a body, good until the next Read. `last` comes exactly once, possibly with bytes.
struct Chunk {
  std::string_view bytes;
  bool last = false;
};

class BodySource {
 public:
  virtual ~BodySource() = default;

  // What can be had without waiting; nothing when Read would have to wait.
  virtual std::optional<Result<Chunk>> Buffered() = 0;

  // What is set when a Read need not wait any more: whoever waits for it himself keeps no coroutine of Read
  // waiting, perhaps for hours. Nothing: Read has an answer at once, or only Read knows how to wait. As Read,
  // it ends the chunk before.
  virtual Signal* Arrival() { return nullptr; }

  // Waits for more. An empty chunk that is not the last may come. After a failure or the last chunk it is not
  // called.
  virtual net::Task<Result<Chunk>> Read() = 0;

  // All of it has come, though it may not have been pulled yet. May be false where that is not known.
  virtual bool received_all() const { return false; }

  // Lets a Read that waits return kCancelled soon; does nothing when none waits.
  virtual void CancelRead() = 0;

  // Good once the last chunk was read.
  virtual const http::FieldList& trailers() const = 0;
};

}  // namespace naru::call
