// Prompts that several detectors look at, and the way they read attention there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analyses/task/maker.h"
#include "lib/attention/statistics.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

struct Probe {
  enum Kind {
    repeated,   // a first token, then kPeriod random tokens kRepeats times over
    text,       // natural text of several domains, kTextTokens long
    random,     // random tokens, as many
    identical,  // one random token, as many times
    document,   // the same, kDocumentTokens long
    task,       // clean prompts of the task `of`, drawn from the seed
    file        // clean prompts of the task file `of`
  };
  Kind kind = repeated;
  std::string of{};

  Probe() = default;
  Probe(Kind k, std::string what = {}) : kind(k), of(std::move(what)) {}
  auto operator<=>(const Probe&) const = default;
};
std::string to_string(const Probe& probe);  // "repeated", "task ioi"

inline constexpr std::int64_t kPeriod = 50;      // TransformerLens's induction stripe
inline constexpr std::int64_t kRepeats = 4;      // RazorAttention's
inline constexpr std::int64_t kTextTokens = 64;  // of Gu et al.'s sink metric
inline constexpr std::int64_t kDocumentTokens = 512;

struct ProbePrompt : Prompt {
  std::map<std::string, std::vector<std::int64_t>> columns{};  // of its spans, and of more by name
  std::string group{};                                         // domain or template; may be empty
  std::vector<std::int32_t> answers{};  // of a task: what follows the last token, a set
};

// The prompts as the rows of one batch.
Batch probe_batch(const std::vector<ProbePrompt>& prompts);

// Throws UndefinedForModel where the tokenizer or the context cannot hold them, DataError for what
// is wrong with a task file.
std::vector<ProbePrompt> make_probe(const Probe& probe, const Model& model, std::uint64_t seed);

// A task of the program's own words, which can fail for one reason alone: the tokenizer does not
// fit them. Throws UndefinedForModel then.
Task built_in_task(const Model& model, const std::string& name, const MakeOptions& options);

// What a detector needs of the statistics; see StatisticsRequest.
struct StatisticsAsks {
  std::vector<std::int64_t> offsets{};
  std::vector<std::int64_t> windows{};
  std::vector<std::string> spans{};
  bool first = false;
  bool entropy = false;
  bool distance = false;
  bool columns = false;
};
StatisticsAsks operator|(StatisticsAsks first, const StatisticsAsks& second);

// The statistics of one layer on prompts of one length, by what was asked.
class ProbeView {
 public:
  ProbeView(const AttentionStatistics& statistics,
            const StatisticsAsks& asks,
            const std::vector<ProbePrompt>& prompts)
      : statistics_(statistics), asks_(asks), prompts_(prompts) {}

  // Each [B, n_heads, T]; InternalError if it was not asked for.
  [[nodiscard]] Tensor offset(std::int64_t columns) const;
  [[nodiscard]] Tensor window(std::int64_t columns) const;
  [[nodiscard]] Tensor span(const std::string& name) const;  // mass on the span's keys
  [[nodiscard]] Tensor first() const;
  [[nodiscard]] Tensor entropy() const;
  [[nodiscard]] Tensor distance() const;
  [[nodiscard]] Tensor columns() const;  // mass each key receives, summed over queries

  [[nodiscard]] std::int64_t length() const;  // T
  // Of a [B, n_heads, T] value, [B, n_heads]: its mean over queries [from, to) (`to` 0: to the
  // end), or over the tokens of a span of each prompt.
  [[nodiscard]] Tensor mean(const Tensor& value, std::int64_t from, std::int64_t to = 0) const;
  [[nodiscard]] Tensor at(const Tensor& value, const std::string& span) const;
  // Keys that are in a span: [B, 1, T] of 0 and 1.
  [[nodiscard]] Tensor keys_in(const std::string& span) const;
  [[nodiscard]] const std::vector<ProbePrompt>& prompts() const { return prompts_; }

 private:
  const AttentionStatistics& statistics_;
  const StatisticsAsks& asks_;
  const std::vector<ProbePrompt>& prompts_;
};

// [spans, B, T] bool on the CPU, for StatisticsRequest::spans. DataError naming a span that a
// prompt lacks.
Tensor span_masks(const std::vector<std::string>& spans, const std::vector<ProbePrompt>& prompts);

}  // namespace headscope
