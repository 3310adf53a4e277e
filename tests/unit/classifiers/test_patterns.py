# ruff: noqa: RUF001 - texts in many languages are what is tested
from __future__ import annotations

import pytest

from litellm_tiering.classifiers.patterns import Keywords, Pattern, Searched, encode


def found(keywords, text):
    return Keywords(keywords).find(text)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("refactor", "Please REFACTOR. it"),
        ("refactor", "refactor"),
        ("Machine Learning", "about machine\n  learning, mostly"),
        ("machine learning", "machine\u00a0learning"),
        ("c++", "I like C++ a lot"),
        (".net", "the .NET runtime"),
        ("a.b", "see a.b"),
        ("Über", "“ÜBER” alles"),
        ("straße", "STRASSE"),
        ("naïve", "a NAI\u0308VE approach"),
        ("équipe", "l’équipe"),
        ("договор", "Этот ДОГОВОР, да"),
        ("समीकरण", "यह समीकरण है"),
        ("机器学习", "我喜欢机器学习吗"),
        ("翻訳", "これを翻訳してください"),
        ("리팩토링", "리팩토링을 해줘"),
        ("แปล", "ช่วยแปลข้อความ"),
        ("100€", "it costs 100€!"),
        ("🚀", "to the moon🚀now"),
        ("traceback", "traceback\ud800"),
    ],
)
def test_a_keyword_is_found(keyword, text):
    assert found([keyword], text) == {keyword}


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("refactor", "refactored"),
        ("refactor", "unrefactor"),
        ("fact", "refactor"),
        ("a.b", "axb"),
        ("e", "é"),
        ("équipe", "équipement"),
        ("договор", "договорились"),
        ("machine learning", "machine-learning"),
        ("c", "über_c_x"),
        ("refactor", ""),
    ],
)
def test_a_part_of_a_word_is_no_keyword(keyword, text):
    assert found([keyword], text) == frozenset()


def test_all_keywords_that_overlap_are_found_at_once():
    keywords = ["learning", "machine learning", "Machine", "machine learning model", "MACHINE"]
    assert found(keywords, "a machine learning model") == set(keywords)


def test_thousands_of_keywords_are_compiled_and_found():
    keywords = Keywords([f"word{i} phrase{i}" for i in range(3_000)])
    assert keywords.find("and word77 phrase77 or word78 phrase77") == {"word77 phrase77"}


def test_no_keywords_find_nothing():
    assert found([], "anything") == frozenset()
    assert not Keywords([])


@pytest.mark.parametrize("keyword", ["", "  ", "x" * 2_001])
def test_a_keyword_that_cannot_be_one_is_refused(keyword):
    with pytest.raises(ValueError, match="keyword"):
        Keywords([keyword])


@pytest.mark.parametrize(
    ("source", "text", "matches"),
    [
        (r"(?i)\bfoo.*bar", "a FOO and bar", True),
        (r"\d{4}-\d{2}", "on 2026-11", True),
        ("foo", "FOO", False),
        ("größe", "die größe", True),
        (r"^\pL+$", "пример", True),
        ("a", "", False),
    ],
)
def test_a_pattern_is_searched_for(source, text, matches):
    assert Pattern(source).found_in(encode(text)) is matches


@pytest.mark.parametrize(
    ("source", "reason"),
    [("(a", "missing"), ("(?=x)", "perl operator"), (r"\1", "escape"), ("a{2000}", "repetition")],
)
def test_a_pattern_that_is_none_is_refused_by_name_with_the_reason(source, reason, capfd):
    with pytest.raises(ValueError, match=reason) as caught:
        Pattern(source)
    assert source.replace("\\", "\\\\") in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_pattern_that_takes_too_much_memory_is_refused():
    with pytest.raises(ValueError, match="no RE2 expression"):
        Pattern(r"((\pL{100}){100}){10}")


def test_a_pattern_that_would_make_python_backtrack_is_linear():
    assert not Pattern(r"(a+)+$").found_in(b"a" * 8_000 + b"!")


def test_a_text_is_searched_once():
    class Counting(Keywords):
        searches = 0

        def find(self, text):
            Counting.searches += 1
            return super().find(text)

    searched = Searched("refactor this", Counting(["refactor"]))
    assert searched.keywords == searched.keywords == {"refactor"}
    assert Counting.searches == 1
