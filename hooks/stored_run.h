// A trace in place of a forward pass: the values that `headscope record` kept of prompts, handed
// out as a batch of the same prompts would have them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hooks/trace/trace_reader.h"
#include "lib/model/model.h"

namespace headscope {

// What an analysis needs of a trace, in the words in which `headscope record` is asked for it.
struct StoredNeed {
  std::vector<Site> values{};     // of every layer, where the site is one of a layer
  std::vector<Site> gradients{};  // of them the "_grad" points
  bool last_logits = false;
  std::string prompts{};  // "--task ioi.jsonl --run clean"
  std::string before{};   // a command that must come first, with what separates the two
};

class StoredRun {
 public:
  // Throws DataError naming the path for a file that is no whole trace.
  explicit StoredRun(std::filesystem::path path);

  // Throws UsageError of one line, which names what does not fit and the `headscope record` that
  // makes a trace that does: a trace of another model (weights, config or dtype), or of one that
  // was changed otherwise than this one is (interventions that stand).
  void check_model(const Model& model, const StoredNeed& need) const;

  // The same also for a hook point of `need` that was not recorded.
  void check(const Model& model, const StoredNeed& need) const;

  // The same for prompts, as token ids: one that is not in the trace, or was never finished.
  void check_prompts(const Model& model,
                     const StoredNeed& need,
                     const std::vector<std::vector<std::int32_t>>& prompts) const;

  // The prompt of the trace that has exactly the tokens of each row. UsageError if there is none.
  [[nodiscard]] std::vector<std::size_t> prompts_of(const Batch& batch) const;

  // The values of a dataset for these prompts of the trace, as rows of a batch that lies as
  // `layout` says: f32 on the CPU, axes as the trace has them, padding 0. DataError naming the
  // prompt for values that are not finite (attention scores apart), as f16 makes of large ones.
  [[nodiscard]] Tensor at(const std::string& dataset,
                          const std::vector<std::size_t>& prompts,
                          const BatchLayout& layout) const;

  // The coarsest dtype that values were rounded to: of the dataset and of the run itself.
  [[nodiscard]] DType rounding(const std::string& dataset) const;

  // "xxh3:…" of where the trace came from and of its prompts: what a result says it was made of.
  [[nodiscard]] std::string fingerprint() const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const Json& identity() const { return reader_.provenance().at("identity"); }
  [[nodiscard]] const TraceReader& reader() const { return reader_; }
  [[nodiscard]] bool has(const std::string& dataset) const;

 private:
  void check_finite(const std::string& dataset,
                    std::size_t prompt,
                    const std::vector<float>& values) const;

  std::filesystem::path path_;
  TraceReader reader_;
  std::map<std::vector<std::int32_t>, std::size_t> index_;  // tokens → a prompt of them
};

// "headscope record smollm2 --task ioi.jsonl --run clean --hooks 'blocks.*.attn.hook_z' -o t.h5".
std::string record_command(const Model& model, const StoredNeed& need);

// The datasets of `need` in a trace of a model.
std::vector<std::string> datasets_of(const StoredNeed& need, const ModelConfig& config);

}  // namespace headscope
