#include "analyses/retrieval/porter_stemmer.h"

#include <array>
#include <map>
#include <vector>

namespace headscope {
namespace {

// y is a consonant at the start of a word and after a vowel.
bool is_consonant(std::string_view word, std::size_t at) {
  switch (word[at]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
      return false;
    case 'y':
      return at == 0 || !is_consonant(word, at - 1);
    default:
      return true;
  }
}

// Porter's m: how often consonants follow vowels.
int measure(std::string_view stem) {
  int changes = 0;
  bool after_vowel = false;
  for (std::size_t i = 0; i < stem.size(); ++i) {
    const bool consonant = is_consonant(stem, i);
    changes += consonant && after_vowel ? 1 : 0;
    after_vowel = !consonant;
  }
  return changes;
}

bool has_vowel(std::string_view stem) {
  for (std::size_t i = 0; i < stem.size(); ++i) {
    if (!is_consonant(stem, i)) {
      return true;
    }
  }
  return false;
}

bool ends_double(std::string_view word) {
  const std::size_t n = word.size();
  return n >= 2 && word[n - 1] == word[n - 2] && is_consonant(word, n - 1);
}

// Porter's *o: consonant, vowel, consonant that is not w, x or y; or (NLTK) vowel and consonant
// alone.
bool ends_short(std::string_view word) {
  const std::size_t n = word.size();
  if (n >= 3) {
    const char last = word[n - 1];
    return is_consonant(word, n - 3) && !is_consonant(word, n - 2) && is_consonant(word, n - 1) &&
           last != 'w' && last != 'x' && last != 'y';
  }
  return n == 2 && !is_consonant(word, 0) && is_consonant(word, 1);
}

std::string_view without(std::string_view word, std::string_view ending) {
  return word.substr(0, word.size() - ending.size());
}

struct Rule {
  std::string_view ending;
  std::string_view becomes;
};

// The first rule whose ending fits decides: it applies if the stem before has a measure above
// `least`.
template <std::size_t kCount>
std::string by_rules(const std::string& word, const std::array<Rule, kCount>& rules, int least) {
  for (const Rule& rule : rules) {
    if (word.ends_with(rule.ending)) {
      const std::string_view stem = without(word, rule.ending);
      return measure(stem) > least ? std::string(stem) + std::string(rule.becomes) : word;
    }
  }
  return word;
}

std::string step_1a(const std::string& word) {
  if (word.ends_with("ies") && word.size() == 4) {
    return std::string(without(word, "ies")) + "ie";
  }
  if (word.ends_with("sses") || word.ends_with("ies")) {
    return std::string(without(word, "es"));
  }
  return word.ends_with('s') && !word.ends_with("ss") ? std::string(without(word, "s")) : word;
}

// What is left of a word that lost -ed or -ing gets its e back.
std::string mended(const std::string& stem) {
  if (stem.ends_with("at") || stem.ends_with("bl") || stem.ends_with("iz")) {
    return stem + "e";
  }
  if (ends_double(stem)) {
    const char last = stem.back();
    return last == 'l' || last == 's' || last == 'z' ? stem : stem.substr(0, stem.size() - 1);
  }
  return measure(stem) == 1 && ends_short(stem) ? stem + "e" : stem;
}

std::string step_1b(const std::string& word) {
  if (word.ends_with("ied")) {
    return std::string(without(word, "ied")) + (word.size() == 4 ? "ie" : "i");
  }
  if (word.ends_with("eed")) {
    return measure(without(word, "eed")) > 0 ? std::string(without(word, "d")) : word;
  }
  for (const std::string_view ending : {"ed", "ing"}) {
    if (word.ends_with(ending) && has_vowel(without(word, ending))) {
      return mended(std::string(without(word, ending)));
    }
  }
  return word;
}

std::string step_1c(const std::string& word) {
  if (!word.ends_with('y')) {
    return word;
  }
  const std::string_view stem = without(word, "y");
  const bool turns = stem.size() > 1 && is_consonant(stem, stem.size() - 1);
  return turns ? std::string(stem) + "i" : word;
}

std::string step_2(const std::string& word) {
  static constexpr std::array<Rule, 20> rules{
      {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
       {"izer", "ize"},    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"},
       {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
       {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
       {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"}}};
  if (word.ends_with("alli") && measure(without(word, "alli")) > 0) {
    return step_2(std::string(without(word, "alli")) + "al");
  }
  if (word.ends_with("fulli")) {
    return measure(without(word, "fulli")) > 0 ? std::string(without(word, "li")) : word;
  }
  if (word.ends_with("logi")) {  // the l counts to the stem
    return measure(without(word, "ogi")) > 0 ? std::string(without(word, "i")) : word;
  }
  return by_rules(word, rules, 0);
}

std::string step_3(const std::string& word) {
  static constexpr std::array<Rule, 7> rules{{{"icate", "ic"},
                                              {"ative", ""},
                                              {"alize", "al"},
                                              {"iciti", "ic"},
                                              {"ical", "ic"},
                                              {"ful", ""},
                                              {"ness", ""}}};
  return by_rules(word, rules, 0);
}

std::string step_4(const std::string& word) {
  static constexpr std::array<Rule, 11> first{{{"al", ""},
                                               {"ance", ""},
                                               {"ence", ""},
                                               {"er", ""},
                                               {"ic", ""},
                                               {"able", ""},
                                               {"ible", ""},
                                               {"ant", ""},
                                               {"ement", ""},
                                               {"ment", ""},
                                               {"ent", ""}}};
  static constexpr std::array<Rule, 7> then{
      {{"ou", ""}, {"ism", ""}, {"ate", ""}, {"iti", ""}, {"ous", ""}, {"ive", ""}, {"ize", ""}}};
  for (const Rule& rule : first) {
    if (word.ends_with(rule.ending)) {
      return by_rules(word, first, 1);
    }
  }
  if (word.ends_with("ion")) {
    const std::string_view stem = without(word, "ion");
    const bool after = stem.ends_with('s') || stem.ends_with('t');
    return measure(stem) > 1 && after ? std::string(stem) : word;
  }
  return by_rules(word, then, 1);
}

std::string step_5(std::string word) {
  if (word.ends_with('e')) {
    const std::string_view stem = without(word, "e");
    if (measure(stem) > 1 || (measure(stem) == 1 && !ends_short(stem))) {
      word = std::string(stem);
    }
  }
  const bool doubled = word.ends_with("ll") && measure(without(word, "l")) > 1;
  return doubled ? std::string(without(word, "l")) : word;
}

// Words the rules get wrong, with what NLTK makes of them.
const std::map<std::string, std::string, std::less<>>& irregular() {
  static const std::map<std::string, std::string, std::less<>> words{{"sky", "sky"},
                                                                     {"skies", "sky"},
                                                                     {"dying", "die"},
                                                                     {"lying", "lie"},
                                                                     {"tying", "tie"},
                                                                     {"news", "news"},
                                                                     {"inning", "inning"},
                                                                     {"innings", "inning"},
                                                                     {"outing", "outing"},
                                                                     {"outings", "outing"},
                                                                     {"canning", "canning"},
                                                                     {"cannings", "canning"},
                                                                     {"howe", "howe"},
                                                                     {"proceed", "proceed"},
                                                                     {"exceed", "exceed"},
                                                                     {"succeed", "succeed"}};
  return words;
}

}  // namespace

std::string porter_stem(std::string_view word) {
  if (const auto found = irregular().find(word); found != irregular().end()) {
    return found->second;
  }
  if (word.size() <= 2) {
    return std::string(word);
  }
  return step_5(step_4(step_3(step_2(step_1c(step_1b(step_1a(std::string(word))))))));
}

}  // namespace headscope
