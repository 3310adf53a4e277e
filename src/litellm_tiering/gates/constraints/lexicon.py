# ruff: noqa: E501 - a table is read by its rows
"""English words and phrases of demands, each with the one sign that the grammar knows it by."""

from __future__ import annotations

from litellm_tiering.gates.constraints.kinds import listed

ENGLISH = """
NOT: not | do not | does not | don't | dont | doesn't | never | no | without | avoid | avoiding | avoids | refrain from | refrains from | abstain from | exclude | excluding | excludes | omit | omitting | leave out | leaving out | must not | mustn't | should not | shouldn't | can not | cannot | can't | may not | are not allowed to | is not allowed to | not allowed to | aren't allowed to | isn't allowed | not allowed | aren't allowed | forbidden | prohibited | banned | not a single | none | nor | free of | devoid of | won't | will not | shall not | off limits | zero | stay away from | steer clear of | skip | drop | minus any
MUST: must | should | shall | needs to | need to | has to | have to | ought to | required to | is to | are to | make sure | be sure | ensure | remember to | do not forget to | don't forget to | dont forget to | never forget to | do not fail to | don't fail to | make certain | is required | are required | required | mandatory | it is important | important | be careful to | don't neglect to | do not neglect to | can't be | cannot be | i want | i'd like | i would like | i need | we need | i expect | i am looking for | see to it
MAY: needn't | may | might | feel free | if possible | ideally | preferably | optionally | optional | do not need to | don't need to | need not | don't have to | do not have to | not required | not necessary | isn't necessary | not needed | no need | you can | you could | if you like | if you want | if you wish | where appropriate | if needed | if necessary | as needed | where possible | when possible | would be nice | is fine | are fine | is okay | is ok | are ok | are okay | are welcome | are allowed | is allowed | are acceptable | is acceptable | are permitted | is permitted | doesn't matter | does not matter | not mandatory | doesn't have to | does not have to | no matter | not a problem | do not worry | don't worry | don't mind | no limit | no minimum | no maximum | regardless of | doesn't need to | does not need to | unlimited | it is up to you | not obliged to
SOFT: try to | aim for | aim to | strive | roughly speaking | more or less
IF: if | unless | whether | suppose | assuming | in case | when | whenever | imagine that | what if | once you | had it been | pretend that | provided that | otherwise | instead of | rather than | as opposed to | in contrast to
PAST: previously | last time | yesterday | earlier | used to | back then | originally
MAX: i don't want anything longer than | i do not want anything longer than | i don't want more than | i do not want more than | at most | at the most | no more than | not more than | maximum of | a maximum of | max of | max | maximum | up to | no longer than | not longer than | not exceed | not exceeding | does not exceed | doesn't exceed | do not exceed | don't exceed | not to exceed | must not exceed | should not exceed | never exceed | not go over | not go above | do not go over | don't go over | not over | no greater than | not above | limited to | limit of | a limit of | cap of | capped at | no more | not surpass | do not use more than | don't use more than | do not write more than | don't write more than | don't include more than | do not include more than | must not have more than | should not have more than | must not be longer than | should not be longer than | not be longer than | not contain more than | never more than | never use more than | must not be more than | should not be more than | limit it to | upper limit of | as many as | within | <= | not any more than | not have more than | not use more than | do not give me more than | don't give me more than | don't give more than | do not give more than
LT: less than | fewer than | lower than | under | below | smaller than | shorter than | <
MIN: at least | at the least | no less than | no fewer than | not less than | not fewer than | minimum of | a minimum of | min of | min | minimum | no shorter than | not shorter than | not be shorter than | must not be less than | should not be less than | must not be fewer than | should not have fewer than | must not have fewer than | do not use fewer than | do not write fewer than | don't write less than | don't use less than | do not write less than | don't use fewer than | not under | not below | >= | upwards of | nothing less than | nothing under | never less than | never fewer than | lower limit of
GT: more than | greater than | over | above | exceed | exceeds | exceeding | longer than | larger than | higher than | in excess of | >
EXACT: exactly | precisely | exact | no more and no less than | no more no less than | strictly | just | only exactly
ABOUT: about | around | approximately | approx | roughly | circa | nearly | almost | some | close to | an estimated | ca | ~
BETWEEN: between | from | anywhere between | in the range of | ranging from
ORMORE: ormore | or more | or greater | or longer | and more | or above | and up | or so at least | or over | and above | plus
ORLESS: orless | or less | or fewer | or under | or below | or shorter | tops
ONLY: only | solely | nothing but | nothing else | just the | exclusively | nothing other than | simply | and nothing else | no other text | nothing more | entirely | alone | purely
EACH: each | every | per | apiece | all of the
REPORT: want | said | says | told | tells | asked me | asked us | asks | wants | wanted | requires | required me | demanded | demands | insists | insisted | requested | ordered | complained | claims | claimed | stated | states | argues | argued | recommends | recommended | suggests | suggested | advises | advised | instructs | instructed | wrote | writes | believes | thinks | prefers | preferred | according to
THEY: he | she | they | his | her | their | who | which | my | our | the teacher | my teacher | the professor | my professor | my boss | the editor | my editor | the client | the assignment | the guideline | the guidelines | the instructions | the original | the rubric | the journal | twitter | somebody | someone | people | many people | the author | the poet | the customer | users | critics | students | children | kids | writers | companies | a friend | my friend | the contest | the competition | i
WE: i am | i'm | i have | i had | i wrote | i was | i used | i've | we have | we had | we wrote | we used | we were | i can't | i cannot | i don't | i do not | i must | i have to | i need to | i should | we must | we need to | we have to | i am trying to | i tend to | i always | i never | i usually
EXAMPLE: for example | for instance | such as | like so | like this | as in | e.g. | i.e. | eg | ie
INDIC: is | are | was | were | has | had | contains | contained | includes | included | uses | used | did | consists | consisted | appears | appeared | comes | came | begins | began | ended | made | makes | have been | has been | takes | took | runs to | ran to | got | gets | counts | averages | avoids
REQ: can you | could you | would you | will you | please | kindly | can i get | may i have | i'd appreciate | let's | i want you to | i need you to | i would like you to | i'd like you to
HOW: how do i | how can i | how to | how do you | how should | how would | how many | how much | how long | how is | how are | how does | how did | how | why | what | who | whose | where | is it | is there | are there | does | did | was | were | should i | should we | should a | should an | should the | do i | do we | do you | is a | is the | are the | which of | does the | is this | is that | would it | would a | could it | has it | has the | have you | can a | can an | can i | may i | must i | must a | must an | am i
IMP: write | create | compose | draft | generate | produce | give | give me | list | describe | explain | summarize | summarise | provide | answer | respond | reply | return | output | print | present | format | keep | limit | restrict | make | make it | rewrite | rephrase | paraphrase | shorten | condense | tell | tell me | name | outline | state | show | plan | design | develop | prepare | formulate | craft | deliver | express | put | structure | organize | organise | break | divide | split | expand | elaborate | discuss | compare | analyze | analyse | review | critique | criticize | criticise | improve | suggest | propose | recommend | brainstorm | hallucinate | invent | build | choose | pick | select | translate | convert | complete | finish | continue | fill | say | speak | talk | highlight | italicize | emphasize | bold | add | append | place | insert | have | let | do | mark | label | use | using | start | begin | end | stick | confine | hold | cap | be | leave | trim | cut | reduce | compress | type | stay | aim
INCLUDE: include | including | contain | containing | mention | mentioning | incorporate | incorporating | feature | featuring | use the | use these | using the | uses the | have the | say the | saying the | using words | use of the | uses of the | appear | appearing | show up | occur | weave in | work in | insert the | write the | containing the | put the | type the | employ | employing | make use of | saying | writing | typing | the use of | use of
WRAP: wrap | wrapped | wrapping | enclose | enclosed | enclosing | surround | surrounded | surrounding | encase | encased | put inside | placed around | put around | inside | in between | put in | put your | put the entire | contained in | within double | surrounded by | place inside | placed inside | bracketed | delimited
SEPARATED: separated | separate | separating | separates | divided | split by | delimited by | separator | divider | each separated | are each separated | each divided | paragraph is separated | part is separated | paragraph should be separated | separators | dividing
START: start | starts | begin | begins | open | opens | kick off | lead
STARTING: starting | beginning | opening
END: end | ends | finish | finishes | conclude | concludes | close | closes | wrap up | sign off
ENDING: ending | finishing | concluding
WITH: with | by saying | by writing | with saying | on
REPEAT: repeat | repeating | repleat | restate | echo | copy out
VERBATIM: word for word | verbatim | without change | without changes | exactly as | the exact entire | the entire request | entire request | the request | the question | the prompt | the request above | the sentence above | this request | exactly as it is
HIGHLIGHT: highlight | highlighted | highlighting | highlights | italicize | italicized | italicise | italic | italics | bolded | bold text | emphasize | emphasized | bold | in bold
ANSWER: response | answer | reply | output | your text | your message | completion | responses | answers | replies
WHOLE: entire | whole | full | complete | all of your | everything | throughout | every word | all words | all letters | all text | overall | in total | total | altogether | completely | final
WORD: word | words
KEYWORD: keyword | keywords | term | terms | phrase | phrases | expression | expressions | key words | key word
LETTER: letter | letters | character
SENT: sentence | sentences
PARA: paragraph | paragraphs | para | paras
BULLET: bullet | bullets | bullet point | bullet points | bulletpoint | bulletpoints | bulleted points | bulleted items | bullet-points | bulleted list | bullet list | bullet items | list of bullets | bulleted item
#1: a single | just one
NUMBERED: numbered list | numbered points | numbered items | numbered steps | ordered list | enumerated list
ITEM: items | points | item | entries | list items | steps | examples | ideas | tips | suggestions | reasons | options | facts | ways | questions | names | titles | headlines
SECTION: section | sections | chapter | chapters
PART: parts | part | alternatives | versions | variants | different responses | different answers | different versions | two responses | two answers | different replies | different alternatives | critiques | poems | jokes | itineraries | different critiques | different poems | different jokes
LINE: line | lines
STANZA: stanza | stanzas | verses
CHAR: characters | chars | symbols
HASHTAG: hashtag | hashtags
EMOJI: emoji | emojis | emoticon | emoticons | smileys
PLACEHOLDER: placeholder | placeholders
TIMES: times | time | occurrences | instances | mentions
ALLCAPS: all capital letters | all capitals | all caps | all uppercase | all uppercase letters | all upper case | all upper case letters | fully capitalized | entirely capitalized | only capital letters | only capitals | only uppercase letters | only uppercase | capital letters only | uppercase letters only | uppercase only | caps only | all capital | capslock | caps lock | all-caps | all letters capitalized | all letters in uppercase | block capitals | full caps
CAPITALS: capitalized | capitalised | capitalize any | capitalize anything | capital letters | uppercase letters | upper case letters | upper-case letters | capitals | uppercase | upper case | upper-case | capitalization | capitalized letters | caps | capital letter | any uppercase | uppercase letter | upper case letter
ALLLOWER: all lowercase | all lowercase letters | all lower case | all lower case letters | all-lowercase | all lowercases | only lowercase letters | only lowercase | lowercase letters only | lowercase only | all letters lowercased | all lowercased | entirely lowercase | only small letters | all small letters | only lower case letters | only lower-case letters | all lower-case letters | all in lowercase | all letters in lowercase | fully lowercase
LOWERS: lowercase letters | lower case letters | lowercase | lower case | lowercases | lower-case | lowercased | lower-case letters | small letters | lowercase letter | lower case letter
COMMA: comma | commas | the comma
EXCLAM: exclamation mark | exclamation marks | exclamation point | exclamation points
QMARK: question mark | question marks
SEMI: semicolon | semicolons | semi-colons
COLON: colons
PERIOD: full stops | periods
DASH: em dash | em dashes | em-dash | em-dashes
HYPHEN: hyphens | hyphen | dashes
PAREN: parentheses | parenthesis
DIGIT: digits | numerals | any numbers
CONTRACTION: contractions | contraction
CSVISH: comma separated | comma-separated | comma delimited
DQUOTES: double quotation marks | double quotation mark | double quotes | double quote | quotation marks | inverted commas | quotation mark | quotes | double-quotes
ANGLES: double angular brackets | double angle brackets | double angular bracket | double angle bracket | <<
SQUARE: square brackets | square bracket | brackets
POSTSCRIPT: postscript | post script
TITLE: title | titles
PARTNOUN: explanation | explanations | reasoning | rationale | justification | thoughts | thought | heading | headings | header | headers | title | headline | introduction | intro | conclusion | caption | subject line | tagline | abstract | subtitle | name of | names of | variable | variables | acronym | acronyms | initials | first letter | label | labels | postscript | greeting | signature | column | columns | cell | row | footnote | slogan | opening | ending | closing | beginning of | beginning | section titles | hook | preface | opener
JSON: json
CSV: csv
YAML: yaml | yml
XML: xml
HTML: html
TABLE: table | tables
MARKDOWN: markdown
CODEBLOCK: code block | codeblock | code fence | code fences | code blocks
PLAIN: plain text | plaintext | unformatted text
FORMAT: format | object | array | form | formatted | structure | style
TRANSLATE: translate | translation | translating | convert | mean | means | word for | how to say | do you say | you say | grammar | pronounce | spelled | spell | learn | translations | language called
SPEAK: answer | respond | reply | write | explain | describe | speak | talk | tell | in response | generate | summarize | summarise | compose | create | output | give | written | answered | rewrite
LANGUAGE: language | languages
YESNO: yes or no | yes/no | yes / no | either yes or no | a yes or a no
TRUEFALSE: true or false | true/false | true / false
ONEOF: choose your answer from | pick your answer from | from the following options | from these options | from the options | one of the following | one of these | exactly one of | choose from | one of | choose one | pick one | select one | choose between | choose one of
DIGITS: number | numeral | a number | numeric value | the number | integer | an integer | the integer | numeric answer | figure
OPTION: the letter of | letter of | single letter | option letter | letter choice | a single letter | the letter only | only the letter | just the letter | the letter alone | the letter corresponding | letter corresponding
FIRST: first | 1st
SECOND: second | 2nd
THIRD: third | 3rd
FOURTH: fourth | 4th
FIFTH: fifth | 5th
SIXTH: sixth | 6th
LAST: last
COUNT: word count | length | word limit | character limit | sentence count | limit
THE: the | these | those | this | that | its | following
"""

NUMBERS = {
    word: value
    for value, words in enumerate(
        ["zero null cero", "one eins un une uno um uma", "two zwei deux dos due dois duas", "three drei trois tres tre", "\n        four vier quatre cuatro quattro quatro", "five funf fuenf cinq cinco cinque", "six sechs seis sei", "\n        seven sieben sept siete sette sete", "eight acht huit ocho otto oito", "nine neun neuf nueve nove", "\n        ten zehn dix diez dieci dez", "eleven elf onze once undici", "twelve zwolf zwoelf douze doce dodici doze", "\n        thirteen dreizehn treize trece tredici treze", "fourteen vierzehn quatorze catorce quattordici catorze", "\n        fifteen funfzehn quinze quince quindici"]
    )
    for word in words.split()
} | {
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000,
    "zwanzig": 20, "dreissig": 30, "funfzig": 50, "hundert": 100, "vingt": 20, "trente": 30, "cinquante": 50,
    "cent": 100, "veinte": 20, "treinta": 30, "cincuenta": 50, "cien": 100, "venti": 20, "trenta": 30,
    "cinquanta": 50, "cento": 100, "vinte": 20, "trinta": 30, "cinquenta": 50, "cem": 100, "dozen": 12,
}  # fmt: skip
"""Numbers in words, without accents."""
AMBIGUOUS = listed("un une um uma null once sei due")
"""Of these, the words that are as often no number: they count as one only right before what is counted."""

LANGUAGES = {
    "en": "english englisch anglais ingles inglese",
    "de": "german deutsch deutscher allemand aleman tedesco alemao",
    "fr": "french franzosisch francais frances francese",
    "es": "spanish spanisch espagnol espanol castellano spagnolo espanhol",
    "it": "italian italienisch italien italiano",
    "pt": "portuguese portugiesisch portugais portugues portoghese",
    "nl": "dutch niederlandisch neerlandais",
    "pl": "polish polnisch polonais",
    "sv": "swedish schwedisch suedois",
    "tr": "turkish turkisch turc",
    "id": "indonesian",
    "vi": "vietnamese",
    "ru": "russian russisch russe ruso russo",
    "uk": "ukrainian",
    "bg": "bulgarian",
    "zh": "chinese mandarin chinesisch chinois chino cinese chines",
    "ja": "japanese japanisch japonais japones giapponese",
    "ko": "korean koreanisch coreen coreano",
    "ar": "arabic arabisch arabe arabo",
    "fa": "persian farsi",
    "ur": "urdu",
    "hi": "hindi",
    "mr": "marathi",
    "ne": "nepali",
    "he": "hebrew",
    "el": "greek",
    "th": "thai",
    "kn": "kannada",
    "pa": "punjabi",
    "bn": "bengali bangla",
    "ta": "tamil",
    "te": "telugu",
    "gu": "gujarati",
    "ml": "malayalam",
    "sw": "swahili",
    "fi": "finnish",
    "cs": "czech",
    "da": "danish",
    "no": "norwegian",
    "hu": "hungarian",
    "ro": "romanian",
}
"""The names of languages, without accents, in the languages that are read."""
