#include "sidecar/config/draft_reader.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "sidecar/config/field_doc.h"
#include "sidecar/config/names.h"
#include "sidecar/config/near_words.h"
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

using namespace std::chrono_literals;
using Kind = YamlNode::Kind;

constexpr size_t kLongestQuoted = 80;
constexpr size_t kLongestUnixPath = 107;  // sockaddr_un::sun_path without its zero

std::string Quoted(std::string_view text) {
  return Cat("\"", text.substr(0, kLongestQuoted), text.size() > kLongestQuoted ? "..." : "", "\"");
}

std::string_view WordFor(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "a single value";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "keys with values";
  }
  return "";
}

std::string Example(const ValueType& type) {
  switch (type.kind) {
    case ValueKind::kBoolean:
      return "true or false";
    case ValueKind::kCount:
      return "a number";
    case ValueKind::kSize:
      return "a size such as 64KiB";
    case ValueKind::kRatio:
      return "a ratio such as 20% or 0.2";
    case ValueKind::kRate:
      return "a rate such as 10/s";
    case ValueKind::kDuration:
      return "a duration such as 250ms, 5s or 2m";
    case ValueKind::kWord:
      return DescribeType(type);
    case ValueKind::kWords:
      return "a list of words";
    case ValueKind::kPath:
      return "a path such as /healthz";
    case ValueKind::kName:
      return R"(a name such as courses.v1.Courses, or "")";
    case ValueKind::kGroup:
      return type.may_be_off ? "keys with values, or off" : "keys with values";
  }
  return "";
}

// Where a group was given a single value: how what was meant is written.
std::string HintForGroup(std::string_view key) {
  static const std::map<std::string_view, std::string_view> kHints = {
      {"retry", "never to retry: retry: {attempts: 1}"},
      {"retry.backoff", "to retry at once: backoff: {base: 0ms, max: 0ms}"},
      {"retry.budget", "the widest is budget: {ratio: 100%}"},
      {"limits", "calls are always limited; the widest is limits: {concurrent: 1000000}"},
      {"breaker", "it is on where nothing is said: remove it, or say how: breaker: {failure_rate: 50%}"},
      {"ejection", "it is on where nothing is said: remove it, or say how: ejection: {consecutive: 5}"},
      {"health_check", "say how an endpoint is asked: health_check: {path: /healthz}"}};
  const auto at = kHints.find(key);
  return at == kHints.end() ? "" : std::string(at->second);
}

// "$SQUAD", as a shell would read it.
std::string HintForVariable(std::string_view text) {
  const size_t dollar = text.find('$');
  if (dollar == text.npos) return "";
  std::string_view name = text.substr(dollar + 1);
  const auto end = std::find_if_not(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
  name = name.substr(0, static_cast<size_t>(end - name.begin()));
  const bool is_name = !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0]));
  return is_name ? Cat("a variable is written ${", name, "}") : "";
}

// What other products call a key, the key here, and how it is written. Without the latter: by that name.
struct OtherWord {
  std::string_view word;
  std::string_view key;
  std::string_view hint;
};
constexpr std::string_view kRetries = "the first try counts, too: for 3 retries write retry: {attempts: 4}";
constexpr std::string_view kLimits = "calls at once are limited by limits: {concurrent: 100}";
constexpr OtherWord kOtherWords[] = {
    {"retries", "retry", kRetries},
    {"max_retries", "retry", kRetries},
    {"num_retries", "retry", kRetries},
    {"per_try_timeout", "try_timeout", ""},
    {"request_timeout", "timeout", ""},
    {"read_timeout", "timeout", ""},
    {"deadline", "timeout", ""},
    {"circuit_breaker", "breaker", ""},
    {"outlier_detection", "ejection", ""},
    {"load_balancing", "balance", ""},
    {"load_balancer", "balance", ""},
    {"lb_policy", "balance", ""},
    {"rate_limit", "limits", kLimits},
    {"max_connections", "limits", kLimits},
    {"address", "endpoints", ""},
    {"addresses", "endpoints", ""},
    {"backends", "endpoints", ""},
    {"servers", "endpoints", ""},
    {"targets", "endpoints", ""},
    {"upstreams", "endpoints", ""},
    {"url", "endpoints", ""},
    {"owner", "squad", ""},
    {"team", "squad", ""},
    {"domains", "hosts", ""},
    {"aliases", "hosts", ""},
    {"path", "match", "which calls a route means is written match: /path, or match: GET /path"},
    {"prefix", "match", "which calls a route means is written match: /prefix/**"},
    {"method", "match", "which calls a route means is written match: GET /path"},
};

// A block of the file: how errors call it, and the keys it has.
struct Block {
  std::string_view title;  // "a service"
  std::vector<std::string_view> keys;
  bool holds_policies = false;
};

class Reader {
 public:
  Reader(int file, const Environment& environment, ProblemList& problems)
      : file_(file), environment_(environment), problems_(problems) {}

  Place At(const YamlNode& node) const { return Place{file_, node.line, node.column}; }
  void Report(const YamlNode& node, std::string message, std::string hint = "") {
    problems_.Add(At(node), std::move(message), std::move(hint));
  }
  void ReportWrongKind(const YamlNode& node, std::string_view what, std::string_view wanted) {
    Report(node, Cat(what, " must be ", wanted, ", not ", WordFor(node.kind)));
  }

  // The text of a scalar, its variables replaced. Reports and returns nothing if it is something else.
  std::optional<std::string> Text(const YamlNode& node, std::string_view what,
                                  std::string_view wanted = "a text") {
    if (node.kind != Kind::kScalar) {
      ReportWrongKind(node, what, wanted);
      return std::nullopt;
    }
    if (!Contains(node.text, "${") && node.text.size() <= kLongestText) return node.text;
    absl::StatusOr<std::string> expanded = ExpandVariables(node.text, environment_);
    if (!expanded.ok()) {
      Report(node, std::string(expanded.status().message()));
      return std::nullopt;
    }
    if (expanded->size() > kLongestText) {
      Report(node, Cat(what, " is longer than ", kLongestText, " bytes"));
      return std::nullopt;
    }
    return *std::move(expanded);
  }

  std::optional<Value> Scalar(const YamlNode& node, std::string_view what, const ValueType& type) {
    const std::optional<std::string> text = Text(node, what, Example(type));
    if (!text.has_value()) return std::nullopt;
    absl::StatusOr<Value> value = ParseValue(type, *text);
    if (value.ok()) return *value;
    Report(node, Cat(what, ": ", Quoted(*text), " ", value.status().message()),
           type.kind == ValueKind::kGroup ? HintForGroup(what) : HintForVariable(*text));
    return std::nullopt;
  }

  // Calls `read(key, value)` for every entry of a map; `read` says whether it knows the key. Nothing is an
  // empty map.
  void Entries(const YamlNode& map, const Block& block,
               const std::function<bool(const YamlNode& key, const YamlNode& value)>& read) {
    if (map.kind == Kind::kNull) return;
    if (map.kind != Kind::kMap) return ReportWrongKind(map, block.title, "keys with values");
    std::map<std::string_view, int> seen;  // key -> its line
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const YamlNode& key = map.keys[i];
      if (key.kind != Kind::kScalar) {
        ReportWrongKind(key, Cat("a key of ", block.title), "a word");
        continue;
      }
      const auto [at, is_new] = seen.emplace(key.text, key.line);
      if (!is_new) {
        Report(key, Cat("the key ", Quoted(key.text), " is given twice"),
               Cat("it was first given in line ", at->second, "; remove one of them"));
      } else if (!read(key, map.values[i])) {
        ReportUnknown(key, map.values[i], block);
      }
    }
  }

  // Calls `read` for every element of a list. Nothing is an empty list.
  void Elements(const YamlNode& list, std::string_view what, size_t most,
                const std::function<void(const YamlNode&)>& read) {
    if (list.kind == Kind::kNull) return;
    if (list.kind != Kind::kList) return ReportWrongKind(list, what, "a list");
    if (list.values.size() > most) {
      return Report(list,
                    Cat(what, " holds ", list.values.size(), " entries; at most ", most, " are possible"));
    }
    for (const YamlNode& element : list.values) read(element);
  }

  // As Elements; a single value is a list of one.
  void OneOrMore(const YamlNode& node, std::string_view what, size_t most,
                 const std::function<void(const YamlNode&)>& read) {
    if (node.kind == Kind::kScalar) return read(node);
    Elements(node, what, most, read);
  }

  bool PolicyKey(const std::string& name, const YamlNode& key, const YamlNode& value, Layer& layer) {
    for (const NotYet& later : NotYetPolicies()) {
      if (later.key == name && later.value_prefix.empty())
        return ReportNotYet(key, Quoted(name), later.instead);
    }
    const PolicyField* field = FindPolicyField(name);
    if (field == nullptr) return false;
    if (field->type.kind == ValueKind::kGroup && value.kind == Kind::kMap) {
      layer.settings.push_back({field, Value(true), At(key)});
      PolicyGroup(*field, value, layer);
    } else if (std::optional<Value> read = PolicyValue(*field, value); read.has_value()) {
      layer.settings.push_back({field, *read, At(key)});
    } else {
      layer.malformed.push_back(field);
    }
    return true;
  }

  bool ReportNotYet(const YamlNode& node, std::string_view what, std::string_view instead) {
    Report(node, Cat(what, " is not supported yet"), std::string(instead));
    return true;
  }

 private:
  void PolicyGroup(const PolicyField& group, const YamlNode& map, Layer& layer) {
    Block block{group.key, {}};
    for (const PolicyField& field : PolicyFields()) {
      if (!field.key.starts_with(Cat(group.key, "."))) continue;
      const std::string_view rest = field.key.substr(group.key.size() + 1);
      if (!Contains(rest, ".")) block.keys.push_back(rest);
    }
    Entries(map, block, [&](const YamlNode& key, const YamlNode& value) {
      return PolicyKey(Cat(group.key, ".", key.text), key, value, layer);
    });
  }

  std::optional<Value> PolicyValue(const PolicyField& field, const YamlNode& value) {
    if (ReportedNotYet(field, value)) return std::nullopt;
    if (field.type.kind == ValueKind::kWords) return Words(field, value);
    return Scalar(value, field.key, field.type);
  }

  bool ReportedNotYet(const PolicyField& field, const YamlNode& value) {
    if (value.kind != Kind::kScalar) return false;
    for (const NotYet& later : NotYetPolicies()) {
      if (later.key != field.key || later.value_prefix.empty()) continue;
      if (!value.text.starts_with(later.value_prefix)) continue;
      return ReportNotYet(value, Cat(field.key, ": ", value.text), later.instead);
    }
    return false;
  }

  std::optional<Value> Words(const PolicyField& field, const YamlNode& node) {
    uint64_t mask = 0;
    bool sound = true;
    OneOrMore(node, field.key, field.type.words.size(), [&](const YamlNode& element) {
      const std::optional<Value> value = Scalar(element, field.key, field.type);
      sound = sound && value.has_value();
      if (value.has_value()) mask |= std::get<uint64_t>(*value);
    });
    if (node.kind != Kind::kScalar && node.kind != Kind::kList) sound = false;
    return sound ? std::optional<Value>(mask) : std::nullopt;
  }

  void ReportUnknown(const YamlNode& key, const YamlNode& value, const Block& block) {
    if (key.text == "<<") {
      return Report(key, "YAML merge keys are not supported", "values for every service go under `defaults`");
    }
    Report(key, Cat("there is no key ", Quoted(key.text), " in ", block.title),
           HintFor(key.text, value, block));
  }

  static std::string HintForOtherWord(std::string_view key, const YamlNode& value, const Block& block) {
    for (const OtherWord& other : kOtherWords) {
      const bool is_meant = other.word == key && Has(block, other.key);
      if (!is_meant) continue;
      if (key == "path" && value.kind == Kind::kScalar) return Cat("write match: ", value.text);
      return other.hint.empty() ? Cat("it is called ", Quoted(other.key), " here") : std::string(other.hint);
    }
    return "";
  }

  static bool Has(const Block& block, std::string_view key) {
    return std::find(block.keys.begin(), block.keys.end(), key) != block.keys.end();
  }

  std::string HintFor(std::string_view key, const YamlNode& value, const Block& block) {
    if (std::string hint = HintForOtherWord(key, value, block); !hint.empty()) return hint;
    if (const PolicyField* field = FindPolicyField(key); !block.holds_policies && field != nullptr) {
      return Cat(Quoted(key), " goes under `defaults`",
                 field->in_routes ? ", a service or a route" : " or a service");
    }
    std::string hint = DidYouMean(NearWords(key, block.keys));
    if (!hint.empty()) return hint;
    for (const PolicyField& field : PolicyFields()) {
      if (!block.holds_policies || !field.key.ends_with(Cat(".", key))) continue;
      const std::string_view group = field.key.substr(0, field.key.size() - key.size() - 1);
      return Cat(Quoted(key), " goes under `", group, "`");
    }
    return Cat("its keys are ", Join(block.keys, ", "));
  }

  const int file_;
  const Environment& environment_;
  ProblemList& problems_;
};

// A key of a section: what is told about it, and how it is read.
template <typename T>
struct SectionField {
  FieldDoc doc;
  void (*read)(Reader& reader, const YamlNode& node, T& into);
};

template <typename T, size_t N>
const SectionField<T>* Find(const SectionField<T> (&fields)[N], std::string_view key) {
  const auto* at = std::find_if(std::begin(fields), std::end(fields),
                                [key](const auto& row) { return row.doc.key == key; });
  return at == std::end(fields) ? nullptr : at;
}

template <typename T, size_t N>
std::vector<FieldDoc> DocsOf(const SectionField<T> (&fields)[N]) {
  std::vector<FieldDoc> docs;
  for (const SectionField<T>& field : fields) docs.push_back(field.doc);
  return docs;
}

template <typename T, size_t N>
Block BlockOf(std::string_view title, const SectionField<T> (&fields)[N]) {
  Block block{title, {}};
  for (const SectionField<T>& field : fields) block.keys.push_back(field.doc.key);
  return block;
}

Block WithPolicies(Block block) {
  for (const PolicyField& field : PolicyFields()) {
    if (!Contains(field.key, ".")) block.keys.push_back(field.key);
  }
  block.holds_policies = true;
  return block;
}

template <typename T, size_t N>
void ReadSection(Reader& reader, const YamlNode& node, const Block& block, const SectionField<T> (&fields)[N],
                 T& into) {
  reader.Entries(node, block, [&](const YamlNode& key, const YamlNode& value) {
    const SectionField<T>* field = Find(fields, key.text);
    if (field == nullptr) return false;
    into.places[Cat(block.title, ".", key.text)] = reader.At(key);
    field->read(reader, value, into);
    return true;
  });
}

template <typename T, size_t N>
void ReadSectionWithPolicies(Reader& reader, const YamlNode& node, const Block& block,
                             const SectionField<T> (&fields)[N], T& into) {
  reader.Entries(node, block, [&](const YamlNode& key, const YamlNode& value) {
    const SectionField<T>* field = Find(fields, key.text);
    if (field == nullptr) return reader.PolicyKey(key.text, key, value, into.layer);
    if constexpr (requires { into.places; }) into.places[key.text] = reader.At(key);
    field->read(reader, value, into);
    return true;
  });
}

void ReadName(Reader& reader, const YamlNode& node, std::string_view what,
              std::string (*why_not)(std::string_view), Given<std::string>& into) {
  into.given = true;
  std::optional<std::string> text = reader.Text(node, what);
  if (!text.has_value()) return;
  if (const std::string why = why_not(*text); !why.empty()) {
    return reader.Report(node, Cat(what, ": ", Quoted(*text), " ", why), HintForVariable(*text));
  }
  into.value = Located<std::string>{*std::move(text), reader.At(node)};
}

// The caller.

constexpr SectionField<Draft> kCallerFields[] = {
    {{.key = "squad",
      .fallback = "unknown",
      .doc = "The squad whose application calls. Changing it needs a restart."},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       ReadName(reader, node, "caller.squad", WhyNoLabel, draft.caller_squad);
     }},
    {{.key = "service",
      .fallback = "unknown",
      .doc = "The application that calls. Changing it needs a restart."},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       ReadName(reader, node, "caller.service", WhyNoLabel, draft.caller_service);
     }},
    {{.key = "zone", .doc = "The availability zone it runs in."},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       ReadName(reader, node, "caller.zone", WhyNoLabel, draft.caller_zone);
     }},
};

// Where calls may go.

void ReadCidr(Reader& reader, const YamlNode& node, Draft& draft) {
  const std::optional<std::string> text =
      reader.Text(node, "private.allow", "a network such as 198.51.100.0/24");
  if (!text.has_value()) return;
  absl::StatusOr<discovery::Cidr> cidr = discovery::Cidr::Parse(*text);
  if (!cidr.ok()) return reader.Report(node, Cat("private.allow: ", cidr.status().message()));
  draft.allow.push_back({*cidr, reader.At(node)});
  draft.allow_texts.push_back(*text);
}

constexpr size_t kMostNetworks = 256;

constexpr SectionField<Draft> kPrivateFields[] = {
    {{.key = "allow",
      .shape = Shape::kTextList,
      .fallback = "[]",
      .constraint = "CIDRs such as 198.51.100.0/24; link-local networks are refused",
      .form = "/[0-9]+$",
      .doc = "Further networks that calls may go to, beside RFC 1918, RFC 6598 and RFC 4193."},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       reader.Elements(node, "private.allow", kMostNetworks,
                       [&](const YamlNode& element) { ReadCidr(reader, element, draft); });
     }},
};

// Routes.

// `match` and `grpc` say the same thing in two ways, so that the second of them is one too many.
bool IsFirstPattern(Reader& reader, const YamlNode& node, DraftRoute& route) {
  if (!std::exchange(route.pattern.given, true)) return true;
  reader.Report(node, "this route has both `match` and `grpc`",
                "remove one of them, or write a route for each");
  return false;
}

void ReadMatch(Reader& reader, const YamlNode& node, DraftRoute& route) {
  if (!IsFirstPattern(reader, node, route)) return;
  const std::optional<std::string> text =
      reader.Text(node, "match", "a pattern such as GET /v1/courses/{id}");
  if (!text.has_value()) return;
  absl::StatusOr<RoutePattern> pattern = RoutePattern::Parse(*text);
  if (!pattern.ok()) return reader.Report(node, Cat("match: ", pattern.status().message()));
  route.pattern.value = Located<RoutePattern>{*std::move(pattern), reader.At(node)};
}

void ReadGrpc(Reader& reader, const YamlNode& node, DraftRoute& route) {
  if (!IsFirstPattern(reader, node, route)) return;
  const std::optional<std::string> text =
      reader.Text(node, "grpc", "a gRPC method such as courses.v1.Courses/Get");
  if (!text.has_value()) return;
  absl::StatusOr<RoutePattern> pattern = RoutePattern::ParseGrpc(*text);
  if (!pattern.ok()) {
    return reader.Report(node, Cat("grpc: ", Quoted(*text), " ", pattern.status().message()),
                         "write PACKAGE.SERVICE/METHOD, such as courses.v1.Courses/Get, or PACKAGE.SERVICE/* "
                         "for every method");
  }
  route.pattern.value = Located<RoutePattern>{*std::move(pattern), reader.At(node)};
}

constexpr SectionField<DraftRoute> kRouteFields[] = {
    {{.key = "match",
      .constraint = "METHOD /path, or /path for every method",
      .doc = "Which calls it means: {name} stands for one path segment, ** as the last one for any number of "
             "them.",
      .unless = "grpc"},
     ReadMatch},
    {{.key = "grpc",
      .constraint = "PACKAGE.SERVICE/METHOD, or PACKAGE.SERVICE/* for every method",
      .doc = "Which gRPC calls it means: those that are POST /PACKAGE.SERVICE/METHOD.",
      .unless = "match"},
     ReadGrpc},
    {{.key = "name",
      .fallback = "the text of match or grpc",
      .constraint = "unique in the service",
      .doc = "The `route` label of metrics."},
     [](Reader& reader, const YamlNode& node, DraftRoute& route) {
       ReadName(reader, node, "name", WhyNoRouteName, route.name);
     }},
};

void ReadRoute(Reader& reader, const YamlNode& node, DraftService& service) {
  static const Block block = WithPolicies(BlockOf("a route", kRouteFields));
  DraftRoute route;
  route.place = reader.At(node);
  if (node.kind == Kind::kNull) return reader.ReportWrongKind(node, "a route", "keys with values");
  ReadSectionWithPolicies(reader, node, block, kRouteFields, route);
  if (node.kind == Kind::kMap && !route.pattern.given) {
    reader.Report(node, "this route has neither `match` nor `grpc`",
                  "say which calls it means: match: GET /v1/courses/{id}, or grpc: courses.v1.Courses/Get");
  }
  service.routes.push_back(std::move(route));
}

// Services.

bool IsHttpUrl(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

void ReportHttpUrl(Reader& reader, const YamlNode& node, std::string_view text) {
  reader.Report(node, Cat("endpoints: ", Quoted(text), " is a URL"),
                "write the IP address and port alone, such as 10.0.1.11:8080");
}

// The endpoints as one URI.
void ReadSource(Reader& reader, const YamlNode& node, std::string_view text, DraftService& service) {
  if (IsHttpUrl(text)) return ReportHttpUrl(reader, node, text);
  absl::StatusOr<discovery::SourceUri> source = discovery::SourceUri::Parse(text);
  if (!source.ok()) {
    return reader.Report(node, Cat("endpoints: ", source.status().message()),
                         "or list the addresses: endpoints: [10.0.1.11:8080, 10.0.1.12:8080]");
  }
  const bool is_name =
      source->scheme == discovery::Scheme::kDns || source->scheme == discovery::Scheme::kDnsSrv;
  if (is_name && MeansThisMachine(source->name)) {
    return reader.Report(node, Cat("endpoints: ", text, " leads to loopback, which only a list may name"),
                         Cat("write endpoints: [127.0.0.1:", source->port == 0 ? 8080 : source->port, "]"));
  }
  service.source = Located<discovery::SourceUri>{*std::move(source), reader.At(node)};
}

bool LooksLikeAHostName(std::string_view text) {
  if (text.starts_with("[")) return false;
  const std::string_view host = text.substr(0, text.find(':'));
  return std::any_of(host.begin(), host.end(),
                     [](char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }) &&
         std::count(text.begin(), text.end(), ':') <= 1;
}

// What is asked for at a source is never loopback.
std::string HowToWriteHost(std::string_view text) {
  const std::string_view host = text.substr(0, text.find(':'));
  if (MeansThisMachine(host)) return Cat("write 127.0.0.1", text.substr(host.size()));
  return Cat("to look its addresses up, write it without a list: endpoints: dns://", text);
}

void ReadEndpoint(Reader& reader, const YamlNode& node, std::vector<Located<discovery::Address>>& into) {
  const std::optional<std::string> text = reader.Text(node, "endpoints", "an address such as 10.0.1.11:8080");
  if (!text.has_value()) return;
  if (IsHttpUrl(*text)) return ReportHttpUrl(reader, node, *text);
  if (discovery::LooksLikeUri(*text)) {
    return reader.Report(node,
                         Cat("endpoints: ", Quoted(*text), " stands in a list, which takes IP addresses"),
                         Cat("a source stands alone: endpoints: ", *text));
  }
  if (const std::string hint = HintForVariable(*text); !hint.empty()) {
    return reader.Report(node, Cat("endpoints: ", Quoted(*text), " is no address"), hint);
  }
  if (LooksLikeAHostName(*text)) {
    return reader.Report(node,
                         Cat("endpoints: ", Quoted(*text), " is a host name; a list takes IP addresses"),
                         HowToWriteHost(*text));
  }
  absl::StatusOr<discovery::Address> address = discovery::Address::Parse(*text);
  if (!address.ok()) return reader.Report(node, Cat("endpoints: ", address.status().message()));
  if (address->port == 0)
    return reader.Report(node, Cat("endpoints: ", Quoted(*text), " has port 0, where nothing answers"));
  into.push_back({*address, reader.At(node)});
}

void ReadEndpoints(Reader& reader, const YamlNode& node, DraftService& service) {
  service.endpoints.given = true;
  service.endpoints.value.emplace().place = reader.At(node);
  if (node.kind == Kind::kScalar && discovery::LooksLikeUri(node.text)) {
    const std::optional<std::string> text = reader.Text(node, "endpoints");
    if (text.has_value()) ReadSource(reader, node, *text, service);
    return;
  }
  reader.OneOrMore(node, "endpoints", kMostEndpoints, [&](const YamlNode& element) {
    ReadEndpoint(reader, element, service.endpoints.value->value);
  });
}

void ReadHost(Reader& reader, const YamlNode& node, DraftService& service) {
  std::optional<std::string> text = reader.Text(node, "hosts", "a host name such as api.example.com");
  if (!text.has_value()) return;
  std::string host = absl::AsciiStrToLower(*text);
  if (const std::string why = WhyNoHost(host); !why.empty()) {
    return reader.Report(node, Cat("hosts: ", Quoted(*text), " ", why), HintForVariable(*text));
  }
  service.hosts.push_back({std::move(host), reader.At(node)});
}

constexpr size_t kMostHosts = 100;
constexpr ValueType kPortType{ValueKind::kCount, uint64_t{1}, uint64_t{65535}};
constexpr ValueType kProtocolType{ValueKind::kWord, Off{}, Off{}, kProtocolWords};

void ReadProtocol(Reader& reader, const YamlNode& node, DraftService& service) {
  static const std::map<std::string_view, std::string_view> kHints = {
      {"https", "TLS towards endpoints is not supported yet: write the port that speaks plain HTTP"},
      {"grpc", "gRPC is HTTP/2: write http2, or auto"},
      {"h2c", "write http2, which is h2c with prior knowledge, or auto"},
      {"h2", "write http2, which is h2c with prior knowledge, or auto"},
      {"http", "write http1, or auto"},
      {"tcp", "naru carries HTTP and gRPC only"}};
  const auto hint = kHints.find(node.text);
  if (node.kind == Kind::kScalar && hint != kHints.end()) {
    return reader.Report(
        node, Cat("protocol: ", Quoted(node.text), " is none of ", Join(kProtocolType.words, ", ")),
        std::string(hint->second));
  }
  const std::optional<Value> word = reader.Scalar(node, "protocol", kProtocolType);
  if (word.has_value()) service.protocol = static_cast<Protocol>(std::get<uint64_t>(*word));
}

constexpr SectionField<DraftService> kServiceFields[] = {
    {{.key = "squad", .doc = "The squad that owns the service.", .required = true},
     [](Reader& reader, const YamlNode& node, DraftService& service) {
       ReadName(reader, node, "squad", WhyNoLabel, service.squad);
     }},
    {{.key = "endpoints",
      .shape = Shape::kTextOrList,
      .constraint = "IP:PORT in a private range, IPv6 as [fd00::1]:8080; or one source: dns://NAME:PORT, "
                    "dns+srv://NAME, cloudmap://NAMESPACE/SERVICE, consul://SERVICE?tag=&dc=, xds://CLUSTER, "
                    "file:///path.json",
      .form = "^[a-z0-9+]+://|:[0-9]+$",
      .doc = "Where it is: a list, or a source that knows. Loopback is allowed in a list only, for tests and "
             "for what runs beside the application.",
      .required = true},
     [](Reader& reader, const YamlNode& node, DraftService& service) {
       ReadEndpoints(reader, node, service);
     }},
    {{.key = "hosts",
      .shape = Shape::kTextOrList,
      .fallback = "[]",
      .constraint = "each name belongs to one service",
      .doc = "Further Host names that mean this service, such as its former public URL."},
     [](Reader& reader, const YamlNode& node, DraftService& service) {
       reader.OneOrMore(node, "hosts", kMostHosts,
                        [&](const YamlNode& element) { ReadHost(reader, element, service); });
     }},
    {{.key = "port",
      .shape = Shape::kValue,
      .type = kPortType,
      .constraint = "used by nothing else in the file",
      .doc = "A local port on which the service answers, whatever the Host."},
     [](Reader& reader, const YamlNode& node, DraftService& service) {
       service.port.given = true;
       const std::optional<Value> port = reader.Scalar(node, "port", kPortType);
       if (port.has_value()) {
         service.port.value =
             Located<uint16_t>{static_cast<uint16_t>(std::get<uint64_t>(*port)), reader.At(node)};
       }
     }},
    {{.key = "protocol",
      .shape = Shape::kValue,
      .type = kProtocolType,
      .fallback = "auto",
      .doc = "Towards the endpoints: http1; http2, which is h2c with prior knowledge; or auto, the protocol "
             "the caller used, falling back once per endpoint."},
     [](Reader& reader, const YamlNode& node, DraftService& service) {
       ReadProtocol(reader, node, service);
     }},
    {{.key = "routes",
      .shape = Shape::kRoutes,
      .fallback = "[]",
      .constraint = "the first match wins",
      .doc = "Calls that have policy values of their own."},
     [](Reader& reader, const YamlNode& node, DraftService& service) {
       reader.Elements(node, "routes", kMostRoutes,
                       [&](const YamlNode& element) { ReadRoute(reader, element, service); });
     }},
};

void ReadService(Reader& reader, const YamlNode& key, const YamlNode& node, Draft& draft) {
  static const Block block = WithPolicies(BlockOf("a service", kServiceFields));
  DraftService service;
  service.name = key.text;
  service.place = reader.At(key);
  if (const std::string why = WhyNoServiceName(key.text); !why.empty()) {
    reader.Report(key, Cat("the service name ", Quoted(key.text), " ", why));
  }
  ReadSectionWithPolicies(reader, node, block, kServiceFields, service);
  const bool readable = node.kind == Kind::kMap || node.kind == Kind::kNull;
  if (readable && !service.squad.given) {
    reader.Report(key, Cat("the service ", Quoted(service.name), " has no squad"),
                  "say who owns it: squad: NAME");
  }
  if (readable && !service.endpoints.given) {
    reader.Report(key, Cat("the service ", Quoted(service.name), " has no endpoints"),
                  "say where it is: endpoints: [10.0.1.11:8080]");
  }
  draft.services.push_back(std::move(service));
}

void ReadServices(Reader& reader, const YamlNode& node, Draft& draft) {
  if (node.kind == Kind::kMap && node.keys.size() + draft.services.size() > kMostServices) {
    return reader.Report(node, Cat("more than ", kMostServices, " services"));
  }
  reader.Entries(node, Block{"services", {}}, [&](const YamlNode& key, const YamlNode& value) {
    ReadService(reader, key, value, draft);
    return true;
  });
}

// Discovery.

void ReadText(Reader& reader, const YamlNode& node, std::string_view what, std::string& into) {
  std::optional<std::string> text = reader.Text(node, what);
  if (text.has_value()) into = *std::move(text);
}

void ReadBoolean(Reader& reader, const YamlNode& node, std::string_view what, bool& into) {
  const std::optional<Value> value = reader.Scalar(node, what, ValueType{ValueKind::kBoolean});
  if (value.has_value()) into = std::get<bool>(*value);
}

void ReadDuration(Reader& reader, const YamlNode& node, std::string_view what, const ValueType& type,
                  Duration& into) {
  const std::optional<Value> value = reader.Scalar(node, what, type);
  if (value.has_value()) into = std::get<Duration>(*value);
}

void ReadHttpUrl(Reader& reader, const YamlNode& node, std::string_view what, std::string& into) {
  const std::optional<std::string> text = reader.Text(node, what, "a URL such as http://127.0.0.1:8500");
  if (!text.has_value()) return;
  const size_t host = text->starts_with("https://") ? 8 : 7;
  const bool is_url = (text->starts_with("http://") || host == 8) && text->size() > host;
  if (!is_url) {
    return reader.Report(node, Cat(what, ": ", Quoted(*text), " is no URL"),
                         "write http://HOST:PORT or https://HOST:PORT");
  }
  into = *text;
}

// "control.internal:18000" or "[fd00::1]:18000".
void ReadHostAndPort(Reader& reader, const YamlNode& node, std::string_view what, std::string& into) {
  const std::optional<std::string> text = reader.Text(node, what, "a host and port such as 10.0.0.5:18000");
  if (!text.has_value()) return;
  const size_t colon = text->rfind(':');
  const std::string port = colon == text->npos ? "" : text->substr(colon + 1);
  const bool numeric = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
  if (colon == 0 || !numeric || Contains(*text, "://")) {
    return reader.Report(node, Cat(what, ": ", Quoted(*text), " is no host and port"),
                         "write them as HOST:PORT, such as 10.0.0.5:18000");
  }
  into = *text;
}

// "10.0.0.2" or "10.0.0.2:53".
void ReadDnsServer(Reader& reader, const YamlNode& node, std::vector<discovery::Address>& into) {
  constexpr uint16_t kDnsPort = 53;
  const std::optional<std::string> text = reader.Text(node, "servers", "an address such as 10.0.0.2");
  if (!text.has_value()) return;
  if (const std::optional<discovery::IpBytes> ip = discovery::ParseIp(*text)) {
    return into.push_back({*ip, kDnsPort});
  }
  absl::StatusOr<discovery::Address> address = discovery::Address::Parse(*text);
  if (!address.ok()) {
    return reader.Report(node, Cat("discovery.dns.servers: ", Quoted(*text), " is no IP address"),
                         "write one, such as 10.0.0.2, or 10.0.0.2:53");
  }
  into.push_back(*address);
}

void ReadDefaultSource(Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
  const std::optional<std::string> text =
      reader.Text(node, "discovery.default", "a source such as cloudmap://prod/{service}");
  if (!text.has_value()) return;
  absl::StatusOr<discovery::SourceTemplate> source = discovery::SourceTemplate::Parse(*text);
  if (!source.ok()) return reader.Report(node, Cat("discovery.default: ", source.status().message()));
  discovery.settings.fallback = *std::move(source);
  discovery.fallback = reader.At(node);
}

void ReadStateDirectory(Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
  const std::optional<std::string> text =
      reader.Text(node, "discovery.state", "a directory such as /var/lib/naru, or off");
  if (!text.has_value()) return;
  if (*text != "off" && !text->starts_with("/")) {
    return reader.Report(node, Cat("discovery.state: ", Quoted(*text), " is no absolute path"),
                         "write a directory such as /var/lib/naru, or off");
  }
  discovery.settings.state_directory = *text == "off" ? "" : *text;
}

constexpr ValueType kTtlType{ValueKind::kDuration, Duration(100ms), Duration(24h)};
constexpr ValueType kIntervalType{ValueKind::kDuration, Duration(1s), Duration(5min)};
constexpr ValueType kWaitType{ValueKind::kDuration, Duration(1s), Duration(10min)};
constexpr ValueType kBooleanType{ValueKind::kBoolean};
constexpr size_t kMostDnsServers = 8;

constexpr SectionField<DraftDiscovery> kDnsFields[] = {
    {{.key = "servers",
      .shape = Shape::kTextOrList,
      .fallback = "those of /etc/resolv.conf",
      .constraint = "IP or IP:PORT",
      .doc = "Who is asked for dns:// and dns+srv://."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       reader.OneOrMore(node, "servers", kMostDnsServers, [&](const YamlNode& element) {
         ReadDnsServer(reader, element, discovery.settings.dns.servers);
       });
     }},
    {{.key = "min_ttl",
      .shape = Shape::kValue,
      .type = kTtlType,
      .fallback = "1s",
      .doc = "An answer is used at least this long, whatever its TTL."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadDuration(reader, node, "discovery.dns.min_ttl", kTtlType, discovery.settings.dns.min_ttl);
       discovery.dns_ttl = reader.At(node);
     }},
    {{.key = "max_ttl",
      .shape = Shape::kValue,
      .type = kTtlType,
      .fallback = "30s",
      .doc = "An answer is asked for again after this time at the latest."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadDuration(reader, node, "discovery.dns.max_ttl", kTtlType, discovery.settings.dns.max_ttl);
       discovery.dns_ttl = reader.At(node);
     }},
    {{.key = "search",
      .shape = Shape::kValue,
      .type = kBooleanType,
      .fallback = "false",
      .doc = "Whether the search domains of /etc/resolv.conf are tried; names are absolute otherwise."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadBoolean(reader, node, "discovery.dns.search", discovery.settings.dns.search);
     }},
};

constexpr SectionField<DraftDiscovery> kCloudMapFields[] = {
    {{.key = "region", .fallback = "from AWS_REGION, else from metadata", .doc = "The AWS region."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadText(reader, node, "discovery.cloudmap.region", discovery.settings.cloud_map.region);
     }},
    {{.key = "endpoint", .fallback = "AWS's own", .constraint = "a URL", .doc = "Where Cloud Map is asked."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadHttpUrl(reader, node, "discovery.cloudmap.endpoint", discovery.settings.cloud_map.endpoint);
     }},
    {{.key = "interval",
      .shape = Shape::kValue,
      .type = kIntervalType,
      .fallback = "5s",
      .doc = "How often Cloud Map is asked whether a service has changed."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadDuration(reader, node, "discovery.cloudmap.interval", kIntervalType,
                    discovery.settings.cloud_map.interval);
     }},
};

constexpr SectionField<DraftDiscovery> kConsulFields[] = {
    {{.key = "address", .fallback = "http://127.0.0.1:8500", .constraint = "a URL", .doc = "The agent."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadHttpUrl(reader, node, "discovery.consul.address", discovery.settings.consul.address);
     }},
    {{.key = "token", .doc = "The ACL token; better as ${CONSUL_HTTP_TOKEN} than written out."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadText(reader, node, "discovery.consul.token", discovery.settings.consul.token);
     }},
    {{.key = "datacenter", .fallback = "the agent's own", .doc = "Where a URI has no dc."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadText(reader, node, "discovery.consul.datacenter", discovery.settings.consul.datacenter);
     }},
    {{.key = "stale",
      .shape = Shape::kValue,
      .type = kBooleanType,
      .fallback = "true",
      .doc = "Whether any server may answer, not the leader only."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadBoolean(reader, node, "discovery.consul.stale", discovery.settings.consul.stale);
     }},
    {{.key = "cached",
      .shape = Shape::kValue,
      .type = kBooleanType,
      .fallback = "false",
      .doc = "Whether the agent may answer from its cache, which it refreshes itself."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadBoolean(reader, node, "discovery.consul.cached", discovery.settings.consul.cached);
     }},
    {{.key = "wait",
      .shape = Shape::kValue,
      .type = kWaitType,
      .fallback = "5m",
      .doc = "How long a blocking query waits for a change."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadDuration(reader, node, "discovery.consul.wait", kWaitType, discovery.settings.consul.wait);
     }},
};

constexpr SectionField<DraftDiscovery> kXdsFields[] = {
    {{.key = "server", .constraint = "HOST:PORT, without TLS", .doc = "The control plane; xds:// needs it."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadHostAndPort(reader, node, "discovery.xds.server", discovery.settings.xds.server);
     }},
    {{.key = "node_id", .fallback = "SQUAD/SERVICE of the caller", .doc = "node.id of every stream."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadText(reader, node, "discovery.xds.node_id", discovery.settings.xds.node_id);
     }},
    {{.key = "node_cluster", .fallback = "the caller's service", .doc = "node.cluster of every stream."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadText(reader, node, "discovery.xds.node_cluster", discovery.settings.xds.node_cluster);
     }},
    {{.key = "clusters",
      .shape = Shape::kValue,
      .type = kBooleanType,
      .fallback = "false",
      .doc = "Whether clusters are asked for first (CDS), as some control planes want it."},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadBoolean(reader, node, "discovery.xds.clusters", discovery.settings.xds.clusters);
     }},
};

constexpr SectionField<DraftDiscovery> kDiscoveryFields[] = {
    {{.key = "default",
      .constraint = "a source in which {service} stands for the name, such as cloudmap://prod/{service}",
      .doc = "Where services are looked for that the file does not name. Their policy is `defaults`, their "
             "squad what the source says."},
     ReadDefaultSource},
    {{.key = "state",
      .fallback = "$STATE_DIRECTORY, else /var/lib/naru where that exists",
      .constraint = "an absolute path, or off",
      .doc = "The directory in which the last good answers are kept, to start with when a source is down."},
     ReadStateDirectory},
    {{.key = "dns", .shape = Shape::kSection, .doc = "Of dns:// and dns+srv://.", .section = Section::kDns},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadSection(reader, node, BlockOf("discovery.dns", kDnsFields), kDnsFields, discovery);
     }},
    {{.key = "cloudmap", .shape = Shape::kSection, .doc = "Of cloudmap://.", .section = Section::kCloudMap},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadSection(reader, node, BlockOf("discovery.cloudmap", kCloudMapFields), kCloudMapFields, discovery);
     }},
    {{.key = "consul", .shape = Shape::kSection, .doc = "Of consul://.", .section = Section::kConsul},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadSection(reader, node, BlockOf("discovery.consul", kConsulFields), kConsulFields, discovery);
     }},
    {{.key = "xds", .shape = Shape::kSection, .doc = "Of xds://.", .section = Section::kXds},
     [](Reader& reader, const YamlNode& node, DraftDiscovery& discovery) {
       ReadSection(reader, node, BlockOf("discovery.xds", kXdsFields), kXdsFields, discovery);
     }},
};

// The file.

absl::StatusOr<ListenAddress> ParseUnixAddress(const std::string& text) {
  constexpr std::string_view kScheme = "unix://";
  const std::string path = text.substr(kScheme.size());
  if (!path.starts_with("/")) {
    return absl::InvalidArgumentError(
        Cat(Quoted(text), " has no absolute path: write unix:///run/naru.sock"));
  }
  if (path.size() > kLongestUnixPath) {
    return absl::InvalidArgumentError(
        Cat("the path of ", Quoted(text), " is longer than ", kLongestUnixPath, " bytes"));
  }
  return ListenAddress{text, path, {}, {}};
}

absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& text) {
  if (text.starts_with("unix://")) return ParseUnixAddress(text);
  if (text.starts_with("localhost:")) {
    return absl::InvalidArgumentError(
        Cat(Quoted(text), " is a host name: write 127.0.0.1", text.substr(text.find(':'))));
  }
  // Port 0, any free one, is for tests; an endpoint cannot have it, so Address::Parse refuses it.
  const bool any_port = text.ends_with(":0");
  absl::StatusOr<discovery::Address> tcp =
      discovery::Address::Parse(any_port ? text.substr(0, text.size() - 1) + "1" : text);
  if (!tcp.ok()) return tcp.status();
  if (any_port) tcp->port = 0;
  return ListenAddress{text, "", *tcp, {}};
}

std::optional<Located<ListenAddress>> ReadListenAddress(Reader& reader, const YamlNode& node,
                                                        std::string_view what) {
  const std::optional<std::string> text = reader.Text(node, what, "an address such as 127.0.0.1:4000");
  if (!text.has_value()) return std::nullopt;
  absl::StatusOr<ListenAddress> address = ParseListenAddress(*text);
  if (!address.ok()) {
    reader.Report(node, Cat(what, ": ", address.status().message()), HintForVariable(*text));
    return std::nullopt;
  }
  const Place place = reader.At(node);
  address->origin = Origin{place.file, place.line};
  return Located<ListenAddress>{*std::move(address), place};
}

void ReadListen(Reader& reader, const YamlNode& node, Draft& draft) {
  constexpr size_t kMostListeners = 64;
  draft.listen.given = true;
  Located<std::vector<Located<ListenAddress>>>& listen = draft.listen.value.emplace();
  reader.OneOrMore(node, "listen", kMostListeners, [&](const YamlNode& element) {
    std::optional<Located<ListenAddress>> address = ReadListenAddress(reader, element, "listen");
    if (address.has_value()) listen.value.push_back(*std::move(address));
  });
  const bool holds_nothing = node.kind == Kind::kNull || (node.kind == Kind::kList && node.values.empty());
  if (holds_nothing)
    reader.Report(node, "listen names no address", "write one, such as 127.0.0.1:4000, or remove the key");
}

void ReadAdmin(Reader& reader, const YamlNode& node, Draft& draft) {
  draft.admin.given = true;
  std::optional<Located<ListenAddress>> address = ReadListenAddress(reader, node, "admin");
  if (!address.has_value()) return;
  if (!address->value.unix_path.empty()) {
    return reader.Report(node, "admin must be an IP address and port, not a Unix socket",
                         "write one, such as 127.0.0.1:4001");
  }
  draft.admin.value = *std::move(address);
}

void ReadDefaults(Reader& reader, const YamlNode& node, Draft& draft) {
  static const Block block = WithPolicies(Block{"defaults", {}});
  reader.Entries(node, block, [&](const YamlNode& key, const YamlNode& value) {
    return reader.PolicyKey(key.text, key, value, draft.defaults);
  });
}

void ReadInclude(Reader& reader, const YamlNode& node, Draft& draft) {
  constexpr size_t kMostPatterns = 100;
  reader.OneOrMore(node, "include", kMostPatterns, [&](const YamlNode& element) {
    std::optional<std::string> text = reader.Text(element, "include", "a pattern such as catalog/*.yaml");
    if (text.has_value() && text->empty())
      return reader.Report(element, "include: an empty pattern names no file");
    if (text.has_value()) draft.include.push_back({*std::move(text), reader.At(element)});
  });
}

constexpr ValueType kWorkersType{ValueKind::kCount, uint64_t{1}, uint64_t{64}};
constexpr ValueType kDrainType{ValueKind::kDuration, Duration(0s), Duration(1h)};

constexpr SectionField<Draft> kFileFields[] = {
    {{.key = "caller",
      .shape = Shape::kSection,
      .doc = "Who is calling: the labels of every metric.",
      .section = Section::kCaller},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       ReadSection(reader, node, BlockOf("caller", kCallerFields), kCallerFields, draft);
     }},
    {{.key = "listen",
      .shape = Shape::kTextOrList,
      .fallback = "127.0.0.1:4000",
      .constraint = "IP:PORT or unix:///path",
      .form = "^unix:///|:[0-9]+$",
      .doc = "The shared port, on which every service is reached by its name."},
     ReadListen},
    {{.key = "admin",
      .fallback = "127.0.0.1:4001",
      .constraint = "IP:PORT",
      .form = ":[0-9]+$",
      .doc = "Metrics, health, and pages that say what naru does. Changing it needs a restart."},
     ReadAdmin},
    {{.key = "workers",
      .shape = Shape::kValue,
      .type = kWorkersType,
      .fallback = "1",
      .doc = "Event loops. Limits and breakers are exact whatever this is. Changing it needs a restart."},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       const std::optional<Value> value = reader.Scalar(node, "workers", kWorkersType);
       if (value.has_value()) draft.workers = static_cast<uint32_t>(std::get<uint64_t>(*value));
     }},
    {{.key = "drain_timeout",
      .shape = Shape::kValue,
      .type = kDrainType,
      .fallback = "20s",
      .doc = "The longest time that calls are still carried after SIGTERM."},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       const std::optional<Value> value = reader.Scalar(node, "drain_timeout", kDrainType);
       if (value.has_value()) draft.drain_timeout = std::get<Duration>(*value);
     }},
    {{.key = "include",
      .shape = Shape::kTextOrList,
      .fallback = "[]",
      .constraint = "file names or patterns such as catalog/*.yaml, from this file's directory",
      .doc = "Further files with a `services:` map, one per squad. A service is defined once."},
     ReadInclude},
    {{.key = "private",
      .shape = Shape::kSection,
      .doc = "Where calls may go; anything else is refused.",
      .section = Section::kPrivate},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       ReadSection(reader, node, BlockOf("private", kPrivateFields), kPrivateFields, draft);
     }},
    {{.key = "discovery",
      .shape = Shape::kSection,
      .doc = "Settings of the sources of endpoints, and the source of services that the file does not name.",
      .section = Section::kDiscovery},
     [](Reader& reader, const YamlNode& node, Draft& draft) {
       ReadSection(reader, node, BlockOf("discovery", kDiscoveryFields), kDiscoveryFields, draft.discovery);
     }},
    {{.key = "defaults", .shape = Shape::kSection, .doc = "Policy keys that hold for every service."},
     ReadDefaults},
    {{.key = "services", .shape = Shape::kServices, .doc = "The services that can be called, by name."},
     ReadServices},
};

}  // namespace

std::vector<FieldDoc> FieldsOf(Section section) {
  switch (section) {
    case Section::kFile:
      return DocsOf(kFileFields);
    case Section::kCaller:
      return DocsOf(kCallerFields);
    case Section::kPrivate:
      return DocsOf(kPrivateFields);
    case Section::kDiscovery:
      return DocsOf(kDiscoveryFields);
    case Section::kDns:
      return DocsOf(kDnsFields);
    case Section::kCloudMap:
      return DocsOf(kCloudMapFields);
    case Section::kConsul:
      return DocsOf(kConsulFields);
    case Section::kXds:
      return DocsOf(kXdsFields);
    case Section::kService:
      return DocsOf(kServiceFields);
    case Section::kRoute:
      return DocsOf(kRouteFields);
  }
  return {};
}

void ReadMainFile(const YamlNode& root, int file, const Environment& environment, ProblemList& problems,
                  Draft& draft) {
  Reader reader(file, environment, problems);
  reader.Entries(root, BlockOf("the file", kFileFields), [&](const YamlNode& key, const YamlNode& value) {
    const SectionField<Draft>* field = Find(kFileFields, key.text);
    if (field == nullptr) return false;
    draft.places[key.text] = reader.At(key);
    field->read(reader, value, draft);
    return true;
  });
}

void ReadIncludedFile(const YamlNode& root, int file, const Environment& environment, ProblemList& problems,
                      Draft& draft) {
  Reader reader(file, environment, problems);
  reader.Entries(root, Block{"an included file", {"services"}},
                 [&](const YamlNode& key, const YamlNode& value) {
                   if (key.text == "services") {
                     ReadServices(reader, value, draft);
                     return true;
                   }
                   if (Find(kFileFields, key.text) == nullptr) return false;
                   reader.Report(key, Cat("an included file holds only `services`, not ", Quoted(key.text)),
                                 Cat("move it to ", problems.paths().front()));
                   return true;
                 });
}

}  // namespace naru::config
