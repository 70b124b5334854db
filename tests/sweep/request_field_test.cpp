// What a request is told by name: from JSON, and in words as a shell takes them.
#include "analyses/sweep/request_field.h"

#include <set>

#include "analyses/sweep_file/sweep_methods.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

using Strings = std::vector<std::string>;

struct Told {
  std::string site = "z";
  bool plain = false;
  std::int64_t steps = 5;
  Strings receivers, traces;
  PrependBos bos = PrependBos::automatic;

  RequestField text() {
    return {.name = "site", .place = &site, .help = "", .choices = {"z", "q,k"}};
  }
  RequestField flag() { return {.name = "plain", .place = &plain, .help = ""}; }
  RequestField number() {
    return {.name = "steps", .place = &steps, .help = "", .least = 1, .most = 1000};
  }
  RequestField list() { return {.name = "receiver", .place = &receivers, .help = ""}; }
  RequestField mentions() {
    return {
        .name = "trace", .place = &traces, .help = "", .list = RequestField::List::one_a_mention};
  }
};

}  // namespace

TEST_CASE("true and false where a word is meant are told the word") {
  Told told;
  RequestField word = told.text();
  word.choices = {"yes", "no"};
  CHECK_THROWS_WITH(fill(word, OrderedJson(true)), contains("not true; write \"yes\""));
  CHECK_THROWS_WITH(fill(word, OrderedJson(false)), contains("not false; write \"no\""));
  const RequestField bos{.name = "prepend-bos", .place = &told.bos, .help = ""};
  CHECK_THROWS_WITH(fill(bos, OrderedJson(true)), contains("write \"yes\""));
  CHECK_THROWS_WITH(fill(told.text(), OrderedJson(true)), !contains("write"));
}

TEST_CASE("fields take what JSON gives them") {
  Told told;
  fill(told.text(), OrderedJson::parse(R"(["q", "k"])"));
  CHECK(told.site == "q,k");
  fill(told.flag(), true);
  CHECK(told.plain);
  fill(told.number(), 7);
  CHECK(told.steps == 7);
  fill(told.list(), "logits,3:resid_post");
  CHECK(told.receivers == Strings{"logits", "3:resid_post"});
  fill(told.list(), OrderedJson::parse(R"(["1.2:q", "2.0:k"])"));
  CHECK(told.receivers == Strings{"1.2:q", "2.0:k"});
  fill(told.mentions(), OrderedJson::parse(R"(["a,b.h5", "c.h5"])"));
  CHECK(told.traces == Strings{"a,b.h5", "c.h5"});
  fill({.name = "prepend-bos", .place = &told.bos, .help = ""}, "yes");
  CHECK(told.bos == PrependBos::yes);
}

TEST_CASE("fields refuse what is none of theirs, by name") {
  Told told;
  CHECK_THROWS_WITH(fill(told.text(), "zz"), contains("--site: zz not in {z,q,k}"));
  CHECK_THROWS_WITH(fill(told.text(), true), contains("site: needs a value"));
  CHECK_THROWS_WITH(fill(told.text(), nullptr), contains("site: null is no value"));
  CHECK_THROWS_WITH(fill(told.text(), OrderedJson::parse("[[1]]")), contains("inside a list"));
  CHECK_THROWS_WITH(fill(told.flag(), "yes"), contains("plain: is a flag"));
  for (const char* number : {"0", "1001", "-1", "18446744073709551615"}) {
    CHECK_THROWS_WITH(fill(told.number(), OrderedJson::parse(number)),
                      contains("is not from 1 to 1000"));
  }
  CHECK_THROWS_WITH(fill(told.number(), 2.5), contains("needs a whole number, not 2.5"));
  CHECK(told.steps == 5);
  RequestField path = told.text();
  path.kind = RequestField::Kind::path;
  path.choices = {};
  CHECK_THROWS_WITH(fill(path, ""), contains("--site: names no file"));
  CHECK_THROWS_AS(fill(told.mentions(), OrderedJson::array()), UsageError);
  CHECK_THROWS_WITH(fill(told.mentions(), OrderedJson::parse(R"([["a", "b"], "c"])")),
                    contains("inside a list"));
}

TEST_CASE("the words of a field are what a shell would take") {
  Told told;
  CHECK(words_of(told.text(), OrderedJson::parse(R"(["q", "k"])")) == Strings{"--site", "q,k"});
  CHECK(words_of(told.flag(), true) == Strings{"--plain"});
  CHECK(words_of(told.flag(), false).empty());
  CHECK(words_of(told.mentions(), OrderedJson::parse(R"(["a", "b"])")) ==
        Strings{"--trace", "a", "--trace", "b"});
}

TEST_CASE("every method's fields have names of their own and a help text") {
  CHECK(make_sweep_method("none") == nullptr);
  for (const std::string& name : sweep_method_names()) {
    CAPTURE(name);
    const auto method = make_sweep_method(name);
    REQUIRE(method != nullptr);
    CHECK(method->kind() == name);
    std::set<std::string> seen;
    RequestFields fields = request_fields(method->request, method->cells());
    const RequestFields own = method->fields();
    fields.insert(fields.end(), own.begin(), own.end());
    for (const RequestField& field : fields) {
      CAPTURE(field.name);
      CHECK(seen.insert(field.name).second);
      CHECK_FALSE(field.help.empty());
    }
  }
}
