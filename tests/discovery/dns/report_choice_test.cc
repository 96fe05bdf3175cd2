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
  EXPECT_EQ(ReportChoice().Choose(std::nullopt, "", true), std::nullopt);
}

TEST(ReportChoice, IsTheAnswerWhereItIsNewAndConfirmedWhereItIsNot) {
  ReportChoice choice;
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "", true), std::optional<Report>(At("10.0.0.1:80")));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "", true), std::optional<Report>(Confirmed{}));
  EXPECT_EQ(choice.Choose(At("10.0.0.2:80"), "", true), std::optional<Report>(At("10.0.0.2:80")));
}

TEST(ReportChoice, IsTroubleWhereNothingIsNew) {
  ReportChoice choice;
  EXPECT_EQ(choice.Choose(std::nullopt, "it failed", false), std::optional<Report>(Trouble{"it failed"}));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "it failed", false), std::optional<Report>(At("10.0.0.1:80")));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "it failed", false),
            std::optional<Report>(Trouble{"it failed"}));
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "", true), std::optional<Report>(Confirmed{}));
}

TEST(ReportChoice, AFailureThatIsNotToldOfConfirmsNothing) {
  ReportChoice choice;
  choice.Choose(At("10.0.0.1:80"), "", true);
  EXPECT_EQ(choice.Choose(At("10.0.0.1:80"), "", false), std::nullopt);
  EXPECT_EQ(choice.Choose(At("10.0.0.2:80"), "", false), std::optional<Report>(At("10.0.0.2:80")));
}

}  // namespace
}  // namespace naru::discovery
