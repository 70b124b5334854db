#include "lib/text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/base/error.h"
#include "lib/text/oniguruma.h"
#include "lib/text/unicode.h"

namespace headscope {

struct Pattern::Code {
  pcre2_code* code = nullptr;
  std::string source;

  Code() = default;
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { pcre2_code_free(code); }
};

namespace {

// Bounds the work of one match: an honest pattern on a megabyte stays far below, and a hostile one
// ends in an error within a second.
constexpr std::uint32_t kMatchLimit = 20'000'000;
constexpr std::uint32_t kHeapLimitKiB = 256 * 1024;

std::string error_text(int code) {
  PCRE2_UCHAR buffer[256];
  const int length = pcre2_get_error_message(code, buffer, sizeof(buffer));
  return length < 0
             ? "unknown error"
             : std::string(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(length));
}

std::shared_ptr<Pattern::Code> compile(std::string_view source,
                                       std::uint32_t options,
                                       const std::string& where) {
  auto compiled = std::make_shared<Pattern::Code>();
  compiled->source = source;
  std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  std::size_t offset = 0;
  compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()),
                                 source.size(),
                                 PCRE2_UTF | options,
                                 &error,
                                 &offset,
                                 context.get());
  if (compiled->code == nullptr) {
    throw DataError(
        "{}: bad pattern '{}' at byte {}: {}", where, source, offset, error_text(error));
  }
  pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);  // without a JIT it is slow, not wrong
  return compiled;
}

}  // namespace

Pattern::Pattern(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

Pattern Pattern::regex(std::string_view regex, const std::string& where) {
  return Pattern(compile(oniguruma_to_pcre2(regex, where), PCRE2_UCP | PCRE2_MULTILINE, where));
}

Pattern Pattern::literal(std::string_view text, const std::string& where) {
  return Pattern(compile(text, PCRE2_LITERAL, where));
}

struct Matcher::State {
  std::shared_ptr<const Pattern::Code> pattern;
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  std::string_view subject;
  std::size_t from = 0;
  std::optional<std::size_t> last_end;

  ~State() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }

  // Whether there is a match at or after `from`.
  bool search() {
    const auto* text = reinterpret_cast<PCRE2_SPTR>(subject.data());
    const auto run = [&](std::uint32_t options) {
      return pcre2_match(
          pattern->code, text, subject.size(), from, PCRE2_NO_UTF_CHECK | options, data, context);
    };
    int code = run(0);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT) {
      code = run(PCRE2_NO_JIT);  // the interpreter keeps its stack on the heap
    }
    if (code < 0 && code != PCRE2_ERROR_NOMATCH) {
      throw DataError(
          "the tokenizer's pattern '{}' fails on this text: {}", pattern->source, error_text(code));
    }
    return code >= 0;
  }
};

Matcher::Matcher(const Pattern& pattern) : state_(std::make_unique<State>()) {
  state_->pattern = pattern.code_;
  state_->data = pcre2_match_data_create(1, nullptr);  // the whole match is all we read
  state_->context = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(state_->context, kMatchLimit);
  pcre2_set_heap_limit(state_->context, kHeapLimitKiB);
}

Matcher::~Matcher() = default;

void Matcher::start(std::string_view subject) {
  state_->subject = subject;
  state_->from = 0;
  state_->last_end.reset();
}

std::optional<Match> Matcher::next() {
  State& state = *state_;
  while (state.from <= state.subject.size() && state.search()) {
    const auto* bounds = pcre2_get_ovector_pointer(state.data);
    const Match match{bounds[0], bounds[1]};
    if (match.begin < match.end || state.last_end != match.end) {
      state.from = match.end;
      state.last_end = match.end;
      return match;
    }
    if (state.from >= state.subject.size()) {
      return std::nullopt;
    }
    state.from += utf8_length(state.subject[state.from]);
  }
  return std::nullopt;
}

}  // namespace headscope
