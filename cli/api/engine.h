// What the API asks of whoever runs the model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/api/text_job.h"
#include "cli/api/values_job.h"
#include "cli/http/http_message.h"
#include "lib/base/json.h"

namespace headscope {

struct SteeringDirection;

struct ModelCard {
  std::string id;  // what requests call it
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_ctx = 0;
  OrderedJson hooks = nullptr;  // every hook point with its axes and shape
};

struct EngineCounts {
  std::int64_t running = 0;        // texts in the batch
  std::int64_t waiting = 0;        // texts and looks in the queue
  std::int64_t prompt_tokens = 0;  // read so far
  std::int64_t written_tokens = 0;
  std::int64_t steps = 0;         // of the batch
  std::int64_t prefix_hits = 0;   // prompts that went on from keys and values kept of another
  std::int64_t prefix_bytes = 0;  // of what is kept
};

// Every function may be called from any thread and returns at once.
class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual const ModelCard& card() const = 0;
  [[nodiscard]] virtual EngineCounts counts() const = 0;

  // Returns the job's number. Throws HttpError 429 if the queue is full.
  virtual std::uint64_t write(TextJob job, std::shared_ptr<TextListener> listener) = 0;

  // The text is not wanted any more; nothing if it has ended. Its listener may still hear of what
  // was being done meanwhile.
  virtual void cancel(std::uint64_t job) = 0;

  // `answer` gets the values, or the error, on the engine's thread. Throws as write() does.
  using Answer = std::function<void(HttpResponse)>;
  virtual void look(ValuesJob job, Answer answer) = 0;
  virtual void look(AttentionJob job, Answer answer) = 0;

  // What `headscope steer fit` learned, by its description (JSON) and its values (safetensors).
  // Throws HttpError 400 for what is not of the model.
  [[nodiscard]] virtual std::shared_ptr<const SteeringDirection> read_direction(
      const Json& description, const std::string& values) const = 0;
};

}  // namespace headscope
