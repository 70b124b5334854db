// The rate at which patterns are written to a trace, against the same bytes by plain pwrite() to a
// file of the same size in the same run; each ends with fsync. Alternates, best of `rounds`.
//
// usage: trace_write_bench [FOLDER [PROMPTS [LENGTH [ROUNDS]]]]
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "hooks/trace/posix_file.h"
#include "hooks/trace/trace.h"

using namespace headscope;

namespace {

constexpr std::int64_t kHeads = 9;

struct Work {
  std::filesystem::path folder = ".";
  std::size_t prompts = 48;
  std::size_t length = 512;
  int rounds = 3;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

TraceHeader header_of(const Work& work) {
  TraceHeader header;
  header.provenance = {{"model", "bench"}};
  for (std::size_t i = 0; i < work.prompts; ++i) {
    header.prompts.push_back(
        {fmt::format("{}", i), "", std::vector<std::int32_t>(work.length, 1), {}});
  }
  header.datasets = {{"blocks.0.attn.hook_pattern",
                      {"prompt", "head", "query", "key"},
                      {kHeads, 0, 0},
                      DType::f32}};
  return header;
}

double trace_seconds(const Work& work, const std::vector<std::uint8_t>& values) {
  const auto path = work.folder / "bench.h5";
  const auto begin = Clock::now();
  {
    TraceWriter::Options options;
    options.if_exists = IfExists::replace;
    const TraceHeader header = header_of(work);
    TraceWriter writer(path, header, options);
    for (std::size_t i = 0; i < work.prompts; ++i) {
      writer.write(i, header.datasets[0].name, DType::f32, values);
      writer.finish_prompt(i);
    }
    writer.finish();
  }
  const double took = seconds_since(begin);
  std::filesystem::remove(path);
  return took;
}

double raw_seconds(const Work& work, const std::vector<std::uint8_t>& values) {
  const auto path = work.folder / "bench.raw";
  const auto begin = Clock::now();
  {
    const PosixFile file(path, O_RDWR | O_CREAT | O_TRUNC);
    for (std::size_t i = 0; i < work.prompts; ++i) {
      if (!file.write(i * values.size(), values.data(), values.size())) {
        std::perror("bench.raw");
        std::exit(4);
      }
    }
    ::fsync(file.descriptor());
  }
  const double took = seconds_since(begin);
  std::filesystem::remove(path);
  return took;
}

}  // namespace

int main(int argc, char** argv) {
  Work work;
  work.folder = argc > 1 ? argv[1] : ".";
  work.prompts = argc > 2 ? std::stoul(argv[2]) : work.prompts;
  work.length = argc > 3 ? std::stoul(argv[3]) : work.length;
  work.rounds = argc > 4 ? std::stoi(argv[4]) : work.rounds;
  const std::vector<std::uint8_t> values(kHeads * work.length * work.length * 4, 0x3c);
  double raw = 1e9;
  double trace = 1e9;
  for (int round = 0; round < work.rounds; ++round) {
    raw = std::min(raw, raw_seconds(work, values));
    trace = std::min(trace, trace_seconds(work, values));
  }
  const double megabytes = static_cast<double>(values.size() * work.prompts) / 1e6;
  fmt::print("{:.0f} MB of patterns: raw {:.0f} MB/s, trace {:.0f} MB/s, {:.0f} % of raw\n",
             megabytes,
             megabytes / raw,
             megabytes / trace,
             100 * raw / trace);
}
