// Needle in a haystack: prompts for retrieval.h, built by the rules of Wu et al. 2024 (§2,
// retrieval_head_detection.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyses/retrieval/haystack.h"
#include "analyses/retrieval/retrieval.h"
#include "lib/text/tokenizer.h"

namespace headscope {

// What the model is asked: {context} and {question} stand for themselves.
inline constexpr const char* kPlainTemplate =  // the published form
    "{context}Based on the content of the book, Question: {question}\nAnswer:";
inline constexpr const char* kChatTemplate =  // the published form for chat models, in ChatML
    "<|im_start|>user\n<book>{context}</book>\nBased on the content of the book, Question: "
    "{question}\nAnswer:<|im_end|>\n<|im_start|>assistant\n";

// The chat form where the tokenizer has ChatML's marks, else the plain one: a model trained to chat
// ends its turn where the plain form asks it to go on.
std::string form_for(const Tokenizer& tokenizer);

struct NiahOptions {
  std::vector<std::int64_t> contexts;  // tokens, question and answer included
  std::vector<double> depths;          // percent of the haystack before the needle
  std::int64_t buffer = 200;           // tokens of a context kept for question and answer
  std::string form = kPlainTemplate;
  PrependBos bos = PrependBos::automatic;
};

struct NiahPrompt {
  std::int64_t context = 0;
  double depth = 0.0;
  std::int64_t needle = 0;  // index of the needle
  RetrievalPrompt prompt;
};

// One prompt a needle, context and depth, in this order. The haystack's tokens are cut to context −
// buffer − the needle's; the needle goes in at int(n × depth / 100), moved back to behind the last
// full stop (depth 100: at the end); the whole is turned into text, put into `form` and
// tokenised again. `haystack_name` is for messages. Throws UsageError: a haystack shorter than a
// context asks for, or a context that leaves no room; DataError: a needle that is not found after
// tokenising.
std::vector<NiahPrompt> niah_prompts(const Tokenizer& tokenizer,
                                     const std::string& haystack,
                                     const std::vector<Needle>& needles,
                                     const NiahOptions& options);

// Where a needle goes in: int(n × depth / 100) or earlier, behind a token that ends a sentence;
// 0 if there is none before; n at depth 100.
std::size_t insertion_point(const Tokenizer& tokenizer,
                            const std::vector<TokenId>& haystack,
                            double depth);

// Where an answer ended up in a prompt: find_needle() of its tokens, or, where tokens carry the
// space before them (byte-level BPE), of those it has behind a space.
std::optional<Span> find_answer(const Tokenizer& tokenizer,
                                const std::vector<TokenId>& prompt,
                                const std::string& answer);

// True for a full stop alone, whatever white space or closing quotes are part of the token.
bool ends_sentence(const Tokenizer& tokenizer, TokenId token);

}  // namespace headscope
