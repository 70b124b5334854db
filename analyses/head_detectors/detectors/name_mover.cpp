// Name movers: attend from the end to the name that is the answer, and write it.
#include "analyses/head_detectors/detectors/name_mover.h"

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/end_attention.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/ov_circuit.h"
#include "analyses/head_detectors/probe.h"
#include "analyses/sweep/positions.h"
#include "analyses/sweep/prompt_batch.h"
#include "lib/base/json.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kNameMoverPrompts = 16;  // a seed
constexpr std::int64_t kNameMoverScreen =
    4096;  // tokens: names often stand high, and each left costs a vocabulary
constexpr std::int64_t kNameMoverTop = 5;

struct Names {
  Tensor streams;  // [N, d_model], behind the first block
  Tensor tokens;   // [N] int64
};

Names names_of(const Model& model, const Task& task) {
  std::vector<Tensor> streams;
  std::vector<Tensor> tokens;
  for (const PromptBatch& batch : prompt_batches(task.items, kTokensAtOnce)) {
    const ForwardOptions first{.logits = Logits::none, .to_layer = 1};
    const Tensor stream = model.forward(batch.clean, first).residual;
    for (const char* span : {"IO", "S1"}) {
      const Tensor chosen = chosen_columns({span}, batch, task.items);
      streams.push_back(stream.index({chosen.to(stream.device())}));
      tokens.push_back(batch.clean.tokens().index({chosen}).to(stream.device()));
    }
  }
  return {at::cat(streams), at::cat(tokens)};
}

using NameMoverKind = Tensor NameMoving::*;

// Attention to a name times how often names are written (or, of the opposite, taken away).
Finding finding_of(const DetectorContext& context, NameMoverKind kind) {
  std::vector<Tensor> scores;
  std::vector<Tensor> controls;
  std::vector<Tensor> written;
  for (const std::uint64_t seed : context.seeds) {
    const Task task =
        built_in_task(context.model,
                      "ioi",
                      {.n = kNameMoverPrompts, .seed = seed, .corruption = {}, .templates = {}});
    const NameMoving found = name_moving(context, task, seed);
    if (!found.copies.defined()) {
      break;
    }
    scores.push_back(found.to_io * found.*kind);
    controls.push_back(found.to_s * found.*kind);
    written.push_back(found.*kind);
  }
  Finding finding{head_samples(scores), head_samples(controls)};
  if (!scores.empty()) {
    OrderedJson heads = OrderedJson::array();
    const HeadScores shares = head_scores(at::stack(written).mean(0));
    for (const HeadId& at : top_heads(shares, 10)) {
      OrderedJson head = head_json(at);
      head["names_share"] = shares[at];
      heads.push_back(std::move(head));
    }
    finding.notes[kind == &NameMoving::copies ? "highest copy scores"
                                              : "highest negative copy scores"] = std::move(heads);
  }
  return finding;
}

std::string name_mover_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

NameMoving name_moving(const DetectorContext& context, const Task& task, std::uint64_t seed) {
  const Model& model = context.model;
  const Tensor attention = end_attention(model, task, {"IO", "S1"});
  const Names names = names_of(model, task);
  const OwnLogits logits(model, Biases::kept, kNameMoverScreen, seed);
  const std::int64_t heads = model.config().n_heads;
  const Tensor all = names.tokens.repeat({heads});
  const Tensor shares = over_layers(context, 1, [&](std::int64_t layer) {
    const Tensor written = ov_written(model, layer, names.streams, Biases::kept).flatten(0, 1);
    const auto share = [&](const Tensor& rows) {
      return logits.among(rows, all, OwnLogits::Side::highest, kNameMoverTop)
          .view({heads, -1})
          .to(at::kCPU, at::kDouble)
          .mean(1);
    };
    return at::stack({share(written), share(-written)});
  });
  if (!shares.defined()) {
    return {attention[0], attention[1], {}, {}};
  }
  return {attention[0], attention[1], shares[0], shares[1]};
}

Detector name_mover_detector() {
  return {
      .name = "name_mover",
      .role = "name mover",
      .summary = "attends from the end to the indirect object and writes the name it reads",
      .definition =
          "on IOI prompts, attention from the last token to IO × copy score, the share of names "
          "among "
          "the 5 likeliest tokens of stream behind block 0 → norm → W_V → W_O → final norm → W_U. "
          "Both "
          "are what the paper checks of heads that path patching found; a product asks for both. "
          "Control: attention to S1 in the place of IO",
      .source = "Wang et al. 2022, arXiv:2211.00593, section 3.1 and appendix I",
      .threshold = 0.1,
      .threshold_source =
          "ours: the paper's name movers have 0.59 × 0.95, its average head a copy score under 0.2",
      .undefined = name_mover_undefined,
      .run = [](const DetectorContext& c) { return finding_of(c, &NameMoving::copies); },
      .behaviour = Probe(Probe::task, "ioi"),
  };
}

Detector negative_mover_detector() {
  return {
      .name = "negative_mover",
      .role = "negative name mover",
      .summary = "attends from the end to the indirect object and takes the name it reads away",
      .definition =
          "as name_mover, with −W_OV in the place of W_OV: attention from the last token to IO × "
          "share "
          "of names among the 5 likeliest after −W_OV. Control: attention to S1 in the place of IO",
      .source = "Wang et al. 2022, arXiv:2211.00593, section 3.1 and appendix I",
      .threshold = 0.1,
      .threshold_source =
          "ours: as name_mover's; the paper's negative movers have a score of 0.98, other heads "
          "0.12",
      .undefined = name_mover_undefined,
      .run = [](const DetectorContext& c) { return finding_of(c, &NameMoving::suppresses); },
  };
}

}  // namespace headscope
