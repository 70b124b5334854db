// The MLP's nonlinearities. No Torch here: what describes a model and the CUDA kernels name them
// too.
#pragma once

namespace headscope {

// gelu: exact (erf); gelu_tanh: the tanh approximation of Hendrycks & Gimpel 2016,
// arXiv:1606.08415.
enum class Activation { gelu, gelu_tanh, silu, relu };

}  // namespace headscope
