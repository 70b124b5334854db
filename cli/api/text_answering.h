// Has a text written for an exchange, with and without its interventions.
#pragma once

#include <memory>

#include "cli/api/engine.h"
#include "cli/api/text_answer.h"
#include "cli/http/http_exchange.h"

namespace headscope {

// Submits the call's text, and its baseline if it wants one, and answers the exchange: at once when
// all is written, or token by token as server-sent events that end with "data: [DONE]". What fails
// behind the first token of a stream is an event {"error": …}. If the client leaves, its texts are
// cancelled. Throws what Engine::write() does.
void answer_text(Engine& engine,
                 TextCall call,
                 const AnswerHead& head,
                 const std::shared_ptr<HttpExchange>& exchange);

}  // namespace headscope
