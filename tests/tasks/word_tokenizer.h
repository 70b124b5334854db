// Tokenizers for tests: the pipelines of real families (data/fixtures/text), whose small
// vocabularies are enlarged so that the words of our tasks are tokens, as they are for real models.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "lib/base/json.h"
#include "lib/text/tokenizer.h"
#include "lib/weights/gguf.h"
#include "tests/support/cached_model.h"
#include "tests/text/fixtures.h"
#include "tests/weights/temporary_directory.h"

namespace headscope::test {

// Every run of letters in data/tasks.
inline std::set<std::string> task_words() {
  std::set<std::string> words;
  for (const auto& file : std::filesystem::directory_iterator(HEADSCOPE_SOURCE_DIR "/data/tasks")) {
    std::string word;
    for (const char c : fixtures::read_file(file.path())) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter && !word.empty()) {
        words.insert(word);
      }
      word = letter ? word + c : "";
    }
  }
  return words;
}

// Adds merges before all others that build a word from its left end, so that nothing comes between.
class Vocabulary {
 public:
  explicit Vocabulary(Json& file) : model_(file["model"]), merges_(Json::array()) {
    blank_ = model_["vocab"].contains("\xC4\xA0") ? "\xC4\xA0" : "\xE2\x96\x81";
    for (const auto& [token, id] : model_["vocab"].items()) {
      next_id_ = std::max(next_id_, id.get<int>() + 1);
    }
    for (const Json& added : file["added_tokens"]) {
      next_id_ = std::max(next_id_, added["id"].get<int>() + 1);
    }
  }

  // " word"
  void add(const std::string& word) {
    std::string built = blank_;
    for (const char c : word) {
      merge(built, std::string(1, c));
      built += c;
    }
  }

  void merge(const std::string& left, const std::string& right) {
    Json& vocab = model_["vocab"];
    for (const std::string& token : {left, right, left + right}) {
      if (!vocab.contains(token)) {
        vocab[token] = next_id_++;
      }
    }
    if (done_.insert(left + " " + right).second) {
      merges_.push_back({left, right});
    }
  }

  void commit() {
    for (const Json& old : model_["merges"]) {
      const auto pair = old.get<std::vector<std::string>>();
      if (!done_.contains(pair[0] + " " + pair[1])) {  // of two equal ones the later counts
        merges_.push_back(old);
      }
    }
    model_["merges"] = merges_;
  }

 private:
  Json& model_;
  Json merges_;
  std::string blank_;
  std::set<std::string> done_;
  int next_id_ = 0;
};

enum class Years { split, two_digits };  // " 1742": " ", "1", "7", … or " 17", "42"

inline Tokenizer word_tokenizer(const std::string& fixture, Years years = Years::split) {
  Json file = Json::parse(fixtures::read_file(fixtures::folder() / fixture / "tokenizer.json"));
  Vocabulary vocabulary(file);
  for (const std::string& word : task_words()) {
    vocabulary.add(word);
    vocabulary.add(fmt::format("{}{}", static_cast<char>(std::toupper(word[0])), word.substr(1)));
  }
  for (char tens = '0'; tens <= '9' && years == Years::two_digits; ++tens) {
    vocabulary.add(fmt::format("1{}", tens));
  }
  for (int number = 0; number < 100 && years == Years::two_digits; ++number) {
    vocabulary.merge(std::string(1, static_cast<char>('0' + number / 10)),
                     std::string(1, static_cast<char>('0' + number % 10)));
  }
  vocabulary.commit();
  const TemporaryDirectory folder;
  folder.write("tokenizer.json", file.dump());
  return Tokenizer::from_directory(folder.path());
}

// One of each kind, and SmolLM2's own where it is in the cache.
inline const std::vector<std::pair<std::string, Tokenizer>>& tokenizers() {
  static const auto all = [] {
    std::vector<std::pair<std::string, Tokenizer>> list;
    for (const std::string name : {"gpt2", "llama2", "llama3", "gemma", "smollm", "qwen2"}) {
      list.emplace_back(name, word_tokenizer(name));
    }
    list.emplace_back("gpt2 with years", word_tokenizer("gpt2", Years::two_digits));
    if (const auto file = cached_model_path(); std::filesystem::exists(file)) {
      list.emplace_back("SmolLM2", Tokenizer::from_gguf(GgufFile(file).metadata(), file.string()));
    }
    return list;
  }();
  return all;
}

}  // namespace headscope::test
