#include "cli/api/text_answering.h"

#include <array>
#include <atomic>
#include <optional>

#include "cli/http/http_routes.h"

namespace headscope {
namespace {

// One exchange and the one or two texts it waits for. All but cancel() on the engine's thread.
class TextAnswering : public std::enable_shared_from_this<TextAnswering> {
 public:
  TextAnswering(Engine& engine,
                TextCall call,
                AnswerHead head,
                std::shared_ptr<HttpExchange> exchange)
      : engine_(engine),
        call_(std::move(call)),
        head_(std::move(head)),
        exchange_(std::move(exchange)) {}

  void start();

  void wrote(PieceOf of, const JobToken& token) {
    TextState& text = state(of);
    text.text += token.text;
    if (call_.delivery == TextCall::Delivery::whole) {
      text.tokens.push_back(token);
      return;
    }
    open_stream();
    if (!token.text.empty() || head_.logprobs) {
      exchange_->send(event(token_piece(head_, of, token)));
    }
  }

  void ended(PieceOf of, const TextEnd& end) {
    TextState& text = state(of);
    text.text += end.text;
    text.end = end;
    if (call_.delivery == TextCall::Delivery::stream) {
      open_stream();
      exchange_->send(event(end_piece(head_, of, end)));
    }
    if (--unfinished_ == 0) {
      finish();
    }
  }

  void failed(const HttpError& error) {
    cancel();
    if (!streaming_) {
      exchange_->reply(error_response(error));
    } else {
      exchange_->send("data: " + error_json(error) + "\n\n");
      exchange_->end_stream();
    }
  }

  void cancel() {
    if (!cancelled_.exchange(true)) {
      for (const std::atomic<std::uint64_t>& job : jobs_) {
        if (job != 0) {
          engine_.cancel(job - 1);
        }
      }
    }
  }

 private:
  TextState& state(PieceOf of) { return of == PieceOf::text ? text_ : baseline_; }

  void open_stream() {
    if (streaming_) {
      return;
    }
    streaming_ = true;
    exchange_->start_stream("text/event-stream");
    if (head_.form == TextCall::Form::chat) {
      exchange_->send(event(opening_piece(head_)));
    }
  }

  void finish() {
    if (call_.delivery == TextCall::Delivery::whole) {
      exchange_->reply(
          {.body = line(whole_answer(head_, text_, call_.baseline ? &baseline_ : nullptr))});
      return;
    }
    if (call_.usage_at_end) {
      exchange_->send(event(usage_piece(head_, text_.end)));
    }
    exchange_->send("data: [DONE]\n\n");
    exchange_->end_stream();
  }

  void submit(PieceOf of, TextJob job, std::atomic<std::uint64_t>& number);

  Engine& engine_;
  TextCall call_;
  AnswerHead head_;
  std::shared_ptr<HttpExchange> exchange_;
  TextState text_;
  TextState baseline_;
  int unfinished_ = 1;
  bool streaming_ = false;
  std::atomic<bool> cancelled_ = false;
  std::array<std::atomic<std::uint64_t>, 2> jobs_{};  // their numbers + 1; 0: not submitted
};

class OneText final : public TextListener {
 public:
  OneText(std::shared_ptr<TextAnswering> all, PieceOf of) : all_(std::move(all)), of_(of) {}
  void wrote(const JobToken& token) override { all_->wrote(of_, token); }
  void ended(const TextEnd& end) override { all_->ended(of_, end); }
  void failed(const HttpError& error) override { all_->failed(error); }

 private:
  std::shared_ptr<TextAnswering> all_;
  PieceOf of_;
};

void TextAnswering::submit(PieceOf of, TextJob job, std::atomic<std::uint64_t>& number) {
  number = engine_.write(std::move(job), std::make_shared<OneText>(shared_from_this(), of)) + 1;
  if (cancelled_) {  // before its number was known
    engine_.cancel(number - 1);
  }
}

void TextAnswering::start() {
  TextJob job = call_.job;
  TextJob plain = call_.job;
  plain.interventions = nullptr;
  unfinished_ = call_.baseline ? 2 : 1;
  exchange_->when_gone([self = weak_from_this()] {
    if (const auto alive = self.lock()) {
      alive->cancel();
    }
  });
  submit(PieceOf::text, std::move(job), jobs_[0]);
  if (call_.baseline) {
    try {
      submit(PieceOf::baseline, std::move(plain), jobs_[1]);
    } catch (...) {
      cancel();
      throw;
    }
  }
}

}  // namespace

void answer_text(Engine& engine,
                 TextCall call,
                 const AnswerHead& head,
                 const std::shared_ptr<HttpExchange>& exchange) {
  std::make_shared<TextAnswering>(engine, std::move(call), head, exchange)->start();
}

}  // namespace headscope
