#include "sidecar/build_info.h"

namespace naru {

const char* const kVersion = NARU_VERSION;
const char* const kCommit = NARU_COMMIT;
const char* const kBuildType = NARU_BUILD_TYPE;

}  // namespace naru
