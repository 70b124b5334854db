// Values from files: directions, and what other programs write.
#include "hooks/direction.h"

#include <fstream>

#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "lib/weights/write_safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"
#include "tests/weights/file_bytes.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const Batch kPrompt({{5, 6, 7, 8}});

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<Intervention> listed(const std::string& list, const TempFolder& folder) {
  return interventions_from_json(Json::parse(R"({"version": 1, "interventions": [)" + list + "]}"),
                                 "edits.json",
                                 folder.file(""));
}

// Heads 0 and 2 of layer 1, and the stream behind it.
SteeringDirection example(const Model& model) {
  SteeringDirection direction = direction_of(model, "iti", Op::add);
  const std::int64_t d = model.config().d_head;
  Tensor z = at::zeros({model.config().n_heads, d}, at::kFloat);
  z[0].fill_(0.5);
  z[2].copy_(at::arange(d, at::kFloat));
  direction.points = {
      {.name = "blocks.1.attn.hook_z", .heads = {0, 2}, .values = z},
      {.name = "blocks.1.hook_resid_post", .values = at::ones({model.config().d_model})}};
  direction.made = {{"seed", 3}};
  return direction;
}

std::vector<Intervention> example_edits() {
  Intervention z{.site = "blocks.1.attn.hook_z", .op = Op::add, .factor = 2.0};
  z.where.heads = {{0, 2}};
  z.values.file = ValuesFile{.kind = ValuesFile::Kind::direction, .path = "."};
  return {z};
}

// What the point's value changes by.
Tensor change_at(const Model& model,
                 const std::string& point,
                 const std::vector<Intervention>& list) {
  Recorder before(std::vector<std::string>{point});
  model.forward(kPrompt, before);
  Recorder after(std::vector<std::string>{point});
  Edits edits(list);
  model.forward(kPrompt, edits | after);
  return after.at(point) - before.at(point);
}

}  // namespace

TEST_CASE("a direction is what was written, and its edits.json applies it to its heads") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteeringDirection direction = example(model);
  write_direction(direction, example_edits(), folder.file("d"));
  const SteeringDirection read = read_direction(folder.file("d"));
  CHECK(read.method == "iti");
  CHECK(read.op == Op::add);
  CHECK(read.weights_hash == model.source().weights_hash);
  CHECK(read.made == direction.made);
  REQUIRE(read.points.size() == 2);
  CHECK(read.points[0].heads == std::vector<std::int64_t>{0, 2});
  CHECK(identical(read.points[0].values, direction.points[0].values));

  const auto edits = read_interventions(folder.file("d") / "edits.json");
  const Tensor change = change_at(model, "blocks.1.attn.hook_z", edits);
  CHECK(difference(change, (direction.points[0].values * 2.0).expand_as(change)) < 1e-5);
  const Model changed = intervened(model, folder.file("d") / "edits.json");
  Edits same(edits);
  CHECK(identical(changed.forward(kPrompt).logits, model.forward(kPrompt, same).logits));
}

TEST_CASE(
    "a direction is refused on another model, at another site, for other heads, with another op") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  write_direction(example(model), example_edits(), folder.file("d"));
  const auto fails = [&](const Model& on, const std::string& edit, const std::string& message) {
    CAPTURE(edit);
    const std::string list = "{" + edit + R"(, "values": {"direction": "d"}})";
    CHECK_THROWS_WITH(StandingInterventions(listed(list, folder), on, "x"), contains(message));
  };
  const std::string z = R"("site": "blocks.1.attn.hook_z", "op": "add")";
  fails(load(huggingface_fixture("qwen3")), z + R"(, "heads": [0])", "learned from another model");
  fails(model,
        R"("site": "blocks.0.attn.hook_z", "op": "add", "heads": [0])",
        "has nothing for blocks.0.attn.hook_z; it is of blocks.1.attn.hook_z");
  fails(model, R"("site": "blocks.0.hook_resid_post", "op": "add")", "has nothing for");
  fails(model, z, "of the heads [0, 2]");
  fails(model, z + R"(, "heads": [0, 1])", "of the heads [0, 2]");
  fails(model,
        R"("site": "blocks.1.attn.hook_z", "op": "project_out", "heads": [0])",
        "its op is \"add\", not \"project_out\"");
  CHECK_NOTHROW(StandingInterventions(
      listed("{" + z + R"(, "heads": [2], "values": {"direction": "d/direction.json"}})", folder),
      model,
      "x"));
}

TEST_CASE("a direction whose files do not belong together is refused") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  write_direction(example(model), example_edits(), folder.file("d"));
  const std::string values = read_file(folder.file("d") / "values.safetensors");
  write_bytes(folder.file("d") / "values.safetensors",
              values.substr(0, values.size() - 1) + "\x3e");
  CHECK_THROWS_WITH(read_direction(folder.file("d")), contains("not the values"));
  write_bytes(folder.file("d") / "values.safetensors", values);
  CHECK_NOTHROW(read_direction(folder.file("d")));
  Json described = read_json(folder.file("d") / "direction.json");
  described["points"][0]["shape"][0] = 7;
  write_bytes(folder.file("d") / "direction.json", described.dump());
  CHECK_THROWS_WITH(read_direction(folder.file("d")), contains("of the shape"));
  described["points"] = "none";
  write_bytes(folder.file("d") / "direction.json", described.dump());
  CHECK_THROWS_AS(read_direction(folder.file("d")), DataError);
  CHECK_THROWS_WITH(read_direction(folder.file("nowhere")), contains("headscope steer fit"));
}

TEST_CASE(
    "values of safetensors, NumPy and llama.cpp's control vectors are added where they belong") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto d = static_cast<std::size_t>(model.config().d_model);
  std::vector<float> v(d);
  std::string data;
  for (std::size_t i = 0; i < d; ++i) {
    v[i] = 0.25F * static_cast<float>(i % 5) - 0.5F;
    data += raw(v[i]);
  }
  write_bytes(folder.file("v.safetensors"),
              safetensors_bytes({{"up", {static_cast<std::int64_t>(d)}, v}, {"one", {1}, {1.0F}}}));
  std::string dict = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", d);
  dict.resize(117, ' ');
  write_bytes(folder.file("v.npy"),
              std::string("\x93NUMPY\x01\x00", 8) + raw<std::uint16_t>(118) + dict + "\n" + data);
  GgufParts gguf;
  gguf.entry("general.architecture", 8, gguf_string("controlvector"));
  gguf.tensor("direction.1", {d}, 0, 0);
  gguf.data = data;
  write_bytes(folder.file("v.gguf"), gguf.bytes());

  const Tensor want = at::tensor(v, at::kFloat);
  const auto edit = [](const std::string& site, const std::string& values) {
    return R"({"site": ")" + site + R"(", "op": "add", "values": )" + values + "}";
  };
  const std::string behind = "blocks.1.hook_resid_post";
  for (const std::string values : {R"({"safetensors": "v.safetensors", "tensor": "up"})",
                                   R"({"npy": "v.npy"})",
                                   R"({"gguf": "v.gguf"})"}) {
    CAPTURE(values);
    const Tensor change = change_at(model, behind, listed(edit(behind, values), folder));
    CHECK(difference(change, want.expand_as(change)) < 1e-5);
  }
  const auto fails = [&](const std::string& list, const std::string& message) {
    CAPTURE(list);
    CHECK_THROWS_WITH(StandingInterventions(listed(list, folder), model, "x"), contains(message));
  };
  fails(edit("blocks.0.hook_resid_post", R"({"gguf": "v.gguf"})"), "no direction.0");
  fails(edit("blocks.1.hook_resid_pre", R"({"gguf": "v.gguf"})"), "behind a block");
  fails(edit(behind, R"({"safetensors": "v.safetensors", "tensor": "upp"})"), "did you mean up");
  fails(edit(behind, R"({"safetensors": "v.safetensors"})"), "\"tensor\" names one");
  fails(edit(behind, R"({"npy": "v.npy", "gguf": "v.gguf"})"), "of which one is meant");
  fails(edit(behind, R"({"npy": "v.npy", "name": "v"})"), "give one of \"direction\"");
  fails(R"({"site": "blocks.1.attn.hook_z", "op": "mean", "values": {"npy": "v.npy"}})",
        "takes the mean of a trace");
}

TEST_CASE(
    "values of files are written down with the interventions, and are part of their identity") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const std::string list =
      R"({"site": "blocks.1.hook_resid_post", "op": "add",
          "values": {"safetensors": "v.safetensors", "tensor": "up"}})";
  const OrderedJson json = to_json(listed(list, folder));
  CHECK(json["interventions"][0]["values"]["tensor"] == "up");
  CHECK(to_json(interventions_from_json(Json::parse(json.dump()), "x")) == json);
  write_bytes(folder.file("edits.json"), R"({"version": 1, "interventions": [)" + list + "]}");
  const auto hash_with = [&](float value) {
    std::vector<float> v(static_cast<std::size_t>(model.config().d_model), value);
    write_bytes(folder.file("v.safetensors"),
                safetensors_bytes({{"up", {model.config().d_model}, v}}));
    return intervened(model, folder.file("edits.json")).standing()->hash();
  };
  CHECK(hash_with(1.0F) == hash_with(1.0F));
  CHECK(hash_with(1.0F) != hash_with(2.0F));
}
