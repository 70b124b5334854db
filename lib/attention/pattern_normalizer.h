// What makes a pattern of scores. No Torch here: configs name it too.
#pragma once

namespace headscope {

// softmax: exp(s) / Σ exp(s) over the keys that the query sees. relu: max(s, 0) / n, where n is how
// many keys it sees, so that a query may attend to nothing (as in Guo et al. 2024,
// arXiv:2410.13835; Wortsman et al. 2023, arXiv:2309.08586).
enum class PatternNormalizer { softmax, relu };

}  // namespace headscope
