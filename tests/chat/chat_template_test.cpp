// Where models keep their chat template, what it is given, and the tokens that end a turn.
#include "lib/chat/chat_template.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/text/fixtures.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

void write_chat_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

const OrderedJson kHello = {{{"role", "user"}, {"content", "Hi"}}};

constexpr const char* kChatMl =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

}  // namespace

TEST_CASE("chat_template.jinja counts before tokenizer_config.json, as in transformers") {
  const TempFolder folder;
  CHECK(!ChatTemplate::from_directory(folder.file("")));
  write_chat_file(
      folder.file("") / "tokenizer_config.json",
      R"({"chat_template": "config {{ bos_token }}", "bos_token": {"content": "<b>"}})");
  CHECK(ChatTemplate::from_directory(folder.file(""))->render(kHello) == "config <b>");
  write_chat_file(folder.file("") / "chat_template.jinja",
                  "file {{ bos_token }}{{ eos_token is defined }}\n");
  CHECK(ChatTemplate::from_directory(folder.file(""))->render(kHello) == "file <b>False");
  write_chat_file(folder.file("") / "tokenizer_config.json",
                  R"({"tokenizer_class": "LlamaTokenizerFast", "bos_token": null})");
  CHECK(ChatTemplate::from_directory(folder.file(""))->render(kHello) == "file True");
}

TEST_CASE("Several templates are chosen by name, or because tools are given") {
  const TempFolder folder;
  write_chat_file(
      folder.file("") / "tokenizer_config.json",
      R"({"chat_template": [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"},
                                   {"name": "rag", "template": "{% block x %}"}]})");
  const ChatTemplate chat = *ChatTemplate::from_directory(folder.file(""));
  CHECK(chat.names() == std::vector<std::string>{"default", "rag", "tool_use"});
  CHECK(chat.render(kHello) == "D");
  CHECK(chat.render(kHello, {.tools = OrderedJson::array()}) == "T");
  CHECK(chat.render(kHello, {.name = "tool_use"}) == "T");
  CHECK_THROWS_WITH(chat.render(kHello, {.name = "rag"}), contains("no tag 'block'"));
  CHECK_THROWS_WITH(chat.render(kHello, {.name = "x"}),
                    contains("there are default, rag, tool_use"));
  write_chat_file(folder.file("") / "additional_chat_templates/other.jinja", "O");
  CHECK_THROWS_AS(ChatTemplate::from_directory(folder.file(""))->render(kHello), UsageError);
  write_chat_file(folder.file("") / "chat_template.jinja", "J");
  CHECK(ChatTemplate::from_directory(folder.file(""))->names() ==
        std::vector<std::string>{"default", "other"});
}

TEST_CASE("Malformed files are named") {
  const TempFolder folder;
  for (const char* text : {R"({"chat_template": 5})",
                           R"({"chat_template": [{"name": "a"}]})",
                           R"({"chat_template": "{{"})"}) {
    write_chat_file(folder.file("") / "tokenizer_config.json", text);
    CHECK_THROWS_WITH(ChatTemplate::from_directory(folder.file("")),
                      contains("tokenizer_config.json: chat_template"));
  }
}

TEST_CASE("A GGUF file's template and tokens") {
  Json metadata = {{"tokenizer.ggml.tokens", {"<b>", "<e>"}},
                   {"tokenizer.ggml.bos_token_id", 0},
                   {"tokenizer.ggml.eos_token_id", 1}};
  CHECK(!ChatTemplate::from_gguf(metadata, "f.gguf"));
  metadata["tokenizer.chat_template"] =
      "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ pad_token }}";
  metadata["tokenizer.chat_template.tool_use"] = "T";
  const ChatTemplate chat = *ChatTemplate::from_gguf(metadata, "f.gguf");
  CHECK(chat.render(kHello) == "<b>Hi<e>");
  CHECK(chat.render(kHello, {.tools = OrderedJson::array()}) == "T");
}

TEST_CASE("Templates are given what transformers gives them") {
  const auto render =
      [](const std::string& source, const OrderedJson& messages, const ChatRender& options = {}) {
        return ChatTemplate({{"default", source}}, {{"bos_token", "<b>"}}, "t")
            .render(messages, options);
      };
  CHECK(render("{{ tools }}{{ documents }}{{ add_generation_prompt }}{{ other is defined }}",
               kHello) == "NoneNoneFalseFalse");
  CHECK(render("{{ bos_token }}{{ think }}",
               kHello,
               {.extra = {{"bos_token", "x"}, {"think", true}}}) == "xTrue");
  const OrderedJson nulls = {{{"role", "assistant"}, {"content", nullptr}, {"reasoning", "R"}}};
  CHECK(render("{{ messages[0] | tojson }}", nulls) ==
        R"({"thinking": "R", "role": "assistant", "reasoning": "R", "reasoning_content": "R"})");
  const OrderedJson ordered = {{{"role", "user"}, {"z", 1}, {"a", 2}}};
  CHECK(render("{{ messages[0] | tojson }}", ordered) == R"({"role": "user", "z": 1, "a": 2})");
  CHECK_THROWS_AS(render("", OrderedJson::array()), UsageError);
  CHECK_THROWS_AS(render("", {{"role", "user"}}), UsageError);
  CHECK_THROWS_AS(render("", kHello, {.tools = {"x"}}), UsageError);
  CHECK_THROWS_AS(render("", kHello, {.extra = {{"messages", 1}}}), UsageError);
  CHECK_THROWS_WITH(render("{{ messages[0].content }}", {{{"role", "user"}, {"content", "\xFF"}}}),
                    contains("UTF-8"));
  CHECK_THROWS_WITH(render("{{ big }}", kHello, {.extra = {{"big", 18446744073709551615u}}}),
                    contains("64 bits"));
}

TEST_CASE("Messages are read in their order, and refused by number") {
  CHECK(parse_messages(R"([{"role": "user", "b": 1, "a": 2}])", "f").dump() ==
        R"([{"role":"user","b":1,"a":2}])");
  CHECK_THROWS_WITH(parse_messages(R"([{"role": "user"}, {"content": ""}])", "f"),
                    contains("f: message 2"));
  for (const char* text : {"{}", "[]", "[1]", R"([{"role": 1}])", "[", R"({"messages": []})"}) {
    CHECK_THROWS_AS(parse_messages(text, "f"), DataError);
  }
}

TEST_CASE("A rendered chat has the tokens its template wrote, and its end of turn is found") {
  const Tokenizer tokenizer = Tokenizer::from_directory(fixtures::folder() / "qwen2");
  const TokenId start = *tokenizer.single("<|im_start|>");
  const TokenId end = *tokenizer.single("<|im_end|>");
  REQUIRE(tokenizer.is_added(end));
  REQUIRE(!tokenizer.is_added(*tokenizer.single("a")));
  const ChatTemplate chat({{"default", kChatMl}}, {}, "t");
  const std::vector<TokenId> ids =
      encode_chat(tokenizer, chat.render(kHello, {.add_generation_prompt = true}));
  CHECK(ids.front() == start);
  CHECK(std::count(ids.begin(), ids.end(), start) == 2);
  CHECK(std::count(ids.begin(), ids.end(), end) == 1);

  std::vector<TokenId> ends = tokenizer.ends();
  CHECK(end_of_turn_tokens(tokenizer, nullptr) == ends);
  if (std::find(ends.begin(), ends.end(), end) == ends.end()) {
    ends.push_back(end);
  }
  CHECK(end_of_turn_tokens(tokenizer, &chat) == ends);
  const ChatTemplate plain(
      {{"default", "{% for m in messages %}{{ m.content }}\n{% endfor %}"}}, {}, "t");
  CHECK(end_of_turn_tokens(tokenizer, &plain) == tokenizer.ends());
  const ChatTemplate worded(
      {{"default", "{% for m in messages %}{{ m.content }} over\n{% endfor %}"}}, {}, "t");
  CHECK(end_of_turn_tokens(tokenizer, &worded) == tokenizer.ends());
  const ChatTemplate refusing({{"default", "{{ raise_exception('no') }}"}}, {}, "t");
  CHECK(end_of_turn_tokens(tokenizer, &refusing) == tokenizer.ends());
}

TEST_CASE("No second BOS, and nothing appended") {
  const Tokenizer tokenizer = Tokenizer::from_directory(fixtures::folder() / "llama3");
  REQUIRE(tokenizer.prepends_bos());
  const std::vector<TokenId> ids = encode_chat(tokenizer, "<s>a");
  CHECK(std::count(ids.begin(), ids.end(), *tokenizer.bos()) == 1);
  CHECK(encode_chat(tokenizer, "a") == std::vector<TokenId>{*tokenizer.single("a")});
  // Nor where the tokenizer puts a token behind every text.
  Json file = Json::parse(fixtures::read_file(fixtures::folder() / "llama3" / "tokenizer.json"));
  file["post_processor"]["processors"][1]["single"].push_back(
      {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}});
  const TempFolder folder;
  write_chat_file(folder.file("tokenizer.json"), file.dump());
  const Tokenizer closing = Tokenizer::from_directory(folder.file(""));
  REQUIRE(closing.appended().size() == 1);
  CHECK(encode_chat(closing, "a") == std::vector<TokenId>{*tokenizer.single("a")});
}

}  // namespace headscope
