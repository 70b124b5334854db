#include "analyses/head_detectors/examples.h"

#include <algorithm>
#include <cmath>

#include "analyses/head_detectors/probe_pass.h"
#include "hooks/recorder.h"
#include "lib/tensor/ops.h"
#include "lib/text/unknown_word.h"

namespace headscope {
namespace {

constexpr std::int64_t kMostTokens = 40;
constexpr std::int64_t kRepeatedTokens = 16;

std::vector<std::string> pieces_of(const Model& model, const std::vector<std::int32_t>& tokens) {
  std::vector<std::string> pieces;
  for (const std::int32_t token : tokens) {
    pieces.push_back(model.has_tokenizer() ? model.tokenizer().piece(token)
                                           : std::to_string(token));
  }
  return pieces;
}

class MapTap final : public Tap {
 public:
  explicit MapTap(std::vector<std::uint8_t>& maps) : maps_(maps) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::pattern ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& pattern) override {
    const Tensor codes = (pattern.select(0, 0) * 255.0).round().to(at::kByte).cpu().contiguous();
    const auto* data = codes.const_data_ptr<std::uint8_t>();
    maps_.insert(maps_.end(), data, data + codes.numel());
    return pattern;
  }

 private:
  std::vector<std::uint8_t>& maps_;
};

ExamplePrompt example(const Model& model,
                      const std::string& name,
                      std::vector<std::int32_t> tokens) {
  const std::int64_t most = std::min(kMostTokens, model.config().n_ctx);
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(most)));
  ExamplePrompt made{.name = name, .pieces = pieces_of(model, tokens)};
  MapTap tap(made.maps);
  model.forward(Batch({tokens}), tap, {.logits = Logits::none});
  return made;
}

// A place counts once a text, where the head looks hardest.
void keep_strongest(std::vector<Attended>& list, const Attended& candidate) {
  const auto same = std::find_if(
      list.begin(), list.end(), [&](const Attended& each) { return each.text == candidate.text; });
  if (same == list.end()) {
    list.push_back(candidate);
  } else if (same->weight < candidate.weight) {
    *same = candidate;
  }
}

void add_layer(Examples& examples,
               const AttentionStatistics& statistics,
               const HeadGrid& heads,
               std::int64_t layer) {
  const Tensor keys = statistics.top_key.cpu().contiguous();
  const Tensor weights = statistics.top_weight.cpu().contiguous();
  const auto key = keys.accessor<std::int64_t, 4>();
  const auto weight = weights.accessor<float, 4>();
  for (std::int64_t b = 0; b < keys.size(0); ++b) {
    for (std::int64_t h = 0; h < keys.size(1); ++h) {
      auto& list = examples.attended[heads.index_of({layer, h})];
      for (std::int64_t q = 2; q < keys.size(2); ++q) {
        for (std::int64_t n = 0; n < keys.size(3); ++n) {
          if (key[b][h][q][n] > 0 && key[b][h][q][n] < q - 1) {
            keep_strongest(list, {b, q, key[b][h][q][n], weight[b][h][q][n]});
            break;
          }
        }
      }
    }
  }
}

void add_attended(Examples& examples, const Model& model, std::uint64_t seed) {
  const auto prompts = make_probe(Probe::text, model, seed);
  const HeadGrid heads = head_grid(model.config());
  for (const ProbePrompt& prompt : prompts) {
    examples.texts.push_back(pieces_of(model, prompt.tokens));
  }
  StatisticsRequest request;
  request.top_k = 4;
  statistics_by_pass(
      model, prompts, request, [&](int layer, const AttentionStatistics& statistics) {
        add_layer(examples, statistics, heads, layer);
      });
  // Texts overlap: the same two tokens as far apart are the same place.
  const auto same_place = [&](const Attended& a, const Attended& b) {
    const auto piece = [&](const Attended& each, std::int64_t at) {
      return examples.texts[static_cast<std::size_t>(each.text)][static_cast<std::size_t>(at)];
    };
    return a.query - a.key == b.query - b.key && piece(a, a.query) == piece(b, b.query) &&
           piece(a, a.key) == piece(b, b.key);
  };
  for (auto& list : examples.attended) {
    std::stable_sort(list.begin(), list.end(), [](const Attended& a, const Attended& b) {
      return a.weight > b.weight;
    });
    std::vector<Attended> different;
    for (const Attended& each : list) {
      const bool again = std::any_of(different.begin(), different.end(), [&](const Attended& a) {
        return same_place(a, each);
      });
      if (!again && different.size() < kMostAttended) {
        different.push_back(each);
      }
    }
    list = std::move(different);
  }
}

constexpr const char* kIoi = "When Mary and John went to the store, John gave a drink to";

// Whether its tokenizer can write English: one of whole words of its own cannot.
bool writes_texts(const Model& model) {
  try {
    return model.has_tokenizer() && !model.tokenizer().encode(kIoi).empty();
  } catch (const UnknownWord&) {
    return false;
  }
}

}  // namespace

Examples collect_examples(const Model& model, std::uint64_t seed) {
  Examples examples;
  const ModelConfig& c = model.config();
  examples.attended.resize(head_grid(c).size());
  const bool texts_fit = c.n_ctx >= kTextTokens && writes_texts(model);
  if (texts_fit) {
    const Tokenizer& tokenizer = model.tokenizer();
    examples.prompts.push_back(
        example(model, "who receives something (IOI)", tokenizer.encode(kIoi)));
    const auto texts = make_probe(Probe::text, model, seed);
    examples.prompts.push_back(example(model, "text", texts.front().tokens));
  }
  if (c.n_ctx >= 1 + kPeriod * kRepeats) {
    auto tokens = make_probe(Probe::repeated, model, seed).front().tokens;
    tokens.resize(1 + kRepeatedTokens);
    tokens.insert(tokens.end(), tokens.begin() + 1, tokens.begin() + 1 + kRepeatedTokens);
    examples.prompts.push_back(example(model, "random tokens, twice", tokens));
  }
  if (texts_fit) {
    add_attended(examples, model, seed);
  }
  return examples;
}

}  // namespace headscope
