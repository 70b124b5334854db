#include "lib/families/stored_row.h"

namespace headscope {
namespace {

// Of queries, keys and values fused: our row `row`, where each KV head's queries, key and value lie
// together.
std::int64_t grouped_row(std::int64_t row, const Parameter& p) {
  const std::int64_t group = p.heads_per_kv + 2;  // heads stored together
  const std::int64_t kv_heads = p.rows / (group * p.d_head);
  const std::int64_t queries = kv_heads * p.heads_per_kv;
  const std::int64_t head = row / p.d_head;
  if (head < queries) {
    return (head / p.heads_per_kv * group + head % p.heads_per_kv) * p.d_head + row % p.d_head;
  }
  const std::int64_t part = (head - queries) / kv_heads;  // 0: keys, 1: values
  const std::int64_t kv_head = (head - queries) % kv_heads;
  return (kv_head * group + p.heads_per_kv + part) * p.d_head + row % p.d_head;
}

}  // namespace

std::int64_t stored_row(std::int64_t row, Layout layout, const Parameter& p) {
  const std::int64_t d = p.d_head;
  if (layout == Layout::rotary_pairs) {
    const std::int64_t in_head = row % d;
    return row - in_head + (in_head % (d / 2)) * 2 + in_head / (d / 2);
  }
  if (layout == Layout::per_head_qkv) {
    const std::int64_t heads = p.rows / (3 * d);
    const std::int64_t part = row / (heads * d);
    const std::int64_t head = (row / d) % heads;
    return (head * 3 + part) * d + row % d;
  }
  if (layout == Layout::grouped_qkv) {
    return grouped_row(row, p);
  }
  if (layout == Layout::interleaved) {
    const std::int64_t half = p.rows / 2;
    return row < half ? 2 * row : 2 * (row - half) + 1;
  }
  return row;
}

bool reorders_rows(Layout layout) {
  return layout == Layout::rotary_pairs || layout == Layout::per_head_qkv ||
         layout == Layout::grouped_qkv || layout == Layout::interleaved;
}

}  // namespace headscope
