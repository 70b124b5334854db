// Runs the texts and looks of all clients: one thread, one batch that texts join and leave.
#pragma once

#include <atomic>
#include <map>

#include "cli/serve/client_input.h"
#include "cli/serve/engine_queue.h"

namespace headscope {

struct EngineOptions {
  std::string id;                         // what requests call the model
  ChatPrompt chat{};                      // empty: the model has no chat template
  std::vector<std::int32_t> chat_ends{};  // tokens that end the model's turn in a chat
  std::int64_t batch = 32;                // texts that run at once
  std::size_t queue = 256;                // texts and looks that wait
  std::int64_t prefix_bytes =
      256 << 20;  // of keys and values of prompts, for those that come again
  KvKept keys = KvKept::by_plan;
  LookLimits look{};
};

// Each text is what it would be alone: texts of different interventions are rows of one batch, and
// one whose step fails is run again by itself, so that it alone gets the error.
class ModelEngine final : public Engine {
 public:
  // `model` has no standing change of its own.
  ModelEngine(const Model& model, std::shared_ptr<Directions> directions, EngineOptions options);

  // Works until `stopped` is true, looked at before each step. What is left then fails with 503.
  void run(const std::function<bool()>& stopped);

  [[nodiscard]] const ModelCard& card() const override { return card_; }
  [[nodiscard]] EngineCounts counts() const override;
  std::uint64_t write(TextJob job, std::shared_ptr<TextListener> listener) override;
  void cancel(std::uint64_t job) override;
  void look(ValuesJob job, Answer answer) override;
  void look(AttentionJob job, Answer answer) override;
  [[nodiscard]] std::shared_ptr<const SteeringDirection> read_direction(
      const Json& description, const std::string& values) const override;

 private:
  [[nodiscard]] std::unique_ptr<Generation> new_generation() const;
  void drop_cancelled();
  bool join_next();
  [[nodiscard]] bool may_join(const Writing& writing) const;
  void join(const WritingPtr& writing);
  bool look_next();
  OrderedJson answer_to(const EngineLook& look) const;
  bool step();
  void isolate_running();
  void tell(std::size_t text, const WritingPtr& writing);
  void release(std::size_t text);
  void finish(const WritingPtr& writing, const GeneratedText& text);
  void fail(const WritingPtr& writing, const std::exception_ptr& error);
  void fail_all();
  void count_running();

  Model model_;
  std::shared_ptr<Directions> directions_;
  EngineOptions options_;
  ModelCard card_;

  EngineQueue queue_;

  std::atomic<std::int64_t> running_count_ = 0;
  std::atomic<std::int64_t> prompt_tokens_ = 0;
  std::atomic<std::int64_t> written_tokens_ = 0;
  std::atomic<std::int64_t> steps_ = 0;

  // Of the engine's thread.
  std::shared_ptr<PrefixCache> prefixes_;
  std::unique_ptr<Generation> generation_;
  std::map<std::size_t, WritingPtr> running_;  // by the text's number in generation_
};

}  // namespace headscope
