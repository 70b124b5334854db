// tokenizer.model with no tokenizer.json made of it: a SentencePiece model, or Llama 3's list.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "lib/text/tokenizer.h"

namespace headscope {

// Is `bytes` the beginning of a SentencePiece model? Else tokenizer.model is a list of tiktoken's.
bool is_sentence_piece(std::string_view bytes);

// `path`: the file. Text is cut as SentencePiece does it, control pieces and added tokens written
// in it are found first as Hugging Face does. Beside it, tokenizer_config.json may say
// add_bos_token (true where it is silent and the model has a BOS), add_eos_token, add_prefix_space
// and legacy (false: the space put before a text is put there once, not after every special token),
// and the other files what they say beside tokenizer.json. Throws DataError for a damaged file or
// one that headscope does not implement.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_model(const std::filesystem::path& path);

}  // namespace headscope
