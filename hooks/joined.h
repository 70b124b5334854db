// One value from the chunks a pass showed it in.
#pragma once

#include <vector>

#include "lib/model/site.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Chunks are joined along "pos" or "query", shorter key axes filled (−∞ for scores, else 0). A
// point with only a key axis (rot_k) shows all keys each time: the last chunk is the whole.
Tensor join_chunks(const std::vector<Tensor>& chunks, Site site);

// Row `prompt` without its padding columns: "pos", "query" and "key" axes start after `pad`.
// [batch, …] → […].
Tensor one_prompt(const Tensor& value, Site site, std::int64_t prompt, std::int64_t pad);

// The index of the axis "head" or "kv_head", or −1.
int head_axis(Site site);

}  // namespace headscope
