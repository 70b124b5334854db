#include "lib/base/mapped_file.h"

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

TEST_CASE("a mapped file shows its bytes") {
  const TemporaryDirectory folder;
  const auto path = folder.write("f", std::string_view("a\0b", 3));
  const MappedFile file(path);
  CHECK(file.path() == path);
  REQUIRE(file.bytes().size() == 3);
  CHECK(file.bytes()[0] == 'a');
  CHECK(file.bytes()[2] == 'b');
}

TEST_CASE("an empty file maps to no bytes") {
  const TemporaryDirectory folder;
  CHECK(MappedFile(folder.write("f", "")).bytes().empty());
}

TEST_CASE("what cannot be mapped is named") {
  const TemporaryDirectory folder;
  CHECK_THROWS_AS(MappedFile(folder.path() / "absent"), DataError);
  CHECK_THROWS_WITH(MappedFile(folder.path() / "absent"),
                    contains("absent: cannot open: No such file"));
  CHECK_THROWS_AS(MappedFile(folder.path()), DataError);
  CHECK_THROWS_WITH(MappedFile(folder.path()), contains("not a regular file"));
}
