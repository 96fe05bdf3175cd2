// Prints docs/reference/metrics.md.
#include <iostream>

#include "metrics/reference.h"

int main() {
  std::cout << naru::metrics::MetricsReference();
}
