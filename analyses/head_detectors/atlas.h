// The atlas of a model's heads: what every detector said of it, in one file.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "analyses/head_detectors/detect.h"
#include "analyses/head_detectors/examples.h"
#include "hooks/stored/if_exists.h"
#include "lib/base/json.h"

namespace headscope {

// What ablating heads does to the behaviour they should serve (confirm.h).
struct Confirmation {
  std::string detector;
  std::string behaviour;        // "log-probability of repeated tokens"
  std::vector<HeadId> heads{};  // ablated together: the top of the role
  double intact = 0.0;          // mean over prompts
  double ablated = 0.0;
  double low = 0.0, high = 0.0;  // 95 % interval of the change, paired by prompt
  std::vector<double> random{};  // the change by each draw of as many heads of the same layers
  // 95 % interval of the change less the mean change of the draws, paired by prompt; NaN without
  // draws, or of one prompt.
  double beyond_low = std::numeric_limits<double>::quiet_NaN();
  double beyond_high = std::numeric_limits<double>::quiet_NaN();
  struct Asked {
    std::size_t heads = 0;
    int draws = 0;
    std::uint64_t seed = 0;
    bool operator==(const Asked&) const = default;
  } asked{};
  std::vector<double> single{};  // [heads] the change by each head alone
  [[nodiscard]] double change() const { return ablated - intact; }
  [[nodiscard]] double random_mean() const;
  // Three things at once: the change's interval lies below zero; so does that of its difference
  // from the mean of the draws; and it is below every one of at least kFewestDraws draws, which
  // as many heads without the role do by chance in 1 of draws + 1 cases.
  [[nodiscard]] bool confirmed() const;
  [[nodiscard]] bool enough_draws() const;  // else nothing can be confirmed
};

constexpr std::size_t kFewestDraws = 5;

struct Atlas {
  Json provenance;  // hooks/provenance.h; with options.seeds
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::vector<Detection> detections;
  std::vector<Confirmation> confirmations{};
  Examples examples{};

  [[nodiscard]] const Detection* find(const std::string& detector) const;
  [[nodiscard]] HeadGrid grid() const { return {n_layers, n_heads}; }
};

// HDF5 (data/ATLAS_FORMAT.md), whole or not at all: an earlier file of that name stays until then.
// Throws ResourceError if it cannot be written.
void write_atlas(const Atlas& atlas, const std::filesystem::path& path);

// To be asked before any work: may write_atlas() write there? Throws UsageError if an atlas is
// there (IfExists::fail), if what is to be replaced is no atlas, or if it is no place for a file.
void check_atlas_output(const std::filesystem::path& path, IfExists if_exists);

// Throws UsageError if a file that is no atlas would be replaced. Locks nothing: ranks ask
// together.
void check_atlas_replaced(const std::filesystem::path& path);

// Throws DataError naming the path: missing, no atlas, damaged, of another version.
Atlas read_atlas(const std::filesystem::path& path);

}  // namespace headscope
