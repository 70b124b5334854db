// Correct-letter heads of multiple choice.
#include "analyses/head_detectors/detectors/letter_mover.h"

#include <cmath>

#include "analyses/head_detectors/clean_values.h"
#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/end_attention.h"
#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/probe.h"
#include "analyses/logit_attribution/logit_attribution.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kLetterMoverPrompts = 24;  // a seed

std::string letter_of(const TaskItem& item) {
  std::string text = item.answer_texts.empty() ? "" : item.answer_texts.front();
  text.erase(0, text.find_first_not_of(' ') == std::string::npos ? 0 : text.find_first_not_of(' '));
  return text;
}

// "LA", "LB", …, as far as the first item has them.
std::vector<std::string> letter_spans(const Task& task) {
  std::vector<std::string> spans;
  for (char letter = 'A'; letter <= 'Z'; ++letter) {
    const std::string span{'L', letter};
    if (!task.items.front().clean.spans.contains(span)) {
      break;
    }
    spans.push_back(span);
  }
  if (spans.size() < 2) {
    throw UsageError("{}: its items have no spans LA and LB, the letters of choices", task.name);
  }
  return spans;
}

Tensor right_letters(const Task& task, std::int64_t letters) {
  std::vector<std::int64_t> right;
  for (const TaskItem& item : task.items) {
    const std::string letter = letter_of(item);
    const std::int64_t place = letter.size() == 1 ? letter[0] - 'A' : -1;
    if (place < 0 || place >= letters) {
      throw UsageError("item {}: its answer is none of its {} letters", item.id, letters);
    }
    right.push_back(place);
  }
  return index_tensor(right, at::kCPU);
}

// attention [letters, items, L, H], `right` [items] → [items, L, H].
Tensor contrast(const Tensor& attention, const Tensor& right) {
  const std::int64_t letters = attention.size(0);
  const Tensor index = right.view({1, -1, 1, 1})
                           .expand({1, attention.size(1), attention.size(2), attention.size(3)});
  const Tensor own = attention.gather(0, index).squeeze(0);
  const Tensor others = (attention.sum(0) - own) / static_cast<double>(letters - 1);
  return own - others;
}

Tensor direct_effects(const Model& model, const Task& task) {
  const ModelConfig& c = model.config();
  const auto found = attribute_logits(model, task.items, {.target = LogitTarget::logit_diff});
  const Components components(model);
  const std::size_t items = task.items.size();
  std::vector<double> means;
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      const auto begin = static_cast<std::size_t>(components.of(Node::of({layer, head}))) * items;
      double sum = 0.0;
      for (std::size_t i = 0; i < items; ++i) {
        sum += found->shares[begin + i] / static_cast<double>(items);
      }
      means.push_back(sum);
    }
  }
  return at::from_blob(means.data(), {c.n_layers, c.n_heads}, at::kDouble).clone();
}

void check_ability(const Model& model, const Task& task) {
  const double accuracy = letter_accuracy(model, task);
  const double chance = 1.0 / static_cast<double>(letter_spans(task).size());
  const auto items = static_cast<double>(task.items.size());
  if (accuracy < chance + 2 * std::sqrt(chance * (1 - chance) / items)) {
    throw UndefinedForModel(
        "the model is at chance in multiple choice: the right letter is ahead in {:.0f} % of {} "
        "prompts, chance is {:.0f} %",
        100 * accuracy,
        task.items.size(),
        100 * chance);
  }
}

Finding run_letter_mover(const DetectorContext& context) {
  Task all{.name = "multiple_choice", .items = {}, .hash = {}};
  for (const std::uint64_t seed : context.seeds) {
    const Task task =
        built_in_task(context.model,
                      "multiple_choice",
                      {.n = kLetterMoverPrompts, .seed = seed, .corruption = {}, .templates = {}});
    all.items.insert(all.items.end(), task.items.begin(), task.items.end());
  }
  check_ability(context.model, all);
  if (stopped(context)) {
    return {};
  }
  const LetterMoving found = letter_moving(context.model, all);
  // A head that takes the letter it reads away is none, wherever it looks.
  const Tensor writes = (found.direct > 0).to(found.attention.scalar_type());
  return {head_samples(found.attention * writes), {}};
}

std::string letter_mover_undefined(const Model& model) {
  return model.has_tokenizer() ? "" : "no tokenizer beside the weights";
}

}  // namespace

LetterMoving letter_moving(const Model& model, const Task& task) {
  const std::vector<std::string> spans = letter_spans(task);
  const auto letters = static_cast<std::int64_t>(spans.size());
  const Tensor right = right_letters(task, letters);
  const Tensor attention = end_attention(model, task, spans);
  return {contrast(attention, right),
          contrast(attention, (right + 1).remainder(letters)),
          direct_effects(model, task)};
}

double letter_accuracy(const Model& model, const Task& task) {
  double right = 0.0;
  for (const double margin : clean_values(model, task.items, find_metric("logit_margin"))) {
    right += margin > 0 ? 1.0 : 0.0;
  }
  return right / static_cast<double>(task.items.size());
}

Detector letter_mover_detector() {
  return {
      .name = "letter_mover",
      .role = "correct-letter head",
      .summary = "attends from the end to the letter of the right choice and writes it",
      .definition =
          "on multiple choice, attention from the last token to the right letter less the mean of "
          "the "
          "other letters; 0 for heads whose mean direct effect on the right letter's logit less "
          "the "
          "others' is not positive",
      .source = "Lieberum et al. 2023, arXiv:2307.09458 (correct-letter heads)",
      .threshold = 0.1,
      .threshold_source = "ours; the paper sorts heads by eye",
      .undefined = letter_mover_undefined,
      .run = run_letter_mover,
      .behaviour = Probe(Probe::task, "multiple_choice"),
  };
}

}  // namespace headscope
