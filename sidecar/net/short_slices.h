// Asks the scheduler to let the calling thread run soon rather than long.
#pragma once

namespace naru::net {

// A worker needs the processor for microseconds, often, and then at once: with a short slice it may interrupt
// who has a longer one when it wakes (EEVDF; Linux 6.12 and later), and gets no larger share of the
// processor. Elsewhere nothing happens.
void AskForShortSlices();

}  // namespace naru::net
