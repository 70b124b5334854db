#include "lib/text/merge_table.h"

#include <algorithm>
#include <bit>

#include "lib/base/error.h"

namespace headscope {
namespace {

int bits_for(std::size_t expected) {
  return std::countr_zero(std::bit_ceil(std::max<std::size_t>(16, 2 * expected + 1)));
}

}  // namespace

MergeTable::MergeTable(std::size_t expected)
    : shift_(64 - bits_for(expected)),
      mask_((std::size_t{1} << bits_for(expected)) - 1),
      slots_(mask_ + 1) {}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t key = key_of(left, right);
  std::size_t at = slot_of(key);
  std::size_t probes = 0;
  while (slots_[at].key != key && slots_[at].key != kFree) {
    at = (at + 1) & mask_;
    if (++probes >= mask_) {
      throw InternalError("more merges than the table was made for");
    }
  }
  slots_[at] = {key, merge};
}

}  // namespace headscope
