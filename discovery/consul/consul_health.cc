#include "discovery/consul/consul_health.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "discovery/endpoint_set.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace json = boost::json;

// As Consul itself limits them ("Service metadata", at most 64 pairs of 128 and 512 bytes).
constexpr size_t kLongestMetaKey = 128;
constexpr size_t kLongestMetaValue = 512;

enum class State { kPassing, kWarning, kCritical };

absl::Status Wrong(std::string_view what) {
  return absl::InvalidArgumentError(std::string(what));
}

const json::object* ObjectAt(const json::object& in, std::string_view key) {
  const json::value* value = in.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::string_view TextAt(const json::object* in, std::string_view key) {
  const json::value* value = in == nullptr ? nullptr : in->if_contains(key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

int64_t NumberAt(const json::object* in, std::string_view key, int64_t otherwise) {
  const json::value* value = in == nullptr ? nullptr : in->if_contains(key);
  const int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? otherwise : *number;
}

// Maintenance is a critical check. A status that nobody knows is not taken for a good one.
State StateOf(const json::object& instance) {
  const json::value* checks = instance.if_contains("Checks");
  if (checks == nullptr || !checks->is_array()) return State::kPassing;
  State state = State::kPassing;
  for (const json::value& check : checks->get_array()) {
    const std::string_view status = TextAt(check.if_object(), "Status");
    if (status == "passing") continue;
    if (status != "warning") return State::kCritical;
    state = State::kWarning;
  }
  return state;
}

// 0 while it does not serve. Consul lets the weight while warning be 0, too.
uint32_t WeightOf(const json::object& service, State state) {
  if (state == State::kCritical) return 0;
  const json::object* weights = ObjectAt(service, "Weights");
  const int64_t weight = NumberAt(weights, state == State::kPassing ? "Passing" : "Warning", 1);
  return static_cast<uint32_t>(std::clamp<int64_t>(weight, 0, Endpoint::kMostWeight));
}

bool HasTags(const json::object& service, const std::vector<std::string>& wanted) {
  const json::value* tags = service.if_contains("Tags");
  const json::array* has = tags == nullptr ? nullptr : tags->if_array();
  return std::all_of(wanted.begin(), wanted.end(), [has](const std::string& tag) {
    return has != nullptr && std::any_of(has->begin(), has->end(), [&tag](const json::value& one) {
             return one.is_string() && absl::EqualsIgnoreCase(std::string(one.get_string()), tag);
           });
  });
}

std::optional<Address> AddressOf(const json::object& node, const json::object& service) {
  const std::string_view own = TextAt(&service, "Address");
  const std::optional<IpBytes> ip = ParseIp(own.empty() ? TextAt(&node, "Address") : own);
  const int64_t port = NumberAt(&service, "Port", 0);
  if (!ip.has_value() || port < 1 || port > UINT16_MAX) return std::nullopt;
  return Address{*ip, static_cast<uint16_t>(port)};
}

std::string Describe(const json::object& node, const json::object& service) {
  const std::string_view own = TextAt(&service, "Address");
  return Cat("\"", own.empty() ? TextAt(&node, "Address") : own, "\" port ", NumberAt(&service, "Port", 0));
}

// As its metadata says, or that of its node, or the locality that newer Consuls know.
std::string ZoneOf(const json::object& node, const json::object& service) {
  for (const json::object* place : {&service, &node}) {
    for (const auto& [map, key] :
         {std::pair{"Meta", "zone"}, {"Meta", "availability_zone"}, {"Locality", "Zone"}}) {
      const std::string_view zone = TextAt(ObjectAt(*place, map), key);
      if (!zone.empty() && zone.size() <= kLongestMetaValue) return std::string(zone);
    }
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> MetadataOf(const json::object& service) {
  std::map<std::string, std::string> sorted;
  const json::object* meta = ObjectAt(service, "Meta");
  if (meta == nullptr) return {};
  for (const auto& [key, value] : *meta) {
    const std::string_view name = key;
    const std::string_view text = TextAt(meta, name);
    if (name == "squad" || name == "zone" || name.size() > kLongestMetaKey || text.size() > kLongestMetaValue)
      continue;
    sorted.emplace(name, text);
  }
  std::vector<std::pair<std::string, std::string>> metadata(sorted.begin(), sorted.end());
  if (metadata.size() > Endpoint::kMostMetadata) metadata.resize(Endpoint::kMostMetadata);
  return metadata;
}

class Reader {
 public:
  explicit Reader(const InstanceFilter& filter) : filter_(filter) {}
  absl::StatusOr<HealthList> Read(const json::array& instances);

 private:
  absl::Status ReadInstance(const json::value& value);
  void Add(const json::object& node, const json::object& service, uint32_t weight);
  std::string Note() const;

  const InstanceFilter& filter_;
  HealthList list_;
  std::set<std::string> squads_;
  size_t without_address_ = 0;
  std::string example_;  // one of those
  size_t too_many_ = 0;
};

absl::StatusOr<HealthList> Reader::Read(const json::array& instances) {
  list_.instances = instances.size();
  for (const json::value& instance : instances) {
    const absl::Status status = ReadInstance(instance);
    if (!status.ok()) return status;
  }
  if (squads_.size() == 1) list_.answer.squad = *squads_.begin();
  list_.note = Note();
  if (list_.answer.endpoints.empty() && without_address_ > 0) return Wrong(list_.note);
  return std::move(list_);
}

absl::Status Reader::ReadInstance(const json::value& value) {
  const json::object* instance = value.if_object();
  const json::object* node = instance == nullptr ? nullptr : ObjectAt(*instance, "Node");
  const json::object* service = instance == nullptr ? nullptr : ObjectAt(*instance, "Service");
  if (node == nullptr || service == nullptr)
    return Wrong("the answer is no list of instances: is this Consul?");
  const State state = StateOf(*instance);
  const uint32_t weight = WeightOf(*service, state);
  const bool serves = weight > 0 && (state == State::kPassing || !filter_.passing);
  if (serves && HasTags(*service, filter_.tags)) Add(*node, *service, weight);
  return absl::OkStatus();
}

void Reader::Add(const json::object& node, const json::object& service, uint32_t weight) {
  const std::optional<Address> address = AddressOf(node, service);
  if (!address.has_value()) {
    if (without_address_++ == 0) example_ = Describe(node, service);
    return;
  }
  if (list_.answer.endpoints.size() >= kMostEndpoints) {
    ++too_many_;
    return;
  }
  const std::string_view squad = TextAt(ObjectAt(service, "Meta"), "squad");
  if (!squad.empty()) squads_.emplace(squad);
  list_.answer.endpoints.push_back({*address, weight, ZoneOf(node, service), MetadataOf(service)});
}

std::string Reader::Note() const {
  std::vector<std::string> notes;
  if (without_address_ > 0) {
    notes.push_back(Cat(without_address_, " of ", list_.instances, " instances cannot be called, such as ",
                        example_, ": let them register an IP address and a port"));
  }
  if (too_many_ > 0)
    notes.push_back(Cat(too_many_, " instances beyond the first ", kMostEndpoints, " are left out"));
  if (squads_.size() > 1) {
    notes.push_back(Cat("its instances name more than one squad (", Join(squads_, ", "),
                        "): let their metadata `squad` agree"));
  }
  return Join(notes, "; ");
}

std::optional<json::value> Parse(std::string_view body) {
  json::error_code error;
  json::value value = json::parse(body, error);
  if (error) return std::nullopt;
  return value;
}

}  // namespace

absl::StatusOr<HealthList> ReadHealth(std::string_view body, const InstanceFilter& filter) {
  const std::optional<json::value> value = Parse(body);
  if (!value.has_value() || !value->is_array())
    return Wrong("the answer is no list of instances: is this Consul?");
  return Reader(filter).Read(value->get_array());
}

absl::StatusOr<std::set<std::string>> ReadServiceNames(std::string_view body) {
  const std::optional<json::value> value = Parse(body);
  if (!value.has_value() || !value->is_object())
    return Wrong("the answer is no map of services: is this Consul?");
  std::set<std::string> names;
  for (const auto& [key, tags] : value->get_object()) names.emplace(std::string_view(key));
  return names;
}

}  // namespace naru::discovery
