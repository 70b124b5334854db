// Op "sae": a sparse autoencoder attached to a hook point, against the codes and rows written out.
#include "hooks/sae_edit.h"

#include <functional>

#include <fmt/ranges.h>

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>

#include "hooks/provenance.h"
#include "hooks/record.h"
#include "lib/base/error.h"
#include "lib/sae/sae_files.h"
#include "tests/hooks/changed_values.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr const char* kPoint = "blocks.1.attn.hook_z";

std::int64_t z_width(const Model& model) {
  return model.config().n_heads * model.config().d_head;
}

// An autoencoder of kPoint in a folder. Seeds make different ones.
Sae write_random_sae(const std::filesystem::path& folder,
                     const Model& model,
                     SaeArch arch = SaeArch::topk,
                     SaeNormalisation normalisation = SaeNormalisation::none) {
  const std::int64_t width = z_width(model);
  SaeConfig config;
  config.arch = arch;
  config.d_in = width;
  config.d_sae = 3 * width;
  config.d_out = width;
  config.k = 4;
  config.hook = kPoint;
  config.normalisation = normalisation;
  SaeWeights weights;
  weights.W_enc = at::randn({width, config.d_sae});
  weights.W_dec = at::randn({config.d_sae, width});
  weights.b_enc = at::randn({config.d_sae}) * 0.1;
  weights.b_dec = at::randn({width}) * 0.1;
  write_sae(Sae(config, weights, "test"), folder);
  return read_sae(folder);
}

std::string sae_op(const std::filesystem::path& folder, const std::string& more) {
  return R"({"site": "blocks.1.attn.hook_z", "op": "sae", "sae": ")" + folder.string() + "\"" +
         more + "}";
}

Tensor rows_at(const Tensor& z) {
  return z.reshape({z.size(0) * z.size(1), -1});
}

// The features that fire most on these rows.
std::vector<std::int64_t> firing(const Sae& sae, const Tensor& rows, std::int64_t count) {
  const Tensor often = (sae.encode(rows).dense() != 0).sum(0).argsort(0, /*descending=*/true);
  std::vector<std::int64_t> features;
  for (std::int64_t i = 0; i < count; ++i) {
    features.push_back(often[i].item<std::int64_t>());
  }
  return features;
}

}  // namespace

TEST_CASE("an autoencoder with its error term and no change leaves logits bit for bit") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  for (const SaeNormalisation normalisation : {SaeNormalisation::none,
                                               SaeNormalisation::layer_norm,
                                               SaeNormalisation::constant_norm_rescale}) {
    const auto path = folder.file(std::string(to_string(normalisation)));
    write_random_sae(path, model, SaeArch::standard, normalisation);
    const Tensor clean = model.forward(three_prompts()).logits;
    const Model attached = changed_by(model, folder, "[" + sae_op(path, "") + "]");
    CHECK(identical(attached.forward(three_prompts()).logits, clean));
    CHECK(attached.standing()->fired().at(0).values == 1);
    const Model same =
        changed_by(model,
                   folder,
                   "[" + sae_op(path, R"(, "do": "scale", "features": [0, 1], "value": 1)") + "]");
    CHECK(identical(same.forward(three_prompts()).logits, clean));
    const Model alone =
        changed_by(model, folder, "[" + sae_op(path, R"(, "error_term": false)") + "]");
    CHECK_FALSE(identical(alone.forward(three_prompts()).logits, clean));
  }
}

TEST_CASE("without the error term the reconstruction stands for the value") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  for (const SaeArch arch : {SaeArch::topk, SaeArch::standard}) {
    const auto path = folder.file(std::string(to_string(arch)));
    const Sae sae = write_random_sae(path, model, arch, SaeNormalisation::layer_norm);
    const auto values =
        value_at(model, kPoint, "[" + sae_op(path, R"(, "error_term": false)") + "]");
    const Tensor want = sae.reconstruct(rows_at(values.before)).reshape(values.before.sizes());
    CHECK(identical(values.after, want));
  }
}

TEST_CASE("codes that are changed add their rows of W_dec, and nothing else moves") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  struct Case {
    const char* act;
    std::string value;
    std::function<Tensor(const Tensor& f)> change;  // f' − f
  };
  const std::vector<Case> cases{{"ablate", "", [](const Tensor& f) { return -f; }},
                                {"clamp",
                                 R"(, "value": [2.5, -1.0])",
                                 [](const Tensor& f) {
                                   return at::tensor({2.5f, -1.0f}).expand_as(f) - f;
                                 }},
                                {"scale", R"(, "value": 3)", [](const Tensor& f) { return 2 * f; }},
                                {"steer", R"(, "value": 0.75)", [](const Tensor& f) {
                                   return at::ones(f.sizes(), f.options()) * 0.75;
                                 }}};
  for (const SaeNormalisation normalisation :
       {SaeNormalisation::none, SaeNormalisation::constant_norm_rescale}) {
    const auto path = folder.file(std::string(to_string(normalisation)));
    const Sae sae = write_random_sae(path, model, SaeArch::topk, normalisation);
    Recorder z(std::vector<std::string>{kPoint});
    model.forward(three_prompts(), z);
    const Tensor rows = rows_at(z.at(kPoint));
    const std::vector<std::int64_t> features = firing(sae, rows, 2);
    const Tensor index = at::tensor(features);
    const SaeCodes codes = sae.encode(rows);
    const Tensor f = codes.dense().index_select(1, index);
    const Tensor scale = codes.row_scale.defined() ? codes.row_scale : at::ones({rows.size(0), 1});
    for (const Case& each : cases) {
      CAPTURE(each.act, to_string(normalisation));
      const std::string more = fmt::format(R"(, "do": "{}", "features": [{}, {}]{})",
                                           each.act,
                                           features[0],
                                           features[1],
                                           each.value);
      const auto values = value_at(model, kPoint, "[" + sae_op(path, more) + "]");
      const Tensor change = each.change(f);
      const Tensor moved = change.matmul(sae.weights().W_dec.index_select(0, index)) * scale;
      CHECK(at::allclose(rows_at(values.after), rows + moved, 1e-5, 1e-5));
      const Tensor still = (change == 0).all(1);
      CHECK(identical(rows_at(values.after).index_select(0, still.nonzero().squeeze(1)),
                      rows.index_select(0, still.nonzero().squeeze(1))));
      const auto bare =
          value_at(model,
                   kPoint,
                   "[" + sae_op(path, more + R"(, "error_term": false, "positions": [-1])") + "]");
      const Tensor x_hat = (sae.reconstruct(rows) + moved).reshape(bare.before.sizes());
      CHECK(at::allclose(bare.after.select(1, 5), x_hat.select(1, 5), 1e-5, 1e-5));
      CHECK(identical(bare.after.narrow(1, 0, 5), bare.before.narrow(1, 0, 5)));
    }
  }
}

TEST_CASE("patched codes are those of another prompt at the same position") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto path = folder.file("sae");
  const Sae sae = write_random_sae(path, model);
  const Prompt other{.id = "other", .text = "", .tokens = {20, 21, 22, 23, 24, 25}, .spans = {}};
  RecordOptions options;
  options.hooks = {kPoint};
  options.provenance = provenance(model, {.command_line = "test"});
  record(model, {other}, folder.file("other.h5"), options);
  Recorder theirs(std::vector<std::string>{kPoint});
  model.forward(Batch({other.tokens}), theirs);
  const Batch one({{5, 6, 7, 8, 9, 10}});
  Recorder clean(std::vector<std::string>{kPoint});
  model.forward(one, clean);
  const Tensor rows = rows_at(clean.at(kPoint));
  const Tensor there = rows_at(theirs.at(kPoint));
  const std::vector<std::int64_t> features = firing(sae, at::cat({rows, there}), 3);
  const Tensor index = at::tensor(features);
  Recorder after(std::vector<std::string>{kPoint});
  Edits edits(listed_interventions(
      "[" +
      sae_op(
          path,
          fmt::format(
              R"(, "do": "patch", "features": [{}], "values": {{"trace": "{}", "prompt": "other"}})",
              fmt::join(features, ", "),
              folder.file("other.h5").string())) +
      "]"));
  model.forward(one, edits | after);
  const auto codes = [&](const Tensor& x) { return sae.encode(x).dense().index_select(1, index); };
  const Tensor want =
      rows + (codes(there) - codes(rows)).matmul(sae.weights().W_dec.index_select(0, index));
  CHECK(at::allclose(rows_at(after.at(kPoint)), want, 1e-5, 1e-5));
  CHECK_FALSE(at::allclose(rows_at(after.at(kPoint)), rows, 1e-3, 1e-3));
}

TEST_CASE("what an op sae cannot do is refused before a pass, naming it") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto path = folder.file("sae");
  const Sae sae = write_random_sae(path, model);
  const auto fails = [&](const std::string& more, const std::string& message) {
    CAPTURE(more);
    CHECK_THROWS_WITH(changed_by(model, folder, "[" + sae_op(path, more) + "]"), contains(message));
  };
  fails(R"(, "do": "ablate")", "needs \"features\"");
  fails(R"(, "features": [1])", "\"features\" without \"do\"");
  fails(R"(, "do": "clamp", "features": [1])", "needs \"value\"");
  fails(R"(, "do": "ablate", "features": [1], "value": 2)", "takes no \"value\"");
  fails(R"(, "do": "clamp", "features": [1, 2], "value": [1, 2, 3])", "3 values for 2 features");
  fails(R"(, "do": "patch", "features": [1])", "needs values");
  fails(R"(, "do": "ablte", "features": [1])", "did you mean ablate");
  fails(R"(, "do": "ablate", "features": [99999])", "no feature 99999");
  fails(R"(, "do": "ablate", "features": [-1])", "no feature -1");
  fails(R"(, "heads": [0])", "of all heads together");
  fails(R"(, "error_term": 1)", "\"error_term\" is not true or false");
  const auto at_site = [&](const std::string& site, const std::string& message) {
    const std::string list =
        R"([{"site": ")" + site + R"(", "op": "sae", "sae": ")" + path.string() + "\"}]";
    CHECK_THROWS_WITH(changed_by(model, folder, list), contains(message));
  };
  at_site("blocks.0.attn.hook_z", "is of blocks.1.attn.hook_z, not of blocks.0.attn.hook_z");
  SaeConfig anywhere = sae.config();
  anywhere.hook.clear();
  anywhere.metadata = Json::object();
  write_sae(Sae(anywhere, sae.weights(), "test"), path);
  at_site("blocks.1.mlp.hook_post", "encodes rows of");
  at_site("blocks.1.attn.hook_pattern", "has no row a token");
  CHECK_THROWS_WITH(listed_interventions(R"([{"site": "a", "op": "sae"}])"),
                    contains("needs \"sae\""));
  CHECK_THROWS_WITH(changed_by(model, folder, "[" + sae_op(folder.file("none"), "") + "]"),
                    contains("not there"));
}

TEST_CASE("an op sae reads back as what it was, and its files are part of what it is") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto path = folder.file("sae");
  write_random_sae(path, model);
  const std::string list =
      "[" +
      sae_op(path,
             R"(, "do": "clamp", "features": [3, 1], "value": [0.5, 2], "error_term": false)") +
      "]";
  const auto read = listed_interventions(list);
  CHECK(to_json(interventions_from_json(Json::parse(to_json(read).dump()), "x")) == to_json(read));
  CHECK(read.at(0).sae->features == std::vector<std::int64_t>{3, 1});
  CHECK_FALSE(read.at(0).sae->error_term);
  write_json(folder.file("edits.json"), list);
  const std::string before = standing_interventions(model, folder.file("edits.json"))->hash();
  write_random_sae(path, model);
  CHECK(standing_interventions(model, folder.file("edits.json"))->hash() != before);
}
