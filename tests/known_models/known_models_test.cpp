// Every known model does its task, lies in data/models as it is made now, and has the circuit that
// it says it has: by putting what one head writes in the corrupted run into the clean one.
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "analyses/known_models/known_model.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path stored(const KnownModel& model) {
  return std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/models" / std::string(model.name);
}

Task task_of(const KnownModel& known, const Model& model) {
  return read_task(stored(known) / "task.jsonl",
                   &model.tokenizer(),
                   model.config().n_ctx,
                   model.config().d_vocab,
                   {});
}

Batch batch_of_run(const Task& task, Run run) {
  std::vector<std::vector<std::int32_t>> prompts;
  for (const TaskItem& item : task.items) {
    prompts.push_back(item.prompt(run).tokens);
  }
  return Batch(prompts);
}

Tensor last_logits(const Model& model, const Task& task, Tap& tap) {
  return model.forward(batch_of_run(task, Run::clean), tap, {.logits = Logits::last}).logits;
}

// Answer − wrong of every item.
Tensor logit_differences(const Task& task, const Tensor& logits) {
  Tensor out = at::zeros({logits.size(0)});
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    const TaskItem& item = task.items[static_cast<std::size_t>(row)];
    out[row] = logits[row][item.answers.front()] - logits[row][item.wrong.front()];
  }
  return out;
}

double accuracy(const Task& task, const Tensor& logits) {
  const Tensor said = logits.argmax(-1);
  double right = 0;
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    right +=
        said[row].item<std::int64_t>() == task.items[static_cast<std::size_t>(row)].answers.front();
  }
  return right / static_cast<double>(logits.size(0));
}

// What some heads write comes from another run, or is nothing.
class ReplacedHeads final : public Tap {
 public:
  ReplacedHeads(std::vector<HeadId> heads, const Watch* from)
      : heads_(std::move(heads)), from_(from) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::z ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    Tensor changed = value.clone();
    for (const HeadId& head : heads_) {
      if (head.layer == visit.point.layer) {
        Tensor place = changed.select(2, head.head);
        from_ == nullptr ? place.zero_()
                         : place.copy_(from_->at(visit.name()).select(2, head.head));
      }
    }
    return changed;
  }

 private:
  std::vector<HeadId> heads_;
  const Watch* from_;
};

std::set<std::string> nodes_in(const KnownTruth& truth) {
  std::set<std::string> nodes;
  for (const std::string& edge : truth.edges) {
    nodes.insert(edge.substr(0, edge.find("->")));
  }
  return nodes;
}

}  // namespace

TEST_CASE("the known models that are stored are those that are made now") {
  for (const KnownModel& model : all_known_models()) {
    DYNAMIC_SECTION(model.name) {
      const TempFolder folder;
      write_known_model(model, folder.file("m"));
      int files = 0;
      for (const auto& entry : std::filesystem::directory_iterator(folder.file("m"))) {
        INFO(entry.path().filename());
        CHECK(bytes_of(entry.path()) == bytes_of(stored(model) / entry.path().filename()));
        ++files;
      }
      CHECK(files == 6);
    }
  }
}

TEST_CASE("a known model read from its directory answers every item of its task") {
  for (const KnownModel& known : all_known_models()) {
    DYNAMIC_SECTION(known.name) {
      const Model model = load_model(stored(known).string());
      const Task task = task_of(known, model);
      CHECK(task.items.size() >= 16);
      CHECK(task.hash == known_task(known, known.make()).hash);
      NoTap nobody;
      const Tensor logits = last_logits(model, task, nobody);
      CHECK(accuracy(task, logits) == 1.0);
      CHECK(logit_differences(task, logits).min().item<double>() > 1.0);
    }
  }
}

TEST_CASE("heads of the truth change the answer, the others not by a bit") {
  for (const KnownModel& known : all_known_models()) {
    const Model model = load_model(stored(known).string());
    const Task task = task_of(known, model);
    const std::set<std::string> truth = nodes_in(known.make().truth);
    NoTap nobody;
    const Tensor clean = logit_differences(task, last_logits(model, task, nobody));
    Watch corrupted(Site::z);
    model.forward(batch_of_run(task, Run::corrupted), corrupted);
    const HeadGrid grid = head_grid(model.config());
    for (std::int64_t layer = 0; layer < grid.n_layers; ++layer) {
      for (std::int64_t head = 0; head < grid.n_heads; ++head) {
        const std::string name = fmt::format("a{}.h{}", layer, head);
        CAPTURE(known.name, name);
        ReplacedHeads tap({{layer, head}}, &corrupted);
        const Tensor with = logit_differences(task, last_logits(model, task, tap));
        const double effect = (with - clean).abs().max().item<double>();
        if (known.name == "backup" && truth.contains(name)) {
          CHECK(effect < 1.0);  // of 10: each stands in for the other
        } else {
          CHECK((effect > 1.0) == truth.contains(name));
          CHECK((effect == 0.0) == !truth.contains(name));
        }
      }
    }
  }
}

TEST_CASE("the backup head shows only where the first head is gone too") {
  const KnownModel& known = known_model("backup");
  const Model model = load_model(stored(known).string());
  const Task task = task_of(known, model);
  ReplacedHeads first({{0, 0}}, nullptr), backup({{1, 0}}, nullptr),
      both({{0, 0}, {1, 0}}, nullptr);
  CHECK(accuracy(task, last_logits(model, task, first)) == 1.0);
  CHECK(accuracy(task, last_logits(model, task, backup)) == 1.0);
  CHECK(accuracy(task, last_logits(model, task, both)) == 0.0);
}

TEST_CASE("without its window the windowed model's other head answers too") {
  const KnownModel& known = known_model("window");
  const Model model = load_model(stored(known).string());
  const Task task = task_of(known, model);
  ReplacedHeads none({{1, 0}}, nullptr);
  CHECK(accuracy(task, last_logits(model, task, none)) == 0.0);
  const Model open = altered(model, [](ModelConfig& config, Weights&) {
    for (LayerConfig& layer : config.layers) {
      layer.window = 0;
    }
  });
  CHECK(accuracy(task, last_logits(open, task, none)) == 1.0);
}

TEST_CASE("a word that a known model does not have, and a model there is not, are refused") {
  const Tokenizer tokenizer = load_tokenizer(stored(known_model("copy")).string());
  CHECK(tokenizer.encode("a 1 :") == std::vector<TokenId>{0, 1, 10, 13});
  CHECK(tokenizer.decode({0, 1, 10}) == "<s> a 1");
  CHECK(tokenizer.kind() == "word level");
  CHECK_THROWS_WITH(tokenizer.encode("a zebra"), contains("'zebra'"));
  CHECK_THROWS_WITH(known_model("induction"), contains("induction2"));
}
