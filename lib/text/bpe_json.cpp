#include "lib/text/bpe_json.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/vocabulary_json.h"

namespace headscope {
namespace {

TokenId merge_token(const Vocabulary& vocabulary,
                    std::string_view text,
                    std::size_t rank,
                    const std::string& where) {
  const TokenId id = vocabulary.find(text);
  if (id < 0) {
    throw DataError(
        "{}: merge {} needs the token '{}', which is not in the vocabulary", where, rank, text);
  }
  return id;
}

std::vector<RankedMerge> read_merges(const Json& model,
                                     const Vocabulary& vocabulary,
                                     const std::string& where) {
  const Json& entries = array_field(model, "merges", where);
  std::vector<RankedMerge> merges;
  merges.reserve(entries.size());
  for (const Json& entry : entries) {
    const std::size_t rank = merges.size();
    if (entry.is_string()) {
      merges.push_back(ranked_merge(vocabulary, entry.get_ref<const std::string&>(), rank, where));
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
               entry[1].is_string()) {
      merges.push_back(ranked_merge(vocabulary,
                                    entry[0].get_ref<const std::string&>(),
                                    entry[1].get_ref<const std::string&>(),
                                    rank,
                                    where));
    } else {
      throw DataError("{}: merge {} is neither \"left right\" nor a pair", where, rank);
    }
  }
  return merges;
}

void refuse(const Json& model, const char* name, const std::string& where) {
  const Json& value = optional_field(model, name, where);
  const bool harmless = value.is_null() || value == "" || (value.is_number() && value == 0);
  if (!harmless) {
    throw DataError("{}: headscope does not implement '{}'", where, name);
  }
}

}  // namespace

RankedMerge ranked_merge(const Vocabulary& vocabulary,
                         std::string_view left,
                         std::string_view right,
                         std::size_t rank,
                         const std::string& where) {
  std::string whole(left);
  whole += right;
  return {merge_token(vocabulary, left, rank, where),
          merge_token(vocabulary, right, rank, where),
          {static_cast<std::uint32_t>(rank), merge_token(vocabulary, whole, rank, where)}};
}

RankedMerge ranked_merge(const Vocabulary& vocabulary,
                         std::string_view line,
                         std::size_t rank,
                         const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == line.npos || line.find(' ', space + 1) != line.npos) {
    throw DataError("{}: merge {}, '{}', is not two tokens and a space", where, rank, line);
  }
  return ranked_merge(vocabulary, line.substr(0, space), line.substr(space + 1), rank, where);
}

BpeParts read_word_level(const Json& model, const std::string& where) {
  BpeParts parts;
  parts.vocabulary = vocabulary_from_json(model, where);
  parts.options.whole_words = true;
  parts.options.unk =
      parts.vocabulary->find(optional_string(model, "unk_token", where).value_or("<unk>"));
  return parts;
}

BpeParts read_bpe(const Json& model, const std::string& where) {
  refuse(model, "dropout", where);
  refuse(model, "continuing_subword_prefix", where);
  refuse(model, "end_of_word_suffix", where);
  BpeParts parts;
  parts.vocabulary = vocabulary_from_json(model, where);
  parts.merges = read_merges(model, *parts.vocabulary, where);
  parts.options = {.byte_fallback = bool_field_or(model, "byte_fallback", false, where),
                   .fuse_unk = bool_field_or(model, "fuse_unk", false, where),
                   .ignore_merges = bool_field_or(model, "ignore_merges", false, where)};
  if (const auto unk = optional_string(model, "unk_token", where)) {
    parts.options.unk = parts.vocabulary->find(*unk);
    if (parts.options.unk < 0) {
      throw DataError("{}: the unk_token '{}' is not in the vocabulary", where, *unk);
    }
  }
  return parts;
}

}  // namespace headscope
