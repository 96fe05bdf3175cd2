#include "sidecar/path_trail.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_directory.h"

namespace naru {
namespace {

namespace fs = std::filesystem;

class PathTrailTest : public testing::Test {
 protected:
  std::string At(const std::string& name) const { return name.empty() ? root_ : root_ + "/" + name; }
  void Folder(const std::string& name) { fs::create_directories(At(name)); }
  void File(const std::string& name) { directory_.Write(name, "services: {}"); }
  void Link(const std::string& name, const std::string& target) { fs::create_symlink(target, At(name)); }

  // What of the trail lies in the test's own folder, by names below it.
  std::map<std::string, FolderNames> Folders(const std::vector<std::string>& paths) const {
    std::map<std::string, FolderNames> own;
    for (const auto& [folder, names] : TrailOf(paths).folders) {
      if (folder == root_) own[""] = names;
      if (folder.starts_with(root_ + "/")) own[folder.substr(root_.size() + 1)] = names;
    }
    return own;
  }
  using Expected = std::map<std::string, FolderNames>;

  TemporaryDirectory directory_;
  const std::string root_ = fs::canonical(directory_.path()).string();
};

TEST_F(PathTrailTest, NamesEveryFolderFromTheRoot) {
  Folder("conf");
  File("conf/naru.yaml");
  const PathTrail trail = TrailOf({At("conf/naru.yaml")});
  EXPECT_FALSE(trail.folders.at("/").names.empty());
  EXPECT_EQ(Folders({At("conf/naru.yaml")}), (Expected{{"", {{"conf"}}}, {"conf", {{"naru.yaml"}}}}));
  EXPECT_EQ(trail.files, (std::set<std::string>{At("conf/naru.yaml")}));
}

TEST_F(PathTrailTest, EndsWhereANameIsMissing) {
  EXPECT_EQ(Folders({At("conf/naru.yaml")}), (Expected{{"", {{"conf"}}}}));
}

TEST_F(PathTrailTest, FollowsLinksAsKubernetesMakesThem) {
  Folder("..2026_11");
  File("..2026_11/naru.yaml");
  Link("..data", "..2026_11");
  Link("naru.yaml", "..data/naru.yaml");
  EXPECT_EQ(Folders({At("naru.yaml")}),
            (Expected{{"", {{"naru.yaml", "..data", "..2026_11"}}}, {"..2026_11", {{"naru.yaml"}}}}));
}

TEST_F(PathTrailTest, FollowsAnAbsoluteLinkAndGivesUpOnACircle) {
  Folder("elsewhere");
  File("elsewhere/real.yaml");
  Link("naru.yaml", At("elsewhere/real.yaml"));
  Link("circle", "circle");
  EXPECT_EQ(Folders({At("naru.yaml"), At("circle")}),
            (Expected{{"", {{"naru.yaml", "elsewhere", "circle"}}}, {"elsewhere", {{"real.yaml"}}}}));
}

TEST_F(PathTrailTest, APatternWantsEveryNameOfItsFolder) {
  Folder("a");
  Folder("b");
  File("a/squad.yaml");
  const Expected expected{{"", {{"a", "b"}, true}}, {"a", {{"squad.yaml"}, true}}, {"b", {{}, true}}};
  EXPECT_EQ(Folders({At("*/*.yaml")}), expected);
  EXPECT_EQ(TrailOf({At("*/*.yaml")}).files, (std::set<std::string>{At("a/squad.yaml")}));
}

}  // namespace
}  // namespace naru
