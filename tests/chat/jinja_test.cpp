// The Jinja subset: what it prints, and the line and name of what it refuses. The expected texts
// are those of jinja2 3.1.6 in transformers' environment.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/ordered_json.h"
#include "lib/chat/template.h"
#include "tests/support/catch.h"

namespace headscope {
namespace {

const char* const kJinjaVariables =
    R"({"m": [{"role": "system", "content": "S"}, {"role": "user", "content": "héllo \n x "},
               {"role": "assistant", "content": "A", "calls": {"b": 1, "a": [1, 2.5, null, true]}}], "one": 1})";

std::string rendered_jinja(const std::string& source,
                           const std::string& variables = kJinjaVariables) {
  return jinja::Template(source, "t").render(parse_ordered_json(variables, "variables"));
}

std::string printed(const std::string& expression) {
  return rendered_jinja("{{ " + expression + " }}");
}

void check_refused(const std::string& source, const std::string& message) {
  INFO(source);
  CHECK_THROWS_WITH(rendered_jinja(source), contains(message));
  CHECK_THROWS_AS(rendered_jinja(source), DataError);
}

}  // namespace

TEST_CASE("Values print as Python prints them") {
  CHECK(printed("[1, -2.50, 1e16, 1e-5, 'a', \"it's\", none, true, x, (1,), {'k': 'v'}]") ==
        R"([1, -2.5, 1e+16, 1e-05, 'a', "it's", None, True, Undefined, (1,), {'k': 'v'}])");
  CHECK(printed("'\\u4e2d\\x41\\n'") == "中A\n");
  CHECK(printed("['\\u200b\\né']") == "['\\u200b\\né']");
  CHECK(printed("m[2].calls.items()") == "dict_items([('b', 1), ('a', [1, 2.5, None, True])])");
  CHECK(printed("none ~ true ~ 1.0 ~ x") == "NoneTrue1.0");
  CHECK(printed("0.1 + 0.2") == "0.30000000000000004");
}

TEST_CASE("Operators are Python's") {
  CHECK(printed("[-7 // 2, -7 % 3, 7 / 2, 2 ** 10, 2 ** -1, -7.5 // 2, 7.5 % -2]") ==
        "[-4, 2, 3.5, 1024, 0.5, -4.0, -0.5]");
  CHECK(printed("[1 < 2 < 3, 1 < 2 > 3, 1 == 1.0, '1' == 1, [1] == [true], x == y, x == none]") ==
        "[True, False, True, False, True, True, False]");
  CHECK(printed(
            "[1 in [1], 'll' in 'hello', 'role' in m[0], 1 not in (2, 3), '' or 'b', 0 and x.y]") ==
        "[True, True, True, True, 'b', 0]");
  CHECK(printed("'a' ~ 'b' | upper") == "aB");
  CHECK(printed("-2 ** 2") == "4");  // Jinja's, unlike Python's
  CHECK(printed("1 if false") == "");
  CHECK(printed("'ab' * 2 + 'c'") == "ababc");
}

TEST_CASE("Subscripts, slices and attributes") {
  CHECK(printed("['héllo'[1], 'héllo'[::-1], 'abcdef'[4:1:-1], 'abcdef'[-2:], [1, 2, 3][::-2], [1, "
                "2][5]]") == "['é', 'olléh', 'edc', 'ef', [3, 1], Undefined]");
  CHECK(printed("m[-1]['calls'].a[1] ~ m.0.role ~ m[0].nothing") == "2.5system");
  CHECK(printed("namespace(a=1).a ~ {'items': 1}['items'] ~ {'x': 1}.get('y', 2)") == "112");
  CHECK(printed("m[0].keys() | list") == "['role', 'content']");
}

TEST_CASE("Methods of str") {
  CHECK(
      printed(
          "[' a  b '.split(), 'a,b,,c'.split(','), 'a b c'.rsplit(' ', 1), 'xaxbx'.strip('x')]") ==
      "[['a', 'b'], ['a', 'b', '', 'c'], ['a b', 'c'], 'axb']");
  CHECK(printed(
            "['abc'.endswith(('x', 'c')), 'abc'.find('z'), \"it's\".title(), 'straße'.upper()]") ==
        R"([True, -1, "It'S", 'STRASSE'])");
  CHECK(printed(
            "'{} {x}'.format('a', x=1) ~ '-'.join(['1', '2']) ~ 'a\\r\\nb\\u2028c'.splitlines()") ==
        "a 11-2['a', 'b', 'c']");
}

TEST_CASE("Filters") {
  CHECK(printed("m[2].calls | tojson") == R"({"b": 1, "a": [1, 2.5, null, true]})");
  CHECK(printed("m[2].calls | tojson(indent=2)") ==
        "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    2.5,\n    null,\n    true\n  ]\n}");
  CHECK(printed("'é😀\"<' | tojson ~ 'é😀' | tojson(ensure_ascii=true)") ==
        "\"é😀\\\"<\"\"\\u00e9\\ud83d\\ude00\"");
  CHECK(printed("{'b': 1, 'a': []} | tojson(sort_keys=true, separators=(',', ':'))") ==
        R"({"a":[],"b":1})");
  CHECK(printed("m | map(attribute='role') | join(', ')") == "system, user, assistant");
  CHECK(
      printed("m | selectattr('calls') | list | length ~ m | rejectattr('role', 'in', ['user']) | "
              "list | length") == "12");
  CHECK(printed("['b', 'A'] | sort ~ {'b': 1, 'A': 2} | dictsort ~ [1, 1, 2] | unique | list") ==
        "['A', 'b'][('A', 2), ('b', 1)][1, 2]");
  CHECK(
      printed("['12' | int, '1.7' | int, 'x' | int(3), '2' | float, x | default('d'), '' | d('e', "
              "true)]") == "[12, 1, 3, 2.0, 'd', 'e']");
  CHECK(
      printed("'a\\nb\\n\\nc' | indent(2) ~ '|' ~ 'hello wORLD-foo' | title ~ 'aaa' | replace('a', "
              "'b', 2)") == "a\n  b\n\n  c|Hello World-Foobba");
  CHECK(printed("('<a>' | safe) + '<b>'") == "<a>&lt;b&gt;");  // markupsafe's
  CHECK(printed("none | selectattr('x') | list") == "[]");
}

TEST_CASE("Tests") {
  CHECK(printed("[1.5 is odd, 1.5 is even, -3 is odd]") == "[False, False, True]");
  CHECK(
      printed("[x is defined, m is sequence, m[0] is mapping, m is string, true is number, true is "
              "integer, 1 is eq 1]") == "[False, True, True, False, True, False, True]");
  CHECK(
      printed("[none is none, 4 is divisibleby 2, 'A' is upper, 'a' is in ['a'], 1 is not none, x "
              "is iterable]") == "[True, True, True, True, True, True]");
}

TEST_CASE("Loops know where they are") {
  CHECK(rendered_jinja(
            "{% for x in m %}{{ loop.index }}/{{ loop.length }}{{ loop.first }}{{ loop.last }}"
            "{{ loop.previtem.role if loop.previtem is defined }}{% endfor %}") ==
        "1/3TrueFalse2/3FalseFalsesystem3/3FalseTrueuser");
  CHECK(rendered_jinja("{% for k, v in m[2].calls.items() %}{{ k }}={{ v }};{% endfor %}") ==
        "b=1;a=[1, 2.5, None, True];");
  CHECK(rendered_jinja(
            "{% for x in m if x.role == 'user' %}{{ loop.length }}{% else %}no{% endfor %}") ==
        "1");
  CHECK(rendered_jinja("{% for x in [] %}{% else %}none{% endfor %}") == "none");
  CHECK(rendered_jinja(
            "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 4 %}{% break "
            "%}{% endif %}{{ i }}{% endfor %}") == "023");
  const std::string once = "{% for a in i %}{{ a }}{% endfor %}";
  CHECK(rendered_jinja("{% set i = [1, 2] | map('string') %}" + once + "|" + once) == "12|");
}

TEST_CASE("Names are looked up as compiled templates look them up") {
  CHECK(rendered_jinja(
            "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}") ==
        "231");
  CHECK(rendered_jinja("{% set n = namespace(x=1) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% "
                       "endfor %}{{ n.x }}") == "4");
  CHECK(rendered_jinja("{% if true %}{% set y = 2 %}{% endif %}{{ y }}") == "2");
  // A name that is set later in the same scope hides the one given, in the scopes inside.
  CHECK(rendered_jinja("{% for i in [1] %}{{ one }}{% endfor %}{% set one = 2 %}{{ one }}") == "2");
  CHECK(rendered_jinja(
            "{% macro f() %}{{ one }}{% endmacro %}{{ f() }}{% set one = 3 %}{{ f() }}") == "3");
  CHECK(rendered_jinja(
            "{{ one }}{% macro f() %}{{ one }}{% endmacro %}{{ f() }}{% set one = 3 %}{{ f() }}") ==
        "113");
  CHECK(rendered_jinja("{% with one = 5 %}{{ one }}{% endwith %}{{ one }}") == "51");
}

TEST_CASE("Macros, blocks that are set, filtered or called") {
  CHECK(rendered_jinja(
            "{% macro f(a, b=2, c=a) %}[{{ a }},{{ b }},{{ c }}]{% endmacro %}{{ f(1) }}{{ "
            "f(1, c=5) }}{{ f() }}") == "[1,2,1][1,2,5][,2,]");
  CHECK(rendered_jinja(
            "{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}") ==
        "3210");
  CHECK(
      rendered_jinja(
          "{% macro f() %}<{{ caller(1) }}>{% endmacro %}{% call(x) f() %}b{{ x }}{% endcall %}") ==
      "<b1>");
  CHECK(rendered_jinja("{% set t | trim | upper %}  a {{ 1 }} {% endset %}[{{ t }}]") == "[A 1]");
  CHECK(rendered_jinja("{% filter upper %}a{% endfilter %}{% generation %}b{% endgeneration %}") ==
        "Ab");
}

TEST_CASE("White space at tags goes as transformers has it") {
  CHECK(rendered_jinja("a\n  {% if true %}\n  b\n  {% endif %}\n c\n") == "a\n  b\n c");
  CHECK(rendered_jinja("a {%- if true -%}  b  {%- endif -%}  c") == "abc");
  CHECK(rendered_jinja("a\n {%+ if true +%}\n b{% endif %}") == "a\n \n b");
  CHECK(rendered_jinja("x\n  {# c #}\ny\n   {{- 1 -}}\n z") == "x\ny1z");
  CHECK(rendered_jinja("{{ 1 }}\n\n{{ 2 }}\n") == "1\n\n2");
  CHECK(rendered_jinja("a\r\n{% raw %}\n {{ x }} {%- endraw %}\n b") == "a\n\n {{ x }} b");
  CHECK(rendered_jinja("{{ {'a': {'b': '}}'}}['a'] }}") == "{'b': '}}'}");
}

TEST_CASE("What the subset lacks is named with its line") {
  check_refused("a\n\n{% include 'x' %}", "t, line 3: headscope's Jinja has no tag 'include'");
  check_refused("\n{{ x | groupby('a') }}", "line 2: headscope's Jinja has no filter 'groupby'");
  check_refused("{{ x is module }}", "no test 'module'");
  check_refused("{{ 'a'.zfill(3) }}", "does not know 'zfill' of a str");
  check_refused("{{ '%s' % 1 }}", "does not format text with %");
  check_refused("{% for a in b recursive %}{% endfor %}", "no recursive loops");
  check_refused("{{ f(*a) }}", "no * and ** in calls");
  check_refused("{{ cycler }}", "no 'cycler'");
  check_refused("{{ 9223372036854775807 + 1 }}", "64 bits");
  check_refused("{{ m | map(attribute='role') }}", "does not print");
  check_refused("{{ x | reverse }}", "does not print");
  check_refused("{{ 'Σ' | lower }}", "U+03A3");
  // … but only where it runs, if a condition decides.
  CHECK(rendered_jinja("{% if false %}{{ x | groupby('a') }}{% endif %}ok") == "ok");
}

TEST_CASE("What Python refuses is refused") {
  check_refused("\n\n{{ x.y }}", "line 3: 'x' is undefined");
  check_refused("{{ m[0].nothing.more }}", "a value of type dict has no 'nothing'");
  check_refused("{{ 1 + 'a' }}", "+ has no meaning between int and str");
  check_refused("{{ none[1:] }}", "no slices of a value of type NoneType");
  check_refused("{{ raise_exception('Roles\nmust alternate') }}",
                "the template refuses the messages: Roles must alternate");
  check_refused("{{ [].append(1) }}", "would change a list");
  check_refused("{{ ''.__class__ }}", "reaches into Python");
  check_refused("{% set m.x = 1 %}", "only a namespace");
  check_refused("{% for a, b in [[1]] %}{% endfor %}", "1 values cannot be unpacked into 2 names");
  check_refused("{% for x in 5 %}{% endfor %}", "no elements to go through");
  check_refused("{{ {} | tojson(indent=2) }}{{ x | tojson }}", "has no JSON");
  check_refused("{{ 'a' in 5 }}", "'in' has no meaning");
  check_refused("{{ f() }}", "'f' is undefined");
  check_refused("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "takes 1 arguments at most");
}

TEST_CASE("Malformed templates say where") {
  for (const char* source : {"{{ 1",
                             "{% if x %}",
                             "{% endif %}",
                             "{{ [1, 2 }}",
                             "{{ 'a }}",
                             "{{ }}",
                             "{% for %}",
                             "{{ a b }}",
                             "{# x",
                             "{% raw %}",
                             "{{ 1 | }}",
                             "{% set 1 = 2 %}",
                             "{% break %}",
                             "{{ x is }}",
                             "{{ ) }}",
                             "{% macro f( %}{% endmacro %}",
                             "{{ a.b. }}",
                             "{% elif x %}",
                             "{{ \"\\ud83d\" }}"}) {
    check_refused(source, "t, line 1: ");
  }
}

}  // namespace headscope
