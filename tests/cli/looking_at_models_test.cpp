// info, hooks, tokenize and predict.
#include "hooks/prompts.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/cli/program.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("info tells what a model is") {
  const Outcome found = run({"info", model_path("llama"), "--json"});
  REQUIRE(found.code == 0);
  const OrderedJson json = found.json();
  CHECK(json["family"] == "llama");
  CHECK(json["config"]["n_layers"] == 3);
  CHECK(json["config"]["n_kv_heads"] == 4);
  const auto weights = json["memory"]["weights"].get<std::int64_t>();
  CHECK(weights == 4 * json["parameters"].get<std::int64_t>());
  CHECK(json["memory"]["free"].get<std::int64_t>() > weights);
  const Outcome half = run({"info", model_path("llama"), "--json", "--dtype", "bf16"});
  CHECK(half.json()["memory"]["weights"] == weights / 2);
  const Outcome text = run({"info", model_path("llama3_gqa_tied")});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, contains("KV heads"));
}

TEST_CASE("info refuses weights that the config does not fit") {
  const Folder folder;
  for (const auto& [key, value] : {std::pair("vocab_size", 287),
                                   std::pair("num_hidden_layers", 2),
                                   std::pair("num_hidden_layers", 4),
                                   std::pair("intermediate_size", 63)}) {
    CAPTURE(key, value);
    const std::string copy = folder / (key + std::to_string(value));
    std::filesystem::create_directory(copy);
    for (const char* file : {"config.json", "model.safetensors"}) {
      std::filesystem::copy(model_path("llama") + "/" + file, copy + "/" + file);
    }
    Json config = read_json(copy + "/config.json");
    config[key] = value;
    put(copy + "/config.json", config.dump());
    const Outcome outcome = run({"info", copy});
    CHECK(outcome.code == 3);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains("tensor "));
  }
}

TEST_CASE("hooks lists every point; with a prompt it shows the shapes of a real run") {
  const std::string model = model_path("llama");
  const auto declared = run({"hooks", model, "--json"}).json();
  const auto measured = run({"hooks", model, "--json", "--prompt", "abcd"}).json();
  const auto points = hook_points(summarize_model(model).config);
  REQUIRE(declared["hooks"].size() == points.size());
  REQUIRE(measured["hooks"].size() == points.size());
  const auto tokens = measured["tokens"].get<std::int64_t>();
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(declared["hooks"][i]["name"] == hook_name(points[i].site, points[i].layer));
    CHECK(measured["hooks"][i]["name"] == declared["hooks"][i]["name"]);
  }
  const auto find = [](const OrderedJson& list, const std::string& name) {
    for (const auto& hook : list["hooks"]) {
      if (hook["name"] == name) {
        return hook;
      }
    }
    return OrderedJson();
  };
  CHECK(find(declared, "blocks.1.attn.hook_pattern")["shape"] ==
        OrderedJson({"batch", 4, "query", "key"}));
  CHECK(find(measured, "blocks.1.attn.hook_pattern")["shape"] ==
        OrderedJson({1, 4, tokens, tokens}));
  CHECK(find(measured, "blocks.2.attn.hook_z")["shape"] == OrderedJson({1, tokens, 4, 8}));
  const Outcome text = run({"hooks", model});
  CHECK_THAT(text.out, contains("blocks.{l}.attn.hook_z") && contains("[batch, pos, 4, 8]"));
}

TEST_CASE("tokenize shows what the tokenizer does, one token a line") {
  const std::string model = model_path("llama");
  const Tokenizer tokenizer = load_tokenizer(model);
  const std::string text = "the cat\n[1]";
  for (const auto bos : {PrependBos::automatic, PrependBos::no}) {
    const auto json = run({"tokenize",
                           model,
                           "--prompt",
                           text,
                           "--prepend-bos",
                           std::string(to_string(bos)),
                           "--json"})
                          .json();
    const auto ids = tokenizer.encode(text, bos);
    REQUIRE(json["tokens"].size() == ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CHECK(json["tokens"][i]["position"] == i);
      CHECK(json["tokens"][i]["id"] == ids[i]);
    }
  }
  const Outcome shown = run({"tokenize", model, "--prompt", text});
  CHECK(shown.code == 0);
  CHECK_THAT(shown.out, contains("↵"));
}

TEST_CASE("tokenize --chat shows the prompt that the model's template makes, and its tokens") {
  const Folder folder;
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "config.json"}) {
    std::filesystem::copy_file(model_path("llama") + "/" + file, folder / file);
  }
  const std::string model = folder / "";
  const std::string chat = folder / "chat.json";
  const auto refused =
      [&](const std::vector<std::string>& words, int code, const std::string& why) {
        std::vector<std::string> all{"tokenize", model};
        all.insert(all.end(), words.begin(), words.end());
        const Outcome outcome = run(all);
        CHECK(outcome.code == code);
        CHECK(is_one_line(outcome.err));
        CHECK_THAT(outcome.err, contains(why));
      };
  put(chat, R"([{"role": "user", "content": "the cat"}])");
  refused({"--chat", chat}, 3, "no chat template");
  put(folder / "chat_template.jinja",
      "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
      "{% if add_generation_prompt %}assistant:{% endif %}");
  const auto json = run({"tokenize", model, "--chat", chat, "--json"}).json();
  const std::string prompt = "user: the cat\nassistant:";
  CHECK(json["prompt"] == prompt);
  const auto ids = load_tokenizer(model).encode(prompt, PrependBos::no);
  REQUIRE(json["tokens"].size() == ids.size());
  CHECK(json["tokens"].back()["id"] == ids.back());
  CHECK_THAT(run({"tokenize", model, "--chat", chat}).out, starts_with(prompt));
  put(chat, R"([{"role": "assistant", "content": "a"}])");
  CHECK(run({"tokenize", model, "--chat", chat, "--json"}).json()["prompt"] == "assistant: a\n");
  put(chat, R"([{"role": "user"}, 1])");
  refused({"--chat", chat}, 3, "message 2");
  refused({}, 2, "--prompt");
  refused({"--chat", chat, "--prompt", "a"}, 2, "one of them");
  refused({"--chat", chat, "--prepend-bos", "yes"}, 2, "writes its own BOS");
}

TEST_CASE("predict gives the likeliest tokens of the last position") {
  const std::string text = "hello world";
  const Model model = load_model(model_path("llama"));
  const Tensor logits =
      model.forward(Batch({make_prompt(text, model, {}).tokens}), {.logits = Logits::last})
          .logits[0]
          .to(at::kDouble);
  const Tensor probabilities = at::softmax(logits, 0);
  const auto best = logits.argmax().item<std::int64_t>();
  const auto json =
      run({"predict", model_path("llama"), "--prompt", text, "--top", "288", "--json"}).json();
  REQUIRE(json["top"].size() == 288);
  CHECK(json["top"][0]["id"] == best);
  double sum = 0.0;
  for (std::size_t i = 0; i < 288; ++i) {
    const auto& row = json["top"][i];
    const auto id = row["id"].get<std::int64_t>();
    CHECK(row["rank"] == i + 1);
    CHECK(row["probability"].get<double>() ==
          Approx(probabilities[id].item<double>()).epsilon(1e-4));
    CHECK(row["logit"].get<double>() == Approx(logits[id].item<double>()).margin(1e-4));
    sum += row["probability"].get<double>();
  }
  CHECK(sum == Approx(1.0));
  CHECK(run({"predict", model_path("llama"), "--prompt", text, "--top", "3"}).code == 0);
}

TEST_CASE("predict takes token ids, so that a model needs no tokenizer") {
  const std::string text = "hello world";
  const auto by_text = run({"predict", model_path("llama"), "--prompt", text, "--json"}).json();
  std::string ids;
  for (const auto& token : by_text["tokens"]) {
    ids += (ids.empty() ? "" : ",") + token.dump();
  }
  const Outcome by_ids = run({"predict", model_path("llama"), "--tokens", ids, "--json"});
  CHECK(by_ids.json()["top"] == by_text["top"]);
  CHECK(run({"predict", model_path("qwen2"), "--tokens", "5,9,7"}).code == 0);
  const auto refused = [](const std::vector<std::string>& words, int code, const char* what) {
    std::vector<std::string> command{"predict", model_path("qwen2")};
    command.insert(command.end(), words.begin(), words.end());
    const Outcome outcome = run(command);
    CHECK(outcome.code == code);
    CHECK(is_one_line(outcome.err));
    CHECK_THAT(outcome.err, contains(what));
  };
  refused({"--tokens", "5,9999"}, 3, "no token 9999");
  refused({"--tokens", "5,-1"}, 3, "no token -1");
  refused({"--tokens", "5,x"}, 2, "--tokens");
  refused({"--tokens", "5", "--prompt", "a"}, 2, "--prompt");
  refused({"--tokens", "5", "--prepend-bos", "no"}, 2, "--prepend-bos");
  refused({"--prompt", "a"}, 3, "token ids");
  refused({}, 2, "--tokens");
}

TEST_CASE("smollm2 knows whom John gave the drink to") {
  cached_model();
  const auto json = run({"predict",
                         "smollm2",
                         "--prompt",
                         "When Mary and John went to the store, John gave a drink to",
                         "--json"})
                        .json();
  CHECK(json["top"][0]["token"] == " Mary");
  CHECK(json["top"][0]["probability"].get<double>() == Approx(0.923).margin(0.002));
}

TEST_CASE("tokenize --jsonl answers line by line") {
  const std::string model = model_path("llama");
  const Outcome both = run({"tokenize", model, "--jsonl"}, "printf '\"ab cd\"\\n\"x\"\\n' |");
  REQUIRE(both.code == 0);
  CHECK(both.out == "[99,100,34,101,102]\n[122]\n");
  const Outcome bad = run({"tokenize", model, "--jsonl"}, "printf '\"x\"\\n7\\n' |");
  CHECK(bad.code == 3);
  CHECK_THAT(bad.err, contains("standard input:2"));
  CHECK(run({"tokenize", model, "--jsonl", "--prompt", "x"}).code == 2);
}

TEST_CASE(
    "hook points that some layers alone have are listed, and asked for elsewhere are told apart") {
  const std::string model = model_path("qwen3_moe_mixed");
  const Outcome list = run({"hooks", model});
  REQUIRE(list.code == 0);
  CHECK_THAT(list.out, contains("hook_expert_weights") && contains("mlp.hook_post"));
  const Folder folder;
  put(folder / "p.jsonl", "{\"id\":\"a\",\"tokens\":[5,6,7]}\n");
  const Outcome lacks = run({"record",
                             model,
                             "--prompts",
                             folder / "p.jsonl",
                             "--hooks",
                             "blocks.0.mlp.hook_gate",
                             "-o",
                             folder / "t.h5"});
  CHECK(lacks.code == 2);
  CHECK_THAT(lacks.err, contains("layer 0 has no such point"));
}
