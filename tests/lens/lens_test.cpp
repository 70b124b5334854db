// The lens against plain arithmetic on recorded hook points.
#include "analyses/lens/lens.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "hooks/recorder.h"
#include "lib/families/load.h"
#include "lib/model/norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "lib/weights/write_safetensors.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::int32_t> kLensTokens{5, 9, 3, 7, 11, 2};

LensQuestion question(std::vector<std::int32_t> tokens, std::vector<std::int32_t> answers = {}) {
  return {.prompt = {.id = "0", .text = "", .tokens = std::move(tokens), .spans = {}},
          .answers = std::move(answers)};
}

// Softmax, rank and logit of one row, in double.
struct PlainReading {
  std::int64_t rank = 1;
  double logit = 0;
  double probability = 0;
};
PlainReading plain_reading(const Tensor& logits, std::int32_t token) {
  const Tensor row = logits.to(at::kDouble);
  PlainReading reading{.logit = row[token].item<double>()};
  reading.rank += (row > row[token]).sum().item<std::int64_t>();
  reading.probability = row.softmax(0)[token].item<double>();
  return reading;
}

double dot_of(const Tensor& a, const Tensor& b) {
  return (a.to(at::kDouble) * b.to(at::kDouble)).sum().item<double>();
}

Tensor plain_unembed(const Model& model, const Tensor& normed) {
  const Weights& weights = model.weights();
  const Tensor logits = at::matmul(normed.to(at::kFloat), weights.W_U.to(at::kFloat).t());
  return weights.b_U.defined() ? logits + weights.b_U : logits;
}

// A lens as the package saves one, its parameters as safetensors.
void put_lens(const Folder& folder,
              const std::map<std::string, Tensor>& tensors,
              const ModelConfig& config) {
  std::filesystem::create_directory(folder / "lens");
  std::vector<NamedArray> arrays;
  for (const auto& [name, tensor] : tensors) {
    arrays.push_back({name, tensor.sizes().vec(), to_floats(tensor)});
  }
  put(folder / "lens/params.safetensors", safetensors_bytes(arrays));
  put(folder / "lens/config.json",
      "{\"base_model_name_or_path\": \"llama\", \"bias\": true, \"lens_type\": "
      "\"linear_tuned_lens\", \"d_model\": " +
          std::to_string(config.d_model) +
          ", \"num_hidden_layers\": " + std::to_string(config.n_layers) + "}");
}

}  // namespace

TEST_CASE("the lens of the stream is the model's own end at every layer and position") {
  for (const char* name : {"llama", "gpt2", "gemma2", "gpt_neox", "olmo2"}) {
    CAPTURE(name);
    const Model model = load_model(model_path(name));
    const ModelConfig& config = model.config();
    const auto answers =
        read_by_lens(model, {question(kLensTokens)}, {.positions = LensPositions::all, .top = 3});
    REQUIRE(answers.has_value());
    const LensAnswer& answer = answers->front();
    Recorder recorder{"blocks.0.hook_resid_pre", "blocks.*.hook_resid_post"};
    const Tensor logits = model.forward(Batch({kLensTokens}), recorder).logits[0];
    const auto rows = lens_rows(config, {LensPart::residual});
    REQUIRE(rows.size() == static_cast<std::size_t>(config.n_layers) + 1);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const Tensor stream = recorder.at(
          rows[row].layer < 0 ? "blocks.0.hook_resid_pre"
                              : hook_name(Site::resid_post, static_cast<int>(rows[row].layer)))[0];
      Tensor plain = plain_unembed(
          model, normalize(stream, model.weights().ln_final, config.norm, config.norm_eps));
      if (config.logit_softcap > 0) {
        plain = (plain / config.logit_softcap).tanh() * config.logit_softcap;
      }
      for (std::size_t at = 0; at < kLensTokens.size(); ++at) {
        const auto place = static_cast<std::int64_t>(at);
        const std::int32_t asked = answer.asked[at].front();
        CHECK(asked == (at + 1 < kLensTokens.size() ? kLensTokens[at + 1]
                                                    : logits[place].argmax().item<std::int32_t>()));
        const PlainReading expected = plain_reading(plain[place], asked);
        const LensReading& reading = answer.at(row, at);
        CHECK(reading.rank == expected.rank);
        CHECK(reading.logit == Approx(expected.logit).margin(1e-4));
        CHECK(reading.probability == Approx(expected.probability).margin(1e-5));
        CHECK(reading.top.size() == 3);
        CHECK(reading.top.front().token == plain[place].argmax().item<std::int32_t>());
      }
    }
  }
}

TEST_CASE("shares of parts sum to the logits, and heads to their attention") {
  for (const char* name : {"llama", "gemma2"}) {
    CAPTURE(name);
    const Model model = load_model(model_path(name));
    const ModelConfig& config = model.config();
    const auto answers =
        read_by_lens(model,
                     {question(kLensTokens, {4}), question({8, 6}, {4})},
                     {.parts = {LensPart::attention, LensPart::mlp, LensPart::heads}, .top = 1});
    REQUIRE(answers.has_value());
    const auto rows = lens_rows(config, {LensPart::attention, LensPart::mlp, LensPart::heads});
    for (std::size_t prompt = 0; prompt < 2; ++prompt) {
      const auto tokens = prompt == 0 ? kLensTokens : std::vector<std::int32_t>{8, 6};
      Recorder recorder{"blocks.0.hook_resid_pre",
                        "blocks.*.hook_attn_out",
                        "ln_final.hook_scale",
                        "ln_final.hook_normalized"};
      model.forward(Batch({tokens}), recorder);
      const Tensor scale = recorder.at("ln_final.hook_scale")[0][-1];
      const Tensor direction =
          with_gain(model.weights().W_U[4].to(at::kFloat), model.weights().ln_final) / scale;
      std::vector<double> heads(static_cast<std::size_t>(config.n_layers), 0.0);
      double all = dot_of(recorder.at("blocks.0.hook_resid_pre")[0][-1].to(at::kFloat), direction);
      for (std::size_t row = 0; row < rows.size(); ++row) {
        const LensReading& reading = (*answers)[prompt].at(row, 0);
        CHECK(std::isnan(reading.probability));
        CHECK(reading.rank >= 1);
        if (rows[row].part == LensPart::heads) {
          heads[static_cast<std::size_t>(rows[row].layer)] += reading.logit;
        } else {
          all += reading.logit;
        }
        if (rows[row].part == LensPart::attention) {
          const Tensor out =
              recorder.at(hook_name(Site::attn_out, static_cast<int>(rows[row].layer)))[0][-1];
          CHECK(reading.logit == Approx(dot_of(out.to(at::kFloat), direction)).margin(1e-4));
        }
      }
      for (std::size_t row = 0; row < rows.size(); ++row) {
        if (rows[row].part == LensPart::attention) {
          CHECK(heads[static_cast<std::size_t>(rows[row].layer)] ==
                Approx((*answers)[prompt].at(row, 0).logit).margin(1e-4));
        }
      }
      const Tensor normed = recorder.at("ln_final.hook_normalized")[0][-1];
      CHECK(all == Approx(dot_of(with_gain(normed.to(at::kFloat), model.weights().ln_final),
                                 model.weights().W_U[4].to(at::kFloat)))
                       .margin(1e-3));
    }
  }
}

TEST_CASE("several answers: the best one's rank, the probability of all") {
  const Model model = load_model(model_path("llama"));
  const auto one = read_by_lens(model, {question(kLensTokens, {4})}, {});
  const auto other = read_by_lens(model, {question(kLensTokens, {30})}, {});
  const auto both = read_by_lens(model, {question(kLensTokens, {4, 30})}, {});
  for (std::size_t row = 0; row < both->front().readings.size(); ++row) {
    const auto& a = one->front().at(row, 0);
    const auto& b = other->front().at(row, 0);
    CHECK(both->front().at(row, 0).rank == std::min(a.rank, b.rank));
    CHECK(both->front().at(row, 0).probability == Approx(a.probability + b.probability));
  }
}

TEST_CASE("a tuned lens translates the stream that enters each block, and the last not at all") {
  const Folder folder;
  const Model model = load_model(model_path("llama"));
  const std::int64_t d = model.config().d_model;
  std::map<std::string, Tensor> tensors;
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    const auto scale = static_cast<double>(layer + 1);
    tensors[std::to_string(layer) + ".weight"] = at::ones({d}).diag().roll(1, 0) * scale;
    tensors[std::to_string(layer) + ".bias"] = at::full({d}, 0.1 * scale);
  }
  put_lens(folder, tensors, model.config());
  const TunedLens lens = read_tuned_lens(folder / "lens", model);
  const auto answers = read_by_lens(model, {question(kLensTokens, {4})}, {.tuned = &lens});
  const auto plain = read_by_lens(model, {question(kLensTokens, {4})}, {});
  Recorder recorder{"blocks.*.hook_resid_pre"};
  model.forward(Batch({kLensTokens}), recorder);
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    const Tensor h = recorder.at(hook_name(Site::resid_pre, layer))[0][-1].to(at::kFloat);
    const Tensor moved = h + h.roll(1) * (layer + 1) + 0.1 * (layer + 1);
    const Tensor logits = plain_unembed(
        model,
        normalize(moved, model.weights().ln_final, model.config().norm, model.config().norm_eps));
    const PlainReading expected = plain_reading(logits, 4);
    CHECK(answers->front().at(static_cast<std::size_t>(layer), 0).rank == expected.rank);
    CHECK(answers->front().at(static_cast<std::size_t>(layer), 0).logit ==
          Approx(expected.logit).margin(1e-4));
  }
  CHECK(answers->front().readings.back().logit == plain->front().readings.back().logit);
}
