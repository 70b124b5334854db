// Tuned lenses as the tuned-lens package saves them (Belrose et al. 2023, arXiv:2303.08112): a
// folder of config.json and the translators' parameters, here params.safetensors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct TunedLens {
  struct Translator {
    Tensor weight;  // [d_model, d_model] f32
    Tensor bias;    // [d_model] f32; undefined where the lens has none
  };
  std::vector<Translator> translators;  // [n_layers], of the stream that enters each block
  std::string model;                    // that it was trained for, as its config says

  // stream […, d_model] + stream · weightᵀ + bias, in f32: what the last block would leave.
  [[nodiscard]] Tensor translate(const Tensor& stream, std::int64_t layer) const;
};

// On the model's device. Throws DataError naming the folder or file: none there, a pickle
// (params.pt), which runs code when it is read, another kind of lens, sizes of another model, a
// tensor that is missing or unknown.
TunedLens read_tuned_lens(const std::filesystem::path& folder, const Model& model);

}  // namespace headscope
