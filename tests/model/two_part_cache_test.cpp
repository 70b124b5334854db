// A cache that keeps everything of some heads and the first and last tokens of others, against the
// plan computed with masks over every key.
#include <algorithm>

#include <ATen/record_function.h>

#include "lib/attention/operators/operator_choice.h"
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/families/load.h"
#include "lib/generate/generate.h"
#include "lib/model/attention_plan.h"
#include "lib/model/kv_parts.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/gpu.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;

// Logits of a text by masks over all keys that lie in one pass, scores formed: what the two parts
// are held to shares neither the ring nor the fused form with them.
Tensor by_masks(const Model& model, const Tokens& text) {
  IdentityEdit as_it_is(Site::pattern);
  return model.forward(Batch({text}), as_it_is, {.logits = Logits::last}).logits;
}

struct Texts {
  const Model& model;
  KvCache cache;
  std::vector<Tokens> texts;

  void check_next(std::int32_t token) {
    const std::vector<Tokens> columns(texts.size(), Tokens{token});
    const Tensor got =
        model.forward(Batch(columns), {.logits = Logits::last, .cache = &cache}).logits;
    for (std::size_t row = 0; row < texts.size(); ++row) {
      CAPTURE(row, texts[row].size());
      texts[row].push_back(token);
      // Logits behind three layers of which each rounds in its own way.
      CHECK(difference(got.narrow(0, static_cast<std::int64_t>(row), 1),
                       by_masks(model, texts[row])) < 5e-6);
    }
  }
};

Tokens drawn(Random& random, std::size_t length) {
  Tokens text;
  for (std::size_t i = 0; i < length; ++i) {
    text.push_back(static_cast<std::int32_t>(3 + random.below(40)));
  }
  return text;
}

// Of three layers of four heads that share two by two: one streams whole, one has a streaming KV
// head and one with another operator; one has a window and a head whose partner has no operator.
Model planned(const Model& model, std::int64_t local, const std::string& other = "top-k:k=3") {
  const OperatorChoice streaming = parse_operator(fmt::format("streaming:sink=2,local={}", local));
  const std::vector<AttentionPlan::Part> parts{
      {streaming, {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}}},
      {parse_operator("window:local=4"), {{2, 2}, {2, 3}}},
      {parse_operator(other), {{1, 0}, {1, 1}}}};
  return with_attention(model, std::make_shared<AttentionPlan>(parts, model.config()));
}

Texts prefilled(const Model& model, const std::vector<Tokens>& texts, std::int64_t chunk = 0) {
  Texts held{model, KvCache(model.config(), kv_parts(model)), texts};
  model.forward(Batch(texts), {.logits = Logits::none, .cache = &held.cache, .chunk = chunk});
  return held;
}

Generation three_texts(const Model& model, DecodeRunner::Options decode, std::int64_t max_new) {
  Generation generation(model, {.decode = std::move(decode)});
  Random random(7, "written");
  for (const std::size_t length : {3, 17, 1}) {
    generation.join({.prompt = drawn(random, length),
                     .stop = {.max_new = max_new, .at_end_of_turn = AtEndOfTurn::go_on}});
  }
  while (generation.step()) {
  }
  return generation;
}

// In place of a device's: sees by which indices the first two steps choose.
class IndexWatch final : public LaunchGraph {
 public:
  using Indices = std::vector<Tensor>;  // held, so that no other takes their place in memory
  IndexWatch(Indices& first, Indices& second) : first_(first), second_(second) {}
  void warm_up(const std::function<void()>& work) override { watch(work, first_); }
  void record(const std::function<void()>& work) override { watch(work, second_); }
  void replay() override {}  // of the step that was just recorded, which has run

 private:
  static void watch(const std::function<void()>& work, Indices& indices) {
    static thread_local Indices* seen = nullptr;
    seen = &indices;
    const auto handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& op)
                                       -> std::unique_ptr<at::ObserverContext> {
          if (std::string(op.name()) == "aten::index_select") {
            seen->push_back(op.inputs()[2].toTensor());
          }
          return nullptr;
        }).needsInputs(true));
    work();
    at::removeCallback(handle);
  }

  Indices& first_;
  Indices& second_;
};

}  // namespace

TEST_CASE("which KV heads stream: those whose query heads all do, alike") {
  const Model model = planned(load(huggingface_fixture("llama3_gqa_tied")), 5);
  const std::vector<KvParts> parts = kv_parts(model);
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].whole.empty());
  REQUIRE(parts[0].streamed.size() == 1);
  CHECK(parts[0].streamed[0].heads == std::vector<std::int64_t>{0, 1});
  CHECK(parts[0].streamed[0].kept == KeptKeys{2, 5});
  CHECK(parts[1].whole == std::vector<std::int64_t>{0});
  CHECK(parts[1].streamed[0].heads == std::vector<std::int64_t>{1});
  CHECK(parts[2].whole == std::vector<std::int64_t>{0});
  CHECK(parts[2].streamed[0].kept == KeptKeys{0, 4});
  CHECK(kv_parts(load(huggingface_fixture("llama3_gqa_tied"))).empty());
}

TEST_CASE("rows of a cache of two parts come, go and grow as if each text had run alone") {
  const Model unplanned = load(huggingface_fixture("llama3_gqa_tied"));
  for (const std::int64_t local : {1, 3, 6}) {
    const Model model = planned(unplanned, local);
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      CAPTURE(local, seed);
      Random random(seed, "two parts");
      Texts held = prefilled(model, {drawn(random, 4), drawn(random, 1), drawn(random, 11)});
      for (int turn = 0; turn < 12; ++turn) {
        CAPTURE(turn);
        const std::size_t chosen = random.below(5);
        if (chosen == 0) {
          const Tokens text = drawn(random, 1 + random.below(14));
          const auto chunk = static_cast<std::int64_t>(random.below(4));
          held.cache.append_rows(prefilled(model, {text}, chunk).cache);
          held.texts.push_back(text);
        } else if (chosen == 1 && held.texts.size() > 1) {
          const std::size_t row = random.below(held.texts.size());
          held.cache.drop_rows({static_cast<std::int64_t>(row)});
          held.texts.erase(held.texts.begin() + static_cast<std::ptrdiff_t>(row));
        } else if (chosen == 2) {
          held.cache = held.cache.fork();
        }
        held.check_next(static_cast<std::int32_t>(3 + random.below(40)));
      }
    }
  }
}

TEST_CASE("texts written in two parts are those written with every key kept, in fewer bytes") {
  const Model unplanned = load(huggingface_fixture("llama3_gqa_tied"));
  for (const DecodeBy by : {DecodeBy::passes, DecodeBy::room}) {
    // Scores are not formed in room of fixed places, so that there no head may ask for them.
    const Model model =
        planned(unplanned, 4, by == DecodeBy::room ? "window:local=5" : "top-k:k=3");
    std::vector<Tokens> written[2];
    KvCache::Bytes bytes[2];
    for (const KvKept kept : {KvKept::by_plan, KvKept::whole}) {
      Generation generation(model,
                            {.prefill_chunk = 5, .decode = {.by = by, .room = 8}, .keys = kept});
      Random random(7, "written");
      for (const std::size_t length : {3, 17, 1}) {
        generation.join({.prompt = drawn(random, length),
                         .stop = {.max_new = 24, .at_end_of_turn = AtEndOfTurn::go_on}});
        generation.step();
      }
      while (generation.step()) {
      }
      const auto of = static_cast<std::size_t>(kept);
      bytes[of] = generation.most_kept();
      for (std::size_t i = 0; i < 3; ++i) {
        written[of].emplace_back();
        for (const WrittenToken& token : generation.text(i).tokens) {
          written[of].back().push_back(token.token);
        }
      }
    }
    CHECK(written[0] == written[1]);
    CHECK(bytes[0].whole == bytes[1].whole);
    CHECK(bytes[1].kept == bytes[1].whole);
    CHECK(bytes[0].kept < bytes[0].whole * 2 / 3);
  }
}

// On a GPU an index made anew is a copy from the host, which no recording takes.
TEST_CASE("a recorded step chooses heads by indices that were there in the step before") {
  const Model model = planned(load(huggingface_fixture("llama3_gqa_tied")), 4, "window:local=5");
  IndexWatch::Indices first;
  IndexWatch::Indices second;
  const auto watch = [&](const Device&) { return std::make_unique<IndexWatch>(first, second); };
  const Generation texts = three_texts(model, {.graph = watch}, 3);
  CHECK(texts.steps().recorded == 1);
  CHECK(texts.steps().passes == 0);
  REQUIRE(second.size() == first.size());
  CHECK(second.size() >= 15);  // of queries, keys and values of three layers' parts
  for (std::size_t i = 0; i < second.size(); ++i) {
    CHECK(second[i].const_data_ptr() == first[i].const_data_ptr());
  }
}

TEST_CASE("steps under a plan that streams are replayed") {
  need_gpu();
  const std::string path = huggingface_fixture("llama3_gqa_tied").path.string();
  const Model model = planned(load_model(path, {.device = cuda()}), 4, "window:local=5");
  const Generation replayed = three_texts(model, {}, 24);
  const Generation passes = three_texts(model, {.by = DecodeBy::passes}, 24);
  CAPTURE(replayed.steps().why_passes);
  CHECK(replayed.steps().passes == 0);
  CHECK(replayed.steps().recorded == 1);
  CHECK(replayed.steps().replayed == 22);
  for (std::size_t text = 0; text < 3; ++text) {
    for (std::size_t t = 0; t < 24; ++t) {
      CHECK(replayed.text(text).tokens[t].token == passes.text(text).tokens[t].token);
    }
  }
}

TEST_CASE("what a ring has let go of is refused, not made up") {
  const Model model = planned(load(huggingface_fixture("llama3_gqa_tied")), 3);
  Random random(1, "refused");
  Texts held = prefilled(model, {drawn(random, 9)});
  CHECK_THROWS_WITH(held.cache.truncate(4), contains("after 4 of 9 columns"));
  CHECK_THROWS_WITH(held.cache.slice(8), contains("after 8 of 9 columns"));
  CHECK_THROWS_WITH(held.cache.view(0), contains("the first and the last tokens alone"));
  Watch watch(Site::pattern);
  CHECK_THROWS_WITH(model.forward(Batch(std::vector<Tokens>{{5}}), watch, {.cache = &held.cache}),
                    contains("--kv-cache whole"));
  held.cache.truncate(0);
  CHECK(held.cache.bytes().kept == 0);
}
