// What every method fits, applied while the model writes, against a loop that runs the whole text
// anew for each token and changes it in plain tensor operations.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <ATen/ops/argmax.h>
#include <ATen/ops/log_softmax.h>

#include "analyses/head_detectors/atlas.h"
#include "analyses/steering/steer_method.h"
#include "hooks/standing_interventions.h"
#include "lib/base/json.h"
#include "lib/generate/generate.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;
using PlainChange = std::function<Tensor(HookPoint point, const Tensor& value)>;

constexpr int kWritten = 8;

// Shows every point of some sites to a function.
class PlainTap final : public Tap {
 public:
  PlainTap(Site site, const PlainChange& change) : site_(site), change_(change) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == site_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    return change_(visit.point, value.clone());
  }

 private:
  Site site_;
  const PlainChange& change_;
};

Tokens plain_loop(const Model& model, Tokens text, Site site, const PlainChange& change) {
  Tokens written;
  while (written.size() < kWritten) {
    PlainTap tap(site, change);
    const Tensor logits = model.forward(Batch({text}), tap, {.logits = Logits::last}).logits;
    written.push_back(static_cast<std::int32_t>(at::argmax(logits, -1).item<std::int64_t>()));
    text.push_back(written.back());
  }
  return written;
}

Tokens ids(const GeneratedText& text) {
  Tokens tokens;
  for (const WrittenToken& token : text.tokens) {
    tokens.push_back(token.token);
  }
  return tokens;
}

Tokens generated(const Model& model,
                 const Prompt& prompt,
                 const std::shared_ptr<const StandingChange>& change) {
  Generation generation(model);
  generation.join({.prompt = prompt.tokens,
                   .spans = prompt.spans,
                   .stop = {.max_new = kWritten, .at_end_of_turn = AtEndOfTurn::go_on},
                   .change = change});
  while (generation.step()) {
  }
  return ids(generation.text(0));
}

// What a method learned, on a model, and the prompts that text is written behind.
struct Fitted {
  TempFolder folder;
  Model model;
  SteerData data;
  Steering steering;

  Fitted(Model with,
         const std::string& method,
         SteerSettings settings,
         const std::string& lines = spanned_lines())
      : model(std::move(with)), data(data_of(lines, load(huggingface_fixture("llama")), folder)) {
    const SteerSplit split = split_of(data, 0.25, 0);
    steering = fit_steering(find_steer_method(method),
                            {.model = model,
                             .fit = split.fit,
                             .held_out = split.held_out,
                             .settings = std::move(settings)});
    write_direction(steering.direction, steering.edits, folder.file("d"));
  }

  static std::string spanned_lines() {
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      lines += fmt::format(
          "{{\"prompt\": \"a b c{} d e f\", \"positive\": \"d\", \"negative\": \"e\", "
          "\"spans\": {{\"key\": [1, 3]}}}}\n",
          i);
    }
    return lines;
  }

  [[nodiscard]] std::set<HeadId> heads() const {
    std::set<HeadId> found;
    for (const OrderedJson& one : steering.chosen["heads"]) {
      found.insert(parse_head_id(one["head"].get<std::string>()));
    }
    return found;
  }

  // The text behind some prompts is what the loop writes, and not all are as without the change.
  void check(Site site, const std::function<PlainChange(const Prompt&)>& change) const {
    const auto applied = standing_interventions(model, folder.file("d") / "edits.json");
    int changed = 0;
    for (const std::size_t item : {0U, 3U, 7U}) {
      CAPTURE(item);
      const Prompt& prompt = data.items[item].prompt;
      const Tokens text = generated(model, prompt, applied);
      CHECK(text == plain_loop(model, prompt.tokens, site, change(prompt)));
      changed += text == generated(model, prompt, nullptr) ? 0 : 1;
    }
    CHECK(changed > 0);
    CHECK_NOTHROW(applied->check_fired());
  }
};

Model llama() {
  return load(huggingface_fixture("llama"));
}

// Of chosen heads of z: [1, T, H, d].
PlainChange times(const std::set<HeadId>& heads, double factor) {
  return [heads, factor](HookPoint point, const Tensor& z) {
    for (const HeadId& head : heads) {
      if (head.layer == point.layer) {
        z.select(2, head.head).mul_(factor);
      }
    }
    return z;
  };
}

// The direction's values at this point, at the positions from `first` to `end`.
PlainChange plus(const SteeringDirection& direction,
                 double alpha,
                 std::int64_t first = 0,
                 std::int64_t end = 1'000'000) {
  return [=](HookPoint here, const Tensor& x) {
    for (const SteeringDirection::Point& point : direction.points) {
      if (point.name == hook_name(here.site, here.layer)) {
        const std::int64_t count = std::min(end, x.size(1)) - first;
        x.narrow(1, first, count).add_(point.values, alpha);
      }
    }
    return x;
  };
}

}  // namespace

TEST_CASE("directions that are added at every position write what a plain loop writes") {
  struct Case {
    std::string method;
    SteerSettings settings;
    Site site;
    double alpha;
  };
  for (const Case& one :
       {Case{"mean-diff", {.alpha = 6.0, .layers = {{1}}}, Site::resid_post, 6.0},
        Case{"pca", {.alpha = -6.0, .layers = {{1}}}, Site::resid_post, -6.0},
        Case{"iti", {.top = 4}, Site::z, 15.0},
        Case{"lofit", {.top = 4, .alpha = 4.0, .steps = 2, .rate = 0.1}, Site::z, 4.0}}) {
    CAPTURE(one.method);
    const Fitted fitted(llama(), one.method, one.settings);
    fitted.check(one.site,
                 [&](const Prompt&) { return plus(fitted.steering.direction, one.alpha); });
  }
}

TEST_CASE("heads that are turned up or off write what a plain loop writes") {
  const TempFolder folder;
  const Model model = llama();
  const std::string atlas = folder.file("a.h5").string();
  write_roles(model, atlas, model.source().weights_hash);
  struct Case {
    std::string method;
    SteerSettings settings;
    double factor;
  };
  for (const Case& one :
       {Case{"knockout", {.top = 4}, 0.0},
        Case{"scale", {.top = 4, .alpha = 6.0}, 6.0},
        Case{"boost", {.top = 4, .alpha = 6.0, .atlas = atlas, .detector = "induction"}, 6.0},
        Case{"vhr", {.alpha = 6.0, .span = "key"}, 6.0}}) {
    CAPTURE(one.method);
    const Fitted fitted(model, one.method, one.settings);
    REQUIRE(!fitted.heads().empty());
    fitted.check(Site::z, [&](const Prompt&) { return times(fitted.heads(), one.factor); });
  }
}

TEST_CASE("a function vector is added at the last token of the prompt, not at those written") {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    lines += fmt::format(
        "{{\"clean_tokens\": [5, {0}, 7, 9], \"corrupted_tokens\": [6, {0}, 8, 9], "
        "\"answer_tokens\": [11], \"wrong_tokens\": [12]}}\n",
        10 + i);
  }
  const Fitted fitted(llama(), "function-vector", {.top = 3, .alpha = 8.0}, lines);
  fitted.check(Site::resid_post, [&](const Prompt& prompt) {
    const auto length = std::ssize(prompt.tokens);
    return plus(fitted.steering.direction, 8.0, length - 1, length);
  });
}

TEST_CASE("heads of another temperature write what a plain loop writes") {
  const Fitted fitted(llama(), "temperature", {.top = 6, .alpha = 10.0});
  bool both = false;
  std::map<HeadId, double> factors;  // on the scores
  for (const Intervention& edit : fitted.steering.edits) {
    for (const std::int64_t head : *edit.where.heads) {
      factors[{edit.site[7] - '0', head}] = 1.0 / edit.factor;
      both = both || edit.factor != fitted.steering.edits[0].factor;
    }
  }
  CHECK(both);  // sharper ones, and flatter ones
  CHECK(factors.size() == fitted.heads().size());
  fitted.check(Site::attn_scores, [&](const Prompt&) -> PlainChange {
    return [&](HookPoint point, const Tensor& scores) {
      for (const auto& [head, factor] : factors) {
        if (head.layer == point.layer) {
          scores.select(1, head.head).mul_(factor);
        }
      }
      return scores;
    };
  });
}

TEST_CASE("PASTA weakens the prompt's keys outside the span, and none that were written") {
  const Fitted fitted(llama(), "pasta", {.top = 6, .alpha = 0.01, .span = "key"});
  fitted.check(Site::pattern, [&](const Prompt& prompt) -> PlainChange {
    const Span key = prompt.spans.at("key");
    const auto length = std::ssize(prompt.tokens);
    return [heads = fitted.heads(), key, length](HookPoint point, const Tensor& pattern) {
      for (const HeadId& head : heads) {
        if (head.layer == point.layer) {
          const Tensor own = pattern.select(1, head.head);  // [1, T, T]
          for (std::int64_t j = 0; j < length; ++j) {
            if (j < key.begin || j >= key.end) {
              own.select(2, j).mul_(0.01);
            }
          }
          own.div_(own.sum(2, true));
        }
      }
      return pattern;
    };
  });
}

TEST_CASE("ACT calibrates the sinks of the prompt, not what written tokens attend to") {
  const Model model = altered(llama(), [](ModelConfig& config, Weights& weights) {
    for (const std::size_t layer : {0U, 1U}) {  // five layers: the method leaves three of them be
      config.layers.push_back(config.layers[layer]);
      weights.blocks.push_back(weights.blocks[layer]);
    }
    config.n_layers = 5;
  });
  const Fitted fitted(model, "act", {.top = 6, .alpha = 0.0});
  // Neither chunks of prompts nor keys kept of one that begins alike stand in its way.
  const auto applied = standing_interventions(model, fitted.folder.file("d") / "edits.json");
  Generation pieces(model,
                    {.prefill_chunk = 3, .prefixes = std::make_shared<PrefixCache>(1 << 24)});
  for (const std::size_t item : {0U, 0U, 1U}) {  // "a b c0 …", again, "a b c1 …"
    const Prompt& prompt = fitted.data.items[item].prompt;
    const std::size_t text =
        pieces.join({.prompt = prompt.tokens,
                     .stop = {.max_new = kWritten, .at_end_of_turn = AtEndOfTurn::go_on},
                     .change = applied});
    while (pieces.step()) {
    }
    CHECK(ids(pieces.text(text)) == generated(model, prompt, applied));
  }
  // A pass over the whole text, as records of it are made, gives what its steps had.
  const Prompt& first = fitted.data.items[0].prompt;
  Generation generation(model);
  generation.join({.prompt = first.tokens,
                   .stop = {.max_new = kWritten, .at_end_of_turn = AtEndOfTurn::go_on},
                   .change = applied});
  while (generation.step()) {
  }
  const Prompt whole = computed_text(first, generation.text(0));
  const Tensor logits =
      model.with(applied).forward(Batch::of({&whole}), {.logits = Logits::all}).logits[0];
  const Tokens written = ids(generation.text(0));
  for (std::size_t i = 0; i < written.size(); ++i) {
    const std::int64_t at = std::ssize(first.tokens) - 1 + static_cast<std::int64_t>(i);
    CHECK(logits[at].argmax().item<std::int64_t>() == written[i]);
    CHECK(at::log_softmax(logits[at], 0)[written[i]].item<double>() ==
          Approx(generation.text(0).tokens[i].logprob).margin(1e-3));
  }

  fitted.check(Site::pattern, [&](const Prompt& prompt) -> PlainChange {
    const auto length = std::ssize(prompt.tokens);
    return [heads = fitted.heads(), length](HookPoint point, const Tensor& pattern) {
      for (const HeadId& head : heads) {
        if (head.layer != point.layer) {
          continue;
        }
        const Tensor own = pattern[0][head.head].narrow(0, 0, length).narrow(1, 0, length);
        std::vector<std::int64_t> sinks;
        for (std::int64_t j = 0; j < length; ++j) {
          if (own.select(1, j).narrow(0, j, length - j).mean().item<double>() > 0.1) {
            sinks.push_back(j);
          }
        }
        for (std::size_t s = 1; s < sinks.size(); ++s) {
          own.select(1, sinks[s]).zero_();
        }
        own.div_(own.sum(1, true));
      }
      return pattern;
    };
  });
}

TEST_CASE("queries kept in one direction write what a plain loop writes") {
  const Fitted fitted(llama(), "low-rank", {.top = 8, .rank = 1});
  fitted.check(Site::q, [&](const Prompt&) -> PlainChange {
    return [&](HookPoint here, const Tensor& q) {
      for (const SteeringDirection::Point& point : fitted.steering.direction.points) {
        for (const std::int64_t head : point.heads) {
          if (point.name == hook_name(here.site, here.layer)) {
            const Tensor axis = point.values[head][0];
            const Tensor own = q.select(2, head);  // [1, T, d]
            own.copy_((own * axis).sum(-1, true) * axis);
          }
        }
      }
      return q;
    };
  });
}
