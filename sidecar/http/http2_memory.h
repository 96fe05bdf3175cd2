// The memory of nghttp2: free lists by size, one set a thread, because a stream takes and returns a dozen
// small pieces and some hundred streams at once are more than the C library keeps at hand.
#pragma once

#include <nghttp2/nghttp2.h>

namespace naru::http {

// For nghttp2's constructors. Null under the address sanitizer, which should see every piece.
nghttp2_mem* Http2Memory();

}  // namespace naru::http
