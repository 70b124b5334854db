#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/text/base64.h"
#include "lib/text/byte_alphabet.h"
#include "lib/text/json_fields.h"
#include "lib/text/vocabulary_files.h"

namespace headscope {
namespace {

// Llama 3's, which transformers takes for every such file.
constexpr std::string_view kTiktokenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Every cut of a token is looked up and may be a merge: published ones have up to 128 bytes, and
// far fewer merges than this.
constexpr std::size_t kLongestToken = 128;
constexpr std::size_t kMostCutsAToken = 64;

using Ranks = std::unordered_map<std::string, TokenId>;

void read_rank(std::string_view line, const std::string& where, Ranks& ranks) {
  const std::size_t space = line.find(' ');
  std::int64_t rank = -1;
  const std::string_view number = space == line.npos ? "" : line.substr(space + 1);
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), rank);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) {
    throw DataError("{}: neither SentencePiece nor lines of a token in base 64 and its rank",
                    where);
  }
  std::string token = from_base64(line.substr(0, space), where);
  if (token.empty() || token.size() > kLongestToken) {
    throw DataError("{}: a token of {} bytes", where, token.size());
  }
  if (!ranks.emplace(std::move(token), token_id(Json(rank), where)).second) {
    throw DataError("{}: a token that is there already", where);
  }
}

Ranks read_ranks(const std::filesystem::path& path) {
  const MappedFile mapped(path);
  const auto bytes = mapped.bytes();
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Ranks ranks;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.empty()) {
      read_rank(line, fmt::format("{}:{}", path.string(), number), ranks);
    }
  }
  return ranks;
}

struct Cut {
  TokenId whole;
  TokenId left;
  TokenId right;
  auto operator<=>(const Cut&) const = default;
};

// Every way to cut a token into two others is a merge; the lower rank first, then that of the left
// part.
std::vector<Cut> cuts_of(const Ranks& ranks, const std::string& where) {
  std::vector<Cut> cuts;
  for (const auto& [token, rank] : ranks) {
    for (std::size_t at = 1; at < token.size(); ++at) {
      const auto left = ranks.find(token.substr(0, at));
      const auto right = left == ranks.end() ? left : ranks.find(token.substr(at));
      if (right != ranks.end()) {
        cuts.push_back({rank, left->second, right->second});
      }
    }
    if (cuts.size() > kMostCutsAToken * ranks.size()) {
      throw DataError("{}: its tokens are made of each other in more than {} ways each",
                      where,
                      kMostCutsAToken);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

Json tiktoken_model(const Ranks& ranks, const std::string& where) {
  Json vocabulary = Json::object();
  std::unordered_map<TokenId, std::string> spelling;
  for (const auto& [token, rank] : ranks) {
    const std::string text = spell_bytes(token);
    if (!spelling.emplace(rank, text).second) {
      throw DataError("{}: two tokens of the rank {}", where, rank);
    }
    vocabulary[text] = rank;
  }
  Json merges = Json::array();
  for (const Cut& cut : cuts_of(ranks, where)) {
    merges.push_back({spelling.at(cut.left), spelling.at(cut.right)});
  }
  return {{"type", "BPE"},
          {"vocab", std::move(vocabulary)},
          {"merges", std::move(merges)},
          {"ignore_merges", true}};
}

}  // namespace

Json spec_of_tiktoken(const std::filesystem::path& path) {
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", kTiktokenPattern}}}, {"behavior", "Isolated"}};
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  return {{"model", tiktoken_model(read_ranks(path), path.string())},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}}},
          {"decoder", {{"type", "ByteLevel"}}}};
}

}  // namespace headscope
