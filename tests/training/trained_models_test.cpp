// The trained models of data/models/trained do what they were trained for, on rows they never saw,
// and detectors find the heads that do it.
#include <algorithm>

#include "analyses/head_detectors/detect.h"
#include "analyses/head_detectors/detectors.h"
#include "analyses/training/train_run.h"
#include "hooks/edits.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/one_thread.h"

using namespace headscope;

namespace {

std::filesystem::path trained_folder(const std::string& name) {
  return std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/models/trained" / name;
}

// Of new rows, or the held-out ones.
std::vector<GroupLoss> losses_of(const std::string& name, Tap& tap) {
  const TrainSpec spec = read_train_spec(own_train_spec(name), name);
  const auto held_out = spec.data->held_out();
  Random random(77, "rows of a test");
  const TrainRows rows = held_out ? *held_out : spec.data->draw(random, 16);
  const Model model = load_model(trained_folder(name).string());
  return group_losses(model.forward(batch_of_rows(rows), tap).logits, rows, spec.data->groups());
}

std::vector<GroupLoss> losses_of(const std::string& name) {
  NoTap nobody;
  return losses_of(name, nobody);
}

}  // namespace

TEST_CASE("every trained model was made by the spec of its name") {
  for (const char* name : {"induction", "mqar", "modular_addition", "bigram_backcopy"}) {
    CAPTURE(name);
    const Json json = read_json(trained_folder(name) / "train.json");
    const TrainSpec spec = read_train_spec(own_train_spec(name), name);
    CHECK(json.at("spec") == spec.json);
    CHECK(json.at("steps") == spec.steps);
    CHECK(to_json(load_model(trained_folder(name).string()).config()) == to_json(spec.model));
  }
}

TEST_CASE("the trained models do what they were trained for, on rows they never saw") {
  const test::OneThread one;
  const std::vector<GroupLoss> induction = losses_of("induction");
  CHECK(induction[1].accuracy > 0.98);  // repeated
  CHECK(induction[0].accuracy < 0.2);   // what no one can know
  const std::vector<GroupLoss> recall = losses_of("mqar");
  CHECK(recall[0].accuracy > 0.98);
  CHECK(recall[1].loss > recall[0].loss);
  CHECK(losses_of("modular_addition")[0].accuracy > 0.95);
  const std::vector<GroupLoss> backcopy = losses_of("bigram_backcopy");
  CHECK(backcopy[1].accuracy > 0.98);
  CHECK(backcopy[0].loss < 2.5);  // log 66 = 4.19
}

TEST_CASE("detect finds a previous-token head and induction heads in the trained model") {
  const test::OneThread one;
  const Model model = load_model(trained_folder("induction").string());
  DetectOptions options{.detectors = {find_detector("induction"), find_detector("previous_token")},
                        .seeds = {0}};
  const std::vector<Detection> found = detect(model, options);
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].ran());
  REQUIRE_FALSE(found[0].with_role().empty());
  CHECK(found[0].with_role().front().layer == 1);
  REQUIRE(found[1].ran());
  const HeadId previous = found[1].top(1).front();  // several share the work: below the threshold
  CHECK(previous.layer == 0);
  CHECK(found[1].score[previous] > 0.25);
}

TEST_CASE("without the head of its second layer the trained model recalls nothing") {
  const test::OneThread one;
  Edits edits;
  edits.at("blocks.1.attn.hook_z").zero();
  CHECK(losses_of("mqar", edits)[0].accuracy < 0.3);
}
