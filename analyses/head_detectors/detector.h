// A detector tells for every head of a model how much it does one thing. Mostly data: what it is,
// where it is from, and either a reading of the attention statistics of shared prompts or a
// function that looks by itself. A new one is a file here and a line in all.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analyses/head_detectors/probe.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

// A number for every head, of each of several samples (prompts, tokens, …).
struct HeadSamples {
  std::int64_t samples = 0;
  std::vector<double> values;  // [samples, n_layers, n_heads]
};

// What a detector saw, before it is summarised.
struct Finding {
  HeadSamples scores;
  HeadSamples control;                        // of the same form; empty: the detector has none
  OrderedJson notes = OrderedJson::object();  // numbers of the model as a whole, or of pairs
};

// A detector throws it where it has no meaning for the model or its tokenizer, or where the model
// does not do what heads are scored at: a result, and the only error that counts as "undefined".
class UndefinedForModel : public DataError {
 public:
  using DataError::ErrorOf;
};

// What a detector that looks by itself is given.
struct DetectorContext {
  const Model& model;
  std::vector<std::uint64_t> seeds;  // every draw is made once a seed
  std::function<bool()> stop =
      {};  // asked between steps; true: return early, the finding is thrown away
};

// A statistic of the attention on shared prompts. `asks` is joined with that of other detectors, so
// that the prompts run once for all of them.
struct Reading {
  Probe probe{};
  StatisticsAsks asks{};
  std::function<Tensor(const ProbeView&)> score{};    // [B, n_heads], of one layer
  std::function<Tensor(const ProbeView&)> control{};  // the same; empty: none
};

struct Detector {
  std::string name{};                 // "induction"
  std::string role{};                 // what a head is called that does it: "induction head"
  std::string summary{};              // one line
  std::string definition{};           // the formula, in words and symbols
  std::string source{};               // paper and section
  std::optional<double> threshold{};  // a head with at least this does it; none: a profile, no role
  std::string threshold_source{};
  // Why it has no meaning for this model ("no MLP"); empty: it has.
  std::string (*undefined)(const Model&) = nullptr;
  // Whether it means something only where a token sees none behind it. Detectors of text read
  // forwards, and all that ask what the model says next, do.
  enum class Sight { causal_only, any } sight = Sight::causal_only;
  // Of what is read: all else runs the model, which interventions change.
  enum class Reads { passes, weights } reads = Reads::passes;
  // Of what a user's file says, to tell two of one name apart; empty for those of the program.
  std::string content{};
  std::optional<Reading> reading{};  // one of these two
  std::function<Finding(const DetectorContext&)> run{};
  // Prompts whose continuation its heads should serve; see confirm.h. None: a profile.
  std::optional<Probe> behaviour{};
};

// Why it has no meaning for the model: what `sight` or `undefined` says; empty: it has.
std::string why_undefined(const Detector& detector, const Model& model);

// "xxh3:…" of name, definition, threshold and content: two runs' scores of one detector belong
// together if it agrees.
std::string fingerprint(const Detector& detector);

// In the order of tables and pages.
const std::vector<Detector>& all_detectors();

// UsageError naming the nearest ones.
const Detector& find_detector(const std::string& name);

}  // namespace headscope
