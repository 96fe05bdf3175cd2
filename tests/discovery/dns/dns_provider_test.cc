// The sources as the Discoverer sees them, against a scripted server on loopback.
#include "discovery/dns/dns_provider.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/dns_server.h"

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using Query = DnsServer::Query;
using Strings = std::vector<std::string>;

// "answer 10.0.0.1:8080*1", "no such name", "confirmed", "trouble".
std::string InWords(const Report& report) {
  if (std::holds_alternative<Confirmed>(report)) return "confirmed";
  if (std::holds_alternative<Trouble>(report)) return "trouble";
  const auto& answer = std::get<Answer>(report);
  if (!answer.exists) return "no such name";
  std::string words = "answer";
  for (const Endpoint& endpoint : answer.endpoints) {
    words += " " + endpoint.address.ToString() + "*" + std::to_string(endpoint.weight);
  }
  return words;
}

// The vocabulary: a zone that the test changes, sources of it, and what they report.
class DnsProviderTest : public testing::Test {
 protected:
  DnsProviderTest() { Provide(milliseconds(100), milliseconds(40)); }

  // Asks anew after `ttl`, and takes what has not answered after `timeout` for silent.
  void Provide(milliseconds ttl, milliseconds timeout) {
    ResolverOptions options;
    options.settings.servers = {server_.address()};
    options.settings.min_ttl = ttl;
    options.settings.max_ttl = ttl;
    options.channel.timeout = timeout;
    provider_ = MakeDnsProvider(context_, options);
  }

  struct Watching {
    std::vector<Report> reports;
    std::unique_ptr<Source> source;

    Strings InWords() const {
      Strings words;
      for (const Report& report : reports) words.push_back(discovery::InWords(report));
      return words;
    }
    std::string Last() const { return reports.empty() ? "" : discovery::InWords(reports.back()); }
    // The last that was not "confirmed".
    std::string News() const {
      for (auto report = reports.rbegin(); report != reports.rend(); ++report) {
        if (!std::holds_alternative<Confirmed>(*report)) return discovery::InWords(*report);
      }
      return "";
    }
  };

  std::unique_ptr<Watching> Watch(const std::string& uri) {
    auto watching = std::make_unique<Watching>();
    watching->source = provider_->Open(
        SourceUri::Parse(uri).value(),
        [watching = watching.get()](Report report) { watching->reports.push_back(std::move(report)); });
    EXPECT_EQ(watching->reports.size(), 0u) << "a source reports only after Open has returned";
    return watching;
  }

  bool Until(const std::function<bool()>& happened) { return RunUntil(io_, happened); }

  // What the zone says; a question without an entry: NXDOMAIN. An empty script: nothing at all.
  using Script = std::function<std::string(const Query&)>;
  void Silent(const DnsQuestion& question) { zone_[question] = {}; }
  void Code(const DnsQuestion& question, ResponseCode code) {
    zone_[question] = [code](const Query& query) { return DnsReply(query.id, query.question, code).Bytes(); };
  }
  void A(const std::string& name, const std::string& ip) {
    zone_[{name, RecordType::kA}] = [ip](const Query& q) {
      return DnsReply(q.id, q.question).Answer().A(q.question.name, 30, ip).Bytes();
    };
    if (!zone_.contains({name, RecordType::kAaaa})) Code({name, RecordType::kAaaa}, ResponseCode::kNoError);
  }
  void Aaaa(const std::string& name, const std::string& ip) {
    zone_[{name, RecordType::kAaaa}] = [ip](const Query& q) {
      return DnsReply(q.id, q.question).Answer().Aaaa(q.question.name, 30, ip).Bytes();
    };
  }

  std::optional<std::string> Answer(const Query& query) {
    const auto at = zone_.find(query.question);
    if (at == zone_.end()) return DnsReply(query.id, query.question, ResponseCode::kNameError).Bytes();
    return at->second ? std::optional(at->second(query)) : std::nullopt;
  }

  std::map<DnsQuestion, Script> zone_;
  boost::asio::io_context io_;
  std::mt19937_64 random_{1};
  SourceContext context_{io_, random_};
  DnsServer server_{io_, [this](const Query& query) { return Answer(query); }};
  std::unique_ptr<SourceProvider> provider_;
};

const DnsQuestion kA{"a.internal", RecordType::kA};
const DnsQuestion kAaaa{"a.internal", RecordType::kAaaa};

TEST_F(DnsProviderTest, ReportsTheAddressesOfBothFamiliesWithThePort) {
  A("a.internal", "10.0.0.1");
  Aaaa("a.internal", "fd00::1");
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->Last() == "answer 10.0.0.1:8080*1 [fd00::1]:8080*1"; }));
}

TEST_F(DnsProviderTest, ConfirmsWhatStaysAndReportsWhatChanges) {
  A("a.internal", "10.0.0.1");
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->Last() == "confirmed"; }));
  EXPECT_EQ(watching->News(), "answer 10.0.0.1:8080*1");
  A("a.internal", "10.0.0.2");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.2:8080*1"; }));
}

TEST_F(DnsProviderTest, OneFamilysSilenceTakesNothingFromTheOther) {
  A("a.internal", "10.0.0.1");
  Aaaa("a.internal", "fd00::1");
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.1:8080*1 [fd00::1]:8080*1"; }));
  Silent(kA);
  Aaaa("a.internal", "fd00::2");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.1:8080*1 [fd00::2]:8080*1"; }));
  EXPECT_TRUE(Until([&] { return watching->News() == "trouble"; }));
}

TEST_F(DnsProviderTest, AnAddressIsUsedWhileTheOtherFamilyIsStillAwaited) {
  Silent(kAaaa);
  A("a.internal", "10.0.0.1");
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return !watching->reports.empty(); }));
  EXPECT_EQ(watching->InWords(), (Strings{"answer 10.0.0.1:8080*1"}));
}

TEST_F(DnsProviderTest, AFailureIsTroubleAndNeverAnEmptyAnswer) {
  A("a.internal", "10.0.0.1");
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.1:8080*1"; }));
  const size_t before = watching->reports.size();
  Code(kA, ResponseCode::kServerFailure);
  Code(kAaaa, ResponseCode::kRefused);
  EXPECT_TRUE(Until([&] { return server_.Count(kA) + server_.Count(kAaaa) >= 6; }));
  for (size_t i = before; i < watching->reports.size(); ++i) {
    EXPECT_FALSE(std::holds_alternative<discovery::Answer>(watching->reports[i])) << watching->InWords()[i];
  }
  A("a.internal", "10.0.0.2");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.2:8080*1"; }));
}

TEST_F(DnsProviderTest, ANameThatIsGoneIsReportedOnceThatIsConfirmed) {
  A("a.internal", "10.0.0.1");
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.1:8080*1"; }));
  zone_.clear();
  EXPECT_TRUE(Until([&] { return watching->News() == "trouble"; }));
  EXPECT_TRUE(Until([&] { return watching->News() == "no such name"; }));
  const auto& last = std::get<discovery::Answer>(
      *std::find_if(watching->reports.rbegin(), watching->reports.rend(),
                    [](const Report& report) { return std::holds_alternative<discovery::Answer>(report); }));
  EXPECT_EQ(last.revision, "a.internal does not exist, says the DNS server " + server_.address().ToString() +
                               " (NXDOMAIN). If it was created a moment ago, a caching resolver on the way, "
                               "such as the VPC's, may "
                               "keep saying so for up to 300 s");
}

TEST_F(DnsProviderTest, AMissingNameIsNotAskedForInABusyLoop) {
  Provide(milliseconds(100), milliseconds(5000));
  const auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->Last() == "no such name"; }));
  const int before = server_.Count(kA);
  RunFor(io_, milliseconds(1000));
  EXPECT_LE(server_.Count(kA) - before, 14);  // every 80 ms at the most: the least TTL here, and its jitter
}

TEST_F(DnsProviderTest, SourcesOfOneNameShareItsQueries) {
  Provide(milliseconds(60'000), milliseconds(5000));
  A("a.internal", "10.0.0.1");
  const auto one = Watch("dns://a.internal:8080");
  const auto two = Watch("dns://a.internal:9090");
  EXPECT_TRUE(Until([&] { return one->News() != "" && two->News() == "answer 10.0.0.1:9090*1"; }));
  EXPECT_EQ(server_.Count(kA), 1);
  EXPECT_EQ(server_.Count(kAaaa), 1);
}

TEST_F(DnsProviderTest, ASourceThatComesLateIsToldWhatIsKnown) {
  A("a.internal", "10.0.0.1");
  const auto one = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return one->News() == "answer 10.0.0.1:8080*1"; }));
  Silent(kA);
  Silent(kAaaa);
  const auto late = Watch("dns://A.internal:9090");
  EXPECT_TRUE(Until([&] { return late->News() == "answer 10.0.0.1:9090*1"; }));
}

TEST_F(DnsProviderTest, NobodyAsksForANameThatNoSourceWants) {
  A("a.internal", "10.0.0.1");
  auto watching = Watch("dns://a.internal:8080");
  EXPECT_TRUE(Until([&] { return watching->Last() == "confirmed"; }));
  watching->source.reset();
  const size_t reports = watching->reports.size();
  const size_t queries = server_.queries().size();
  RunFor(io_, milliseconds(300));
  EXPECT_EQ(watching->reports.size(), reports);
  EXPECT_LE(server_.queries().size(), queries + 2);  // what was under way
}

TEST_F(DnsProviderTest, AReportMayEndItsSourceAndOthers) {
  A("a.internal", "10.0.0.1");
  std::unique_ptr<Source> one;
  std::unique_ptr<Source> two;
  int reports = 0;
  const auto end_both = [&](const Report&) {
    ++reports;
    one.reset();
    two.reset();
  };
  one = provider_->Open(SourceUri::Parse("dns://a.internal:8080").value(), end_both);
  two = provider_->Open(SourceUri::Parse("dns://a.internal:8080").value(), end_both);
  EXPECT_TRUE(Until([&] { return reports > 0; }));
  RunFor(io_, milliseconds(200));
  EXPECT_EQ(reports, 1);
}

TEST_F(DnsProviderTest, ServicesComeWithTheirPortsAndWeights) {
  zone_[{"_a._tcp.internal", RecordType::kSrv}] = [](const Query& q) {
    return DnsReply(q.id, q.question)
        .Answer()
        .Srv(q.question.name, 15, {1, 10, 8080, "one.internal"})
        .Srv(q.question.name, 15, {1, 0, 8081, "two.internal"})
        .Srv(q.question.name, 15, {2, 5, 8082, "spare.internal"})
        .Additional()
        .A("one.internal", 15, "10.0.0.1")
        .Bytes();
  };
  A("two.internal", "10.0.0.2");
  const auto watching = Watch("dns+srv://_a._tcp.internal");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.1:8080*10 10.0.0.2:8081*1"; }));
  EXPECT_EQ(server_.Count({"one.internal", RecordType::kA}), 0);
  EXPECT_EQ(server_.Count({"spare.internal", RecordType::kA}), 0);
}

TEST_F(DnsProviderTest, ServicesFollowTheirTargets) {
  zone_[{"_a._tcp.internal", RecordType::kSrv}] = [](const Query& q) {
    return DnsReply(q.id, q.question).Answer().Srv(q.question.name, 15, {1, 1, 8080, "one.internal"}).Bytes();
  };
  A("one.internal", "10.0.0.1");
  const auto watching = Watch("dns+srv://_a._tcp.internal");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.1:8080*1"; }));
  A("one.internal", "10.0.0.2");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.2:8080*1"; }));
  Silent({"one.internal", RecordType::kA});
  EXPECT_TRUE(Until([&] { return watching->News() == "trouble"; }));
  zone_[{"_a._tcp.internal", RecordType::kSrv}] = [](const Query& q) {
    return DnsReply(q.id, q.question).Answer().Srv(q.question.name, 15, {1, 1, 9090, "one.internal"}).Bytes();
  };
  EXPECT_TRUE(Until([&] { return watching->News() == "answer 10.0.0.2:9090*1"; }));
}

TEST_F(DnsProviderTest, AServiceThatIsDecidedlyNotThereIsEmpty) {
  zone_[{"_a._tcp.internal", RecordType::kSrv}] = [](const Query& q) {
    return DnsReply(q.id, q.question).Answer().Srv(q.question.name, 15, {0, 0, 0, ""}).Bytes();
  };
  const auto watching = Watch("dns+srv://_a._tcp.internal");
  EXPECT_TRUE(Until([&] { return watching->News() == "answer"; }));
}

TEST_F(DnsProviderTest, AServiceThatIsMissingIsReportedOnceThatIsConfirmed) {
  Provide(milliseconds(100), milliseconds(5000));
  const auto watching = Watch("dns+srv://_a._tcp.internal");
  EXPECT_TRUE(Until([&] { return watching->Last() == "no such name"; }));
  EXPECT_EQ(watching->InWords(), (Strings{"trouble", "no such name"}));
}

}  // namespace
}  // namespace naru::discovery
