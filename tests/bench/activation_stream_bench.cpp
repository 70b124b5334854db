// The rate at which a stream hands out shuffled rows of a trace, against plain reads of the same
// bytes in the same run; the file is thrown out of the page cache before each. Alternates, best of
// `rounds`.
//
// usage: activation_stream_bench [FOLDER [PROMPTS [TOKENS [WIDTH [ROUNDS [BUFFER_MB [READERS]]]]]]]
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "hooks/activation_stream.h"
#include "hooks/stored/posix_file.h"
#include "hooks/trace/trace.h"

using namespace headscope;

namespace {

struct Work {
  std::filesystem::path path;
  std::size_t prompts = 0;
  std::size_t tokens = 0;
  std::int64_t width = 0;
  std::size_t buffer = 0;
  int readers = 0;

  [[nodiscard]] double megabytes() const {
    return static_cast<double>(prompts * tokens) * static_cast<double>(width) * 4e-6;
  }
};

template <typename Run>
double seconds_of(const Run& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void write_trace(const Work& work) {
  TraceHeader header;
  header.provenance = {{"model", "bench"}};
  header.datasets = {{"x", {"prompt", "pos", "d_model"}, {0, work.width}, DType::f32}};
  std::vector<std::int32_t> tokens(work.tokens, 1);
  for (std::size_t i = 0; i < work.prompts; ++i) {
    header.prompts.push_back({fmt::format("{}", i), "", tokens, {}});
  }
  TraceWriter writer(work.path, header, {.if_exists = IfExists::replace});
  const auto bytes = work.tokens * static_cast<std::size_t>(work.width) * 4;
  for (std::size_t i = 0; i < work.prompts; ++i) {
    writer.write(
        i, "x", DType::f32, std::vector<std::uint8_t>(bytes, static_cast<std::uint8_t>(i)));
    writer.finish_prompt(i);
  }
  writer.finish();
}

void forget(const Work& work) {
  const PosixFile file(work.path, O_RDONLY);
  ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
}

void read_plainly(const Work& work) {
  const PosixFile file(work.path, O_RDONLY);
  std::vector<std::uint8_t> block(8u << 20);
  std::uint64_t at = 0;
  for (const std::uint64_t size = file.size(); at < size; at += block.size()) {
    if (!file.read(at, block.data(), std::min<std::uint64_t>(block.size(), size - at))) {
      std::exit(4);
    }
  }
}

void read_stream(const Work& work) {
  ActivationStreamOptions options;
  options.hooks = {"x"};
  options.buffer_bytes = work.buffer;
  options.readers = work.readers;
  ActivationStream stream({work.path}, options);
  std::size_t rows = 0;
  while (const auto batch = stream.next()) {
    rows += batch->rows.size();
  }
  if (rows != work.prompts * work.tokens) {
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? std::stoul(argv[i]) : otherwise;
  };
  Work work;
  work.path = std::filesystem::path(argc > 1 ? argv[1] : ".") / "activation_stream_bench.h5";
  work.prompts = number(2, 4000);
  work.tokens = number(3, 128);
  work.width = static_cast<std::int64_t>(number(4, 768));
  work.buffer = number(6, 256) << 20;
  work.readers = static_cast<int>(number(7, 2));
  write_trace(work);
  double plain = 1e9;
  double stream = 1e9;
  double cached = 1e9;
  for (std::size_t round = 0; round < number(5, 3); ++round) {
    forget(work);
    plain = std::min(plain, seconds_of([&] { read_plainly(work); }));
    forget(work);
    stream = std::min(stream, seconds_of([&] { read_stream(work); }));
    cached = std::min(cached, seconds_of([&] { read_stream(work); }));
  }
  std::filesystem::remove(work.path);
  const double mb = work.megabytes();
  fmt::print(
      "{:.0f} MB of rows: plain read {:.0f} MB/s, stream {:.0f} MB/s ({:.0f} %); from the page "
      "cache {:.0f} MB/s\n",
      mb,
      mb / plain,
      mb / stream,
      100 * plain / stream,
      mb / cached);
}
