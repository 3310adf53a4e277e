# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""Which language a text is in: by its script, and for scripts that many share, by its commonest words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.intake.tokens import NO_SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_tiering.intake.tokens import Census

LATIN = frozenset({"de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "id", "vi"})
"""The languages in Latin script that are told apart here, English not among them."""

_STOPWORDS = {
    "en": """a the of and to in is that it for was on are with as his they at be this have from or had by
        not but what all were we when your can said there use an each which she do how their if will up
        other about out many then them these so some her would make like him into has my i you me please
        does did who where why could should write explain tell give find between""",
    "de": """der die das und ist nicht ein eine einen einem einer mit auf für von den dem des sich auch es
        ich du sie wir ihr wie was wer warum wo wann bitte mir mich dass als oder aber wenn kann kannst
        können wird werden sind war zu zum zur im bei nach über um aus durch nur noch schon diese dieser
        dieses diesen diesem ins folgenden schreibe erkläre""",
    "fr": """le la les des et est un une dans que qui pour pas sur avec ce cette ces il elle nous vous je
        tu au aux du en par plus ne son sa ses mais ou où comment pourquoi quel quelle quels quelles quand
        moi être sont suis peux pouvez entre texte suivant écris écrivez explique c'est qu'est l' d'""",
    "es": """el la los las de y es un una en que por para con no se su sus lo al del como pero más qué
        cómo por quién cuál cuándo dónde este esta estos estas yo tú usted me mi te ser son está están hay
        entre sobre escribe explica siguiente texto puedes cada desde hasta todos""",
    "it": """il lo la gli le di e è un una in che per con non si del della dei delle nel nella al alla
        come ma più cosa perché chi quando dove questo questa questi queste io tu mi ti sono sei era anche
        tra fra scrivi spiega seguente testo puoi qual quale quali ogni""",
    "pt": """o a os as de e é um uma em que para por com não se do da dos das no na nos nas como mas mais
        qual quais quando onde este esta isto eu você tu me seu sua são está foi ou entre sobre escreva
        explique seguinte texto pode ao à quem cada até""",
    "nl": """de het een en is niet van in op te dat die voor met zijn aan ik je jij u we wij ze hij zij
        maar of om bij ook als naar wat wie waarom hoe waar wanneer kun kan kunt deze dit er nog worden
        wordt schrijf leg uit tussen""",
    "pl": """i w na z do nie się to jest że jak co dla od po o za przez ale czy lub oraz tego ten ta te
        który która które są być ma mi mnie proszę dlaczego kiedy gdzie kto napisz wyjaśnij między jaki
        jaka jakie""",
    "sv": """och att det i en på är som för med den till av inte ett jag du han hon vi ni de om men eller
        hur vad vem varför när var kan ska har från mellan skriv förklara denna detta""",
    "tr": """ve bir bu için ile de da ne mi mı mu mü nasıl neden niçin kim nerede ben sen biz siz o daha
        çok en gibi olan olarak var yok kadar ya şu bana lütfen yaz açıkla arasındaki""",
    "id": """yang dan di ke dari untuk dengan ini itu adalah tidak pada saya anda kamu apa bagaimana
        mengapa siapa kapan atau juga dalam akan oleh sebuah jelaskan tulis antara tolong""",
    "vi": """và của là có không cho một những các được trong với này đó tôi bạn như thế nào tại sao gì khi
        ở để hãy viết giải thích giữa""",
}
# A word that several languages have counts less: one over the number of them.
_SHARED: dict[str, list[str]] = {}
for _code, _words in _STOPWORDS.items():
    for _word in dict.fromkeys(_words.split()):
        _SHARED.setdefault(_word, []).append(_code)
JOINING = frozenset(_SHARED)
"""The commonest words of the languages in Latin script: hardly a sentence is without one."""
_VOTES = {word: tuple((code, 1.0 / len(codes)) for code in codes) for word, codes in _SHARED.items()}

_HINTS = {
    "ß": "de",
    "ä": "de",
    "ö": "de",
    "ü": "de",
    "ñ": "es",
    "¿": "es",
    "¡": "es",
    "ã": "pt",
    "õ": "pt",
    "ç": "fr",
    "œ": "fr",
    "ê": "fr",
    "è": "fr",
    "ò": "it",
    "ù": "it",
    "ł": "pl",
    "ż": "pl",
    "ą": "pl",
    "ę": "pl",
    "ś": "pl",
    "å": "sv",
    "ğ": "tr",
    "ş": "tr",
    "ı": "tr",
    "ơ": "vi",
    "ư": "vi",
    "đ": "vi",
}
_ENOUGH = 1.0
_LEAD = 1.25
_RUSSIAN_UNIQUE = frozenset("ыэъё")
_UKRAINIAN_UNIQUE = frozenset("іїєґ")
_PERSIAN_UNIQUE = frozenset("پچژگ")
_THAI = range(0x0E00, 0x0E80)


def detect_language(folded: str, words: Iterable[str], counted: Census) -> str:
    """The ISO 639-1 code of a casefolded text, given some of its words and its census; "" when unsure."""
    code = _by_script(folded, counted)
    return _by_words(folded, words) if code is None else code


def _by_script(folded: str, counted: Census) -> str | None:  # noqa: PLR0911 - one case for each script
    """The language that the script settles; None where the script is Latin."""
    s = counted.script
    if s is NO_SCRIPT:
        return None
    latin = counted.lower + counted.upper + s.latin
    asian = s.kana + s.han
    # Four Latin letters write less than one Han character: technical terms do not change the language.
    if asian * 3 >= latin and asian > 0 and asian >= s.hangul:
        return "ja" if s.kana and any("\u3040" <= c <= "\u30ff" for c in folded) else "zh"
    if s.hangul * 2 >= latin and s.hangul > 0:
        return "ko"
    share = latin / 2
    if s.cyrillic > share:
        if not _UKRAINIAN_UNIQUE.isdisjoint(folded) and _RUSSIAN_UNIQUE.isdisjoint(folded):
            return "uk"
        return "ru"
    if s.arabic > share:
        return "ar" if _PERSIAN_UNIQUE.isdisjoint(folded) else "fa"
    if s.indic > share:
        first = next((ord(c) for c in folded if 0x0900 <= ord(c) < 0x1000), 0)  # noqa: PLR2004 - Unicode blocks
        if first in _THAI:
            return "th"
        return "hi" if first < 0x0980 else ""  # noqa: PLR2004 - where Devanagari ends
    if s.hebrew > share:
        return "he"
    return "el" if s.greek > share else None


def _by_words(folded: str, words: Iterable[str]) -> str:
    votes: dict[str, float] = {}
    for word in words:
        for code, weight in _VOTES.get(word, ()):
            votes[code] = votes.get(code, 0.0) + weight
    if not folded.isascii():
        for char in set(folded):
            if char in _HINTS:
                votes[_HINTS[char]] = votes.get(_HINTS[char], 0.0) + 0.6
    if not votes:
        return ""
    ranked = sorted(votes, key=votes.__getitem__, reverse=True)
    best = votes[ranked[0]]
    second = votes[ranked[1]] if len(ranked) > 1 else 0.0
    return ranked[0] if best >= _ENOUGH and best >= _LEAD * second else ""
