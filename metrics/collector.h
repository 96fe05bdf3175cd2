// Reads a registry into metric families: the one place where cells get their names and labels.
//
// Made for one scrape. Runs on the scraping thread and never stops a worker.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "metrics/registry.h"

namespace naru::metrics {

class Collector : public prometheus::Collectable {
 public:
  // With a squad: only what that squad calls or owns. The squad of the caller owns the whole sidecar, so it
  // gets everything; another squad gets the series of its services and none of the process.
  explicit Collector(const Registry& registry, std::string squad = "")
      : registry_(registry), squad_(std::move(squad)) {}

  // In the order of the catalogue, without families that have no series.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Registry& registry_;
  const std::string squad_;
};

}  // namespace naru::metrics
