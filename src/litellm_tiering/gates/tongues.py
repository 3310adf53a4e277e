"""The names of languages in many languages, and the words that speak of language: does a text ask for one?"""

from __future__ import annotations

from litellm_tiering.intake.tasks import plain

_MAX_CHARS = 8_000

# Beginnings of words, without accents: "german" stands for "German" and "Germans", "deutsch" for "deutsche".
_STEMS = """
english german french spanish italian portugues dutch polish swedish danish norwegian finnish icelandic czech
slovak slovenian hungarian romanian bulgarian serbian croatian bosnian greek turkish russian ukrainian arabic
persian farsi hebrew hindi urdu bengali punjabi gujarati marathi tamil telugu kannada malayalam thai
vietnames indonesian malay tagalog filipino chines mandarin cantones japanes korean latin catalan basque
galician welsh irish gaelic scots swahili amharic yoruba zulu afrikaans esperanto estonian latvian lithuanian
albanian armenian georgian kazakh uzbek mongolian nepali sinhal burmes khmer hangul kanji hiragana katakana
pinyin romaji brazilian castilian flemish
deutsch englisch franzosisch spanisch italienisch portugiesisch niederlandisch polnisch schwedisch danisch
norwegisch finnisch tschechisch ungarisch rumanisch bulgarisch griechisch turkisch russisch ukrainisch
arabisch persisch hebraisch chinesisch japanisch koreanisch vietnamesisch indonesisch
francais anglais allemand espagnol italien portugais neerlandais polonais suedois danois norvegien finnois
tcheque hongrois roumain bulgare grec turc russe ukrainien arabe persan hebreu chinois japonais coreen
vietnamien indonesien
espanol castellano ingles aleman frances italiano holandes neerlandes polaco sueco danes noruego checo
hungaro rumano griego turco ruso ucraniano hebreo chino japones coreano vietnamita indonesio alemao frances
polones russo chines arabe hebraico
inglese tedesco francese spagnolo portoghese olandese polacco svedese ceco ungherese rumeno greco ucraino
arabo persiano ebraico cinese giapponese coreano
nederlands engels duits frans spaans italiaans portugees pools zweeds deens russisch turks chinees japans
polsk angielsk niemieck francusk hiszpansk wlosk portugalsk niderlandzk rosyjsk ukrainsk chinsk japonsk
svensk engelsk tysk fransk spansk italiensk rysk kinesisk japansk dansk norsk suomi suomeksi cestin cesky
magyar romana turkce ingilizce almanca fransizca ispanyolca rusca arapca cince japonca
русск английск немецк французск испанск итальянск португальск польск турецк украинск арабск китайск японск
корейск українськ англійськ німецьк
bahasa inggris jerman prancis jepang tieng
ελληνικ αγγλικ עברית אנגלית العربية عربي بالعربية الإنجليزية انجليزي فارسی انگلیسی हिन्दी हिंदी अंग्रेज ไทย อังกฤษ
한국어 영어 일본어 중국어 독일어 프랑스어
translat ubersetz uebersetz tradu tradui traduc traduz tradur vertaal vertal tlumacz przetlumacz oversatt
cevir перевед перевод перекла terjemah ترجم अनुवाद 번역
language lingual sprache langue idioma lingua linguistic taal jezyk sprak dili язык мова język jazyk
"""
_UNSPACED = """
中文 汉语 漢語 英文 英语 英語 日文 日语 日本語 日語 法文 法语 法語 德文 德语 德語
ドイツ語 フランス語 スペイン語 韩语 韓語 韓国語
中国語 俄语 俄語 ロシア語 西班牙语 西班牙語 葡萄牙语
意大利语 阿拉伯语 翻译 翻譯 翻訳 译成 訳して 语言 語言 言語 粤语 普通话
"""

_HEAD = 3
_BY_HEAD: dict[str, tuple[str, ...]] = {}
for _stem in {plain(stem) for stem in _STEMS.split()}:
    _BY_HEAD[_stem[:_HEAD]] = (*_BY_HEAD.get(_stem[:_HEAD], ()), _stem)
_SUBSTRINGS = tuple(_UNSPACED.split())


def names_a_language(text: str) -> bool:
    """Whether some language is named in ``text``, or spoken of; the first 8,000 characters count.

    Generous: a word that merely begins like one counts as one.
    """
    folded = plain(text[:_MAX_CHARS])
    for word in set(folded.replace("-", " ").replace("/", " ").split()):
        bare = word.strip("\"'`*_()[]{}<>.,:;!?¿¡«»„“”、。")
        # "multilingual" and "bilingual" end in what the others begin with.
        if bare.startswith(_BY_HEAD.get(bare[:_HEAD], ("\0",))) or "lingu" in bare:
            return True
    return not folded.isascii() and any(name in folded for name in _SUBSTRINGS)
