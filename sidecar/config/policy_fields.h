// The policy keys: one row a key, from which it is read, checked, inherited, explained and documented.
//
// Keys are dotted ("retry.backoff.base"); a group row ("retry") stands before its members. Defaults are not
// repeated here: they are what a Policy is made of.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/config/problem.h"
#include "sidecar/config/value_type.h"

namespace naru::config {

struct PolicyField {
  std::string_view key;
  ValueType type;
  std::string_view doc;
  Value (*get)(const Policy&);         // Off when its group is off
  void (*set)(Policy&, const Value&);  // turns its group on
  bool in_routes = true;               // of a group: whether a route may have its own
};
std::span<const PolicyField> PolicyFields();
const PolicyField* FindPolicyField(std::string_view key);

// The defaults with every group switched on: what a key means when its group is there and the key is not.
Policy WithEveryGroup();

// A key, or the beginning of a value, that will come and is refused until then.
struct NotYet {
  std::string_view key;
  std::string_view value_prefix;  // empty: the key itself
  std::string_view instead;       // what to do until then
};
std::span<const NotYet> NotYetPolicies();

// A value that was written, and where.
struct Setting {
  const PolicyField* field = nullptr;
  Value value;
  Place place;
};

// The values of one block: `defaults`, a service or a route.
struct Layer {
  std::vector<Setting> settings;
  std::vector<const PolicyField*> malformed;  // there, but reported and not among the settings

  const Setting* Find(std::string_view key) const;
};

// The defaults with every layer laid over them, the most general first. A try_timeout that the innermost
// layer which sets `timeout` only inherited, and that is not below it, is not in force and becomes nothing.
Policy Resolve(std::span<const Layer* const> layers);

// A value as explain prints it: "5s", "off", "off (not in force: 2s is not below timeout)".
struct PolicyLine {
  std::string key;
  std::string value;
  Origin origin;
};
std::vector<PolicyLine> Explain(const Policy& policy);

}  // namespace naru::config
