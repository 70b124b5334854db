#include "analyses/bench/read_bench.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>

#include "hooks/activation_stream.h"
#include "hooks/stored/posix_file.h"
#include "hooks/trace/region.h"
#include "hooks/trace/trace_reader.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::uint64_t kPieceBytes = 8 << 20;

void throw_out_of_cache(const std::filesystem::path& path) {
  const PosixFile file(path, O_RDONLY);
  ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
}

void read_plainly(const std::filesystem::path& path, std::vector<std::uint8_t>& piece) {
  const PosixFile file(path, O_RDONLY);
  piece.resize(kPieceBytes);
  for (std::uint64_t at = 0, size = file.size(); at < size; at += kPieceBytes) {
    if (!file.read(at, piece.data(), std::min(kPieceBytes, size - at))) {
      throw ResourceError("{}: cannot read: {}", path.string(), std::strerror(errno));
    }
  }
}

void read_rows_of(const std::filesystem::path& path, const ActivationStreamOptions& options) {
  ActivationStream stream({path}, options);
  while (stream.next()) {
  }
}

std::int64_t streamed_bytes(const std::filesystem::path& path, const std::string& name) {
  const TraceReader reader(path);
  const TraceDataset& dataset = reader.dataset(name);
  std::int64_t elements = 0;
  for (const Prompt& prompt : reader.prompts()) {
    const Sizes shape = shape_at(dataset, std::ssize(prompt.tokens));
    elements += product(shape);
  }
  return elements * static_cast<std::int64_t>(size_of(dataset.dtype));
}

double cpu_milliseconds() {
  return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Both clocks of one piece of work.
class ReadClock {
 public:
  ReadClock(std::function<void()> prepare, std::function<void()> run)
      : prepare_(std::move(prepare)), run_(std::move(run)) {}

  [[nodiscard]] BenchWork work() {
    return {prepare_, [this] {
              const double begin = cpu_milliseconds();
              run_();
              cpu_.push_back(cpu_milliseconds() - begin);
            }};
  }

  [[nodiscard]] ReadTiming timing(const Timing& wall, int warm_ups, double share) const {
    const double cpu = timing_of({cpu_.begin() + warm_ups, cpu_.end()}).median_ms;
    return {{wall.median_ms * share, wall.min_ms * share}, cpu * share};
  }

 private:
  std::function<void()> prepare_;
  std::function<void()> run_;
  std::vector<double> cpu_;
};

}  // namespace

ReadTimes time_reading(const std::filesystem::path& trace,
                       const std::vector<std::string>& hooks,
                       std::size_t buffer_bytes,
                       const BenchRepeats& repeats) {
  ReadTimes times;
  const ActivationStream stream_of_all({trace}, {.hooks = hooks});
  for (const ActivationPoint& point : stream_of_all.points()) {
    times.bytes += streamed_bytes(trace, point.name);
  }
  std::vector<std::uint8_t> piece;
  const auto forget = [&] { throw_out_of_cache(trace); };
  const auto plain = [&] { read_plainly(trace, piece); };
  const auto stream = [&] { read_rows_of(trace, {.hooks = hooks, .buffer_bytes = buffer_bytes}); };
  std::vector<ReadClock> clocks{{forget, stream}, {forget, plain}, {{}, stream}, {{}, plain}};
  std::vector<BenchWork> works;
  for (ReadClock& clock : clocks) {
    works.push_back(clock.work());
  }
  const std::vector<Timing> wall = time_in_turn(works, repeats);
  const auto file_bytes = static_cast<double>(std::filesystem::file_size(trace));
  const double share = static_cast<double>(times.bytes) / file_bytes;
  ReadTiming* const taken[] = {
      &times.stream_cold, &times.plain_cold, &times.stream_cached, &times.plain_cached};
  for (std::size_t i = 0; i < clocks.size(); ++i) {
    *taken[i] = clocks[i].timing(wall[i], repeats.warm_ups, i % 2 == 0 ? 1.0 : share);
  }
  return times;
}

}  // namespace headscope
