// What a model writes, as it is and with head 23.3 switched off: two rows of one batch.
#include <iostream>

#include "hooks/edits.h"
#include "hooks/standing_interventions.h"
#include "lib/families/load.h"
#include "lib/generate/generate.h"

using namespace headscope;

int main(int argc, char** argv) {
  const Model model = load_model(argc > 1 ? argv[1] : "smollm2");
  Edits off;
  off.at(argc > 2 ? argv[2] : "blocks.23.attn.hook_z", {.heads = {{3}}}).zero();
  const auto change = standing_interventions(model, off.interventions());
  const auto prompt =
      model.tokenizer().encode("When Mary and John went to the store, John gave a drink to");
  Generation generation(model);
  const auto plain = generation.join({.prompt = prompt, .stop = {.max_new = 8}});
  const auto without =
      generation.join({.prompt = prompt, .stop = {.max_new = 8}, .change = change});
  while (generation.step()) {
  }
  std::cout << generation.text(plain).text << '\n' << generation.text(without).text << '\n';
  std::cout << change->fired().front().part << " fired " << change->fired().front().values
            << " times\n";
}
