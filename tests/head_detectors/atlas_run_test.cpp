// An atlas that is made in several runs is the one that a single run makes.
#include "analyses/head_detectors/atlas_run.h"

#include "analyses/head_detectors/confirm.h"
#include "analyses/head_detectors/detector_choice.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/induction_model.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const Json kFrom{{"identity", {{"seeds", 1}}}};

std::vector<Detector> named(const std::vector<std::string>& names) {
  return chosen_detectors(names, {}, AllDetectors::every_one);
}

std::vector<std::string> names_in(const Atlas& atlas) {
  std::vector<std::string> names;
  for (const Detection& each : atlas.detections) {
    names.push_back(each.detector.name);
  }
  return names;
}

// Runs what the atlas does not have of these, and says which those were.
std::vector<std::string> run_left(Atlas& atlas,
                                  const Model& model,
                                  const std::vector<Detector>& detectors) {
  const std::vector<Detector> left = detectors_left(atlas, detectors, "a.h5");
  std::vector<std::string> ran;
  const DetectOptions options{
      .detectors = left, .seeds = {0}, .finished = [&](const Detection& detection) {
        ran.push_back(detection.detector.name);
        CHECK(atlas.find(detection.detector.name) != nullptr);
      }};
  detect_into(atlas, model, options, detectors);
  return ran;
}

}  // namespace

TEST_CASE("an atlas gone on with has every detector once, in the order asked for") {
  const TempFolder folder;
  const Model model = induction_model(kInductionHeads, 256);
  Atlas first = new_atlas(model, kFrom);
  run_left(first, model, named({"echo", "induction"}));
  write_atlas(first, folder.file("a.h5"));

  Atlas second = resumed_atlas(folder.file("a.h5"), new_atlas(model, kFrom));
  const std::vector<Detector> all = named({"induction", "previous_token", "echo", "induction"});
  CHECK(all.size() == 3);
  CHECK(run_left(second, model, all) == std::vector<std::string>{"previous_token"});
  CHECK(names_in(second) == std::vector<std::string>{"induction", "previous_token", "echo"});
  CHECK(second.find("echo")->score == first.find("echo")->score);
  CHECK(second.find("induction")->detector.behaviour.has_value());  // no file holds it

  const Json other{{"identity", {{"seeds", 2}}}};
  CHECK_THROWS_WITH(resumed_atlas(folder.file("a.h5"), new_atlas(model, other)),
                    contains("seeds is 1 there but 2 here; --overwrite"));
}

TEST_CASE("detectors of a file get their functions back, asked for again or not") {
  const TempFolder folder;
  const Model model = induction_model(kInductionHeads, 256);
  Atlas first = new_atlas(model, kFrom);
  run_left(first, model, named({"induction"}));
  write_atlas(first, folder.file("a.h5"));
  const Atlas again = resumed_atlas(folder.file("a.h5"), new_atlas(model, kFrom));
  REQUIRE(again.find("induction") != nullptr);
  const Detector& restored = again.find("induction")->detector;  // what confirming it asks
  CHECK(restored.behaviour == find_detector("induction").behaviour);
  CHECK(restored.behaviour.has_value());
  CHECK(restored.reading.has_value());
}

TEST_CASE("an error of one detector says that the others ran, where there are others") {
  const Model model = induction_model(kInductionHeads, 256);
  Atlas atlas = new_atlas(model, kFrom);
  run_left(atlas, model, named({"echo", "induction"}));
  atlas.detections[0].failed = "no memory";
  atlas.detections[0].exit_code = ResourceError("").exit_code();
  CHECK_THROWS_WITH(check_all_ran(atlas), contains("the other detectors ran"));
  atlas.detections[0].failed.clear();
  atlas.detections[0].undefined = "no such thing";
  CHECK_THROWS_WITH(check_all_ran(atlas), contains("the other detectors ran"));
  atlas.detections.resize(1);
  try {
    check_all_ran(atlas);
    FAIL("nothing ran");
  } catch (const DataError& error) {
    CHECK_THAT(error.what(), !contains("others"));
  }
}

TEST_CASE("what did not run runs again; a detector of another definition is refused") {
  const TempFolder folder;
  const Model model = induction_model(kInductionHeads, 256);
  Atlas atlas = new_atlas(model, kFrom);
  run_left(atlas, model, named({"echo", "induction"}));
  CHECK_NOTHROW(check_all_ran(atlas));
  atlas.detections[0].failed = "no memory";
  atlas.detections[0].exit_code = ResourceError("").exit_code();
  CHECK_THROWS_AS(check_all_ran(atlas), ResourceError);
  CHECK_THROWS_WITH(check_all_ran(atlas), contains("failed, see above: echo (no memory)"));
  write_atlas(atlas, folder.file("a.h5"));
  Atlas again = resumed_atlas(folder.file("a.h5"), new_atlas(model, kFrom));
  CHECK(run_left(again, model, named({"echo", "induction"})) == std::vector<std::string>{"echo"});
  std::vector<Detector> stricter = named({"induction"});
  stricter[0].threshold = 0.9;
  CHECK_THROWS_WITH(
      detectors_left(again, stricter, "a.h5"),
      contains("a.h5: cannot be resumed: its induction was made with another definition"));
}

TEST_CASE("roles are confirmed once, and anew when asked otherwise") {
  const Model model = induction_model(kInductionHeads, 256);
  Atlas atlas = new_atlas(model, kFrom);
  run_left(atlas, model, named({"induction", "echo"}));
  int confirmed = 0;
  ConfirmOptions options{.heads = 1, .draws = 1, .finished = [&] { ++confirmed; }};
  CHECK(confirm_roles(model, atlas, options));
  CHECK(confirm_roles(model, atlas, options));
  CHECK(confirmed == 1);  // echo has no behaviour
  options.draws = 2;
  options.stop = [] { return true; };
  CHECK_FALSE(confirm_roles(model, atlas, options));
  REQUIRE(atlas.confirmations.size() == 1);
  CHECK(atlas.confirmations[0].asked.draws == 1);  // stays until there is another
  options.stop = {};
  CHECK(confirm_roles(model, atlas, options));
  REQUIRE(atlas.confirmations.size() == 1);
  CHECK(atlas.confirmations[0].asked.draws == 2);
}
