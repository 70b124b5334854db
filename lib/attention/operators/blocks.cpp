#include <memory>

#include "lib/attention/operators/key_blocks.h"
#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Blocks final : public KeySelection {
 public:
  Blocks(const BlockChoice& choice, BlockScore by) : choice_(choice), by_(by) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return choice_.keep * choice_.block;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor& scores) const override {
    return keys_of_blocks(in, scores, choice_, by_).logical_not();
  }

 private:
  BlockChoice choice_;
  BlockScore by_;
};

std::shared_ptr<const HeadOperator> blocks_by(const OperatorValues& values, BlockScore by) {
  const BlockChoice choice{.block = values.count("block"), .keep = values.count("keep")};
  return std::make_shared<Blocks>(choice, by);
}

std::vector<OperatorParameter> block_parameters_of(double block) {
  return {{.name = "block",
           .meaning = "keys a block, counted from the first token",
           .otherwise = block},
          {.name = "keep", .meaning = "blocks a query, its own counted"}};
}

}  // namespace

AttentionOperator block_pooled_operator() {
  return {.name = "block-pooled",
          .kind = AttentionOperator::Kind::selection,
          .summary = "The blocks whose mean key scores highest: a choice that costs little",
          .definition =
              "Query i sees the block it lies in and, of the blocks before, those of the "
              "highest mean score (that of the mean of their keys), `keep` in all. Each "
              "query chooses for itself, which the papers let blocks of queries do.",
          .source =
              "SeerAttention, Gao et al. 2024, arXiv:2410.13276; BiFormer, Zhu et al. 2023, "
              "arXiv:2303.08810",
          .parameters = block_parameters_of(64),
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return blocks_by(values, BlockScore::mean);
          }};
}

AttentionOperator block_oracle_operator() {
  return {.name = "block-oracle",
          .kind = AttentionOperator::Kind::selection,
          .summary = "The blocks with the strongest keys: what a learned gate is trained to choose",
          .definition =
              "Query i sees the block it lies in and, of the blocks before, those whose "
              "best key scores highest, `keep` in all.",
          .source = "the target of SeerAttention's gate, Gao et al. 2024, arXiv:2410.13276",
          .parameters = block_parameters_of(64),
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return blocks_by(values, BlockScore::highest);
          }};
}

AttentionOperator chunks_operator() {
  return {
      .name = "chunks",
      .kind = AttentionOperator::Kind::selection,
      .summary = "The first chunk, the last two, and those that look most like the query",
      .definition =
          "Query i sees the first chunk, its own and the one before, and of the others "
          "those of the highest mean score, `keep` in all. LongHeads' choice with the "
          "mean key for its chunk's key; keys keep their positions.",
      .source = "LongHeads, Lu et al. 2024, arXiv:2402.10685",
      .parameters = {{.name = "chunk", .meaning = "keys a chunk", .otherwise = 256},
                     {.name = "keep",
                      .meaning = "chunks a query, the three that are always seen counted",
                      .least = 3}},
      .make = [](const OperatorValues& values, const OperatorPlace&) {
        const BlockChoice choice{
            .block = values.count("chunk"), .keep = values.count("keep"), .first = 1, .before = 1};
        return std::shared_ptr<const HeadOperator>(
            std::make_shared<Blocks>(choice, BlockScore::mean));
      }};
}

}  // namespace headscope
