// Seed-OSS (ByteDance 2025): Llama with biases of queries, keys and values.
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

ModelConfig seed_oss_config(ConfigFields& f) {
  f.set_default("head_dim", 128);
  ModelConfig c = llama_config(f);
  c.qkv_bias = f.flag("attention_bias", true);
  c.out_bias = f.flag("attention_out_bias", false);
  read_mlp_bias(f, c);
  c.ropes = {read_rope(f, c.d_head, 10000.0)};
  f.ignore({"residual_dropout"});
  return c;
}

}  // namespace

Family seed_oss_family() {
  return {.name = "seed_oss",
          .architectures = {"SeedOssForCausalLM"},
          .gguf = {},
          .model_types = {"seed_oss"},
          .config = seed_oss_config,
          .rules = llama_rules};
}

}  // namespace headscope
