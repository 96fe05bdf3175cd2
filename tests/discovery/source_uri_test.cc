#include "discovery/source_uri.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

struct Written {
  std::string_view text;
  Scheme scheme;
  std::string_view name;
  uint16_t port;
};

TEST(SourceUri, IsReadForEveryKindOfSource) {
  for (const Written& row :
       {Written{"dns://courses.internal:8080", Scheme::kDns, "courses.internal", 8080},
        Written{"dns+srv://_http._tcp.courses.", Scheme::kDnsSrv, "_http._tcp.courses.", 0},
        Written{"cloudmap://prod/courses", Scheme::kCloudMap, "courses", 0},
        Written{"consul://courses", Scheme::kConsul, "courses", 0},
        Written{"xds://courses", Scheme::kXds, "courses", 0},
        Written{"file:///etc/c.json", Scheme::kFile, "/etc/c.json", 0}}) {
    const absl::StatusOr<SourceUri> uri = SourceUri::Parse(row.text);
    ASSERT_TRUE(uri.ok()) << uri.status();
    EXPECT_EQ(uri->scheme, row.scheme);
    EXPECT_EQ(uri->name, row.name);
    EXPECT_EQ(uri->port, row.port);
    EXPECT_EQ(uri->text, row.text);
    EXPECT_TRUE(row.text.starts_with(WordOf(row.scheme)));
  }
  EXPECT_EQ(SourceUri::Parse("cloudmap://prod/courses")->cloud_map_namespace, "prod");
}

TEST(SourceUri, KeepsTheOptionsOfConsul) {
  const absl::StatusOr<SourceUri> uri = SourceUri::Parse("consul://courses?tag=v2&tag=a%26b&dc=seoul&ns=");
  ASSERT_TRUE(uri.ok()) << uri.status();
  EXPECT_EQ(uri->options, (std::vector<std::pair<std::string, std::string>>{
                              {"tag", "v2"}, {"tag", "a&b"}, {"dc", "seoul"}}));
  EXPECT_EQ(uri->Option("dc"), "seoul");
  EXPECT_EQ(uri->Option("passing"), "");
}

TEST(SourceUri, TakesPassingWithoutAValueForTrue) {
  EXPECT_EQ(SourceUri::Parse("consul://courses?passing")->Option("passing"), "true");
  EXPECT_EQ(SourceUri::Parse("consul://courses?passing=1")->Option("passing"), "true");
  EXPECT_EQ(SourceUri::Parse("consul://courses?passing=true")->Option("passing"), "true");
  EXPECT_EQ(SourceUri::Parse("consul://courses?passing=false")->Option("passing"), "false");
}

struct Refused {
  std::string_view text;
  std::string_view why;
};

TEST(SourceUri, SaysWhatIsWrongAndHowItIsWritten) {
  for (const Refused& row : {
           Refused{"dns://courses", "\"dns://courses\" has no port: write it as dns://courses.internal:8080"},
           Refused{"dns://courses:0",
                   "\"dns://courses:0\" has no port between 1 and 65535: write it as "
                   "dns://courses.internal:8080"},
           Refused{"dns://:80",
                   "\"dns://:80\" has no well-formed host name: write it as dns://courses.internal:8080"},
           Refused{"dns+srv://courses:80",
                   "\"dns+srv://courses:80\" has a port, which SRV records give themselves: write it as "
                   "dns+srv://courses.internal"},
           Refused{"cloudmap://prod",
                   "\"cloudmap://prod\" names no service: write it as cloudmap://NAMESPACE/SERVICE"},
           Refused{"consul://", "\"consul://\" names no service: write it as consul://courses?tag=v2&dc=a"},
           Refused{"consul://c?taq=1",
                   "\"consul://c?taq=1\" has the option \"taq\"; there are tag, dc, passing and ns"},
           Refused{
               "consul://c?tag=%zz",
               "\"consul://c?tag=%zz\" has a malformed % escape: write it as consul://courses?tag=v2&dc=a"},
           Refused{"consul://c?passing=yes",
                   "\"consul://c?passing=yes\" has a `passing` that is neither true nor false: write it as "
                   "consul://courses?tag=v2&dc=a"},
           Refused{"xds://", "\"xds://\" names no cluster: write it as xds://courses"},
           Refused{"file://c.json",
                   "\"file://c.json\" has no absolute path: write it as file:///etc/naru/courses.json"},
           Refused{"file:///c.txt",
                   "\"file:///c.txt\" is neither .json nor .yaml: write it as file:///etc/naru/courses.json"},
           Refused{
               "eureka://c",
               "\"eureka://c\" is of no known kind: there are file, dns, dns+srv, cloudmap, consul and xds"},
       }) {
    EXPECT_EQ(std::string(SourceUri::Parse(row.text).status().message()), row.why);
  }
}

TEST(SourceTemplate, PutsTheNameOfTheServiceIn) {
  const absl::StatusOr<SourceTemplate> source = SourceTemplate::Parse("cloudmap://prod/{service}");
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->For("courses")->text, "cloudmap://prod/courses");
  EXPECT_FALSE(source->For("a/b").ok());
}

TEST(SourceTemplate, WantsAPlaceForTheName) {
  EXPECT_EQ(std::string(SourceTemplate::Parse("cloudmap://prod/courses").status().message()),
            "\"cloudmap://prod/courses\" does not say where the name of the service goes: write {service} "
            "there, as "
            "in cloudmap://NAMESPACE/{service}");
  EXPECT_FALSE(SourceTemplate::Parse("dns://{service}").ok());
}

}  // namespace
}  // namespace naru::discovery
