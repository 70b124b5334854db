#include "analyses/path_patching/receiver_input.h"

#include "lib/model/qkv.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

HeadReading head_reading_of(const Receiver& receiver, const ModelConfig& config) {
  const std::int64_t group = receiver.head / config.heads_per_kv();
  switch (receiver.kind) {
    case Receiver::Kind::q:
      return {receiver.layer, QkvPart::q, {receiver.head, 1}};
    case Receiver::Kind::k:
      return {receiver.layer, QkvPart::k, {group, 1}};
    default:
      return {receiver.layer, QkvPart::v, {group, 1}};
  }
}

}  // namespace

Tensor receiver_input(const Model& model,
                      const Receiver& receiver,
                      const Tensor& stream,
                      const BatchLayout& layout) {
  return read_heads(model, head_reading_of(receiver, model.config()), stream, layout).squeeze(2);
}

}  // namespace headscope
