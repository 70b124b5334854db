#include <algorithm>

#include <fmt/ranges.h>

#include "analyses/results/result_file.h"
#include "hooks/stored/open_file.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kNobody = UINT32_MAX;

struct Shard {
  fs::path path;
  ResultHeader header;
  StoredValues stored;

  // Of one rank of several (analyses/sweep/rank_shards.h): a block that it was taken for dead over
  // is another's too.
  [[nodiscard]] bool of_rank() const {
    const Json& provenance = header.provenance;
    return provenance.contains("ranks") ||
           (provenance.contains("shard") && provenance["shard"].is_string() &&
            provenance["shard"].get<std::string>().starts_with(kRankShard));
  }
};

Shard read_shard(const fs::path& path) {
  const PosixFile file = open_to_read(path, kResultKind);
  ResultContents contents = open_result_file(file);
  StoredValues stored = read_stored(file, contents);
  return {path, std::move(contents.header), std::move(stored)};
}

std::string pair_name(const ResultHeader& header, std::size_t pair) {
  const std::size_t prompts = header.prompt_ids.size();
  return fmt::format("{}, prompt {}",
                     cell_name(header, static_cast<std::int64_t>(pair / prompts)),
                     header.prompt_ids[pair % prompts]);
}

// The shards added so far. Their values are copied: only one more is in memory at a time.
class Merge {
 public:
  explicit Merge(std::vector<fs::path> paths)
      : paths_(std::move(paths)), whole_(read_shard(paths_[0])) {
    note_origin(whole_.header.provenance);
    owner_.assign(whole_.stored.done.size(), kNobody);
    for (std::size_t pair = 0; pair < owner_.size(); ++pair) {
      owner_[pair] = whole_.stored.done[pair] != 0 ? 0 : kNobody;
    }
  }

  void add(std::uint32_t index) {
    const Shard shard = read_shard(paths_[index]);
    check_same(shard);
    join_baseline("clean", &StoredValues::clean, shard);
    join_baseline("corrupted", &StoredValues::corrupted, shard);
    note_origin(shard.header.provenance);
    for (std::size_t pair = 0; pair < owner_.size(); ++pair) {
      if (shard.stored.done[pair] != 0) {
        take(pair, shard, index);
      }
    }
  }

  void check_whole() const {
    const auto gap = std::ranges::find(owner_, kNobody);
    if (gap != owner_.end()) {
      throw UsageError("{}: {} is in none of them; go on with the shard it is of (--resume) first",
                       all_paths(),
                       pair_name(whole_.header, static_cast<std::size_t>(gap - owner_.begin())));
    }
  }

  void write(const fs::path& out, IfExists if_exists) const;

 private:
  void note_origin(const Json& provenance) {
    shard_ids_.push_back(provenance.value("shard", Json()));
    batches_.push_back(provenance.value("batches", Json()));
  }

  void check_same(const Shard& shard) const {
    if (const auto differs = difference(whole_.header, shard.header)) {
      throw UsageError("{} and {} are not of one sweep: {} is {} in the first but {} in the other",
                       whole_.path.string(),
                       shard.path.string(),
                       differs->what,
                       differs->there,
                       differs->here);
    }
  }

  // A rank that was killed before it had a baseline has nothing that depends on it.
  void join_baseline(const char* name,
                     std::vector<double> StoredValues::*baseline,
                     const Shard& shard) {
    std::vector<double>& first = whole_.stored.*baseline;
    const std::vector<double>& other = shard.stored.*baseline;
    const bool ranks = whole_.of_rank() || shard.of_rank();
    if (ranks && first.empty()) {
      first = other;
    } else if (!ranks || !other.empty()) {
      check_baseline(name, first, other, shard.path);
    }
  }

  void check_baseline(const char* name,
                      const std::vector<double>& first,
                      const std::vector<double>& other,
                      const fs::path& path) const {
    if (first.empty() != other.empty()) {
      throw UsageError("{} has no {} baseline but {} has; go on with it (--resume) first",
                       (first.empty() ? whole_.path : path).string(),
                       name,
                       (first.empty() ? path : whole_.path).string());
    }
    const std::size_t at = first_other(first, other);
    if (at < first.size()) {
      throw UsageError(
          "{} and {}: the {} baseline of prompt {} is {} in the first but {} in the other; run all "
          "shards on like machines and with the same options",
          whole_.path.string(),
          path.string(),
          name,
          whole_.header.prompt_ids[at],
          first[at],
          other[at]);
    }
  }

  void take(std::size_t pair, const Shard& shard, std::uint32_t index) {
    const double value = shard.stored.per_prompt[pair];
    if (owner_[pair] != kNobody && (shard.of_rank() || whole_.of_rank())) {
      check_counted_once(pair, value, index);
      return;
    }
    if (owner_[pair] != kNobody) {
      throw UsageError(
          "{} and {} both hold {}; give each shard once, and shards that do not overlap",
          paths_[owner_[pair]].string(),
          paths_[index].string(),
          pair_name(whole_.header, pair));
    }
    owner_[pair] = index;
    whole_.stored.per_prompt[pair] = value;
  }

  void check_counted_once(std::size_t pair, double value, std::uint32_t index) const {
    const double first = whole_.stored.per_prompt[pair];
    if (first_other({first}, {value}) == 0) {
      throw UsageError(
          "{} and {} both hold {}, as {} and {}; run all ranks on like machines and with the same "
          "options",
          paths_[owner_[pair]].string(),
          paths_[index].string(),
          pair_name(whole_.header, pair),
          first,
          value);
    }
  }

  [[nodiscard]] std::string all_paths() const {
    std::vector<std::string> names;
    for (const fs::path& path : paths_) {
      names.push_back(path.string());
    }
    return fmt::format("{}", fmt::join(names, ", "));
  }

  // The first shard's, with what was merged in place of which part it is. Batches that are not the
  // same in all are told shard by shard.
  [[nodiscard]] ResultHeader merged_header() const {
    ResultHeader header = whole_.header;
    header.provenance.erase("shard");
    const bool alike = std::ranges::count(batches_, batches_.front()) == std::ssize(batches_);
    if (!alike) {
      header.provenance.erase("batches");
    }
    Json list = Json::array();
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      list.push_back({{"path", paths_[i].string()}, {"shard", shard_ids_[i]}});
      if (!alike) {
        list.back()["batches"] = batches_[i];
      }
    }
    header.provenance["shards"] = std::move(list);
    return header;
  }

  std::vector<fs::path> paths_;
  Shard whole_;  // the first, and what the others add
  std::vector<std::uint32_t> owner_;
  std::vector<Json> shard_ids_, batches_;  // of provenance, a shard each
};

void Merge::write(const fs::path& out, IfExists if_exists) const {
  ResultStore store(out, merged_header(), if_exists);
  if (!whole_.stored.clean.empty()) {
    store.put_baseline(Run::clean, whole_.stored.clean);
  }
  if (!whole_.stored.corrupted.empty()) {
    store.put_baseline(Run::corrupted, whole_.stored.corrupted);
  }
  std::vector<ResultStore::Value> values;
  for (std::size_t pair = 0; pair < owner_.size(); ++pair) {
    const auto cell = static_cast<std::int64_t>(pair) / store.prompts();
    const auto prompt = static_cast<std::int64_t>(pair) % store.prompts();
    const double value = whole_.stored.per_prompt[pair];
    if (!store.done(cell, prompt)) {
      values.push_back({cell, prompt, value});
    } else if (first_other({store.value(cell, prompt)}, {value}) == 0) {
      throw UsageError("{}: holds another value of {}; choose another -o",
                       out.string(),
                       pair_name(whole_.header, pair));
    }
  }
  store.put(values);
  store.finish();
}

}  // namespace

void merge_results(const std::vector<fs::path>& shards, const fs::path& out, IfExists if_exists) {
  if (shards.empty()) {
    throw UsageError("nothing to merge; give the files of all shards");
  }
  for (const fs::path& shard : shards) {
    std::error_code none;
    if (if_exists != IfExists::resume && fs::equivalent(shard, out, none)) {
      throw UsageError("{}: is one of the shards; choose another -o", out.string());
    }
  }
  Merge merge(shards);
  for (std::uint32_t i = 1; i < shards.size(); ++i) {
    merge.add(i);
  }
  merge.check_whole();
  merge.write(out, if_exists);
}

}  // namespace headscope
