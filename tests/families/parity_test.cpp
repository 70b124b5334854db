// Every family against Hugging Face transformers, value by value (hooked_transformer against a
// forward pass written out in numpy).
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>

#include <fmt/ranges.h>

#include "lib/families/family.h"
#include "lib/families/verified.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

double check_logits(const Model& model, const Tensors& expected) {
  double largest = 0;
  for (const int n : {0, 1}) {
    const std::string key = "logits." + std::to_string(n);
    INFO(key);
    const Tensor logits = model.forward(batch_of({prompt(expected, n)})).logits;
    const double found = difference(logits, expected.at(key));
    CHECK(found <= kTolerance);
    largest = std::max(largest, found);
  }
  return largest;
}

double check_hooks(const Model& model, const Tensors& expected) {
  Watch watch;
  (void)model.forward(batch_of({prompt(expected, 0)}), watch);
  int checked = 0;
  double largest = 0;
  for (const auto& [name, want] : expected) {
    if (is_hook(name)) {
      INFO(name);
      const double found = difference(watch.at(name), want);
      CHECK(found <= kTolerance);
      largest = std::max(largest, found);
      ++checked;
    }
  }
  const ModelConfig& c = model.config();
  CHECK(checked >= (c.norm == Norm::none || !has_mlp(c) ? 11 : 20) * c.n_layers);
  return largest;
}

std::vector<FixtureModel> models_from_directories() {
  std::vector<FixtureModel> fixtures = all_fixtures();
  fixtures.push_back(huggingface_fixture("hooked_bidirectional"));  // has no cache for other tests
  return fixtures;
}

// The figures that `headscope info --families` shows, measured here.
std::map<std::string, Verified> measured_families() {
  std::map<std::string, Verified> all;
  for (const FixtureModel& fixture : models_from_directories()) {
    const Model model = load(fixture);
    const Tensors expected = read_tensors(fixture.expected);
    Verified& family = all[model.config().family];
    const bool ours = fixture.name.starts_with("hooked_");
    family.against = ours ? "a forward pass written out in NumPy" : "transformers 5.23";
    family.models.push_back(fixture.name);
    family.logits = std::max(family.logits, check_logits(model, expected));
    family.hooks = std::max(family.hooks, check_hooks(model, expected));
  }
  return all;
}

// Twice a measured figure, so that another machine's rounding stays below, to one digit.
double recorded(double measured) {
  const double digit = std::pow(10.0, std::floor(std::log10(std::max(2 * measured, 1e-12))));
  return std::ceil(2 * measured / digit) * digit;
}

void write_verified(const std::map<std::string, Verified>& measured) {
  std::ofstream out(fixture_directory() / "verified.json");
  const char* before = "{\n";
  for (const Family& family : all_families()) {
    const Verified& seen = measured.at(std::string(family.name));
    out << before
        << fmt::format(
               R"("{}": {{"logits": {:.0e}, "hooks": {:.0e}, "against": "{}", "models": ["{}"]}})",
               family.name,
               recorded(seen.logits),
               recorded(seen.hooks),
               seen.against,
               fmt::join(seen.models, R"(", ")"));
    before = ",\n";
  }
  out << "\n}\n";
}

}  // namespace

TEST_CASE("every family is as close to what it follows as `headscope info --families` says") {
  const std::map<std::string, Verified> measured = measured_families();
  if (std::getenv("HEADSCOPE_WRITE_VERIFIED") != nullptr) {
    write_verified(measured);  // and the program is to be built anew
    return;
  }
  for (const Family& family : all_families()) {
    const std::string name(family.name);
    INFO(name << ": tests/families/measure_families measures it and writes the file");
    const Verified* said = find_verified(name);
    REQUIRE(said != nullptr);
    REQUIRE(measured.contains(name));
    CHECK(measured.at(name).logits <= said->logits);
    CHECK(measured.at(name).hooks <= said->hooks);
    CHECK(measured.at(name).models == said->models);
  }
  CHECK(verified_families().size() == all_families().size());
}

TEST_CASE("a model from a Hugging Face directory gives transformers' logits and hook values") {
  for (const FixtureModel& fixture : models_from_directories()) {
    DYNAMIC_SECTION(fixture.name) {
      const Model model = load(fixture);
      const Tensors expected = read_tensors(fixture.expected);
      check_logits(model, expected);
      check_hooks(model, expected);
    }
  }
}

TEST_CASE("a model from a GGUF file gives transformers' logits") {
  for (const FixtureModel& fixture : gguf_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      Tensors expected = read_tensors(fixture.expected);
      const Model model = load(fixture);
      if (!expected.contains("tokens.0")) {  // the q8_0 files share the prompts of the full model
        const std::string name = fixture.name.substr(0, fixture.name.rfind('-'));
        expected.merge(read_tensors(huggingface_fixture(name).expected));
      }
      check_logits(model, expected);
      if (fixture.name.find("-f32") != std::string::npos) {
        check_hooks(model, expected);
      }
    }
  }
}

TEST_CASE("a comparison sees what it should") {
  const Tensors expected = read_tensors(huggingface_fixture("gemma2").expected);
  const Tensor& scores = expected.at("blocks.1.attn.hook_attn_scores");
  CHECK(difference(scores, scores) == 0);
  CHECK(difference(scores, expected.at("blocks.0.attn.hook_attn_scores")) > 1);  // other masks too
  CHECK(difference(scores, expected.at("blocks.1.attn.hook_z")) > 1);            // other shape
  CHECK(difference(scores * 1.001, scores) > 5e-4);
  CHECK(difference(scores, scores.nan_to_num()) > 1);
}
