// A first look at a model's attention heads, as a C++ notebook: run it and open the page it writes.
//
//   build/notebooks/01_first_look [MODEL] [OUT.html]
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "cli/render/head_map.h"
#include "cli/render/report.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/base/version.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"

using namespace headscope;

namespace {

// %% [markdown]
// ## Tools
// The prompt, and what turns tensors into tables and pictures. It is an example of indirect object
// identification (Wang et al. 2022, arXiv:2211.00593): one name comes once, the other twice, and
// the one that came once must follow.

// %%
const std::string kPrompt = "When Mary and John went to the store, John gave a drink to";

std::vector<float> numbers(const Tensor& tensor) {
  const Tensor floats = tensor.to(at::kCPU, at::kFloat).contiguous();
  return {floats.data_ptr<float>(), floats.data_ptr<float>() + floats.numel()};
}

// Of `values` [layer, head].
HeadScores scores_of(const Tensor& values) {
  const std::vector<float> flat = numbers(values);
  return {HeadGrid{values.size(0), values.size(1)}, {flat.begin(), flat.end()}};
}

Table table_of(const std::vector<HeadId>& heads,
               const HeadScores& scores,
               const std::string& name) {
  Table table({{"layer"}, {"head"}, {name}});
  for (const HeadId& head : heads) {
    table.row({head.layer, head.head, scores[head]});
  }
  return table;
}

std::string map_of_heads(const HeadScores& scores, const std::string& name, ColorMap colors) {
  HeatMap map = head_map(scores);
  map.title = name + " of every head";
  map.value_name = name;
  map.color_map = colors;
  return to_svg(map);
}

std::string attention_of(const Recorder& seen, const Model& model, const HeadId& head) {
  const std::string hook = fmt::format("blocks.{}.attn.hook_pattern", head.layer);
  const Tensor pattern = seen.at(hook, {.prompt = 0, .head = head.head});  // [query, key]
  HeatMap map;
  map.title = fmt::format("layer {}, head {}", head.layer, head.head);
  map.subtitle = kPrompt;
  map.rows = map.cols = pattern.size(0);
  map.values = numbers(pattern);
  for (const TokenId id : model.tokenizer().encode(kPrompt)) {
    map.row_labels.push_back(model.tokenizer().piece(id));
  }
  map.col_labels = map.row_labels;
  map.mask = Mask::causal;
  return to_svg(map);
}

// The first tokens in which the two answers differ.
std::pair<TokenId, TokenId> answers(const Tokenizer& tokenizer) {
  const auto right = tokenizer.encode(" Mary", PrependBos::no);
  const auto wrong = tokenizer.encode(" John", PrependBos::no);
  const auto at = std::mismatch(right.begin(), right.end(), wrong.begin(), wrong.end());
  return {*at.first, *at.second};
}

// How much likelier than the wrong name is the right one? logits: [prompts, vocabulary].
Tensor logit_difference(const Tensor& logits, const Tokenizer& tokenizer) {
  const auto [right, wrong] = answers(tokenizer);
  return logits.select(-1, right) - logits.select(-1, wrong);
}

// What every cell needs.
struct Study {
  Model model;
  std::vector<TokenId> tokens;  // of the prompt
  Report& report;
};

// %% [markdown]
// ## What the model says
// The likeliest next tokens. To answer, the model must tell the two names apart.

// %%
// Logits [1, vocabulary] after the prompt.
Tensor predict(const Study& study) {
  const Tensor logits = study.model.forward(Batch({study.tokens}), {.logits = Logits::last}).logits;
  const auto [p, ids] = at::softmax(logits[0], -1).topk(5);
  Table likeliest({{"token"}, {"p"}});
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto id = static_cast<TokenId>(ids[i].item<std::int64_t>());
    likeliest.row({study.model.tokenizer().piece(id), p[i].item<double>()});
  }
  study.report.table(likeliest, kPrompt + " …");
  return logits;
}

// %% [markdown]
// ## Heads that look at the token before
// One pass with a recorder on every pattern. A head's score is its mean attention from a token to
// the one before it, over queries from 2 on (query 1 has only the first token before it).

// %%
Tensor watch(const Study& study, Recorder& seen) {
  const Tensor logits =
      study.model.forward(Batch({study.tokens}), seen, {.logits = Logits::last}).logits;
  std::vector<Tensor> scores;
  for (const std::string& hook : seen.names()) {
    const Tensor pattern = seen.at(hook, {.prompt = 0});  // [head, query, key]
    scores.push_back(pattern.diagonal(-1, 1, 2).slice(1, 1).mean(-1));
  }
  const HeadScores score = scores_of(at::stack(scores));
  const auto strongest = top_heads(score, 5);
  study.report.figure(map_of_heads(score, "previous-token score", ColorMap::sequential));
  study.report.table(table_of(strongest, score, "score"), "The five strongest.");
  study.report.figure(attention_of(seen, study.model, strongest[0]), "The strongest of them.");
  return logits;
}

// %% [markdown]
// ## Looking changes nothing
// The logits of the pass that was watched are those of the pass that was not, bit for bit.

// %%
void compare(const Study& study, const Tensor& plain, const Tensor& watched) {
  if (!watched.equal(plain)) {
    throw InternalError("recording patterns changed the logits");
  }
  study.report.text(fmt::format("**0 of {} logits changed.**", plain.numel()));
}

// %% [markdown]
// ## Without one head
// Every head in turn is silenced: its z set to zero, at all positions. A batch does a layer at
// once: row *h* is the prompt without head *h*. Shown is how far the logit difference between the
// two names drops. (Zero is no natural value; means over other prompts are fairer. This is a first
// look.)

// %%
std::vector<HeadId> silence_each(const Study& study, const Tensor& plain, const Recorder& seen) {
  const auto [n_layers, n_heads] =
      std::pair(study.model.config().n_layers, study.model.config().n_heads);
  const Tensor whole = logit_difference(plain, study.model.tokenizer());
  const Batch rows(std::vector(static_cast<std::size_t>(n_heads), study.tokens));
  std::vector<Tensor> drops;
  for (std::int64_t layer = 0; layer < n_layers; ++layer) {
    Edits edits;
    for (std::int64_t head = 0; head < n_heads; ++head) {
      edits
          .at(hook_name(Site::z, static_cast<int>(layer)), {.heads = {{head}}, .prompts = {{head}}})
          .zero();
    }
    const Tensor logits = study.model.forward(rows, edits, {.logits = Logits::last}).logits;
    drops.push_back(whole - logit_difference(logits, study.model.tokenizer()));
  }
  const HeadScores drop = scores_of(at::stack(drops));
  const auto helpers = top_heads(drop, 5);
  study.report.figure(map_of_heads(drop, "drop of the logit difference", ColorMap::diverging));
  study.report.table(table_of(helpers, drop, "drop"), "The five without which it drops most.");
  study.report.figure(attention_of(seen, study.model, helpers[0]), "What the first looks at.");
  return helpers;
}

// %% [markdown]
// ## Without several heads
// The same heads, silenced together.

// %%
void silence_together(const Study& study, const std::vector<HeadId>& heads) {
  const Tokenizer& tokenizer = study.model.tokenizer();
  Table table({{"heads silenced"}, {"logit difference"}, {"p of the right name"}});
  for (std::size_t count = 0; count <= heads.size(); ++count) {
    Edits edits;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string z = hook_name(Site::z, static_cast<int>(heads[i].layer));
      edits.at(z, {.heads = {{heads[i].head}}}).zero();
    }
    const Tensor logits =
        study.model.forward(Batch({study.tokens}), edits, {.logits = Logits::last}).logits;
    const Tensor p = at::softmax(logits[0], -1)[answers(tokenizer).first];
    table.row({count, logit_difference(logits, tokenizer).item<double>(), p.item<double>()});
  }
  study.report.table(table);
}

// %% [markdown]
// ## All of it

// %%
int run(const std::string& name, const std::string& out) {
  Report report({.title = "A first look",
                 .subtitle = "Attention heads of " + name,
                 .footer = fmt::format("headscope {}", kVersion),
                 .source = __FILE__});
  Model model = load_model(name);
  const Study study{model, model.tokenizer().encode(kPrompt), report};
  const Tensor logits = predict(study);
  Recorder seen{"blocks.*.attn.hook_pattern"};
  compare(study, logits, watch(study, seen));
  silence_together(study, silence_each(study, logits, seen));
  report.write(out);
  fmt::print("{}\n", out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return run(argc > 1 ? argv[1] : "smollm2", argc > 2 ? argv[2] : "out/01_first_look.html");
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
