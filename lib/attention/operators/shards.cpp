#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

struct ShardShape {
  std::int64_t block, local, stride, offset;
};

class Shards final : public KeySelection {
 public:
  explicit Shards(const ShardShape& shape) : shape_(shape) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return shape_.block * shape_.local;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor&) const override {
    const Tensor own = in.query.floor_divide(shape_.block);
    const Tensor block = in.key.floor_divide(shape_.block);
    const Tensor other_shard = (block + shape_.offset).remainder(shape_.stride).ne(0);
    return (own - block).ge(shape_.local).logical_and(other_shard);
  }

 private:
  ShardShape shape_;
};

}  // namespace

AttentionOperator shards_operator() {
  return {.name = "shards",
          .kind = AttentionOperator::Kind::selection,
          .summary = "The last blocks, and one shard of all those before",
          .definition =
              "Query i of block I = ⌊i / block⌋ sees key j ≤ i of block J if I − J < local or J + "
              "offset is a multiple of stride. Heads with different offsets see the whole text "
              "between them.",
          .source = "S2-Attention, Lin et al. 2024, arXiv:2407.17678",
          .parameters = {{.name = "block", .meaning = "tokens of a block", .otherwise = 64},
                         {.name = "local", .meaning = "last blocks, the query's own counted"},
                         {.name = "stride", .meaning = "shards that share the text"},
                         {.name = "offset",
                          .meaning = "which of the shards the head sees",
                          .otherwise = 0,
                          .least = 0}},
          .untrained =
              "a head that sees one shard of the text is what models are trained with; this one "
              "was not",
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<Shards>(ShardShape{.block = values.count("block"),
                                                    .local = values.count("local"),
                                                    .stride = values.count("stride"),
                                                    .offset = values.count("offset")}));
          }};
}

}  // namespace headscope
