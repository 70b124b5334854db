#include "analyses/path_patching/receiver_input.h"

#include "lib/model/qkv.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

HeadReading head_reading_of(const Receiver& receiver, const ModelConfig& config) {
  const std::int64_t head = receiver.input == HeadInput::q
                                ? receiver.node.head
                                : receiver.node.head / config.heads_per_kv();
  return {receiver.node.layer, receiver.input.value(), {head, 1}};
}

}  // namespace

Tensor receiver_input(const Model& model,
                      const Receiver& receiver,
                      const Tensor& stream,
                      const BatchLayout& layout) {
  return read_heads(model, head_reading_of(receiver, model.config()), stream, layout).squeeze(2);
}

}  // namespace headscope
