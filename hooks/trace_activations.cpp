// Activations of stored traces.
#include <algorithm>

#include <fmt/ranges.h>

#include "hooks/activation_source.h"
#include "hooks/address.h"
#include "hooks/stored/identity.h"
#include "hooks/trace/trace_reader.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr std::int64_t kReadBytes = 512 << 10;  // at once: still in the cache when it is sorted
constexpr std::int64_t kLongRow = 512;  // bytes; of shorter ones the kernel's bookkeeping costs
                                        // more than the copy that it saves

bool is_named(const std::string& pattern, const std::string& dataset) {
  for (const std::string& glob : expand_braces(pattern)) {
    for (const std::string& name : names_of(dataset)) {
      if (glob_matches(glob, name)) {
        return true;
      }
    }
  }
  return false;
}

// The width of a dataset's rows. UsageError if a token has none of its own.
std::int64_t row_width(const std::string& path, const TraceDataset& dataset) {
  const auto ragged = std::count_if(dataset.axes.begin(), dataset.axes.end(), is_ragged_axis);
  if (dataset.axes.size() < 2 || dataset.axes[1] != "pos" || ragged != 1) {
    throw UsageError("{}: {} has the axes {}, not one row a token; leave it out",
                     path,
                     dataset.name,
                     fmt::join(dataset.axes, ", "));
  }
  return elements_of(dataset) / dataset.shape[0];
}

class TraceActivations final : public ActivationSource {
 public:
  TraceActivations(const std::vector<std::filesystem::path>& traces,
                   const std::vector<std::string>& hooks) {
    if (traces.empty()) {
      throw UsageError("no trace to read activations from; name one or more");
    }
    for (const std::filesystem::path& path : traces) {
      paths_.push_back(path.string());
      readers_.push_back(std::make_unique<TraceReader>(path));
      check_whole();
      check_model();
    }
    choose_points(hooks);
    for (std::size_t i = 1; i < readers_.size(); ++i) {
      check_points(i);
    }
  }

  [[nodiscard]] const std::vector<ActivationPoint>& points() const override { return points_; }

  [[nodiscard]] std::vector<const std::vector<Prompt>*> prompts() const override {
    std::vector<const std::vector<Prompt>*> all;
    for (const auto& reader : readers_) {
      all.push_back(&reader->prompts());
    }
    return all;
  }

  void read(const RowBlock& block, const RowTargets& to) override {
    const TraceReader& reader = *readers_[static_cast<std::size_t>(block.trace)];
    for (std::size_t point = 0; point < points_.size(); ++point) {
      const auto& [name, width] = points_[point];
      const DType stored = reader.dataset(name).dtype;
      const bool long_rows = width * static_cast<std::int64_t>(size_of(stored)) >= kLongRow;
      if (stored == to.dtype && long_rows && reader.in_one_piece(name)) {
        reader.read_rows(name, {block.first, block.count}, to.addresses(point, width));
      } else {
        read_in_pieces(reader, block, point, to);
      }
    }
  }

  [[nodiscard]] ReadableBy readable_by() const override { return ReadableBy::threads; }

  void will_read(const RowBlock& block) override {
    for (const ActivationPoint& point : points_) {
      readers_[static_cast<std::size_t>(block.trace)]->will_read(point.name,
                                                                 {block.first, block.count});
    }
  }

 private:
  // Rows that are converted on their way, or unpacked, or too short for places of their own.
  void read_in_pieces(const TraceReader& reader,
                      const RowBlock& block,
                      std::size_t point,
                      const RowTargets& to) const {
    const auto& [name, width] = points_[point];
    std::vector<std::uint8_t> bytes;
    RowTargets::Computed rows{.point = point, .width = width, .dtype = reader.dataset(name).dtype};
    const auto row_bytes = width * static_cast<std::int64_t>(size_of(rows.dtype));
    const std::size_t end = block.first + block.count;
    for (std::size_t prompt = block.first; prompt < end; rows.first += rows.tokens) {
      const std::size_t first = prompt;
      rows.tokens = 0;
      do {
        rows.tokens += std::ssize(reader.prompt(prompt++).tokens);
      } while (prompt < end &&
               (rows.tokens + std::ssize(reader.prompt(prompt).tokens)) * row_bytes <= kReadBytes);
      reader.read_stored(name, {first, prompt - first}, bytes);
      rows.bytes = bytes.data();
      to.put(rows);
    }
  }

  // The latest trace: every prompt is in it.
  void check_whole() const {
    const TraceReader& reader = *readers_.back();
    std::size_t done = 0;
    for (std::size_t i = 0; i < reader.prompt_count(); ++i) {
      done += reader.done(i) ? 1 : 0;
    }
    if (done < reader.prompt_count()) {
      throw DataError("{}: only {} of its {} prompts were finished; record the rest with --resume",
                      paths_.back(),
                      done,
                      reader.prompt_count());
    }
  }

  // The latest trace is of the first one's model.
  void check_model() const {
    const auto model_of = [](const TraceReader& reader) {
      const Json identity = reader.provenance().value("identity", Json::object());
      Json model = Json::object();
      for (const char* key : {"weights_hash", "config"}) {
        if (identity.contains(key)) {
          model[key] = identity[key];
        }
      }
      return Json{{"identity", model}};
    };
    const auto differs = identity_difference(model_of(*readers_[0]), model_of(*readers_.back()));
    if (differs) {
      throw UsageError("{}: of another model than {}: {} is {}, there {}; stream them apart",
                       paths_.back(),
                       paths_.front(),
                       differs->what,
                       differs->here,
                       differs->there);
    }
  }

  [[noreturn]] void refuse_missing(std::size_t trace, const std::string& pattern) const {
    std::vector<std::string> names;
    for (const TraceDataset& dataset : readers_[trace]->datasets()) {
      names.push_back(dataset.name);
    }
    throw UsageError("{}: {} was not recorded{}; record it with --hooks '{}'",
                     paths_[trace],
                     pattern,
                     did_you_mean(pattern, names),
                     pattern);
  }

  // In the order of the first trace, each once.
  void choose_points(const std::vector<std::string>& hooks) {
    const std::vector<TraceDataset>& datasets = readers_.front()->datasets();
    for (const std::string& pattern : hooks) {
      for (const std::string& each : expand_braces(pattern)) {  // every alternative names something
        if (std::none_of(datasets.begin(), datasets.end(), [&](const TraceDataset& dataset) {
              return is_named(each, dataset.name);
            })) {
          refuse_missing(0, each);
        }
      }
    }
    for (const TraceDataset& dataset : datasets) {
      if (std::any_of(hooks.begin(), hooks.end(), [&](const std::string& pattern) {
            return is_named(pattern, dataset.name);
          })) {
        points_.push_back({dataset.name, row_width(paths_.front(), dataset)});
      }
    }
  }

  void check_points(std::size_t trace) const {
    const std::vector<TraceDataset>& datasets = readers_[trace]->datasets();
    for (const ActivationPoint& point : points_) {
      const auto found =
          std::find_if(datasets.begin(), datasets.end(), [&](const TraceDataset& dataset) {
            return dataset.name == point.name;
          });
      if (found == datasets.end()) {
        refuse_missing(trace, point.name);
      }
      const std::int64_t width = row_width(paths_[trace], *found);
      if (width != point.width) {
        throw UsageError("{}: rows of {} have {} numbers, but those of {} {}; stream them apart",
                         paths_[trace],
                         point.name,
                         width,
                         paths_.front(),
                         point.width);
      }
    }
  }

  std::vector<std::string> paths_;
  std::vector<std::unique_ptr<TraceReader>> readers_;
  std::vector<ActivationPoint> points_;
};

}  // namespace

std::unique_ptr<ActivationSource> activations_of_traces(
    const std::vector<std::filesystem::path>& traces, const std::vector<std::string>& hooks) {
  return std::make_unique<TraceActivations>(traces, hooks);
}

}  // namespace headscope
