// What a sparse autoencoder is: the words of SAELens' cfg.json as types. Free of Torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/json.h"

namespace headscope {

// How codes are made of the pre-activations h = x·W_enc + b_enc.
//   standard   f = relu(h)
//   topk       f = relu of the k largest h of a row; the others are 0
//   batchtopk  as topk, over a batch at once (k on average); afterwards as jumprelu with one
//              threshold for all features
//   jumprelu   f = relu(h) where h > relu(threshold), else 0
//   gated      f = relu((x·W_enc)·exp(r_mag) + b_mag) where x·W_enc + b_gate > 0, else 0
enum class SaeArch { standard, topk, batchtopk, jumprelu, gated };
std::string_view to_string(SaeArch arch);
// UsageError naming the architectures for any other word.
SaeArch parse_sae_arch(std::string_view word);

// What is done to a row x before the encoder, and undone behind the decoder.
//   none
//   expected_average_only_in  one factor for all rows, folded into the weights when training ends:
//                             a stored file that still says so is used as none, as SAELens does
//   constant_norm_rescale     x·√d_in / ‖x‖
//   layer_norm                (x − mean) / (deviation + 1e-5), the deviation with d_in − 1
enum class SaeNormalisation { none, expected_average_only_in, constant_norm_rescale, layer_norm };
std::string_view to_string(SaeNormalisation normalisation);
SaeNormalisation parse_sae_normalisation(std::string_view word);  // UsageError for any other word

struct SaeConfig {
  SaeArch arch = SaeArch::standard;
  std::int64_t d_in = 0;
  std::int64_t d_sae = 0;
  std::int64_t d_out = 0;  // d_in, but of a transcoder the width of what it writes
  std::int64_t k = 0;      // topk, batchtopk
  // Where it reads ("blocks.5.attn.hook_z", its heads one after another); empty: the file does not
  // say. `hook_out` is where it writes, of a transcoder alone.
  std::string hook;
  std::string hook_out;
  SaeNormalisation normalisation = SaeNormalisation::none;
  bool apply_b_dec_to_input = true;  // h is of x − b_dec
  bool rescale_by_decoder_norm = false;  // topk chooses by h·‖W_dec row‖ and decodes with unit rows
  std::string model;
  Json metadata = Json::object();  // what else the file says: versions, training, provenance

  [[nodiscard]] bool is_transcoder() const { return !hook_out.empty() || d_out != d_in; }
};

}  // namespace headscope
