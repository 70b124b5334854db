// Every bad input ends with one line, the right exit code and no file.
#include "tests/cli/program.h"
#include "tests/support/catch.h"
#include "tests/support/skip.h"

using namespace headscope::test;

namespace {

struct BadCase {
  std::vector<std::string> words;
  int code;
  std::string says;
};

void check(const BadCase& bad) {
  std::string line;
  for (const std::string& word : bad.words) {
    line += " " + word;
  }
  INFO(line);
  const Outcome outcome = run(bad.words);
  INFO(outcome.err);
  CHECK(outcome.code == bad.code);
  CHECK(outcome.out.empty());
  CHECK(is_one_line(outcome.err));
  CHECK_THAT(outcome.err, contains(bad.says));
}

const std::string kErrorsModel = model_path("llama");

}  // namespace

TEST_CASE("wrong commands are usage errors") {
  check({{"inf", kErrorsModel}, 2, "did you mean info"});
  check({{"info"}, 2, "MODEL"});
  check({{"info", kErrorsModel, "--jsn"}, 2, "--json"});
  check({{"info", kErrorsModel, "--device", "tpu"}, 2, "tpu"});
  check({{"info", kErrorsModel, "--dtype", "f64"}, 2, "f32"});
  check({{"predict", kErrorsModel}, 2, "--prompt"});
  check({{"predict", kErrorsModel, "--prompt", "a", "--top", "0"}, 2, "--top"});
  check(
      {{"predict", kErrorsModel, "--prompt", "a", "--prepend-bos", "maybe"}, 2, "auto, yes or no"});
  check({{"bench", "forward", kErrorsModel, "--shape", "8by15"}, 2, "8x15"});
  check({{"bench", "sideways", kErrorsModel}, 2, "forward"});
  CHECK(run({}).code == 2);
}

TEST_CASE("models that are missing or broken are data errors") {
  const Folder folder;
  check({{"info", "/no/such/model"}, 3, "/no/such/model"});
  check({{"predict", "no-org/no-model", "--prompt", "a"}, 3, "Hugging Face cache"});
  std::filesystem::create_directory(folder / "config-only");
  std::filesystem::copy(kErrorsModel + "/config.json", folder / "config-only/config.json");
  check({{"predict", folder / "config-only", "--prompt", "a"}, 3, "config without weights"});
  check({{"tokenize", folder / "config-only", "--prompt", "a"}, 3, "no tokenizer"});
  std::filesystem::create_directory(folder / "unknown");
  put(folder / "unknown/config.json", "{\"architectures\": [\"MambaForCausalLM\"]}");
  check({{"info", folder / "unknown"}, 3, "MambaForCausalLM"});
  put(folder / "bad.gguf", "GGUX, not a model");
  check({{"info", folder / "bad.gguf"}, 3, "bad.gguf"});
  check({{"predict", model_path("llama_biases"), "--prompt", "a"}, 3, "tokenizer"});
}

TEST_CASE("prompts that cannot be run are named by line") {
  const Folder folder;
  const auto record = [&](const std::string& lines) -> std::vector<std::string> {
    put(folder / "p.jsonl", lines);
    return {"record",
            kErrorsModel,
            "--prompts",
            folder / "p.jsonl",
            "--hooks",
            "hook_embed",
            "-o",
            folder / "t.h5"};
  };
  check({record("{\"text\": \"a\"}\n{\"text\": \n"), 3, "p.jsonl:2"});
  check({record("{\"text\": \"a\"}\n\n{\"tokens\": []}\n"), 3, "p.jsonl:3"});
  check({record("{\"tokens\": [999]}\n"), 3, "999"});
  check({record("{\"text\": \"a\", \"spans\": {\"s\": [0, 99]}}\n"), 3, "p.jsonl:1"});
  check({record(""), 3, "no prompts"});
  std::string longest = "{\"tokens\": [5";
  for (int i = 0; i < 200; ++i) {
    longest += ", 5";
  }
  check({record(longest + "]}\n"), 3, "context of 128"});
  CHECK(!std::filesystem::exists(folder / "t.h5"));
  check({{"record", kErrorsModel, "--prompts", folder / "none.jsonl", "-o", folder / "t.h5"},
         3,
         "none.jsonl"});
  check({{"record", kErrorsModel, "-o", folder / "t.h5"}, 2, "--prompts"});
  check({{"predict", kErrorsModel, "--prompt", std::string(2000, 'a')}, 3, "context of 128"});
}

TEST_CASE("hooks that name nothing get the nearest names") {
  const Folder folder;
  const auto record = [&](const std::string& hook) -> std::vector<std::string> {
    return {"record", kErrorsModel, "--prompt", "ab", "--hooks", hook, "-o", folder / "t.h5"};
  };
  check({record("blocks.1.attn.hook_zz"), 2, "blocks.1.attn.hook_z"});
  check({record("blocks.9.attn.hook_z"), 2, "9"});
  check({record("blocks.*.hook_nothing*"), 2, "hook_nothing"});
  CHECK(!std::filesystem::exists(folder / "t.h5"));
}

TEST_CASE("exports of what is not there say what is") {
  const Folder folder;
  const std::string trace = folder / "t.h5";
  REQUIRE(run({"record",
               kErrorsModel,
               "--prompt",
               "abc",
               "--hooks",
               "blocks.1.attn.hook_pattern",
               "--hooks",
               "blocks.1.hook_resid_pre",
               "-o",
               trace})
              .code == 0);
  const auto words = [&](const std::string& hook, const std::string& head) {
    return std::vector<std::string>{
        "export", trace, "--hook", hook, "--head", head, "--format", "svg", "-o", folder / "out"};
  };
  check({words("blocks.1.attn.hook_patern", "0"), 2, "blocks.1.attn.hook_pattern"});
  check({words("blocks.1.attn.hook_pattern", "4"), 2, "heads 0 to 3"});
  check({words("blocks.1.hook_resid_pre", "0"), 2, "no heads"});
  check({{"export", trace, "--format", "svg", "-o", folder / "out"}, 2, "--hook"});
  check({{"export",
          trace,
          "--hook",
          "blocks.1.attn.hook_pattern",
          "--prompt",
          "7",
          "--format",
          "npy",
          "-o",
          folder / "out"},
         2,
         "prompts 0 to 0"});
  check({{"export", trace, "--hook", "logits/last", "--format", "png", "-o", folder / "out"},
         2,
         "two axes"});
  check({{"inspect", folder / "none.h5"}, 3, "none.h5"});
  put(folder / "bad.h5", "not a trace");
  check({{"inspect", folder / "bad.h5"}, 3, "bad.h5"});
  CHECK(!std::filesystem::exists(folder / "out"));
}

TEST_CASE("an input that is missing or malformed is a data error for every verb and option") {
  const Folder folder;
  const std::string& model = kErrorsModel;
  put(folder / "task.jsonl",
      R"({"clean_tokens": [1, 5], "corrupted_tokens": [1, 6], "answer_tokens": [7], )"
      R"("wrong_tokens": [8]})");
  put(folder / "bad.x", "garbage{");
  const std::string task = folder / "task.jsonl";
  for (const std::string& file : {folder / "none.x", folder / "bad.x"}) {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"info", file},
             {"record", model, "--prompts", file, "-o", folder / "o.h5"},
             {"record", model, "--task", file, "-o", folder / "o.h5"},
             {"predict", model, "--prompt", "a", "--intervene", file},
             {"generate", model, "--prompts", file},
             {"tokenize", model, "--chat", file},
             {"patch", model, "--task", file},
             {"patch", model, "--task", task, "--source", file},
             {"patch", model, "--task", task, "--intervene", file},
             {"ablate", model, "--task", task, "--mode", "mean", "--mean-from", file},
             {"attribute", model, "--task", task, "--trace", file},
             {"dla", model, "--task", task, "--trace", file},
             {"detect", model, "--trace", file},
             {"detect", model, "--detector-file", file},
             {"niah", model, "--prompts", file},
             {"atlas", file},
             {"compare", file, file},
             {"merge", file, "-o", folder / "o.h5"},
             {"inspect", file},
             {"export", file, "--format", "csv", "-o", folder / "out"},
             {"sweep", file},
             {"task", "make", "ioi", "--model", model, "--templates", file, "-o", folder / "o.x"},
             {"task", "score", file, "--model", model},
             {"steer", "fit", "mean-diff", model, "--data", file, "-o", folder / "out"},
             {"steer", "eval", model, "--edits", file, "--task", task},
             {"intervene", "check", file, "--model", model},
             {"serve", model, "--token", file}}) {
      check({words, 3, file.substr(file.rfind('/') + 1)});
    }
  }
  CHECK_FALSE(std::filesystem::exists(folder / "o.h5"));
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_CASE(
    "interventions: their file is a data error, what the command makes of them a usage error") {
  const Folder folder;
  const auto with = [&](const std::string& fields) -> std::vector<std::string> {
    put(folder / "e.json",
        R"({"version": 1, "interventions": [{"site": "blocks.)" + fields + "}]}");
    return {"predict", kErrorsModel, "--prompt", "a", "--intervene", folder / "e.json"};
  };
  check({with(R"(9.attn.hook_z", "op": "zero")"), 3, "e.json: "});
  check({with(R"(0.attn.hook_z", "op": "zro")"), 3, "e.json: "});
  check({with(R"(0.attn.hook_z", "op": "zero", "heads": [9])"), 3, "e.json: "});
  check({with(R"(0.attn.hook_z", "op": "add", "values": [1, 2, 3])"), 3, "do not fit"});
  check({with(R"(0.attn.hook_z", "op": "scale", "factor": 1e300)"), 3, "\"factor\""});
  const char* too_far = R"(0.hook_resid_post", "op": "scale", "factor": 3e38},
      {"site": "blocks.0.hook_resid_post", "op": "scale", "factor": 3e38)";
  check({with(too_far), 3, "the interventions of " + folder / "e.json" + " are the likely cause"});
  check({with(R"(0.attn.hook_z", "op": "zero", "positions": [99])"), 2, "position 99"});
  std::vector<std::string> writes = with(too_far);
  writes.front() = "generate";
  check({writes, 3, "are the likely cause"});
}

TEST_CASE("a GPU that is not there is a resource error") {
  if (std::filesystem::exists("/dev/nvidiactl")) {
    skip("this machine has a GPU");
  }
  check({{"predict", kErrorsModel, "--prompt", "a", "--device", "cuda"}, 4, "--device"});
}

TEST_CASE("what the machine lacks is a resource error") {
  const Outcome full = run({"info", kErrorsModel}, "exec 9>/dev/full; f() { \"$@\" >&9; }; f");
  CHECK(full.code == 4);
  CHECK(is_one_line(full.err));
  check({{"record",
          kErrorsModel,
          "--prompt",
          "a",
          "--hooks",
          "hook_embed",
          "-o",
          "/proc/no/such/t.h5"},
         4,
         "/proc/no/such"});
}

TEST_CASE("a place that cannot be written is the machine's lack, a thing of another kind is not") {
  const Folder folder;
  const std::string trace = folder / "t.h5";
  const auto record = [&](const std::string& out) -> std::vector<std::string> {
    return {"record",
            kErrorsModel,
            "--prompt",
            "a",
            "--hooks",
            "blocks.1.attn.hook_pattern",
            "-o",
            out};
  };
  REQUIRE(run(record(trace)).code == 0);
  for (const std::string format : {"npy", "csv", "png", "svg", "html"}) {  // the trace is no folder
    check({{"export",
            trace,
            "--hook",
            "blocks.1.attn.hook_pattern",
            "--format",
            format,
            "-o",
            trace + "/out"},
           4,
           "choose another output path"});
  }
  check({record(trace + "/t.h5"), 4, "t.h5/t.h5"});
  check({record("/dev/null"), 2, "/dev/null: not a regular file"});
  std::filesystem::create_directory(folder / "some");
  check({record(folder / "some"), 2, "not a regular file"});
  check({{"record", kErrorsModel, "--prompts", folder / "some", "-o", folder / "u.h5"},
         3,
         "is a directory"});
}

TEST_CASE("help, version and a closed pipe") {
  for (const std::string verb :
       {"info", "hooks", "tokenize", "predict", "record", "inspect", "export", "bench", "demo"}) {
    const Outcome help = run({verb, "--help"});
    INFO(verb);
    CHECK(help.code == 0);
    CHECK_THAT(help.out, contains("Example:\n  headscope " + verb) && contains("--json"));
  }
  CHECK(run({"--version"}).code == 0);
  const Outcome piped = run({"hooks", kErrorsModel, "--json"}, "f() { \"$@\" | head -c 10; }; f");
  CHECK(piped.out.size() == 10);
  CHECK(piped.err.empty());
}
