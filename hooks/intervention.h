// A change of a running model as data: where, of what, and what is done. It can be written down
// (hooks/intervention_json.h, data/interventions.schema.json), compared and hashed; Edits runs it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/head_condition.h"
#include "hooks/selection.h"
#include "hooks/strength.h"

namespace headscope {

// What becomes of the selected part x of a value.
enum class Op {
  zero,         // 0
  mean,         // the mean over the prompts and positions of a trace (mean ablation)
  resample,     // the value that a prompt of a trace has at the same position (resample ablation)
  scale,        // factor · x
  add,          // x + factor · values (steering)
  replace,      // the values
  project_out,  // x − (x·v̂) v̂ along the last axis, v̂ = values / ‖values‖
  low_rank,     // the part of x along the values [r, d]: x Q Qᵀ, Q an orthonormal basis of them
  clamp,        // min(max(x, low), high)
  mask,         // attention scores: −∞, so that the query does not see the key
  bias,         // attention scores: x + factor
  temperature,  // attention scores: x / factor
  renormalize,  // attention scores: x + ln factor: the weights are multiplied by it, and all of a
                // query's renormalised (PASTA: Zhang et al. 2023, arXiv:2311.02262)
  uniform,      // patterns: a query attends alike to all keys it sees
  top_k,    // patterns: the k largest weights of a query, scaled so that their sum is the old one
  set_row,  // patterns: the values, the weights of a row's tokens from its first on
  // Patterns: the weights of sinks, keys whose mean weight over the queries from them on is above
  // `threshold`, but for a row's first sink, are multiplied by factor; what they lose goes to the
  // query's other keys in proportion (ACT: Yu et al. 2024, arXiv:2406.15765).
  calibrate_sinks,
  sae,  // the codes of a sparse autoencoder of the point: SaeChange
};
std::string_view to_string(Op op);
Op parse_op(std::string_view text);  // DataError listing them
// Whether an op of attention scores only scales those of a query or adds to them, so that attention
// stays fused.
bool changes_scores_fused(Op op);

// A file that holds values (hooks/values_file.h).
struct ValuesFile {
  enum class Kind {
    direction,    // a folder that `headscope steer fit` made (hooks/direction.h)
    safetensors,  // one tensor of a file
    npy,          // a NumPy array
    gguf,         // a control vector of llama.cpp
  };
  Kind kind = Kind::direction;
  std::filesystem::path path{};
  std::string tensor{};  // of safetensors

  bool operator==(const ValuesFile&) const = default;
};

// Values that were stored, or are given. Exactly one of name, trace, file and numbers is set.
struct InterventionValues {
  std::string name{};                 // of NamedValues: in memory
  std::filesystem::path trace{};      // an HDF5 trace that `headscope record` made, …
  std::string point{};                // … its hook point; empty: the point that is changed
  std::optional<std::string> prompt;  // … the id of one prompt; unset: the mean over all
  std::vector<double> numbers{};      // row-major, of `shape`; broadcast from the trailing axes
  std::vector<std::int64_t> shape{};
  std::optional<ValuesFile> file{};

  bool operator==(const InterventionValues&) const = default;
  [[nodiscard]] bool empty() const {
    return name.empty() && trace.empty() && numbers.empty() && !file;
  }
  // What decides their meaning beside the document: their hash is part of a change's identity.
  [[nodiscard]] bool of_a_file() const { return !trace.empty() || file; }
};

// What op "sae" does: a sparse autoencoder encodes the point's value x into codes f and decodes
// them to x̂; the codes of some features become f'. What is decoded of f' stands for x, plus, with
// the error term, x − x̂, what the autoencoder did not explain: so what no code changed is x itself,
// bit for bit.
struct SaeChange {
  enum class Do {
    attach,  // nothing: without the error term x̂ stands for x
    ablate,  // f' = 0
    clamp,   // f' = value, whatever it was
    scale,   // f' = value · f
    steer,   // f' = f + value: value rows of W_dec are added
    patch,   // f' = the code of the values, a trace's value of the point at the same position
  };
  std::filesystem::path folder{};  // read by read_sae() (lib/sae/sae_files.h)
  std::vector<std::int64_t> features{};
  Do act = Do::attach;
  std::vector<double> value{};  // one for all features or one each; of clamp, scale, steer
  bool error_term = true;

  bool operator==(const SaeChange&) const = default;
};
std::string_view to_string(SaeChange::Do act);
SaeChange::Do parse_sae_do(std::string_view text);  // DataError listing them

struct Intervention {
  std::string site;  // a hook point's name or alias, or a glob (hooks/address.h)
  std::optional<std::vector<std::int64_t>> layers{};  // of those that `site` names; unset: all
  Selection where{};
  Op op = Op::zero;
  double factor = 1.0;          // of scale, add, bias, temperature, renormalize, calibrate_sinks
  std::optional<double> low{};  // of clamp; unset: no bound
  std::optional<double> high{};
  std::int64_t k = 0;      // of top_k
  double threshold = 0.0;  // of calibrate_sinks
  InterventionValues values{};
  std::optional<SaeChange> sae{};  // of op sae, which has one
  // Of hook_z, hook_result and hook_pattern: only the heads and queries of which it holds. At
  // patterns it is asked of the pattern as this intervention finds it, else of what attention used.
  std::optional<HeadCondition> when{};
  std::optional<StrengthSchedule> schedule{};  // of scale, add, bias, renormalize, for `factor`
};

}  // namespace headscope
