// Identities between passes: how a prompt is run must not matter.
#include "analyses/selftest/pass_checks.h"

#include <fmt/format.h>

#include "analyses/selftest/kept_values.h"
#include "hooks/edits.h"
#include "hooks/tap_list.h"
#include "lib/base/head_id.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Batch alone(const std::vector<std::int32_t>& prompt) {
  return Batch(std::vector<std::vector<std::int32_t>>{prompt});
}

Tensor logits_of(const SelfCheckInput& input, const std::vector<std::int32_t>& prompt) {
  return input.model.forward(alone(prompt)).logits;
}

}  // namespace

std::string needs_causal(const Model& model) {
  return is_causal(model.config()) ? "" : "attention sees later tokens too";
}

std::string needs_one_rotation(const Model& model) {
  return model.turns_by_length() ? "how far positions turn depends on how long the text is"
                                 : needs_causal(model);
}

Deviation cached_against_whole(const SelfCheckInput& input) {
  const std::vector<std::int32_t>& prompt = input.prompts.front();
  const Tensor whole = logits_of(input, prompt);
  KvCache cache(input.model.config());
  Deviation deviation;
  for (std::size_t at = 0; at < prompt.size(); ++at) {
    const Tensor step = input.model.forward(alone({prompt[at]}), {.cache = &cache}).logits;
    compare(deviation,
            whole.select(1, static_cast<std::int64_t>(at)),
            step.select(1, 0),
            fmt::format("logits of position {}", at));
  }
  return deviation;
}

Deviation batched_against_alone(const SelfCheckInput& input) {
  const Tensor together = input.model.forward(Batch(input.prompts)).logits;
  Deviation deviation;
  for (std::size_t row = 0; row < input.prompts.size(); ++row) {
    const auto length = static_cast<std::int64_t>(input.prompts[row].size());
    const Tensor in_batch = together.select(0, static_cast<std::int64_t>(row))
                                .narrow(0, together.size(1) - length, length);
    compare(deviation,
            logits_of(input, input.prompts[row]).select(0, 0),
            in_batch,
            fmt::format("logits of prompt {} of {}", row, input.prompts.size()));
  }
  return deviation;
}

Deviation looked_at_against_alone(const SelfCheckInput& input) {
  std::vector<Site> all;
  for (const SiteInfo& site : all_sites()) {
    all.push_back(site.site);
  }
  KeptValues everything(all);
  const Batch batch({input.prompts.front()});
  const Tensor seen = input.model.forward(batch, everything).logits;
  Deviation deviation;
  compare(deviation, input.model.forward(batch).logits, seen, "logits");
  return deviation;
}

Deviation future_against_past(const SelfCheckInput& input) {
  std::vector<std::int32_t> prompt = input.prompts.front();
  const Tensor before = logits_of(input, prompt);
  const std::int64_t earlier = before.size(1) - 1;
  prompt.back() = prompt.back() == 0 ? 1 : 0;
  const Tensor after = logits_of(input, prompt);
  Deviation deviation;
  compare(deviation,
          before.narrow(1, 0, earlier),
          after.narrow(1, 0, earlier),
          "logits before the last");
  return deviation;
}

Deviation head_against_its_result(const SelfCheckInput& input) {
  const ModelConfig& c = input.model.config();
  Deviation deviation;
  const KeptValues plain = kept_values(input, {Site::result, Site::attn_raw_out});
  for (const int layer : {0, static_cast<int>(c.n_layers) - 1}) {
    const HeadId head{layer, static_cast<int>(c.n_heads) - 1};
    Edits edits;
    edits.at(hook_name(Site::z, layer), {.heads = {{head.head}}}).zero();
    KeptValues without({Site::attn_raw_out});
    TapList taps({&edits, &without});
    (void)input.model.forward(Batch({input.prompts.front()}), taps, {.logits = Logits::none});
    compare(
        deviation,
        plain.at(Site::attn_raw_out, layer),
        without.at(Site::attn_raw_out, layer) + plain.at(Site::result, layer).select(2, head.head),
        fmt::format("head {}.{}", head.layer, head.head));
  }
  return deviation;
}

}  // namespace headscope
