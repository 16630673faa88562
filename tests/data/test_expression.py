"""Rules over columns: what they compute, and what they refuse, with its place."""

import pyarrow as pa
import pytest

from mtnas.data.sources._tabular.expression import Expression
from mtnas.data.sources._tabular.parser import DEEPEST, LONGEST
from mtnas.runtime.errors import ConfigError

COLUMNS = {
    "rating": pa.array(["4", "5", None, "many", "+3.5"]),
    "genres": pa.array(["Drama|War", "War", None, "Dramatic", "a `b`"]),
    "a-b": pa.array([1, 2, 3, None, 5]),
    "seen": pa.array(["1", "0", "True", "maybe", None]),
    "bought": pa.array([True, False, None, True, False]),
    "day": pa.array(["2013-05-01", "2013-06-01", "2012-01-01", None, "2013-06-30"]),
    "class": pa.array(["x", "y", "z", "x", None]),
    "zero": pa.array([0.0, 1.0, 2.0, None, 4.0]),
}
RESULTS = {
    "rating >= 4": [True, True, None, None, False],
    "4 <= rating": [True, True, None, None, False],
    "3.5 < rating < 5": [True, False, None, None, False],
    "rating == 4 or rating == 5": [True, True, None, None, False],
    "not rating != 5": [False, True, None, None, False],
    "rating in [4, 5.0]": [True, True, None, None, False],
    "rating not in (4, -5)": [False, True, None, None, True],
    "rating is missing": [False, False, True, False, False],
    "rating is not missing": [True, True, False, True, True],
    "rating is missing or rating > 4": [False, True, True, None, False],
    "rating > 4 and genres is missing": [False, False, None, False, False],
    "rating == 'many'": [False, False, None, True, False],
    "`a-b` * 2 - 1 > rating": [False, False, None, None, True],
    "-`a-b` + 1 >= -1 / 2": [True, False, False, None, False],
    "rating / zero > 1": [None, True, None, None, False],
    "'Drama' in genres": [True, False, None, True, False],
    '"War" not in genres': [False, False, None, True, True],
    "genres in ['War', 'a `b`']": [False, True, None, False, True],
    "seen": [True, False, True, None, None],
    "not seen": [False, True, False, None, None],
    "seen == true": [True, False, True, None, None],
    "seen != True": [False, True, False, None, None],
    "false == bought": [False, True, None, False, True],
    "bought > 0": [True, False, None, True, False],
    "day >= '2013-06-01'": [False, True, False, None, True],
    "`class` == 'x'": [True, False, False, True, None],
    "(rating > 4) and (genres == 'War')": [False, True, None, False, False],
}


@pytest.mark.parametrize("rule", RESULTS)
def test_rules(rule: str) -> None:
    found, _ = Expression.parse(rule)(COLUMNS)
    assert found.to_pylist() == RESULTS[rule]


def test_a_rule_names_its_columns_and_what_it_could_not_use() -> None:
    rule = Expression.parse(" seen and\n rating > `a-b` ")
    assert rule.columns == ("seen", "rating", "a-b")
    _, rows = rule(COLUMNS)
    assert {name: wrong.to_pylist().index(True) for name, wrong in rows.wrong.items() if
            True in wrong.to_pylist()} == {"seen": 3, "rating": 3}  # fmt: skip


def test_decimals_behind_a_comma() -> None:
    found, _ = Expression.parse("x > 2.5")({"x": pa.array(["2,6", "2.4", "1,000,0"])}, ",")
    assert found.to_pylist() == [True, False, None]


REFUSED = {
    "": "a rule is empty",
    "1 < 2": "names no column",
    "rating = 4": "at character 8, `= 4`: not a rule; write `==`",
    "rating >=> 4": "at character 10, `> 4`: not a rule",
    "rating >= 4 and (": "not a rule",
    "a == 1 & b == 2": "`1 & b == 2`: .*number or a column",
    "(a == 1) & (b == 2)": "write `and`",
    "a == 1 || b == 2": "write `or`",
    "a <> 1": "write `!=`",
    "!a": "write `not`",
    "class == 1": "a Python word, goes in backticks",
    "marital-status == 'x'": "dots or dashes",
    "user.rating > 3": "character 1, `user.rating > 3`: a number or a column",
    "a > 3 and b.c > 4": "character 11, `b.c > 4`: a number or a column",
    "x[0] > 1": "a number or a column is expected here",
    "f(x) > 1": "a number or a column is expected here",
    "__import__('os').system('true')": "a condition is expected here",
    "(lambda: x)() > 1": "a number or a column is expected here",
    "[x for x in y]": "a condition is expected here",
    "x if y else z": "a condition is expected here",
    "x ** 9 > 1": "a number or a column is expected here",
    "x := 1": "not a rule",
    "f'{x}' == y": "a number or a column is expected here",
    "b'x' == y": "texts and numbers do not mix",
    "x == None": "character 6, `None`: write `is missing`",
    "x is None": "after `is` only `missing`",
    "x == missing": "write `is missing`",
    "x + 1 is missing": "only a column can be missing",
    "x in 5": "after `in` a list is expected",
    "x in []": "after `in` a list is expected",
    "x in [1, 'a']": "texts and numbers do not mix",
    "x in [y]": "a number is expected here",
    "x > '4'": "texts are ordered letter by letter; write 4",
    "x > y < true": "true and false have no order",
    "x == 1e999": "not a finite number",
    "x == 12345678901234567890": "compare with it as text",
    "x + 'a' == 1": "texts and numbers do not mix",
    "x + 1 == 'a'": "a text can be compared with a column only",
    "`` > 1": "no name between the backticks",
    "x > 1j": "texts and numbers do not mix",
    "x > 1 + ": "not a rule",
    "-" * 200 + "x > 1": f"more than {DEEPEST} levels",
    "(" * 300 + "x" + ")" * 300: "not a rule",
    "x > " + "1 + " * LONGEST + "1": f"{LONGEST} at most",
    "x > 1\0": "not a rule",
    "é > 1 and y.z": "character 11, `y.z`",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_what_is_no_rule_is_refused_with_its_place(rule: str) -> None:
    with pytest.raises(ConfigError, match=REFUSED[rule]) as error:
        Expression.parse(rule)
    assert "\n" not in str(error.value)


def test_an_unknown_column_is_named_with_its_place_and_the_nearest() -> None:
    rule = Expression.parse("x > 1 and ratng >= 4")
    with pytest.raises(ConfigError, match="^here: rule .* character 11.* 'ratng' .*mean 'rating'"):
        rule.check(["x", "rating"], "here")
