#include "hooks/provenance.h"

#include <ctime>

#include <fmt/chrono.h>

#include "lib/base/version.h"

namespace headscope {

Json provenance(const Model& model, const ProvenanceOptions& options) {
  const std::string tokenizer = model.has_tokenizer() ? model.tokenizer().hash() : "none";
  Json identity = {{"weights_hash", model.source().weights_hash},
                   {"tokenizer_hash", tokenizer},
                   {"config", to_json(model.config())},
                   {"dtype", to_string(model.dtype())},
                   {"device", model.device().is_cuda() ? "cuda" : "cpu"},
                   {"headscope_version", kVersion},
                   {"seed", options.seed},
                   {"prepend_bos", to_string(options.prepend_bos)}};
  Json out = identity;
  out["identity"] = identity;
  out["model"] = model.source().name;
  out["bos_prepended"] = options.prepend_bos == PrependBos::yes ||
                         (options.prepend_bos == PrependBos::automatic && model.has_tokenizer() &&
                          model.tokenizer().prepends_bos());
  out["command_line"] = options.command_line;
  out["device"] = to_string(model.device());  // with its index, which changes no value
  out["created"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  return out;
}

}  // namespace headscope
