// Every operator, a file each.
#pragma once

#include "lib/attention/operators/operator_kind.h"

namespace headscope {

AttentionOperator streaming_operator();
AttentionOperator window_operator();
AttentionOperator arrow_operator();
AttentionOperator span_operator();
AttentionOperator shards_operator();
AttentionOperator dilated_operator();
AttentionOperator top_k_operator();
AttentionOperator threshold_operator();
AttentionOperator top_p_operator();
AttentionOperator block_pooled_operator();
AttentionOperator block_oracle_operator();
AttentionOperator chunks_operator();
AttentionOperator hip_operator();
AttentionOperator random_operator();
AttentionOperator razor_operator();
AttentionOperator softmax_off_by_one_operator();
AttentionOperator sigmoid_operator();
AttentionOperator relu_operator();
AttentionOperator linear_operator();
AttentionOperator rope_base_operator();
AttentionOperator rope_linear_operator();
AttentionOperator rope_ntk_operator();
AttentionOperator rope_yarn_operator();
AttentionOperator log_scale_operator();

}  // namespace headscope
