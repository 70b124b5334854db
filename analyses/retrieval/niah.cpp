#include "analyses/retrieval/niah.h"

#include "analyses/retrieval/needle_span.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

void append(std::vector<TokenId>& to,
            const std::vector<TokenId>& from,
            std::size_t begin,
            std::size_t end) {
  to.insert(to.end(),
            from.begin() + static_cast<std::ptrdiff_t>(begin),
            from.begin() + static_cast<std::ptrdiff_t>(end));
}

// The haystack's tokens that leave room in a context.
std::vector<TokenId> trimmed(const std::vector<TokenId>& haystack,
                             std::size_t needle,
                             std::int64_t context,
                             const NiahOptions& options) {
  const std::int64_t room = context - options.buffer - static_cast<std::int64_t>(needle);
  if (room < 1) {
    throw UsageError(
        "a context of {} tokens is too short: {} are kept for question and answer, "
        "and the needle has {}",
        context,
        options.buffer,
        needle);
  }
  if (room > static_cast<std::int64_t>(haystack.size())) {
    throw UsageError(
        "the haystack of {} tokens is shorter than a context of {} asks for; give a "
        "longer text with --haystack FILE",
        haystack.size(),
        context);
  }
  return {haystack.begin(), haystack.begin() + room};
}

std::string with_needle(const Tokenizer& tokenizer,
                        const std::vector<TokenId>& haystack,
                        const std::vector<TokenId>& needle,
                        double depth) {
  const std::size_t at = insertion_point(tokenizer, haystack, depth);
  std::vector<TokenId> all;
  append(all, haystack, 0, at);
  append(all, needle, 0, needle.size());
  append(all, haystack, at, haystack.size());
  return tokenizer.decode(all);
}

// The template's parts put together, not searched again: a haystack may hold braces.
std::string filled(const std::string& form,
                   const std::string& context,
                   const std::string& question) {
  constexpr std::string_view kContext = "{context}";
  constexpr std::string_view kQuestion = "{question}";
  const std::size_t first = form.find(kContext);
  const std::size_t second = form.find(kQuestion);
  if (first == std::string::npos || second == std::string::npos || second < first) {
    throw UsageError("a template has {context} and, behind it, {question}");
  }
  return form.substr(0, first) + context +
         form.substr(first + kContext.size(), second - first - kContext.size()) + question +
         form.substr(second + kQuestion.size());
}

Span span_of(const Tokenizer& tokenizer, const RetrievalPrompt& prompt) {
  const auto span = find_answer(tokenizer, prompt.tokens, prompt.answer);
  if (!span) {
    throw DataError(
        "prompt {}: needle not found after tokenising: no {} tokens in a row hold more "
        "than 0.9 of those of \"{}\"",
        prompt.id,
        tokenizer.encode(prompt.answer, PrependBos::no).size(),
        prompt.answer);
  }
  return *span;
}

}  // namespace

std::optional<Span> find_answer(const Tokenizer& tokenizer,
                                const std::vector<TokenId>& prompt,
                                const std::string& answer) {
  const auto span = find_needle(prompt, tokenizer.encode(answer, PrependBos::no));
  return span ? span : find_needle(prompt, tokenizer.encode(" " + answer, PrependBos::no));
}

bool ends_sentence(const Tokenizer& tokenizer, TokenId token) {
  const std::string piece = tokenizer.piece(token);
  const std::size_t first = piece.find_first_not_of(" \t\r\n");
  return first != std::string::npos && piece[first] == '.' &&
         piece.find_first_not_of(" \t\r\n\"')", first + 1) == std::string::npos;
}

std::size_t insertion_point(const Tokenizer& tokenizer,
                            const std::vector<TokenId>& haystack,
                            double depth) {
  if (depth >= 100.0) {
    return haystack.size();
  }
  auto at = static_cast<std::size_t>(static_cast<double>(haystack.size()) * (depth / 100.0));
  while (at > 0 && !ends_sentence(tokenizer, haystack[at - 1])) {
    --at;
  }
  return at;
}

std::vector<NiahPrompt> niah_prompts(const Tokenizer& tokenizer,
                                     const std::string& haystack,
                                     const std::vector<Needle>& needles,
                                     const NiahOptions& options) {
  const std::vector<TokenId> hay = tokenizer.encode(haystack, PrependBos::no);
  std::vector<NiahPrompt> prompts;
  for (std::size_t n = 0; n < needles.size(); ++n) {
    const std::vector<TokenId> needle = tokenizer.encode(needles[n].needle, PrependBos::no);
    for (const std::int64_t context : options.contexts) {
      const std::vector<TokenId> around = trimmed(hay, needle.size(), context, options);
      for (const double depth : options.depths) {
        const std::string text = filled(
            options.form, with_needle(tokenizer, around, needle, depth), needles[n].question);
        NiahPrompt made{.context = context,
                        .depth = depth,
                        .needle = static_cast<std::int64_t>(n),
                        .prompt = {}};
        made.prompt.id = fmt::format("c{}-d{:g}-n{}", context, depth, n);
        made.prompt.tokens = tokenizer.encode(text, options.bos);
        made.prompt.answer = needles[n].answer;
        made.prompt.needle = span_of(tokenizer, made.prompt);
        prompts.push_back(std::move(made));
      }
    }
  }
  return prompts;
}

std::string form_for(const Tokenizer& tokenizer) {
  return tokenizer.single("<|im_start|>").has_value() ? kChatTemplate : kPlainTemplate;
}

}  // namespace headscope
