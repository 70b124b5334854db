// A trace in place of a run: what it hands out, and what it refuses.
#include "hooks/stored_run.h"

#include <fstream>

#include "hooks/address.h"
#include "hooks/joined.h"
#include "hooks/provenance.h"
#include "hooks/record.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<Prompt> stored_prompts() {
  return {{"a", "", {5, 6, 7, 8, 9, 10}, {}},
          {"b", "", {11, 12, 13}, {}},
          {"c", "", {14, 15, 16, 17}, {}}};
}

RecordOptions of_everything(const Model& model) {
  RecordOptions options;
  options.hooks = {"*"};
  options.provenance = provenance(model, {.command_line = "test"});
  return options;
}

bool alike(const Tensor& a, const Tensor& b) {
  return a.allclose(b.to(at::kFloat), 1e-5, 1e-5);
}

// The refusal names the file, the reason and the command that records what is missing.
void check_refused(const StoredRun& stored,
                   const Model& model,
                   const StoredNeed& need,
                   const std::string& reason) {
  CHECK_THROWS_AS(stored.check(model, need), UsageError);
  CHECK_THROWS_WITH(stored.check(model, need),
                    contains(reason) && contains(record_command(model, need)) &&
                        contains(stored.path().string() + ": "));
}

}  // namespace

TEST_CASE("a trace gives a padded batch what the model computes of it") {
  const TempFolder folder;
  for (const std::string name : {"llama", "gpt2", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    record(model, stored_prompts(), folder.file(name), of_everything(model));
    const StoredRun stored(folder.file(name));
    const Batch batch({stored_prompts()[2].tokens, stored_prompts()[0].tokens});
    const std::vector<std::size_t> prompts = stored.prompts_of(batch);
    CHECK(prompts == std::vector<std::size_t>{2, 0});
    Recorder seen{"*"};
    const Tensor logits = model.forward(batch, seen, {.logits = Logits::last}).logits;
    for (const std::string& point : seen.names()) {
      CAPTURE(name, point);
      const Tensor whole = stored.at(point, prompts, batch.layout());
      const Tensor live = seen.at(point);
      REQUIRE(whole.sizes() == live.sizes());
      CHECK(alike(whole[1], live[1]));  // the longer one
      const Site site = resolve_hooks(point, model.config()).front().site;
      CHECK(alike(one_prompt(whole, site, 0, 2), seen.at(point, {.prompt = 0})));
    }
    CHECK(alike(stored.at("logits/last", prompts, batch.layout()), logits));
  }
}

TEST_CASE("padding comes first, and is 0") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  record(model, stored_prompts(), folder.file("t.h5"), of_everything(model));
  const StoredRun stored(folder.file("t.h5"));
  const Batch batch({stored_prompts()[0].tokens, stored_prompts()[1].tokens});
  const Tensor pattern =
      stored.at("blocks.1.attn.hook_pattern", stored.prompts_of(batch), batch.layout());
  CHECK(pattern[1].narrow(1, 0, 3).abs().max().item<float>() == 0.0F);
  CHECK(pattern[1].narrow(2, 0, 3).abs().max().item<float>() == 0.0F);
  CHECK(pattern[1].narrow(1, 3, 3).sum(2).min().item<float>() == Approx(1.0F));
}

TEST_CASE("a trace of another model is refused by what differs") {
  const TempFolder folder;
  const Model llama = load(huggingface_fixture("llama"));
  record(llama, stored_prompts(), folder.file("t.h5"), of_everything(llama));
  const StoredRun stored(folder.file("t.h5"));
  const StoredNeed need{.values = {Site::z}, .prompts = "--prompts p.jsonl"};
  CHECK_NOTHROW(stored.check(llama, need));
  check_refused(
      stored, load(huggingface_fixture("gpt2")), need, "of another model: weights_hash is");
  const Model wider =
      altered(llama, [](ModelConfig& config, Weights&) { config.attn_scale = 2.0; });
  check_refused(stored, wider, need, "of another model: config.attn_scale is");
  const Model half =
      load_model(huggingface_fixture("llama").path.string(), {.device = {}, .dtype = DType::bf16});
  check_refused(stored, half, need, "of another model: dtype is f32 there but bf16 here");
  CHECK(
      record_command(half, need)
          .ends_with(" --prompts p.jsonl --hooks 'blocks.*.attn.hook_z' --dtype bf16 -o FILE.h5"));
}

TEST_CASE("weights that differ are another model, and so is a run that was changed") {
  const TempFolder folder;
  const Model llama = load(huggingface_fixture("llama"));
  RecordOptions options = of_everything(llama);
  options.hooks = {"blocks.*.attn.hook_z"};
  const StoredNeed need{.values = {Site::z}, .prompts = "--prompts p.jsonl"};
  options.provenance["identity"]["weights_hash"] = "xxh3:00";
  record(llama, stored_prompts(), folder.file("other.h5"), options);
  check_refused(StoredRun(folder.file("other.h5")),
                llama,
                need,
                "of another model: weights_hash is xxh3:00 there but");
  options = of_everything(llama);
  options.provenance["identity"]["pruned"] = "zero";
  record(llama, stored_prompts(), folder.file("changed.h5"), options);
  check_refused(StoredRun(folder.file("changed.h5")),
                llama,
                need,
                "pruned is zero there, so its values are not the model's own");
}

TEST_CASE("a trace of a changed model is for the model changed alike, and for no other") {
  const TempFolder folder;
  const Model llama = load(huggingface_fixture("llama"));
  const auto changed = [&](const std::string& file, const char* factor) {
    std::ofstream(folder.file(file))
        << R"({"version": 1, "interventions": [{"site": "blocks.1.attn.hook_z", "op": "scale", )"
        << "\"factor\": " << factor << "}]}";
    return intervened(llama, folder.file(file));
  };
  const Model twice = changed("twice.json", "2");
  RecordOptions options = of_everything(twice);
  options.hooks = {"blocks.*.attn.hook_z"};
  record(twice, stored_prompts(), folder.file("t.h5"), options);
  options.provenance = provenance(llama, {.command_line = "test"});
  record(llama, stored_prompts(), folder.file("own.h5"), options);
  const StoredRun stored(folder.file("t.h5"));
  const StoredRun own(folder.file("own.h5"));
  const StoredNeed need{.values = {Site::z}, .prompts = "--prompts p.jsonl"};
  CHECK_NOTHROW(stored.check(twice, need));
  CHECK_NOTHROW(stored.check(changed("again.json", "2"), need));
  CHECK_NOTHROW(own.check(llama, need));
  check_refused(stored, llama, need, "recorded of a model changed by interventions (xxh3:");
  check_refused(
      stored, changed("three.json", "3"), need, "recorded with other interventions: xxh3:");
  check_refused(
      own, twice, need, "recorded of the unchanged model, but --intervene changes it here");
  CHECK(record_command(twice, need)
            .ends_with(" --intervene " + folder.file("twice.json").string() + " -o FILE.h5"));
  CHECK(record_command(llama, need).find("--intervene") == std::string::npos);
}

TEST_CASE("a hook point, a prompt or a finished prompt that is missing is named") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  RecordOptions options = of_everything(model);
  options.hooks = {"blocks.{0,2}.attn.hook_z"};
  int batches = 0;
  options.batch_tokens = 1;
  options.stop = [&] { return ++batches > 2; };  // the longest is not recorded
  record(model, stored_prompts(), folder.file("t.h5"), options);
  const StoredRun stored(folder.file("t.h5"));
  StoredNeed need{.values = {Site::z}, .prompts = "--prompts p.jsonl"};
  check_refused(stored, model, need, "blocks.1.attn.hook_z was not recorded");
  need = {.gradients = {Site::z}, .prompts = "--task t.jsonl"};
  check_refused(stored, model, need, "blocks.0.attn.hook_z_grad was not recorded");
  need = {.last_logits = true};
  CHECK_NOTHROW(stored.check_prompts(model, need, {{11, 12, 13}, {14, 15, 16, 17}}));
  CHECK_THROWS_WITH(stored.check_prompts(model, need, {{11, 12, 13}, {11, 12, 14}}),
                    contains("prompt 1 of 2 (3 tokens) is not in it; record it: headscope record"));
  CHECK_THROWS_WITH(stored.check_prompts(model, need, {{5, 6, 7, 8, 9, 10}}),
                    contains("its prompt 0 was not finished"));
  CHECK_THROWS_AS(stored.prompts_of(Batch({{11, 12, 14}})), UsageError);
}

TEST_CASE("values too large for f16 are refused, not handed out as infinities") {
  const TempFolder folder;
  const Model model =
      altered(load(huggingface_fixture("llama")), [](ModelConfig&, Weights& weights) {
        weights.blocks[1].W_out = weights.blocks[1].W_out * 1e7;
      });
  for (const DType store : {DType::f16, DType::bf16}) {
    RecordOptions options = of_everything(model);
    options.hooks = {"blocks.*.hook_mlp_out", "blocks.0.attn.hook_attn_scores"};
    options.store = store;
    options.if_exists = IfExists::replace;
    record(model, stored_prompts(), folder.file("t.h5"), options);
    const StoredRun stored(folder.file("t.h5"));
    const Batch batch({stored_prompts()[0].tokens});
    const auto at = [&](const char* dataset) {
      return stored.at(dataset, stored.prompts_of(batch), batch.layout());
    };
    CHECK_NOTHROW(at("blocks.0.hook_mlp_out"));
    CHECK_NOTHROW(at("blocks.0.attn.hook_attn_scores"));  // a key not seen is −∞
    if (store == DType::f16) {
      CHECK_THROWS_WITH(at("blocks.1.hook_mlp_out"),
                        contains("blocks.1.hook_mlp_out of prompt 0 is not finite; f16 holds at") &&
                            contains("--store f32 or bf16"));
    } else {
      CHECK_NOTHROW(at("blocks.1.hook_mlp_out"));
    }
  }
}

TEST_CASE("what is no trace is refused when it is opened") {
  const TempFolder folder;
  CHECK_THROWS_AS(StoredRun(folder.file("none.h5")), DataError);
}
