#include "discovery/address.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace naru::discovery {
namespace {

std::string Written(std::string_view text) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  return address.ok() ? address->ToString() : std::string(address.status().message());
}

TEST(Address, IsWrittenAsItIsRead) {
  for (const char* text : {"10.0.1.11:8080", "127.0.0.1:1", "255.255.255.255:65535", "[fd00::1]:8080",
                           "[::1]:80", "[2001:db8::8:800:200c:417a]:443"}) {
    EXPECT_EQ(Written(text), text);
  }
}

TEST(Address, HasOneFormForEachAddress) {
  EXPECT_EQ(Written("[::ffff:10.0.0.1]:80"), "10.0.0.1:80");
  EXPECT_EQ(Written("[::ffff:a00:1]:80"), "10.0.0.1:80");
  EXPECT_EQ(Written("[FD00:0:0::1]:080"), "[fd00::1]:80");
  EXPECT_EQ(*Address::Parse("[::ffff:10.0.0.1]:80"), *Address::Parse("10.0.0.1:80"));
  EXPECT_TRUE(Address::Parse("[::ffff:10.0.0.1]:80")->is_v4());
  EXPECT_FALSE(Address::Parse("[fd00::1]:80")->is_v4());
}

TEST(Address, SaysWhatIsWrongWithIt) {
  struct Row {
    const char* text;
    const char* problem;
  };
  for (
      const Row& row : {
          Row{"", "\"\" has no port: write ADDRESS:PORT"},
          Row{"10.0.1.11", "\"10.0.1.11\" has no port: write ADDRESS:PORT"},
          Row{"10.0.1.11:", "\"10.0.1.11:\" does not end with a port from 1 to 65535"},
          Row{"10.0.1.11:0", "\"10.0.1.11:0\" does not end with a port from 1 to 65535"},
          Row{"10.0.1.11:65536", "\"10.0.1.11:65536\" does not end with a port from 1 to 65535"},
          Row{"10.0.1.11:-1", "\"10.0.1.11:-1\" does not end with a port from 1 to 65535"},
          Row{"10.0.1.11:80x", "\"10.0.1.11:80x\" does not end with a port from 1 to 65535"},
          Row{":80", "\":80\" does not begin with an IP address: \"\" is none"},
          Row{"10.0.1:80", "\"10.0.1:80\" does not begin with an IP address: \"10.0.1\" is none"},
          Row{"010.0.1.11:80", "\"010.0.1.11:80\" does not begin with an IP address: \"010.0.1.11\" is none"},
          Row{"courses.internal:80",
              "\"courses.internal:80\" does not begin with an IP address: \"courses.internal\" is none"},
          Row{"fd00::1:80",
              "\"fd00::1:80\" has more than one colon: write an IPv6 address in brackets, as [ADDRESS]:PORT"},
          Row{"[fd00::1]", "\"[fd00::1]\" has no port after its bracket: write [ADDRESS]:PORT"},
          Row{"[fd00::1]80", "\"[fd00::1]80\" has no port after its bracket: write [ADDRESS]:PORT"},
          Row{"[fd00::1]:80:90", "\"[fd00::1]:80:90\" does not end with a port from 1 to 65535"},
          Row{"[fe80::1%eth0]:80",
              "\"[fe80::1%eth0]:80\" does not begin with an IP address: \"fe80::1%eth0\" is none"},
          Row{"[10.0.0.1]:80", "\"[10.0.0.1]:80\" does not begin with an IP address: \"10.0.0.1\" is none"},
      }) {
    EXPECT_EQ(Written(row.text), row.problem);
  }
}

TEST(Address, RefusesTextWithAZeroByte) {
  EXPECT_FALSE(Address::Parse(std::string_view("10.0.0.1\0x:80", 13)).ok());
}

TEST(Address, IsOrderedByAddressAndThenPort) {
  const std::set<Address> sorted = {*Address::Parse("10.0.0.2:80"), *Address::Parse("10.0.0.1:90"),
                                    *Address::Parse("10.0.0.1:80"), *Address::Parse("[fd00::1]:1")};
  std::string written;
  for (const Address& address : sorted) written += address.ToString() + " ";
  EXPECT_EQ(written, "10.0.0.1:80 10.0.0.1:90 10.0.0.2:80 [fd00::1]:1 ");
}

}  // namespace
}  // namespace naru::discovery
