#include "analyses/path_patching/receiver.h"

#include <regex>

#include "lib/base/error.h"

namespace headscope {
namespace {

void check_range(const std::string& text, const char* what, std::int64_t index, std::int64_t size) {
  if (index >= size) {
    throw UsageError("--receiver {}: {} {} is out of range; the model has {}, 0 to {}",
                     text,
                     what,
                     index,
                     size,
                     size - 1);
  }
}

}  // namespace

Receiver parse_receiver(const std::string& text, const ModelConfig& config) {
  static const std::regex head(R"((\d{1,6})\.(\d{1,6}):([qkv]))");
  static const std::regex stream(R"((\d{1,6}):resid_post)");
  std::smatch match;
  Receiver receiver;
  if (text == "logits") {
    return receiver;
  }
  if (std::regex_match(text, match, head)) {
    receiver = Receiver::head({std::stoll(match[1]), std::stoll(match[2])},
                              head_input_named(match[3].str()).value());
    check_range(text, "head", receiver.node.head, config.n_heads);
  } else if (std::regex_match(text, match, stream)) {
    receiver = Receiver::stream_after(std::stoll(match[1]));
  } else {
    throw UsageError(
        "--receiver {}: not a receiver; there are logits, LAYER:resid_post and LAYER.HEAD:q, :k or "
        ":v, for example 23.3:q",
        text);
  }
  check_range(text, "layer", receiver.layer(), config.n_layers);
  return receiver;
}

std::string to_string(const Receiver& receiver) {
  if (receiver.resid_post) {
    return fmt::format("{}:resid_post", *receiver.resid_post);
  }
  const std::string node = to_string(receiver.node);
  return receiver.input ? node + ":" + to_string(*receiver.input) : node;
}

void check(const std::vector<Receiver>& receivers) {
  if (receivers.empty()) {
    throw UsageError("a path needs an end: name a --receiver");
  }
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    if (receivers[i].is_logits() && receivers.size() > 1) {
      throw UsageError("--receiver logits stands alone: it replaces what every other one reaches");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (receivers[i] == receivers[j]) {
        throw UsageError("--receiver {} is given twice", to_string(receivers[i]));
      }
    }
  }
}

}  // namespace headscope
