#include "analyses/results/result_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "analyses/results/result_file.h"
#include "hooks/stored/disk_space.h"
#include "hooks/stored/open_file.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

void check_same(const fs::path& path, const ResultHeader& there, const ResultHeader& here) {
  auto differs = difference(there, here);
  if (!differs) {
    const std::string theirs = brief(there.provenance.value("shard", Json()));
    const std::string ours = brief(here.provenance.value("shard", Json()));
    if (theirs == ours) {
      return;
    }
    differs = Difference{"shard", theirs, ours};
  }
  refuse_to_resume(path, *differs, "run as before or choose another -o");
}

}  // namespace

struct ResultStore::Impl {
  Impl(const fs::path& path, const ResultHeader& header, IfExists if_exists) {
    const ResultHeader asked = checked(header);
    file = open_to_resume(path, kResultKind, if_exists);
    if (!file.valid()) {
      const bool replaces = if_exists == IfExists::replace;
      file =
          create_result_file(path, asked, replaces ? NewFile::Over::replace : NewFile::Over::fail);
    }
    contents = open_result_file(file);
    check_same(path, contents.header, asked);
    stored = read_stored(file, contents);
    prompts = static_cast<std::int64_t>(asked.prompt_ids.size());
    done_count = std::ranges::count(stored.done, std::uint8_t{1});
  }

  // The place of a pair among all. Throws UsageError if it is not there.
  std::size_t pair(std::int64_t cell, std::int64_t prompt) const {
    if (cell < 0 || cell >= cells_of(contents.header) || prompt < 0 || prompt >= prompts) {
      throw UsageError("cell {}, prompt {}: the result has {} cells and {} prompts, from 0",
                       cell,
                       prompt,
                       cells_of(contents.header),
                       prompts);
    }
    return static_cast<std::size_t>(cell * prompts + prompt);
  }

  std::vector<double>& baseline(Run run) {
    return run == Run::clean ? stored.clean : stored.corrupted;
  }

  [[noreturn]] void throw_unwritten() const {
    const int cause = errno;
    throw ResourceError(
        "{}: cannot write: {}; its {} finished values of {} are kept: {} and go on with --resume",
        file.path().string(),
        std::strerror(cause),
        done_count,
        stored.done.size(),
        remedy_for(cause));
  }

  std::vector<PlacedValue> sorted_by_place(const std::vector<Value>& values) const;
  void put(const std::vector<Value>& values);
  void check_same_baseline(Run run, const std::vector<double>& values);

  PosixFile file;
  ResultContents contents;
  StoredValues stored;  // as on disk
  std::int64_t prompts = 0;
  std::int64_t done_count = 0;
};

// Where each value goes, in the order of the file.
std::vector<PlacedValue> ResultStore::Impl::sorted_by_place(
    const std::vector<Value>& values) const {
  std::vector<PlacedValue> list;
  for (const Value& value : values) {
    list.push_back({pair(value.cell, value.prompt), value.value});
  }
  std::ranges::sort(list, {}, &PlacedValue::pair);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool twice = i > 0 && list[i].pair == list[i - 1].pair;
    if (twice || stored.done[list[i].pair] != 0) {
      const auto at = static_cast<std::int64_t>(list[i].pair);
      throw UsageError("{}, prompt {} {}",
                       cell_name(contents.header, at / prompts),
                       at % prompts,
                       twice ? "is given twice; give each value once"
                             : "is done already; skip those that done() names");
    }
  }
  return list;
}

void ResultStore::Impl::put(const std::vector<Value>& values) {
  const std::vector<PlacedValue> list = sorted_by_place(values);
  if (list.empty()) {
    return;
  }
  if (!write_pairs(file, contents.at, list)) {
    throw_unwritten();
  }
  for (const PlacedValue& value : list) {
    stored.done[value.pair] = 1;
    stored.per_prompt[value.pair] = value.value;
  }
  done_count += static_cast<std::int64_t>(list.size());
}

void ResultStore::Impl::check_same_baseline(Run run, const std::vector<double>& values) {
  const std::vector<double>& there = baseline(run);
  const std::size_t at = first_other(there, values);
  if (at < there.size()) {
    throw UsageError(
        "{}: the {} baseline of prompt {} is {} there but {} here; run on the same machine and "
        "with the same options as before, or choose another -o",
        file.path().string(),
        to_string(run),
        contents.header.prompt_ids[at],
        there[at],
        values[at]);
  }
}

ResultStore::ResultStore(const fs::path& path, const ResultHeader& header, IfExists if_exists)
    : impl_(std::make_unique<Impl>(path, header, if_exists)) {}
ResultStore::~ResultStore() = default;
ResultStore::ResultStore(ResultStore&&) noexcept = default;
ResultStore& ResultStore::operator=(ResultStore&&) noexcept = default;

bool ResultStore::done(std::int64_t cell, std::int64_t prompt) const {
  return impl_->stored.done[impl_->pair(cell, prompt)] != 0;
}

double ResultStore::value(std::int64_t cell, std::int64_t prompt) const {
  return impl_->stored.per_prompt[impl_->pair(cell, prompt)];
}

std::int64_t ResultStore::cells() const {
  return cells_of(impl_->contents.header);
}

std::int64_t ResultStore::prompts() const {
  return impl_->prompts;
}

std::int64_t ResultStore::done_count() const {
  return impl_->done_count;
}

void ResultStore::put(const std::vector<Value>& values) {
  impl_->put(values);
}

void ResultStore::put_baseline(Run run, const std::vector<double>& per_prompt) {
  if (std::ssize(per_prompt) != impl_->prompts) {
    throw UsageError(
        "a baseline of {} values for {} prompts; give one each", per_prompt.size(), impl_->prompts);
  }
  impl_->check_same_baseline(run, per_prompt);
  std::vector<double>& there = impl_->baseline(run);
  if (!there.empty()) {
    return;
  }
  if (!write_baseline(impl_->file, impl_->contents.at, run, per_prompt)) {
    impl_->throw_unwritten();
  }
  there = per_prompt;
}

const std::vector<double>& ResultStore::baseline(Run run) const {
  return impl_->baseline(run);
}

void ResultStore::finish() {
  const std::vector<double> result = means(impl_->stored.per_prompt, impl_->prompts);
  if (!write_result(impl_->file, impl_->contents.at, result)) {
    impl_->throw_unwritten();
  }
}

}  // namespace headscope
