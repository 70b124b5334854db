// One model, read by several threads at once: each gets what it gets alone. Worth most under
// ThreadSanitizer (`make tsan`), which sees a race that happens to do no harm.
#include <algorithm>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/one_thread.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::size_t kThreads = 4;
constexpr int kTimes = 3;  // that a thread does its work

std::vector<std::vector<std::int32_t>> prompts_of_thread(std::size_t thread) {
  const auto shift = static_cast<std::int32_t>(thread);
  return {{5 + shift, 6, 7, 8, 9, 10}, {11, 12 + shift, 13}};
}

// Everything a pass offers: watched and changed values, a cache, a pass that starts in the middle,
// and the model's copies of its weights.
std::vector<Tensor> all_that_a_pass_gives(const Model& model, std::size_t thread) {
  const Batch batch(prompts_of_thread(thread));
  Watch watch;
  std::vector<Tensor> got{model.forward(batch, watch).logits};
  for (const auto& [name, value] : watch.values) {
    got.push_back(value);
  }
  IdentityEdit edit(Site::pattern);
  got.push_back(model.forward(batch, edit, {.logits = Logits::last}).logits);
  KvCache cache(model.config());
  model.forward(batch, {.cache = &cache});
  got.push_back(model.forward(Batch({{7}, {8}}), {.cache = &cache}).logits);
  const ForwardResult half = model.forward(batch, {.to_layer = 1});
  got.push_back(
      model.resume({.layout = batch.layout(), .residual = half.residual, .layer = 1}).logits);
  got.push_back(Model(model).W_Q(0).clone());
  return got;
}

std::size_t how_many_differ(const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
  std::size_t count = got.size() == want.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    count += identical(got[i], want[i]) ? 0 : 1;
  }
  return count;
}

}  // namespace

TEST_CASE("threads that share a model get bit for bit what each gets alone") {
  const OneThread one_thread;  // Torch's own threads are not what is tested
  for (const char* name : {"gpt2", "llama3_gqa_tied", "gemma2_v5"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    std::vector<std::vector<Tensor>> got(kThreads);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int time = 0; time < kTimes; ++time) {
          got[i] = all_that_a_pass_gives(model, i);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (std::size_t i = 0; i < kThreads; ++i) {
      CAPTURE(i);
      CHECK(how_many_differ(got[i], all_that_a_pass_gives(model, i)) == 0);
    }
    CHECK(how_many_differ(got[0], got[1]) > 0);  // each had work of its own
  }
}
