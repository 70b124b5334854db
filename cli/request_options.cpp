#include "cli/request_options.h"

#include <limits>
#include <variant>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "cli/common_options.h"
#include "cli/head_set.h"

namespace headscope {
namespace {

CLI::Option* add_list(CLI::App& app, const RequestField& field, std::vector<std::string>& texts) {
  CLI::Option* option =
      app.add_option("--" + field.name, texts, field.help)->allow_extra_args(false);
  return field.list == RequestField::List::commas ? option->delimiter(',') : option;
}

CLI::Option* add_number(CLI::App& app, const RequestField& field, std::int64_t& number) {
  CLI::Option* option = app.add_option("--" + field.name, number, field.help)
                            ->check(CLI::Range(field.least, field.most));
  return field.shown_default.empty() ? option->capture_default_str() : option;
}

CLI::Option* add_text(CLI::App& app, const RequestField& field, std::string& text) {
  CLI::Option* option = app.add_option("--" + field.name, text, field.help);
  return text.empty() ? option : option->capture_default_str();
}

struct Added {
  CLI::App& app;
  const RequestField& field;

  CLI::Option* operator()(std::string* text) const { return add_text(app, field, *text); }
  CLI::Option* operator()(bool* flag) const {
    return app.add_flag("--" + field.name, *flag, field.help);
  }
  CLI::Option* operator()(std::int64_t* number) const { return add_number(app, field, *number); }
  CLI::Option* operator()(std::vector<std::string>* texts) const {
    return add_list(app, field, *texts);
  }
  CLI::Option* operator()(PrependBos* bos) const {
    add_prepend_bos(app, *bos);
    return app.get_option("--" + field.name);
  }
};

void add_field(CLI::App& app, const RequestField& field) {
  CLI::Option* option = std::visit(Added{app, field}, field.place);
  if (!field.choices.empty()) {
    // "|" between them, since a choice may have a comma itself.
    option->check(CLI::IsMember(field.choices)
                      .description(fmt::format("{{{}}}", fmt::join(field.choices, " | "))));
  }
  if (field.kind == RequestField::Kind::path) {
    option->check(names_a_file);
  }
  if (field.kind == RequestField::Kind::heads) {
    option->transform(head_set_text);
  }
  if (!field.shown_default.empty()) {
    option->default_str(field.shown_default);
  }
  if (!field.excludes.empty()) {
    option->excludes("--" + field.excludes);
  }
  if (field.need == RequestField::Need::required) {
    option->required();
  }
}

}  // namespace

void add_fields(CLI::App& app, const RequestFields& fields) {
  for (const RequestField& field : fields) {
    add_field(app, field);
  }
}

}  // namespace headscope
