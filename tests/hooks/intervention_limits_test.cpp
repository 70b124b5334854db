// What a document of interventions asks is held against f32 and against the model before any pass.
#include <fstream>

#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::vector<Intervention> limits_of(const std::string& fields) {
  return interventions_from_json(
      Json::parse(R"({"version": 1, "interventions": [{"site": "blocks.0.)" + fields + "}]}"),
      "edits.json");
}

std::string list_of(std::int64_t size, const std::string& each) {
  std::string list = "[";
  for (std::int64_t i = 0; i < size; ++i) {
    list += (i == 0 ? "" : ", ") + each;
  }
  return list + "]";
}

}  // namespace

TEST_CASE("numbers that f32 does not hold are refused where they are read, by their field") {
  const auto refused = [](const std::string& fields, const std::string& says) {
    CAPTURE(fields);
    CHECK_THROWS_AS(limits_of(fields), DataError);
    CHECK_THROWS_WITH(limits_of(fields), contains(says) && contains("up to 3.4e38"));
  };
  refused(R"(attn.hook_z", "op": "scale", "factor": 1e300)", "\"factor\" is not a number that f32");
  refused(R"(attn.hook_z", "op": "scale", "factor": -1e39)", "\"factor\"");
  refused(R"(attn.hook_z", "op": "add", "values": [0, 1e300], "strength": 2)", "\"values\" hold");
  refused(R"(attn.hook_z", "op": "add", "values": [0], "strength": 1e39)", "\"strength\"");
  refused(R"(attn.hook_z", "op": "clamp", "low": -1e300)", "\"low\"");
  refused(R"(attn.hook_attn_scores", "op": "bias", "bias": 1e300)", "\"bias\"");
  CHECK_NOTHROW(limits_of(R"(attn.hook_z", "op": "scale", "factor": 3.4e38)"));
}

TEST_CASE("values of another size than the model's are refused before a pass, by point and shape") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const ModelConfig& c = model.config();
  const auto plan = [&](const std::string& fields) { return plan_of(limits_of(fields), model); };
  const auto row = [](std::int64_t size) { return list_of(size, "0.5"); };
  CHECK_NOTHROW(plan(R"(hook_resid_post", "op": "add", "values": )" + row(c.d_model)));
  CHECK_NOTHROW(plan(R"(attn.hook_z", "op": "add", "values": )" + row(c.d_head)));
  CHECK_NOTHROW(
      plan(R"(attn.hook_z", "op": "add", "values": )" + list_of(c.n_heads, row(c.d_head))));
  CHECK_NOTHROW(plan(R"(attn.hook_k", "op": "add", "values": )" + list_of(c.n_kv_heads, row(1))));
  CHECK_NOTHROW(plan(R"(attn.hook_z", "op": "replace", "values": 0.5)"));
  CHECK_NOTHROW(plan(R"(attn.hook_z", "op": "low_rank", "values": )" + list_of(1, row(c.d_head))));
  const auto refused = [&](const std::string& fields, const std::string& says) {
    CAPTURE(fields);
    CHECK_THROWS_AS(plan(fields), UsageError);
    CHECK_THROWS_WITH(plan(fields), contains(says) && contains("do not fit batch×pos×"));
  };
  refused(R"(hook_resid_post", "op": "add", "values": )" + row(c.d_model + 1),
          "blocks.0.hook_resid_post");
  refused(R"(attn.hook_z", "op": "replace", "values": )" + row(c.d_model), "blocks.0.attn.hook_z");
  refused(R"(attn.hook_z", "op": "add", "values": )" + list_of(c.n_heads + 1, row(c.d_head)), "×");
  refused(R"(attn.hook_k", "op": "add", "values": )" + list_of(c.n_heads, row(c.d_head)),
          fmt::format("{} (kv_head)", c.n_kv_heads));
  refused(R"(hook_resid_post", "op": "add", "values": )" +
              list_of(1, list_of(1, list_of(1, row(c.d_model)))),
          "1×1×1×");
  refused(R"(attn.hook_z", "op": "low_rank", "values": )" + list_of(1, row(c.d_head + 1)), "");
}

TEST_CASE("what is wrong with a file of interventions is an error of the file, and names it") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto file = folder.file("edits.json");
  for (const char* fields :
       {R"("site": "blocks.9.attn.hook_z", "op": "zero")",
        R"("site": "blocks.0.attn.hook_z", "op": "mask")",
        R"("site": "blocks.0.attn.hook_z", "op": "add", "values": [1, 2, 3])"}) {
    CAPTURE(fields);
    std::ofstream(file) << R"({"version": 1, "interventions": [{)" << fields << "}]}";
    CHECK_THROWS_AS(intervened(model, file), DataError);
    CHECK_THROWS_AS(plan_of_file(file, model), DataError);
    CHECK_THROWS_WITH(intervened(model, file), contains("edits.json: "));
  }
}
