#include <fstream>

#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/results/result_cases.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"

using namespace headscope;
using namespace headscope::result_cases;

namespace {

void limit_file_size(std::uintmax_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

// A limit behind the marks and before the last values: values fail, marks would not.
int hit_file_size_limit(const std::filesystem::path& path, const ResultHeader& made) {
  ResultStore store(path, made, IfExists::fail);
  put_baselines(store);
  store.put(missing(store, 0, 2));
  limit_file_size(std::filesystem::file_size(path) - 100);
  const std::string last = [&] {
    try {
      store.put(missing(store, store.cells() - 1, store.cells()));
    } catch (const ResourceError& error) {
      return std::string(error.what());
    }
    return std::string();
  }();
  const bool said =
      last.find(path.string()) != std::string::npos &&
      last.find("its 10 finished values of 60 are kept: raise the limit") != std::string::npos;
  store.put(missing(store, 2, 3));  // what fits still goes
  return said && !store.done(store.cells() - 1, 0) ? 0 : 1;
}

}  // namespace

TEST_CASE("a write past the file size limit is a ResourceError, and no value is marked") {
  const TempFolder folder;
  const ResultHeader made = result_header();
  CHECK(in_child([&] { return hit_file_size_limit(folder.file("r.h5"), made); }) == 0);
  const Result result = read_result(folder.file("r.h5"));
  CHECK(result.done == 15);
  CHECK(first_wrong(result).empty());
  run(folder.file("r.h5"), made, IfExists::resume);
  run(folder.file("whole.h5"), made);
  CHECK((file_bytes(folder.file("r.h5")) == file_bytes(folder.file("whole.h5"))));
}

TEST_CASE("a file size limit too small for the result is said before anything is written") {
  const TempFolder folder;
  const int status = in_child([&] {
    limit_file_size(10000);
    try {
      ResultStore(folder.file("r.h5"), result_header(), IfExists::fail);
    } catch (const ResourceError& error) {
      return std::string(error.what()).find("ulimit -f") != std::string::npos ? 0 : 2;
    }
    return 3;
  });
  CHECK(status == 0);
  CHECK(std::filesystem::is_empty(folder.file("")));
}

TEST_CASE("a full disk is met when the store is made, not later") {
  const TempFolder folder;
  const std::filesystem::path disk = folder.file("disk");
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=4m") != 0) {
    WARN("skipped: mounting a small tmpfs needs root");
    return;
  }
  const ResultHeader large = result_header(100, 100, 100);  // 9 MB
  CHECK_THROWS_AS(ResultStore(disk / "r.h5", large, IfExists::fail), ResourceError);
  CHECK_THROWS_WITH(ResultStore(disk / "r.h5", large, IfExists::fail),
                    contains("No space left on device; it takes 9.1 MB: free some disk"));
  CHECK(std::filesystem::is_empty(disk));
  const ResultHeader small = result_header(100, 100, 10);
  {
    ResultStore store(disk / "r.h5", small, IfExists::fail);
    std::ofstream(disk / "other") << std::string(4 << 20, 'x');  // fills the disk
    put_baselines(store);
    store.put(missing(store, 0, store.cells()));
    store.finish();
  }
  CHECK(first_wrong(read_result(disk / "r.h5")).empty());
  CHECK(read_result(disk / "r.h5").complete());
  CHECK(::umount(disk.c_str()) == 0);
}
