#include "lib/attention/spec.h"

#include "lib/tensor/ops.h"

namespace headscope {

AttentionSpec of_heads(const AttentionSpec& spec, HeadRange heads) {
  AttentionSpec some = spec;
  for (Tensor* each :
       {&some.head_scale, &some.alibi, &some.key_slopes, &some.distance_bias, &some.sinks}) {
    *each = each->defined() ? each->narrow(0, heads.first, heads.count) : *each;
  }
  return some;
}

}  // namespace headscope
