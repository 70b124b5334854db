// Every chat of data/fixtures/chat under every template there: the prompt is that of transformers,
// byte for byte, and where transformers raises so do we.
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/ordered_json.h"
#include "lib/chat/chat_template.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

fs::path chat_fixtures() {
  return fs::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/chat";
}

std::uint64_t fnv64(const std::string& text) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const char byte : text) {
    value = (value ^ static_cast<std::uint8_t>(byte)) * 0x100000001B3u;
  }
  return value;
}

// 26 July 2024, 13:05:09, as make_chats.py tells the time.
std::chrono::system_clock::time_point fixture_time() {
  std::tm parts{};
  parts.tm_year = 124;
  parts.tm_mon = 6;
  parts.tm_mday = 26;
  parts.tm_mday = 26;
  parts.tm_hour = 13;
  parts.tm_min = 5;
  parts.tm_sec = 9;
  parts.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&parts));
}

struct FixtureChat {
  OrderedJson messages;
  ChatRender options;
};

std::vector<FixtureChat> fixture_chats() {
  const OrderedJson tools =
      parse_ordered_json(fixtures::read_file(chat_fixtures() / "tools.json"), "tools");
  const std::string text = fixtures::read_file(chat_fixtures() / "chats.jsonl");
  std::vector<FixtureChat> chats;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const OrderedJson line =
        parse_ordered_json(std::string_view(text).substr(at, end - at), "chats");
    FixtureChat chat{.messages = line["messages"], .options = {.now = fixture_time()}};
    chat.options.add_generation_prompt = line.contains("add_generation_prompt");
    if (line.contains("tools")) {
      chat.options.tools = tools[line["tools"].get<std::size_t>()];
    }
    if (line.contains("documents")) {
      chat.options.documents = line["documents"];
    }
    if (line.contains("extra")) {
      chat.options.extra = line["extra"];
    }
    chats.push_back(std::move(chat));
    at = end + 1;
  }
  return chats;
}

std::map<std::string, std::string> fixture_templates() {
  std::map<std::string, std::string> templates;
  for (const auto& entry : fs::directory_iterator(chat_fixtures() / "templates")) {
    templates[entry.path().stem().string()] = fixtures::read_file(entry.path());
  }
  return templates;
}

std::uint64_t u64_at(const std::string& bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

}  // namespace

TEST_CASE("Published templates give the prompts transformers gives") {
  const std::vector<FixtureChat> chats = fixture_chats();
  const auto templates = fixture_templates();
  const std::string expected = fixtures::read_file(chat_fixtures() / "expected.bin");
  REQUIRE(chats.size() >= 500);
  REQUIRE(templates.size() >= 30);
  REQUIRE(expected.size() == 8 * chats.size() * templates.size());
  const ChatTemplate::Texts tokens = {
      {"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}};
  std::size_t at = 0;
  for (const auto& [name, source] : templates) {
    const ChatTemplate chat({{"default", source}}, tokens, name);
    std::vector<std::size_t> wrong;
    for (std::size_t i = 0; i < chats.size(); ++i, at += 8) {
      std::uint64_t hash = 0;
      try {
        hash = fnv64(chat.render(chats[i].messages, chats[i].options));
      } catch (const Error&) {
      }
      if (hash != u64_at(expected, at)) {
        wrong.push_back(i);
      }
    }
    INFO(name << " (data/fixtures/chat/make_chats.py --show " << name
              << " N prints what is right)");
    CHECK(wrong == std::vector<std::size_t>());
  }
}

}  // namespace headscope
