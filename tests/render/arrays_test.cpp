#include "cli/render/arrays.h"

#include <csignal>
#include <cstring>
#include <limits>

#include <sys/resource.h>

#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "tests/render/files.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("npy files have NumPy's bytes") {
  const TestFolder folder("npy");
  const std::vector<float> values{1, 2, 3, -0.5f, 5, 6};
  write_npy(folder / "a.npy", std::vector<std::int64_t>{2, 3}, values);
  const std::string bytes = read_text(folder / "a.npy");
  REQUIRE(bytes.size() == 128 + 24);
  CHECK(bytes.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(bytes.substr(10, 60) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
  CHECK(bytes[127] == '\n');
  CHECK(std::memcmp(bytes.data() + 128, values.data(), 24) == 0);
  write_npy(folder / "b.npy", std::vector<std::int64_t>{6}, values);
  CHECK_THAT(read_text(folder / "b.npy"), contains("'shape': (6, ), }"));
  CHECK_THROWS_AS(write_npy(folder / "c.npy", std::vector<std::int64_t>{7}, values), InternalError);
}

TEST_CASE("csv has one line a value, with indices and labels") {
  const TestFolder folder("csv");
  LabelledArray array{{{"query", 2, {"a,b", "\"\n"}}, {"key", 2, {}}},
                      {0.1f, 1e-9f, std::numeric_limits<float>::quiet_NaN(), 1}};
  write_csv(folder / "a.csv", array);
  CHECK(read_text(folder / "a.csv") ==
        "query,query_label,key,value\n"
        "0,\"a,b\",0,0.1\n"
        "0,\"a,b\",1,1e-09\n"
        "1,\"\"\"↵\",0,nan\n"
        "1,\"\"\"↵\",1,1\n");
  array.axes[0].labels.pop_back();
  CHECK_THROWS_AS(write_csv(folder / "b.csv", array), InternalError);
  CHECK_FALSE(std::filesystem::exists(folder / "b.csv"));
}

TEST_CASE("a full disk is a ResourceError naming the file, and an earlier file stays") {
  const TestFolder folder("full");
  write_file(folder / "deep/er/a.txt", "before");
  // A limit on file sizes fails the same calls as a full disk does.
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{4096, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  std::string message;
  try {
    write_file(folder / "deep/er/a.txt", std::string(100'000, 'x'));
  } catch (const ResourceError& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, contains("a.txt") && contains("writing failed"));
  CHECK(read_text(folder / "deep/er/a.txt") == "before");
  const auto left = std::filesystem::directory_iterator(folder / "deep/er");
  CHECK(std::distance(begin(left), end(left)) == 1);
}

TEST_CASE("paths that cannot be written are usage errors") {
  CHECK_THROWS_WITH(write_file("/proc/none/x", ""), contains("/proc/none/x"));
  CHECK_THROWS_AS(write_file("/", ""), UsageError);
}
