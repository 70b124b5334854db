#include <fstream>

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

// Writes until it fails; returns the message.
std::string write_until_full(TraceWriter& writer, const TraceHeader& made) {
  try {
    write_rest(writer, made);
  } catch (const ResourceError& error) {
    return error.what();
  }
  return "";
}

// The limit falls after the file was made: in the middle of its values.
int hit_file_size_limit(const std::filesystem::path& path, const TraceHeader& made) {
  TraceWriter::Options options;
  options.buffer_bytes = 4096;
  TraceWriter writer(path, made, options);
  const rlimit limit{std::filesystem::file_size(path) / 2, RLIM_INFINITY};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string message = write_until_full(writer, made);
  const bool again = write_until_full(writer, made) == message;  // later calls fail alike
  const bool said = message.find(path.string()) != std::string::npos &&
                    message.find("are kept") != std::string::npos &&
                    message.find("--resume") != std::string::npos;
  return said && again ? 0 : 1;
}

}  // namespace

TEST_CASE("a write past the file size limit is a ResourceError that keeps what is whole") {
  const TempFolder folder;
  TraceHeader made = header(100, DType::f32, 64);
  made.datasets.resize(1);
  CHECK(in_child([&] { return hit_file_size_limit(folder.file("t.h5"), made); }) == 0);
  {
    const TraceReader reader(folder.file("t.h5"));
    CHECK_FALSE(reader.complete());
    CHECK(reader.done(0));
    CHECK(first_wrong(reader, made).empty());
  }
  record(folder.file("t.h5"), made, {IfExists::resume});
  record(folder.file("whole.h5"), made);
  CHECK((file_bytes(folder.file("t.h5")) == file_bytes(folder.file("whole.h5"))));
}

TEST_CASE("a file size limit too small for the trace is said before anything is written") {
  const TempFolder folder;
  const TraceHeader made = header(100, DType::f32, 64);
  const int status = in_child([&] {
    const rlimit limit{100000, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      TraceWriter(folder.file("t.h5"), made, {});
    } catch (const ResourceError& error) {
      return std::string(error.what()).find("ulimit -f") != std::string::npos ? 0 : 2;
    }
    return 3;
  });
  CHECK(status == 0);
  CHECK(std::filesystem::is_empty(folder.file("")));
}

TEST_CASE("a disk that fills up is a ResourceError that keeps what is whole") {
  const TempFolder folder;
  const std::filesystem::path disk = folder.file("disk");
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=4m") != 0) {
    WARN("skipped: mounting a small tmpfs needs root");
    return;
  }
  TraceHeader made = header(40, DType::f32, 64);
  made.datasets.resize(1);
  std::string message;
  {
    TraceWriter writer(disk / "t.h5", made, {});
    std::ofstream(disk / "other") << std::string(3500000, 'x');  // another program's file
    message = write_until_full(writer, made);
  }
  CHECK_THAT(message, contains("No space left on device"));
  CHECK_THAT(message, contains("free some disk and go on with --resume"));
  CHECK(first_wrong(TraceReader(disk / "t.h5"), made).empty());
  CHECK_THROWS_WITH(TraceWriter(disk / "t.h5", made, {IfExists::resume}), contains("of disk but"));
  std::filesystem::remove(disk / "other");
  record(disk / "t.h5", made, {IfExists::resume});
  CHECK(first_wrong(TraceReader(disk / "t.h5"), made).empty());
  CHECK(TraceReader(disk / "t.h5").complete());
  CHECK(::umount(disk.c_str()) == 0);
}
