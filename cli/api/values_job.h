// Values inside the model that a client asks to see.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/text/prompt.h"

namespace headscope {

// What the model reads. Exactly one of text, tokens and messages is set.
struct PromptField {
  std::optional<std::string> text{};
  std::vector<std::int32_t> tokens{};
  Json messages = nullptr;  // of a chat, put together by the model's chat template
  // Named token ranges of the prompt as run, for interventions that choose them.
  std::map<std::string, Span> spans{};
};

// How numbers are written: lists, or base64 of little-endian f32 or f16.
enum class NumberCoding { json, base64_f32, base64_f16 };

// The values of hook points, whole or at some heads and positions.
struct ValuesJob {
  PromptField prompt{};
  Json interventions = nullptr;
  std::vector<std::string> hooks{};  // names, aliases or globs
  std::optional<std::vector<std::int64_t>> heads{};
  std::optional<std::vector<std::int64_t>> positions{};  // from the end where negative
  NumberCoding coding = NumberCoding::json;
};

// What heads look at: maps [query, key], or statistics that stay small for long prompts.
struct AttentionJob {
  PromptField prompt{};
  Json interventions = nullptr;
  std::optional<std::vector<std::int64_t>> layers{};
  std::optional<std::vector<std::int64_t>> heads{};
  std::optional<std::vector<std::int64_t>> positions{};  // queries
  enum class Show { maps, statistics } show = Show::maps;
  NumberCoding coding = NumberCoding::json;
};

}  // namespace headscope
