// Name movers of the IOI circuit, and their opposites.
#pragma once

#include "analyses/head_detectors/detector.h"
#include "analyses/task/task.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct NameMoving {
  Tensor to_io;       // [items, n_layers, n_heads] f64: attention from the last token to IO
  Tensor to_s;        // the same to S1
  Tensor copies;      // [n_layers, n_heads]: share of names among the 5 likeliest after W_OV
  Tensor suppresses;  // after −W_OV
};

// Of prompts with spans IO and S1. The copy scores are of the stream behind the first block at
// those names through W_V and W_O, the final norm and W_U (Wang et al. 2022, arXiv:2211.00593,
// section 3.1 and appendix I). `copies` is undefined if the context was stopped.
NameMoving name_moving(const DetectorContext& context, const Task& task, std::uint64_t seed);

}  // namespace headscope
