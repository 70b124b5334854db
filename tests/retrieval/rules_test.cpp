// The rules of the needle test one by one: ROUGE, the needle's span, insertion, needles from files.
#include <filesystem>
#include <fstream>

#include "analyses/retrieval/copy_hits.h"
#include "analyses/retrieval/haystack.h"
#include "analyses/retrieval/needle_span.h"
#include "analyses/retrieval/niah.h"
#include "analyses/retrieval/porter_stemmer.h"
#include "analyses/retrieval/rouge.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

namespace {

Tokenizer some_tokenizer() {
  return Tokenizer::from_directory(std::string(HEADSCOPE_SOURCE_DIR) + "/data/fixtures/text/gpt2");
}

}  // namespace

TEST_CASE("stems are those of NLTK's Porter stemmer") {
  // nltk 3.9: PorterStemmer().stem(word)
  const std::vector<std::pair<std::string, std::string>> words{
      {"climates", "climat"},
      {"climate", "climat"},
      {"running", "run"},
      {"caresses", "caress"},
      {"ponies", "poni"},
      {"ties", "tie"},
      {"cats", "cat"},
      {"feed", "feed"},
      {"agreed", "agre"},
      {"plastered", "plaster"},
      {"bled", "bled"},
      {"motoring", "motor"},
      {"sing", "sing"},
      {"conflated", "conflat"},
      {"troubled", "troubl"},
      {"sized", "size"},
      {"hopping", "hop"},
      {"tanned", "tan"},
      {"falling", "fall"},
      {"hissing", "hiss"},
      {"fizzed", "fizz"},
      {"failing", "fail"},
      {"filing", "file"},
      {"happy", "happi"},
      {"sky", "sky"},
      {"skies", "sky"},
      {"enjoy", "enjoy"},
      {"dying", "die"},
      {"news", "news"},
      {"relational", "relat"},
      {"conditional", "condit"},
      {"rational", "ration"},
      {"valency", "valenc"},
      {"hesitancy", "hesit"},
      {"digitizer", "digit"},
      {"conformably", "conform"},
      {"radically", "radic"},
      {"differently", "differ"},
      {"vilely", "vile"},
      {"analogously", "analog"},
      {"vietnamization", "vietnam"},
      {"predication", "predic"},
      {"operator", "oper"},
      {"feudalism", "feudal"},
      {"decisiveness", "decis"},
      {"hopefulness", "hope"},
      {"callousness", "callous"},
      {"formality", "formal"},
      {"sensitivity", "sensit"},
      {"sensibility", "sensibl"},
      {"triplicate", "triplic"},
      {"formative", "form"},
      {"formalize", "formal"},
      {"electricity", "electr"},
      {"electrical", "electr"},
      {"hopeful", "hope"},
      {"goodness", "good"},
      {"revival", "reviv"},
      {"allowance", "allow"},
      {"inference", "infer"},
      {"airliner", "airlin"},
      {"gyroscopic", "gyroscop"},
      {"adjustable", "adjust"},
      {"defensible", "defens"},
      {"irritant", "irrit"},
      {"replacement", "replac"},
      {"adjustment", "adjust"},
      {"dependent", "depend"},
      {"adoption", "adopt"},
      {"homologous", "homolog"},
      {"communism", "commun"},
      {"activate", "activ"},
      {"angularity", "angular"},
      {"effective", "effect"},
      {"bowdlerize", "bowdler"},
      {"probate", "probat"},
      {"rate", "rate"},
      {"cease", "ceas"},
      {"controlled", "control"},
      {"rolling", "roll"},
      {"spied", "spi"},
      {"died", "die"},
      {"spies", "spi"},
      {"dies", "die"},
      {"geology", "geolog"},
      {"fully", "fulli"},
      {"hopefully", "hope"},
      {"proceed", "proceed"},
      {"exceeding", "exceed"},
      {"inning", "inning"},
      {"yellow", "yellow"},
      {"umbrella", "umbrella"},
      {"library", "librari"},
      {"herons", "heron"},
      {"sandwich", "sandwich"},
      {"sunny", "sunni"},
      {"stirred", "stir"},
      {"midnight", "midnight"},
      {"observatory", "observatori"},
      {"staircase", "staircas"},
      {"generically", "gener"},
      {"oscillators", "oscil"},
      {"2024th", "2024th"},
      {"be", "be"},
      {"is", "is"},
      {"saying", "say"},
      {"by", "by"},
      {"eyed", "eye"},
      {"ion", "ion"},
      {"union", "union"},
      {"passion", "passion"},
  };
  for (const auto& [word, stem] : words) {
    CAPTURE(word);
    CHECK(porter_stem(word) == stem);
  }
}

TEST_CASE("ROUGE-1 recall counts the target's words, clipped, stemmed, without punctuation") {
  CHECK(rouge1_recall("the cat sat", "the cat sat") == 1.0);
  CHECK(rouge1_recall("the the cat", "the dog") == Approx(1.0 / 3));
  CHECK(rouge1_recall("a cat", "the the the cat, CAT!") == 0.5);
  CHECK(rouge1_recall("Climates, running", "climate (run)") == 1.0);
  CHECK(rouge1_recall("cats", "cat") == 1.0);  // four letters: stemmed
  CHECK(rouge1_recall("was", "wa") == 0.0);    // three: not
  CHECK(rouge1_recall("", "anything") == 0.0);
  CHECK(rouge1_recall("naïve", "na ve") == 1.0);  // as rouge_score: ASCII alone makes words
  CHECK(token_recall({5, 5, 7}, {5, 7, 7}) == Approx(2.0 / 3));
}

TEST_CASE("the needle is the first window that holds more than 0.9 of its distinct tokens") {
  CHECK(*find_needle({1, 2, 3, 4, 5}, {3, 4}) == Span{2, 4});
  CHECK(*find_needle({1, 4, 3, 9}, {3, 4}) == Span{1, 3});     // a set has no order
  CHECK(*find_needle({3, 4, 0, 3, 4}, {3, 4}) == Span{0, 2});  // the first
  CHECK_FALSE(find_needle({1, 3, 9, 4}, {3, 4}));              // not in one window
  std::vector<std::int32_t> needle;
  for (std::int32_t i = 0; i < 11; ++i) {
    needle.push_back(100 + i);
  }
  std::vector<std::int32_t> prompt{1, 2};
  prompt.insert(prompt.end(), needle.begin(), needle.end());
  prompt[2] = 7;  // 10 of 11 are 0.909
  CHECK(*find_needle(prompt, needle) == Span{2, 13});
  prompt[3] = 7;  // 9 of 11 are too few
  CHECK_FALSE(find_needle(prompt, needle));
  CHECK(*find_needle({5, 5, 6, 5, 6}, {5, 6, 5}) == Span{0, 3});  // 5 twice counts once
  CHECK_FALSE(find_needle({1}, {1, 2}));
}

TEST_CASE("copy hits: the count form counts repeats, the set form does not") {
  RetrievalPrompt prompt;
  prompt.tokens = {1, 7, 8, 7, 2};
  prompt.needle = {1, 4};
  CopyHits hits(prompt, 4);
  hits.step(7, {1, 4, 2, -3}, 1);  // head 0 looks at a 7 of the needle, head 2 at its 8
  hits.step(7, {3, 4, 1, 99}, 1);
  hits.step(8, {3, 4, 2, 2}, 1);
  CHECK(hits.count() == std::vector<double>{2.0 / 3, 0, 2.0 / 3, 1.0 / 3});
  CHECK(hits.set() == std::vector<double>{0.5, 0, 1.0, 0.5});
  CopyHits two(prompt, 1);
  two.step(7, {1, 3}, 2);  // both keys fit: one hit a step
  two.step(8, {0, 2}, 2);
  CHECK(two.count() == std::vector<double>{2.0 / 3});
}

TEST_CASE("our needles and haystack fit each other") {
  const std::string haystack = own_haystack();
  CHECK(haystack.size() >= 48 * 1024);
  const std::vector<Needle> needles = own_needles();
  CHECK(needles.size() >= 3);
  for (const Needle& needle : needles) {
    CHECK(needle.needle.find(needle.answer) != std::string::npos);
    CHECK(haystack.find(needle.answer) == std::string::npos);
  }
}

TEST_CASE("needles from a file: a list or a line each, real_needle too; broken ones refused") {
  const TempFolder folder;
  const auto read = [&](const std::string& text) {
    std::ofstream(folder.file("n")) << text;
    return read_needles(folder.file("n"));
  };
  CHECK(read(R"([{"needle": "x y z", "question": "q", "answer": "y"}])").size() == 1);
  const auto lines = read(
      "{\"needle\": \"x y z\", \"question\": \"q\", \"real_needle\": \"y z\"}\n\n"
      "{\"needle\": \"a b\", \"question\": \"q\", \"answer\": \"b\"}\n");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].answer == "y z");
  for (const auto& [text, says] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "no needles"},
           {"", "empty"},
           {R"([{"needle": "x", "question": "q", "answer": "y"}])", "no part"},
           {R"([{"needle": "x", "question": "q"}])", "answer"},
           {R"([{"needle": "x", "question": "q", "answer": "x", "more": 1}])", "more"},
           {"[3]", "[0]"},
           {"{\"needle\": 1}\n", ":1"}}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read(text), DataError);
    try {
      read(text);
    } catch (const DataError& error) {
      CHECK_THAT(error.what(), contains(says));
    }
  }
}

TEST_CASE("insertion: at a sentence's end before the depth; 100 appends") {
  const Tokenizer tokenizer = some_tokenizer();
  const std::string text = "One two three. Four five six. Seven eight nine ten";
  const std::vector<TokenId> ids = tokenizer.encode(text, PrependBos::no);
  CHECK(insertion_point(tokenizer, ids, 0) == 0);
  CHECK(insertion_point(tokenizer, ids, 100) == ids.size());
  for (const double depth : {30.0, 50.0, 70.0, 99.0}) {
    const std::size_t at = insertion_point(tokenizer, ids, depth);
    CAPTURE(depth, at);
    CHECK(at <= static_cast<std::size_t>(static_cast<double>(ids.size()) * depth / 100));
    CHECK((at == 0 || tokenizer.piece(ids[at - 1]).find('.') != std::string::npos));
  }
  const std::size_t late = insertion_point(tokenizer, ids, 99);
  CHECK(tokenizer.decode({ids.begin(), ids.begin() + static_cast<long>(late)}).ends_with("six."));
}

TEST_CASE("niah prompts: length, needle, question; what cannot be is refused") {
  const Tokenizer tokenizer = some_tokenizer();
  std::string haystack;
  for (int i = 0; i < 200; ++i) {
    haystack += "The road went on over the hill. ";
  }
  const Needle needle{
      "\nThe key is under a blue stone.\n", "Where is the key?", "under a blue stone"};
  const auto prompts =
      niah_prompts(tokenizer, haystack, {needle}, {.contexts = {400, 500}, .depths = {0, 50, 100}});
  REQUIRE(prompts.size() == 6);
  for (const NiahPrompt& made : prompts) {
    CAPTURE(made.prompt.id);
    const std::vector<TokenId>& ids = made.prompt.tokens;
    const std::string text = tokenizer.decode(ids);
    CHECK(text.find(needle.needle) != std::string::npos);
    CHECK(text.ends_with("Based on the content of the book, Question: Where is the key?\nAnswer:"));
    CHECK(static_cast<std::int64_t>(ids.size()) <= made.context);
    CHECK(static_cast<std::int64_t>(ids.size()) > made.context - 200);
    const Span span = made.prompt.needle;
    const std::string found = tokenizer.decode({ids.begin() + span.begin, ids.begin() + span.end});
    CHECK(found.find("blue") != std::string::npos);
  }
  CHECK(prompts[0].prompt.needle.begin < 20);
  CHECK(prompts[0].prompt.needle.begin < prompts[1].prompt.needle.begin);
  CHECK(prompts[1].prompt.needle.begin < prompts[2].prompt.needle.begin);

  const auto says = [&](const NiahOptions& options, const Needle& which) {
    try {
      niah_prompts(tokenizer, haystack, {which}, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(says({.contexts = {100000}, .depths = {0}}, needle), contains("--haystack"));
  CHECK_THAT(says({.contexts = {150}, .depths = {0}}, needle), contains("too short"));
  Needle lost = needle;
  lost.answer = "quite another clause";
  CHECK_THAT(says({.contexts = {400}, .depths = {0}}, lost),
             contains("not found after tokenising"));
}
