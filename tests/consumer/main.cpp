// Uses an installed headscope: loads the model in argv[1], runs one prompt and checks what it got.
#include <cmath>
#include <iostream>

#include <ATen/ops/softmax.h>
#include <ATen/ops/sum.h>

#include "cli/render/heat_map.h"
#include "lib/families/load.h"

int main(int argc, char** argv) {
  const headscope::Model model = headscope::load_model(argc > 1 ? argv[1] : "smollm2");
  const headscope::Batch batch({{1, 2, 3, 4}});
  const auto result = model.forward(batch, {.logits = headscope::Logits::last});
  std::cout << "logits " << result.logits.sizes() << '\n';
  const bool right_shape = result.logits.dim() == 2 && result.logits.size(0) == 1 &&
                           result.logits.size(1) == model.config().d_vocab;
  const double total = at::softmax(result.logits, -1).sum().item<double>();
  const std::string picture = headscope::to_svg({.rows = 1, .cols = 2, .values = {0.25F, 0.75F}});
  const bool drawn = picture.find("<svg") != std::string::npos;
  return right_shape && drawn && std::abs(total - 1.0) < 1e-5 ? 0 : 1;
}
