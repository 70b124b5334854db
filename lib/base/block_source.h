// Blocks of a piece of work, by number, and who says which of them to do: where processes share a
// piece of work, each asks again and again for some.
#pragma once

#include <cstdint>
#include <optional>

namespace headscope {

struct BlockRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
  [[nodiscard]] std::int64_t size() const { return end - first; }
  [[nodiscard]] bool empty() const { return end <= first; }
  bool operator==(const BlockRange&) const = default;
};

// What a block holds must depend on the task alone, never on what is done already or on who asks,
// so that whoever runs it computes the same bits.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  virtual void begin(std::int64_t blocks) = 0;
  // Those to run next; what came before is kept for good. Nothing: there is no more to do here.
  virtual std::optional<BlockRange> next() = 0;
};

// All of them at once.
class AllBlocks final : public BlockSource {
 public:
  void begin(std::int64_t blocks) override { left_ = {0, blocks}; }
  std::optional<BlockRange> next() override {
    const BlockRange all = left_;
    left_ = {};
    return all.empty() ? std::nullopt : std::optional(all);
  }

 private:
  BlockRange left_{};
};

}  // namespace headscope
