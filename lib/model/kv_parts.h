// Which heads of a model need keep the first and the last tokens alone when it writes.
#pragma once

#include <vector>

#include "lib/model/kv_cache.h"

namespace headscope {

class Model;

// A layer each, for KvCache; empty where every head keeps everything. A KV head streams if all
// query heads that share it have operators with the same kept_keys() (head_operator.h), in a layer
// that hides nothing else and adds nothing to scores.
std::vector<KvParts> kv_parts(const Model& model);

// The query heads that share these KV heads, `group` of them each, in order.
std::vector<std::int64_t> query_heads(const std::vector<std::int64_t>& kv_heads,
                                      std::int64_t group);

}  // namespace headscope
