#include "sidecar/admin/indented_json.h"

#include <gtest/gtest.h>

namespace naru::admin {
namespace {

TEST(IndentedJson, HasALineForEveryValue) {
  EXPECT_EQ(IndentedJson(R"({"a":[1,{"b":"x,y:{\"z\\"}],"none":[],"nothing":{},"c":null})"
                         "\n"),
            R"({
  "a": [
    1,
    {
      "b": "x,y:{\"z\\"
    }
  ],
  "none": [],
  "nothing": {},
  "c": null
}
)");
}

TEST(IndentedJson, LeavesASingleValueAlone) {
  EXPECT_EQ(IndentedJson("true"), "true");
  EXPECT_EQ(IndentedJson("{}\n"), "{}\n");
  EXPECT_EQ(IndentedJson("\"unfinished"), "\"unfinished");
}

}  // namespace
}  // namespace naru::admin
