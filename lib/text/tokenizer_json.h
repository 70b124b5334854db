// tokenizer.json of Hugging Face `tokenizers`.
#pragma once

#include <filesystem>
#include <memory>

#include "lib/base/hash.h"
#include "lib/base/json_fwd.h"
#include "lib/text/tokenizer.h"
#include "lib/text/tokenizer_files.h"

namespace headscope {

// The tokenizer that `file`, in the form of tokenizer.json, and the files beside it describe; what
// the latter add goes into `hasher`, whose digest is the tokenizer's. Throws DataError, opened by
// `where`, for what is malformed or what headscope does not implement.
std::shared_ptr<Tokenizer::Impl> tokenizer_from_spec(const Json& file,
                                                     const TokenizerFiles& files,
                                                     Hasher& hasher,
                                                     const std::string& where);

// Whether other vocabularies in the directory must give the same ids (older_files.h).
enum class OlderFiles { compared, ignored };

// `path`: the file. Throws DataError: missing or malformed, anything in it headscope does not
// implement, or an older file beside it that gives other ids.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_json(const std::filesystem::path& path,
                                                     OlderFiles older);

}  // namespace headscope
