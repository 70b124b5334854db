#include "lib/base/paths.h"

#include <fstream>

#include "lib/base/environment.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
namespace fs = std::filesystem;

TEST_CASE("paths are there, not there, or cannot be told") {
  const TempFolder folder;
  std::ofstream(folder.file("file")) << "x";
  fs::create_symlink(folder.file("loop"), folder.file("loop"));
  fs::create_symlink(folder.file("absent"), folder.file("dangling"));
  CHECK(path_exists(folder.file("file")));
  CHECK_FALSE(path_exists(folder.file("absent")));
  CHECK_FALSE(path_exists(folder.file("file/below")));
  CHECK_FALSE(path_exists(folder.file("dangling")));
  CHECK(is_folder(folder.file("")));
  CHECK_FALSE(is_folder(folder.file("file")));
  CHECK_THROWS_AS(path_exists(folder.file("loop")), DataError);
  CHECK_THROWS_AS(is_folder(folder.file(std::string(300, 'x'))), DataError);
}

TEST_CASE("an output file is new or regular, in a folder that may be written or made") {
  const TempFolder folder;
  std::ofstream(folder.file("file")) << "x";
  fs::create_symlink(folder.file("absent"), folder.file("dangling"));
  CHECK_NOTHROW(check_output_file(folder.file("file")));
  CHECK_NOTHROW(check_output_file(folder.file("new")));
  CHECK_NOTHROW(check_output_file(folder.file("not/yet/there")));
  CHECK_NOTHROW(check_output_file("relative-and-new"));
  CHECK_FALSE(fs::exists(folder.file("not")));
  CHECK_THROWS_AS(check_output_file(folder.file("")), UsageError);
  CHECK_THROWS_AS(check_output_file(folder.file("new/")), UsageError);
  CHECK_THROWS_AS(check_output_file(folder.file("dangling")), UsageError);
  CHECK_THROWS_AS(check_output_file("/dev/null"), UsageError);
  CHECK_THROWS_AS(check_output_file(folder.file("file/below")), ResourceError);
  CHECK_THROWS_AS(check_output_file(folder.file(std::string(250, 'x'))), DataError);
  CHECK_NOTHROW(check_output_folder(folder.file("not/yet/there")));
  CHECK_THROWS_AS(check_output_folder(folder.file("file")), ResourceError);
}

TEST_CASE("homes and variables in paths are replaced as Python does") {
  ::setenv("HEADSCOPE_PATHS_TEST", "/value", 1);
  const std::string home = home_folder().string();
  REQUIRE_FALSE(home.empty());
  CHECK(expand_path("~") == home);
  CHECK(expand_path("~/a") == home + "/a");
  CHECK(expand_path("a~") == "a~");
  CHECK(expand_path("~no-such-user/a") == "~no-such-user/a");
  CHECK(expand_path("$HEADSCOPE_PATHS_TEST/a") == "/value/a");
  CHECK(expand_path("x${HEADSCOPE_PATHS_TEST}y") == "x/valuey");
  CHECK(expand_path("$HEADSCOPE_NOT_SET/${HEADSCOPE_NOT_SET}") ==
        "$HEADSCOPE_NOT_SET/${HEADSCOPE_NOT_SET}");
  CHECK(expand_path("100$ and ${ and $") == "100$ and ${ and $");
  CHECK(environment_path("HEADSCOPE_PATHS_TEST") == "/value");
  CHECK(environment_path("HEADSCOPE_NOT_SET").empty());
}
