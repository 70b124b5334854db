#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "analyses/results/result_file.h"
#include "hooks/stored/open_file.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

void read_bytes(const PosixFile& file, std::uint64_t offset, void* to, std::size_t bytes) {
  if (!file.read(offset, to, bytes)) {
    throw DataError("{}: cannot read: {}; copy it again or run it again",
                    file.path().string(),
                    errno == 0 ? "the file ends too soon" : std::strerror(errno));
  }
}

}  // namespace

std::vector<std::uint8_t> read_marks(const PosixFile& file,
                                     std::uint64_t offset,
                                     std::int64_t count) {
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(count));
  read_bytes(file, offset, marks.data(), marks.size());
  if (std::ranges::any_of(marks, [](std::uint8_t mark) { return mark > 1; })) {
    throw DataError("{}: /done is damaged; run it again", file.path().string());
  }
  return marks;
}

std::vector<double> read_values(const PosixFile& file, std::uint64_t offset, std::int64_t count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  read_bytes(file, offset, values.data(), values.size() * sizeof(double));
  return values;
}

StoredValues read_stored(const PosixFile& file, const ResultContents& contents) {
  const ResultPlaces& at = contents.at;
  const std::int64_t pairs = pairs_of(contents.header);
  const auto prompts = static_cast<std::int64_t>(contents.header.prompt_ids.size());
  StoredValues stored;
  stored.done = read_marks(file, at.done, pairs);
  stored.per_prompt = read_values(file, at.per_prompt, pairs);
  for (std::size_t i = 0; i < stored.done.size(); ++i) {
    if (stored.done[i] == 0) {
      stored.per_prompt[i] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  const std::vector<std::uint8_t> baseline = read_marks(file, at.baseline_done, 2);
  if (baseline[0] != 0) {
    stored.clean = read_values(file, at.clean, prompts);
  }
  if (baseline[1] != 0) {
    stored.corrupted = read_values(file, at.corrupted, prompts);
  }
  return stored;
}

Result read_result(const std::filesystem::path& path) {
  const PosixFile file = open_to_read(path, kResultKind);
  ResultContents contents = open_result_file(file);
  StoredValues stored = read_stored(file, contents);
  Result result;
  result.header = std::move(contents.header);
  result.per_prompt = std::move(stored.per_prompt);
  result.clean = std::move(stored.clean);
  result.corrupted = std::move(stored.corrupted);
  result.done = std::ranges::count(stored.done, std::uint8_t{1});
  return result;
}

bool is_result_file(const std::filesystem::path& path) {
  try {
    return is_of_kind(open_to_read(path, kResultKind), kResultKind);
  } catch (const DataError&) {
    return false;
  }
}

std::vector<double> means(const std::vector<double>& per_prompt, std::int64_t prompts) {
  std::vector<double> result;
  const auto count = static_cast<std::size_t>(prompts);
  for (std::size_t first = 0; first < per_prompt.size(); first += count) {
    double sum = 0.0;
    for (std::size_t i = first; i < first + count; ++i) {
      sum += per_prompt[i];
    }
    result.push_back(sum / static_cast<double>(prompts));
  }
  return result;
}

}  // namespace headscope
