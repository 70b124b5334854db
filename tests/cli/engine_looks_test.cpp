// Values and attention that clients of the server look at.
#include "cli/serve/look.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/running_engine.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("values are those of a pass with the same interventions") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model,
                        {.id = "tiny", .look = {.answer_bytes = 4000, .kept_bytes = 100'000}});
  const std::vector<std::int32_t> prompt{5, 6, 7};
  Edits edits;
  edits.at("blocks.0.attn.hook_z", {.heads = {{1}}}).zero();
  Recorder recorder({"blocks.1.attn.hook_z", "blocks.1.attn.hook_pattern"});
  model.forward(Batch({prompt}), edits | recorder);
  ValuesJob job{.prompt = {.tokens = prompt}, .hooks = {"blocks.1.attn.hook_z"}};
  job.interventions = document(R"({"site": "blocks.0.attn.hook_z", "heads": [1], "op": "zero"})");
  job.heads = {{2}};
  job.positions = {{-1}};
  const Json json = Json::parse(running.look(job).body);
  const Json& told = json["activations"]["blocks.1.attn.hook_z"];
  CHECK(told["axes"] == Json({"pos", "head", "d_head"}));
  CHECK(told["shape"] == Json({1, 1, 8}));
  CHECK(told["data"][0][0].get<std::vector<float>>() ==
        to_floats(recorder.at("blocks.1.attn.hook_z")[0][2][2]));
  CHECK(json["interventions"][0]["values"] == 1);
  job.coding = NumberCoding::base64_f16;
  const Json half = Json::parse(running.look(job).body)["activations"]["blocks.1.attn.hook_z"];
  CHECK(half["dtype"] == "f16");
  CHECK(half["data"].get<std::string>().size() == 24);

  AttentionJob maps{.prompt = {.tokens = prompt}, .layers = {{1}}, .heads = {{0, 3}}};
  maps.interventions = job.interventions;
  const Json attention = Json::parse(running.look(maps).body);
  CHECK(attention["pieces"].size() == 3);
  CHECK(attention["layers"]["1"]["data"][1].get<std::vector<std::vector<float>>>()[2] ==
        to_floats(recorder.at("blocks.1.attn.hook_pattern")[0][3][2]));
  maps.show = AttentionJob::Show::statistics;
  const Json statistics = Json::parse(running.look(maps).body)["layers"]["1"];
  const float first = recorder.at("blocks.1.attn.hook_pattern")[0][3][2][0].item<float>();
  CHECK(statistics["first_mass"]["shape"] == Json({2, 3}));
  CHECK(statistics["first_mass"]["data"][1][2].get<float>() == Approx(first).epsilon(1e-5));
}

TEST_CASE("a look that cannot be is refused before it runs") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model, {.id = "tiny", .look = {.answer_bytes = 400, .kept_bytes = 4000}});
  const auto error = [&](ValuesJob job, int status) {
    const HttpResponse response = running.look(std::move(job));
    CHECK(response.status == status);
    return Json::parse(response.body)["error"]["message"].get<std::string>();
  };
  ValuesJob job{.prompt = {.tokens = {5, 6, 7}}, .hooks = {"blocks.1.attn.hook_z"}};
  CHECK(running.look(job).status == 200);  // 3 · 32 · 4 bytes
  job.heads = {{4}};
  CHECK_THAT(error(job, 400), contains("head 4 is not one of 4"));
  job.heads = std::nullopt;
  job.positions = {{3}};
  CHECK_THAT(error(job, 400), contains("position 3 is not one of 3"));
  job.positions = std::nullopt;
  job.hooks = {"blocks.1.attn.hook_zz"};
  CHECK_THAT(error(job, 400), contains("hook_z"));
  job.hooks = {"blocks.*.attn.hook_z"};
  CHECK_THAT(error(job, 413), contains("fewer layers"));
  job.hooks = {"blocks.1.hook_resid_pre"};
  job.heads = {{1}};
  CHECK_THAT(error(job, 400), contains("has no heads"));
  AttentionJob attention{.prompt = {.tokens = std::vector<std::int32_t>(30, 5)}};
  CHECK(running.look(attention).status == 413);
  attention.show = AttentionJob::Show::statistics;
  CHECK(running.look(attention).status == 200);
  attention.layers = {{3}};
  CHECK(running.look(attention).status == 400);
}

TEST_CASE("values of a text are told with it") {
  const Model model = load(huggingface_fixture("gpt2"));
  RunningEngine running(model);
  TextJob job = job_of({5, 6, 7}, kEdits[1]);
  job.most_tokens = 4;
  job.hooks = ValuesJob{.hooks = {"blocks.2.hook_resid_post"}};
  const auto got = running.write(job);
  got->wait();
  REQUIRE(got->end);
  CHECK(got->end->hooks["blocks.2.hook_resid_post"]["shape"] ==
        OrderedJson({3 + got->end->written_tokens - 1, 32}));
  TextJob in_decode =
      job_of(prompt_that_goes_on(model),
             R"({"site": "blocks.0.hook_resid_post", "op": "zero", "apply": {"phase": "decode"}})");
  in_decode.most_tokens = 3;
  in_decode.hooks = ValuesJob{.hooks = {"blocks.0.hook_resid_post"}};
  const auto changed = running.write(in_decode);
  changed->wait();
  CAPTURE(changed->error ? changed->error->what() : "");
  REQUIRE(changed->end);
  const OrderedJson rows = changed->end->hooks["blocks.0.hook_resid_post"]["data"];
  CHECK(rows[2][0] != 0.0);
  CHECK(rows[3] == OrderedJson(std::vector<double>(32, 0.0)));
}
