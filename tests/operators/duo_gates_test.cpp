// DuoAttention's gates: the loss by finite differences, and texts with hidden keys.
#include "analyses/operators/duo_gates.h"

#include <algorithm>

#include "analyses/head_lists/read_head_list.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "lib/text/tokenizer.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

PasskeyText drawn_text() {
  PasskeyText text;
  Random random(3, "gates");
  for (int i = 0; i < 14; ++i) {
    text.tokens.push_back(static_cast<std::int32_t>(3 + random.below(40)));
  }
  text.answers = {9, 12, 13};
  return text;
}

const GateOptions kShort{.streaming = {1, 3}, .weight = 0.05};

double loss_at(const Model& model, const Tensor& gates) {
  const GateLoss loss = gate_loss(model, drawn_text(), gates, kShort);
  return loss.distill + kShort.weight * loss.mean_gate;
}

}  // namespace

TEST_CASE("open gates are the model itself, and their gradient is that of finite differences") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Tensor open = at::ones({3, 2});
  CHECK(gate_loss(model, drawn_text(), open, kShort).distill < 1e-12);
  const Tensor gates = at::tensor({0.3, 0.9, 0.5, 0.1, 0.7, 0.4}).to(at::kFloat).view({3, 2});
  const GateLoss loss = gate_loss(model, drawn_text(), gates, kShort);
  CHECK(loss.distill > 1e-6);
  constexpr double kStep = 2e-3;
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    for (std::int64_t head = 0; head < 2; ++head) {
      CAPTURE(layer, head);
      const auto moved = [&](double by) {
        Tensor other = gates.clone();
        other[layer][head] += by;
        return loss_at(model, other);
      };
      const double slope = (moved(kStep) - moved(-kStep)) / (2 * kStep);
      CHECK(loss.gradient[layer][head].item<double>() == Approx(slope).epsilon(0.02).margin(2e-5));
    }
  }
}

TEST_CASE("keys are hidden in the haystack and asked for at the end") {
  const Tokenizer tokenizer = Tokenizer::from_directory(
      std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/text/llama3");
  Random random(1, "passkeys");
  const PasskeyOptions options{.keys = 2, .words = 3, .least = 20, .most = 30};
  const PasskeyText text = passkey_text(tokenizer, "It rained all day. ", options, random);
  const std::string whole = tokenizer.decode(text.tokens);
  std::vector<std::int32_t> last_key;
  for (const std::int64_t at : text.answers) {
    last_key.push_back(text.tokens[static_cast<std::size_t>(at)]);
  }
  const std::string keys = tokenizer.decode(last_key);
  CHECK(std::ranges::count(keys, ' ') == 6);  // two keys of three words, a space before each
  CHECK(whole.ends_with(keys.substr(keys.size() / 2 + 10)));
  for (const std::string name : {"first", "second"}) {
    const std::size_t asked = whole.rfind(name);
    CHECK(whole.find(name) < asked);  // said before it is asked for
  }
  CHECK(whole.find("second") != std::string::npos);
  CHECK_THROWS_WITH(passkey_text(tokenizer, "x", {.keys = 11}, random), contains("11 keys"));
  CHECK_THROWS_WITH(passkey_text(tokenizer, "x", {.least = 9, .most = 3}, random),
                    contains("haystacks of 9 to 3"));
}

TEST_CASE("gates are written as DuoAttention writes them and read again") {
  const Folder folder;
  const HeadScores gates(HeadGrid{2, 3}, std::vector<double>{0.0, 0.25, 1.0, 0.5, 0.75, 0.125});
  put(folder / "full_attention_heads.tsv", gates_tsv(gates));
  const HeadList list = read_head_list(folder / "full_attention_heads.tsv");
  CHECK(list.space == HeadSpace::kv);
  CHECK(list.scores == gates);
}
