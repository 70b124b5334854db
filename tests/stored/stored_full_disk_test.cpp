// A disk or a limit that holds too little: what was finished stays, and writing goes on later.
#include "tests/stored/small_disk.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"

using namespace headscope;
using namespace headscope::stored;

namespace {

// Those that know beforehand how long they will be.
std::vector<StoredKind> sized_kinds() {
  TraceHeader trace = trace_cases::header(60, DType::f32, 64);
  trace.datasets.resize(1);
  return {trace_kind("trace", trace),
          result_kind("result", result_cases::result_header(10, 10, 50))};
}

std::vector<StoredKind> disk_kinds() {
  std::vector<StoredKind> kinds = sized_kinds();
  kinds.push_back(log_kind("log of lines", 60));
  return kinds;
}

bool tells(const std::string& message, const std::string& what) {
  return message.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a write past the file size limit is a ResourceError that keeps what is whole") {
  const StoredKind kind = GENERATE(from_range(disk_kinds()));
  CAPTURE(kind.name);
  const TempFolder folder;
  const std::filesystem::path path = folder.file("t.h5");
  const int status = in_child([&] {  // the limit falls in the middle of the values
    const std::string message = refused_write(
        kind, path, at_step(3, [&] { limit_file_size(std::filesystem::file_size(path) * 3 / 4); }));
    const bool said = tells(message, path.string()) &&
                      tells(message, "are kept: raise the limit") && tells(message, "--resume");
    return said && refused_write(kind, path, {}) != "" ? 0 : 1;
  });
  CHECK(status == 0);
  const Seen seen = kind.read(path);
  CHECK(seen.done > 0);
  CHECK_FALSE(seen.complete);
  CHECK(seen.wrong.empty());
  kind.write(path, {});
  kind.write(folder.file("whole.h5"), {});
  CHECK((file_bytes(path) == file_bytes(folder.file("whole.h5"))));
}

TEST_CASE("a file size limit too small for the file is said before anything is written") {
  const StoredKind kind = GENERATE(from_range(sized_kinds()));
  CAPTURE(kind.name);
  const TempFolder folder;
  const int status = in_child([&] {
    limit_file_size(10000);
    return tells(refused_write(kind, folder.file("t.h5"), {}), "ulimit -f") ? 0 : 2;
  });
  CHECK(status == 0);
  CHECK(std::filesystem::is_empty(folder.file("")));
}

TEST_CASE("a disk that fills up later takes nothing that is finished") {
  const StoredKind kind = GENERATE(from_range(disk_kinds()));
  CAPTURE(kind.name);
  const SmallDisk disk;
  const std::string message = refused_write(kind, disk.file(), at_step(3, [&] { disk.fill(); }));
  CHECK(message.empty() == kind.takes_its_room_at_once);
  if (!kind.takes_its_room_at_once) {
    CHECK_THAT(message, contains("No space left on device"));
    CHECK_THAT(message, contains("are kept: free some disk and go on with --resume"));
    CHECK_FALSE(kind.read(disk.file()).complete);
  }
  CHECK(kind.read(disk.file()).wrong.empty());
  disk.free();
  kind.write(disk.file(), {});
  CHECK(kind.read(disk.file()).complete);
  CHECK(kind.read(disk.file()).wrong.empty());
}

TEST_CASE("a file that the disk cannot hold is refused when it is made, and leaves nothing") {
  const StoredKind kind = GENERATE(from_range(
      std::vector<StoredKind>{trace_kind("trace", trace_cases::header(300, DType::f32, 64)),
                              result_kind("result", result_cases::result_header(100, 100, 100))}));
  CAPTURE(kind.name);
  const SmallDisk disk;
  CHECK_THAT(refused_write(kind, disk.file(), {}),
             contains("free some disk") || contains("of disk but"));
  CHECK(std::filesystem::is_empty(disk.path()));
}

TEST_CASE("a trace that was refused a write refuses the next in the same words") {
  const TempFolder folder;
  const TraceHeader made = trace_cases::header(100, DType::f32, 64);
  const int status = in_child([&] {
    TraceWriter::Options options;
    options.buffer_bytes = 4096;
    TraceWriter writer(folder.file("t.h5"), made, options);
    limit_file_size(std::filesystem::file_size(folder.file("t.h5")) / 2);
    std::string first;
    for (int time = 0; time < 2; ++time) {
      try {
        trace_cases::write_rest(writer, made);
      } catch (const ResourceError& error) {
        if (time == 1) {
          return first == error.what() ? 0 : 1;
        }
        first = error.what();
      }
    }
    return 2;
  });
  CHECK(status == 0);
}

TEST_CASE("a result that was refused a value marks none of it and takes others that fit") {
  const TempFolder folder;
  const ResultHeader made = result_cases::result_header();
  const int status = in_child([&] {
    ResultStore store(folder.file("r.h5"), made, IfExists::fail);
    result_cases::put_baselines(store);
    store.put(result_cases::missing(store, 0, 2));
    limit_file_size(std::filesystem::file_size(folder.file("r.h5")) - 100);
    std::string message;  // the marks of the last values would fit, they themselves do not
    try {
      store.put(result_cases::missing(store, store.cells() - 1, store.cells()));
    } catch (const ResourceError& error) {
      message = error.what();
    }
    store.put(result_cases::missing(store, 2, 3));
    return tells(message, "its 10 finished values of 60 are kept") &&
                   !store.done(store.cells() - 1, 0)
               ? 0
               : 1;
  });
  CHECK(status == 0);
  const Result result = read_result(folder.file("r.h5"));
  CHECK(result.done == 15);
  CHECK(result_cases::first_wrong(result).empty());
}
