#include "metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <streambuf>
#include <vector>

#include "metrics/collector.h"

namespace naru::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

// Takes the text before the next `separator` off the front of `rest`, without surrounding spaces.
std::string_view TakeElement(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  std::string_view element = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  while (!element.empty() && element.front() == ' ') element.remove_prefix(1);
  while (!element.empty() && element.back() == ' ') element.remove_suffix(1);
  return element;
}

// The weight that an Accept header gives to a media type by name; zero where it does not name it (RFC
// 9110 12.4.2).
double WeightOf(std::string_view accept, std::string_view media_type) {
  double best = 0;
  while (!accept.empty()) {
    std::string_view element = TakeElement(accept, ',');
    if (TakeElement(element, ';') != media_type) continue;
    double weight = 1;
    while (!element.empty()) {
      const std::string_view parameter = TakeElement(element, ';');
      if (parameter.substr(0, 2) != "q=") continue;
      weight = 0;  // where it is not a number
      std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), weight);
    }
    best = std::max(best, weight);
  }
  return best;
}

// Lets a stream write into a string where it stands: a scrape may be megabytes, and a stringstream copies it.
class StringBuffer : public std::streambuf {
 public:
  explicit StringBuffer(std::string& out) : out_(out) {}

 protected:
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) out_ += traits_type::to_char_type(c);
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize length) override {
    out_.append(text, static_cast<size_t>(length));
    return length;
  }

 private:
  std::string& out_;
};

// OpenMetrics 1.0, written from the same families as the text format.
class OpenMetricsWriter {
 public:
  std::string Write(const std::vector<MetricFamily>& families) {
    for (const MetricFamily& family : families) WriteFamily(family);
    out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  void WriteFamily(const MetricFamily& family) {
    const bool counter = family.type == prometheus::MetricType::Counter;
    const bool histogram = family.type == prometheus::MetricType::Histogram;
    // The suffix of a counter belongs to its sample, not to its family.
    const std::string name = counter ? family.name.substr(0, family.name.rfind("_total")) : family.name;
    out_ += "# TYPE " + name + (counter ? " counter\n" : histogram ? " histogram\n" : " gauge\n");
    out_ += "# HELP " + name + " " + Escaped(family.help) + "\n";
    for (const ClientMetric& metric : family.metric) {
      if (histogram) {
        WriteHistogram(family.name, metric);
      } else {
        WriteSample(family.name, metric, "", Number(counter ? metric.counter.value : metric.gauge.value));
      }
    }
  }

  void WriteHistogram(const std::string& name, const ClientMetric& metric) {
    for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      WriteSample(name + "_bucket", metric, Bound(bucket.upper_bound),
                  std::to_string(bucket.cumulative_count));
    }
    WriteSample(name + "_count", metric, "", std::to_string(metric.histogram.sample_count));
    WriteSample(name + "_sum", metric, "", Number(metric.histogram.sample_sum));
  }

  // `bound` is the value of `le`; empty where there is none.
  void WriteSample(const std::string& name, const ClientMetric& metric, const std::string& bound,
                   const std::string& value) {
    std::string labels;
    const auto add = [&labels](const std::string& label, const std::string& text) {
      labels += (labels.empty() ? "{" : ",") + label + "=\"" + Escaped(text) + "\"";
    };
    for (const ClientMetric::Label& label : metric.label) add(label.name, label.value);
    if (!bound.empty()) add("le", bound);
    if (!labels.empty()) labels += "}";
    out_ += name + labels + " " + value + "\n";
  }

  static std::string Escaped(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
      if (c == '\\' || c == '"') escaped += '\\';
      escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return escaped;
  }

  // As the text format writes it, so that a bound reads the same in both.
  static std::string Number(double value) {
    char text[32];
    return std::string(text,
                       std::to_chars(text, text + sizeof(text), value, std::chars_format::general, 16).ptr);
  }

  // Bounds are always written as floats: "1.0", "+Inf".
  static std::string Bound(double bound) {
    if (std::isinf(bound)) return "+Inf";
    const std::string text = Number(bound);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }

  std::string out_;
};

}  // namespace

Format ChooseFormat(std::string_view accept) {
  const double open_metrics = WeightOf(accept, "application/openmetrics-text");
  const bool better = open_metrics > 0 && open_metrics >= WeightOf(accept, "text/plain");
  return better ? Format::kOpenMetrics : Format::kText;
}

std::string_view ContentTypeOf(Format format) {
  return format == Format::kText ? "text/plain; version=0.0.4; charset=utf-8"
                                 : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

std::string Expose(const Registry& registry, Format format, std::string_view squad) {
  const std::vector<MetricFamily> families = Collector(registry, std::string(squad)).Collect();
  if (format == Format::kOpenMetrics) return OpenMetricsWriter().Write(families);
  std::string text;
  StringBuffer buffer(text);
  std::ostream stream(&buffer);
  prometheus::TextSerializer().Serialize(stream, families);
  return text;
}

}  // namespace naru::metrics
