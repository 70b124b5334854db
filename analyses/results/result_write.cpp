// Values to disk, then their marks, then the disk's word that both are there.
#include <bit>
#include <cerrno>

#include <unistd.h>

#include "analyses/results/result_file.h"
#include "hooks/stored/disk_space.h"

namespace headscope {
namespace {

bool sync(const PosixFile& file) {
  return ::fdatasync(file.descriptor()) == 0;
}

// Calls run(first, count) for the pieces of `values_by_place` that follow one another in the file,
// until one returns false.
template <typename Body>
bool by_runs(const std::vector<PlacedValue>& values_by_place, const Body& run) {
  for (std::size_t first = 0; first < values_by_place.size();) {
    std::size_t end = first + 1;
    while (end < values_by_place.size() &&
           values_by_place[end].pair == values_by_place[end - 1].pair + 1) {
      ++end;
    }
    if (!run(first, end - first)) {
      return false;
    }
    first = end;
  }
  return true;
}

}  // namespace

bool write_pairs(const PosixFile& file,
                 const ResultPlaces& at,
                 const std::vector<PlacedValue>& values_by_place) {
  std::vector<double> values;
  for (const PlacedValue& value : values_by_place) {
    values.push_back(value.value);
  }
  const std::vector<std::uint8_t> marks(values_by_place.size(), 1);
  const auto put_values = [&](std::size_t first, std::size_t count) {
    const std::uint64_t place = at.per_prompt + values_by_place[first].pair * sizeof(double);
    return file.write(place, &values[first], count * sizeof(double));
  };
  const auto put_marks = [&](std::size_t first, std::size_t count) {
    return file.write(at.done + values_by_place[first].pair, &marks[first], count);
  };
  const FileSizeSignalBlocked blocked;
  return by_runs(values_by_place, put_values) && sync(file) &&
         by_runs(values_by_place, put_marks) && sync(file);
}

bool write_baseline(const PosixFile& file,
                    const ResultPlaces& at,
                    Run run,
                    const std::vector<double>& values) {
  const bool clean = run == Run::clean;
  const std::uint8_t mark = 1;
  const FileSizeSignalBlocked blocked;
  return file.write(
             clean ? at.clean : at.corrupted, values.data(), values.size() * sizeof(double)) &&
         sync(file) && file.write(at.baseline_done + (clean ? 0 : 1), &mark, 1) && sync(file);
}

bool write_result(const PosixFile& file,
                  const ResultPlaces& at,
                  const std::vector<double>& values) {
  const FileSizeSignalBlocked blocked;
  return file.write(at.result, values.data(), values.size() * sizeof(double)) && sync(file);
}

std::size_t first_other(const std::vector<double>& a, const std::vector<double>& b) {
  std::size_t at = 0;
  while (at < a.size() && at < b.size() &&
         std::bit_cast<std::uint64_t>(a[at]) == std::bit_cast<std::uint64_t>(b[at])) {
    ++at;
  }
  return at;
}

}  // namespace headscope
