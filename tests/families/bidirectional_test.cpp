// BERT, RoBERTa and DistilBERT: what would go wrong unseen, what is refused, and what is asked at a
// [MASK].
#include <cmath>

#include "analyses/edges/edge_graph.h"
#include "analyses/head_detectors/detector.h"
#include "analyses/path_patching/path_runner.h"
#include "analyses/sweep/sweep.h"
#include "lib/base/error.h"
#include "lib/generate/generate.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/mutants.h"
#include "tests/support/refusals.h"
#include "tests/support/taps.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<const char*> kEncoders{"bert", "bert_untied", "roberta", "distilbert"};

void swap_norms(ModelConfig&, Weights& weights) {
  for (BlockWeights& block : weights.blocks) {
    std::swap(block.ln1, block.ln2);
  }
}

// Each item is asked at a token of its own.
Task masked_task(const Model& model) {
  Task task = random_task(
      {.lengths = {9, 10, 11, 12}, .differ_from = {4, 6, 3, 9}, .d_vocab = model.config().d_vocab});
  std::int64_t at = 2;
  for (TaskItem& item : task.items) {
    item.read_at = at++;
  }
  return task;
}

SweepTable swept_at_masks(const Model& model,
                          const Task& task,
                          Site site,
                          SweepOptions::Execution execution) {
  const OtherRun source(Run::clean);
  const SweepSpec spec{
      .parts = {{site, site == Site::z}}, .source = &source, .metric = &find_metric("logit_diff")};
  SweepTable table(grid_of(model, task, spec).size(), static_cast<std::int64_t>(task.items.size()));
  CHECK(run_sweep(model, task, spec, {.memory = 1 << 30, .execution = execution}, table));
  return table;
}

}  // namespace

TEST_CASE("an encoder broken in the ways encoders get broken is seen to be") {
  check_mutants({
      {"norms before attention and MLP",
       kEncoders,
       [](ModelConfig& c, Weights&) { c.norm_placement = NormPlacement::pre; }},
      {"ln1 and ln2 exchanged", kEncoders, swap_norms},
      {"no norm of the embeddings",
       kEncoders,
       [](ModelConfig& c, Weights&) { c.embed_norm = false; }},
      {"causal attention",
       kEncoders,
       [](ModelConfig& c, Weights&) {
         for (LayerConfig& layer : c.layers) {
           layer.visibility = Visibility::causal;
         }
       }},
      {"no token type",
       {"bert", "bert_untied", "roberta"},
       [](ModelConfig& c, Weights&) { c.n_token_types = 0; }},
      {"the other token type",
       {"bert"},
       [](ModelConfig&, Weights& w) { w.W_type = w.W_type.flip(0); }},
      {"positions from the table's first row",
       {"roberta"},
       [](ModelConfig& c, Weights&) { c.first_position_row = 0, c.unplaced_token = -1; }},
      {"no head before the unembedding",
       kEncoders,
       [](ModelConfig& c, Weights&) { c.head = OutputHead::plain; }},
      {"no bias of the decoder", kEncoders, [](ModelConfig&, Weights& w) { w.b_U = Tensor(); }},
      {"embeddings for a decoder of its own",
       {"bert_untied"},
       [](ModelConfig&, Weights& w) { w.W_U = w.W_E; }},
  });
}

TEST_CASE("encoders that are not run are refused by name") {
  check_refusals({
      {"bert", R"({"is_decoder": true})", {"is_decoder"}},
      {"bert", R"({"position_embedding_type": "relative_key"})", {"position_embedding_type"}},
      {"bert", R"({"num_attention_heads": 5})", {"5 heads do not divide a stream of 32"}},
      {"bert", R"({"type_vocab_size": 0})", {"type_vocab_size", "0"}},
      {"bert", R"({"type_vocab_size": 3})", {"token_type_embeddings"}},
      {"roberta", R"({"hidden_act": "relu"})", {"hidden_act"}},
      {"roberta", R"({"pad_token_id": 29})", {"pad_token_id", "29", "max_position_embeddings"}},
      {"roberta", R"({"pad_token_id": -1})", {"pad_token_id"}},
      {"distilbert", R"({"activation": "swish?"})", {"activation"}},
  });
}

TEST_CASE("a padding token in a RoBERTa prompt takes no position") {
  const Model model = load(huggingface_fixture("roberta"));
  const std::vector<std::int32_t> tokens{5, 1, 6, 1, 7};
  const auto seen = [&](const std::vector<std::int32_t>& prompt) {
    Watch watch(Site::pos_embed);
    (void)model.forward(batch_of({prompt}), watch);
    return watch.at(Site::pos_embed)[0];
  };
  const Tensor with = seen(tokens);
  const Tensor without = seen({5, 6, 7});
  CHECK(identical(with[0], without[0]));
  CHECK(identical(with[2], without[1]));
  CHECK(identical(with[4], without[2]));
  CHECK(identical(with[1], model.weights().W_pos[1]));  // the padding's own row
}

TEST_CASE("rows are read at the tokens they name, padded or not") {
  const Model model = load(huggingface_fixture("bert"));
  Batch batch = batch_of({{5, 6, 7, 8, 9}, {10, 11, 12}});
  const Tensor all = model.forward(batch).logits;
  batch.read_at({1, 2});
  const Tensor read = model.forward(batch, {.logits = Logits::last}).logits;
  CHECK(difference(read[0], all[0][1]) < 1e-5);
  CHECK(difference(read[1], all[1][4]) < 1e-5);
  CHECK_THROWS_WITH(batch.read_at({1, 3}), contains("prompt 1 of 3 tokens"));
  CHECK_THROWS_WITH(batch.read_at({1}), contains("2 rows"));
}

TEST_CASE("sweeps of an encoder, asked at masks, equal the plain loop") {
  for (const char* name : kEncoders) {
    const Model model = load(huggingface_fixture(name));
    const Task task = masked_task(model);
    for (const Site site : {Site::z, Site::mlp_out, Site::attn_out, Site::resid_mid}) {
      CAPTURE(name, info(site).name);
      const auto fast = swept_at_masks(model, task, site, SweepOptions::Execution::shared).values();
      const auto plain = swept_at_masks(model, task, site, SweepOptions::Execution::plain).values();
      REQUIRE(fast.size() == plain.size());
      for (std::size_t i = 0; i < fast.size(); ++i) {
        CHECK(std::abs(fast[i] - plain[i]) < 1e-4);
      }
    }
  }
}

TEST_CASE("what needs causal text, or a sum of what is written, says that an encoder has none") {
  const Model model = load(huggingface_fixture("bert"));
  CHECK_THROWS_WITH(Generation(model), contains("writing on: tokens of a bert see"));
  CHECK_THROWS_WITH(graph_shape(model.config()), contains("bert has no circuit of edges"));
  const Task task = random_task({.d_vocab = model.config().d_vocab});
  const PathOptions to_logits{.receivers = {parse_receiver("logits", model.config())}};
  CHECK_THROWS_WITH(Paths(to_logits, task.items, model.config()), contains("no direct paths"));
  KvCache cache(model.config());
  (void)model.forward(batch_of({{5, 6}}), {.cache = &cache});
  CHECK_THROWS_WITH(model.forward(batch_of({{7}}), {.cache = &cache}), contains("later tokens"));
  CHECK(why_undefined(find_detector("induction"), model).find("later") != std::string::npos);
  CHECK(why_undefined(find_detector("previous_token"), model).empty());
  CHECK(why_undefined(find_detector("next_token"), model).empty());
  const Model causal = load(huggingface_fixture("gpt2"));
  CHECK_FALSE(why_undefined(find_detector("next_token"), causal).empty());
}
