// What a session sends, and what comes behind it.
#include "cli/http/http_session.h"

namespace headscope {

void HttpSession::refuse(const HttpError& error) {
  phase_ = Phase::answering;
  ++number_;
  close_after_ = true;
  HttpResponse response = error_response(error);
  if (error.status() == 405) {
    response.headers.emplace_back(
        "Allow", allowed_methods(host_.options().routes, path_of_target(parser_->get().target())));
  }
  queue_response(response);
}

void HttpSession::queue_response(const HttpResponse& response) {
  count_answer(response.status);
  finished_ = true;
  disarm();
  const bool head = parser_->get().method() == boost::beast::http::verb::head;
  queue(answer_bytes(response, keep_alive(), head ? WithBody::no : WithBody::yes));
}

void HttpSession::reply(std::uint64_t number, const HttpResponse& response) {
  if (number == number_ && phase_ == Phase::answering && !finished_ && !streaming_) {
    queue_response(response);
  }
}

void HttpSession::start_stream(std::uint64_t number, const std::string& content_type) {
  if (number != number_ || phase_ != Phase::answering || finished_ || streaming_) {
    return;
  }
  streaming_ = true;
  close_after_ = close_after_ || coding_ == StreamCoding::plain;
  count_answer(200);
  queue(stream_head(content_type, keep_alive(), coding_));
}

void HttpSession::send(std::uint64_t number, const std::string& piece) {
  if (number != number_ || !streaming_ || finished_ || piece.empty()) {
    return;
  }
  queue(stream_piece(piece, coding_));
  if (output_.unsent_bytes() > host_.options().limits.unsent_bytes) {
    vanish();
  }
}

void HttpSession::end_stream(std::uint64_t number) {
  if (number != number_ || !streaming_ || finished_) {
    return;
  }
  finished_ = true;
  disarm();
  queue(stream_end(coding_));
}

void HttpSession::when_gone(std::uint64_t number, std::function<void()> gone) {
  if (number == number_ && phase_ == Phase::answering && !finished_) {
    gone_.push_back(std::move(gone));
  } else {
    gone();
  }
}

void HttpSession::queue(std::string bytes) {
  output_.queue(std::move(bytes), shared_from_this());
}

void HttpSession::all_sent() {
  if (finished_ && phase_ == Phase::answering) {
    finish_answer();
  }
}

void HttpSession::finish_answer() {
  gone_.clear();
  ++number_;
  if (close_after_ || is_one_too_many_ || host_.is_draining()) {
    parser_->is_done() && buffer_.size() == 0 ? close() : close_slowly();
    return;
  }
  socket_.cancel();  // the watch on the client
  next_request();
}

void HttpSession::tell_gone() {
  const std::vector<std::function<void()>> told = std::move(gone_);
  gone_.clear();
  for (const auto& gone : told) {
    gone();
  }
}

void HttpSession::count_answer(int status) {
  if (host_.options().answered) {
    host_.options().answered(route_path_, status);
  }
}

}  // namespace headscope
