// A request's fields as options of the command line.
#pragma once

#include "analyses/sweep/request_field.h"

namespace CLI {
class App;
}

namespace headscope {

// Each field becomes --NAME and fills its variable; what it may be is checked as fill() checks it.
void add_fields(CLI::App& app, const RequestFields& fields);

}  // namespace headscope
