#include "discovery/dns/report_choice.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

Answer At(const std::string& address) {
  Answer answer;
  answer.endpoints = {Endpoint{*Address::Parse(address)}};
  return answer;
}

TEST(ReportChoice, IsNothingWhileNothingIsKnown) {
  EXPECT_EQ(ReportChoice().Choose(std::nullopt, ""), std::nullopt);
}

TEST(ReportChoice, IsTheAnswerWhereItIsNewAndConfirmedWhereItIsNot) {
  ReportChoice choice;
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), ""), std::optional<Report>(At("10.0.0.1:80")));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), ""), std::optional<Report>(Confirmed{}));
  EXPECT_EQ(choice.Choose(At("10.0.0.2:80"), ""), std::optional<Report>(At("10.0.0.2:80")));
}

TEST(ReportChoice, IsTroubleWhereNothingIsNew) {
  ReportChoice choice;
  EXPECT_EQ(choice.Choose(std::nullopt, "it failed"), std::optional<Report>(Trouble{"it failed"}));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "it failed"), std::optional<Report>(At("10.0.0.1:80")));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "it failed"), std::optional<Report>(Trouble{"it failed"}));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), ""), std::optional<Report>(Confirmed{}));
}

}  // namespace
}  // namespace naru::discovery
