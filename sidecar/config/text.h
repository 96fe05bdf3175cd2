// Putting text together, as discovery/ does it.
#pragma once

#include "discovery/text.h"

namespace naru::config {

using discovery::Cat;
using discovery::Contains;
using discovery::Join;

}  // namespace naru::config
