// What --json prints says what it is, and is as the schemas of docs/schemas say.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "cli/verbs.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using PlainJson = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

const std::filesystem::path kSchemas =
    std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "docs" / "schemas";

// What is wrong with a document; empty: it is as its schema says.
std::string faults(const PlainJson& document, const PlainJson& schema_json) {
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(Adapter(schema_json), schema);
  valijson::ValidationResults results;
  if (valijson::Validator().validate(schema, Adapter(document), &results)) {
    return "";
  }
  std::string text;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const std::string& part : error.context) {
      text += part;
    }
    text += ": " + error.description + "\n";
  }
  return text;
}

PlainJson schema_of(const std::string& format) {
  return PlainJson::parse(contents(kSchemas / (format + ".schema.json")));
}

struct Command {
  std::string line;
  bool makes_files = false;  // and prints nothing that is looked at
};

std::vector<Command> commands() {
  std::ifstream in(std::string(HEADSCOPE_SOURCE_DIR) + "/tests/cli/json_documents.txt");
  std::vector<Command> all;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#') && !line.empty()) {
      const bool makes_files = line.starts_with("! ");
      all.push_back({makes_files ? line.substr(2) : line, makes_files});
    }
  }
  return all;
}

// The standard output of a line of json_documents.txt, run by a shell in `folder`.
std::string printed(const Folder& folder, const Command& command) {
  const std::string words =
      command.makes_files ? command.line : "headscope " + command.line + " --json";
  put(folder / "command",
      "cd '" + folder / "" + "' && export PATH='" HEADSCOPE_BINARY_DIR "':$PATH\n" + words + "\n");
  INFO(words);
  REQUIRE(std::system(("bash '" + folder / "command" + "' >'" + (folder / "printed") + "' 2>'" +
                       (folder / "notes") + "'")
                          .c_str()) == 0);
  return contents(folder / "printed");
}

}  // namespace

TEST_CASE("every document of --json has a format, a version and a schema that it meets") {
  const Folder folder;
  std::filesystem::create_directory_symlink(std::string(HEADSCOPE_SOURCE_DIR) + "/data",
                                            folder / "data");
  std::set<std::string> met;
  for (const Command& command : commands()) {
    const std::string text = printed(folder, command);
    if (command.makes_files) {
      continue;
    }
    INFO(command.line);
    const PlainJson document = PlainJson::parse(text);
    REQUIRE(document.is_object());
    const std::string format = document.value("format", "");
    CHECK_THAT(format, starts_with("headscope-"));
    CHECK(document.at("version").is_number_integer());
    REQUIRE(std::filesystem::exists(kSchemas / (format + ".schema.json")));
    CHECK(faults(document, schema_of(format)).empty());
    met.insert(format);
  }
  met.insert("headscope-error");
  for (const auto& entry : std::filesystem::directory_iterator(kSchemas)) {
    INFO(entry.path());  // a schema that no document meets says nothing
    CHECK(met.count(entry.path().stem().stem()) == 1);
  }
}

TEST_CASE("every verb that prints a document has a schema") {
  for (const Verb& verb : all_verbs()) {
    std::string format = "headscope-" + std::string(verb.name);
    std::ranges::replace(format, ' ', '-');
    // A talk and a server print lines as they go; the circuit of codes is a file of its own format.
    const bool other = verb.name == "chat" || verb.name == "serve";
    format = verb.name == "sae circuit" ? "headscope-code-circuit" : format;
    INFO(format);
    CHECK(std::filesystem::exists(kSchemas / (format + ".schema.json")) == !other);
  }
}

TEST_CASE("a document that is not as its schema says is told from one that is") {
  const PlainJson schema = schema_of("headscope-predict");
  PlainJson document = run({"predict",
                            std::string(HEADSCOPE_SOURCE_DIR) + "/data/models/induction2",
                            "--prompt",
                            "d g",
                            "--json"})
                           .json();
  CHECK(faults(document, schema).empty());
  PlainJson lacking = document;
  lacking.erase("top");
  CHECK_FALSE(faults(lacking, schema).empty());
  document["top"][0]["id"] = "7";
  CHECK_FALSE(faults(document, schema).empty());
}

TEST_CASE("with --json an error is a line of JSON on standard error") {
  const Outcome outcome =
      run({"predict", model_path("llama"), "--prompt", "a", "--topp", "3", "--json"});
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.written_err.find('\n') == outcome.written_err.size() - 1);
  const PlainJson error = PlainJson::parse(outcome.written_err);
  CHECK(faults(error, schema_of("headscope-error")).empty());
  CHECK(error["error"]["exit_code"] == 2);
  CHECK_THAT(error["error"]["message"].get<std::string>(), contains("did you mean --top"));
}
