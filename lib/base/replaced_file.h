// What an output may take the place of: nothing, an empty file, or one of its own kind. A slip with
// -o must not cost a model, a list of prompts or the very file that is read.
#pragma once

#include <filesystem>
#include <string_view>

namespace headscope {

// A kind of text file that we write.
struct TextKind {
  std::string_view noun;                   // "task": "not a headscope task"
  bool (*is)(std::string_view beginning);  // of a file's first kTextKindBytes, or of all of it
};
inline constexpr std::size_t kTextKindBytes = std::size_t{1} << 20;

// Throws UsageError naming the path if a file stands there that has content and is none of the
// kind; DataError if it cannot be read.
void check_replaceable(const std::filesystem::path& path, const TextKind& kind);

// That UsageError: "PATH: not a headscope NOUN, so it is not replaced; choose another -o".
[[noreturn]] void refuse_to_replace(const std::filesystem::path& path, std::string_view noun);

// Whether a text begins as `start`, a piece of JSON without white space, whatever white space it
// has itself.
bool begins_as_json(std::string_view text, std::string_view start);

inline constexpr TextKind kSvgPicture{
    .noun = "picture (.svg)",
    .is = [](std::string_view beginning) { return beginning.starts_with("<svg "); }};

}  // namespace headscope
