# ruff: noqa: E501 - a table is read by its rows; marks of many languages
"""German, French, Spanish, Portuguese and Italian phrases of demands, without accents; Chinese and Japanese ones."""

from __future__ import annotations

EUROPEAN = """
NOT: nicht | kein | keine | keinen | keinem | keiner | keinerlei | ohne | niemals | vermeide | vermeiden sie | verzichte auf | verzichten sie auf | darf nicht | durfen nicht | ne pas | n'utilise pas | n'utilisez pas | n'emploie pas | n'employez pas | ne mentionne pas | ne mentionnez pas | n'inclus pas | n'incluez pas | n'ecris pas | sans | evite | evitez | evite d'utiliser | evitez d'utiliser | aucun | aucune | pas de | pas d' | jamais | sin | evita | evite | no uses | no utilices | no utilice | no incluyas | no menciones | ninguna | ningun | nunca | nao | sem | evitar | nao use | nao utilize | nao inclua | nao mencione | nenhuma | nenhum | non | senza | non usare | non utilizzare | non includere | non menzionare | nessuna | nessun | evita di usare | mai
MUST: muss | mussen | soll | sollte | sollen | achte darauf | achten sie darauf | stelle sicher | stellen sie sicher | doit | doivent | devrait | il faut | assure-toi | assurez-vous | veille a | veillez a | debe | deben | debera | tiene que | tienen que | asegurate | deve | devem | devera | tem que | tem de | certifique-se | devono | deve essere | assicurati
MAY: darfst | kannst du gern | falls moglich | wenn moglich | gerne auch | musst nicht | brauchst nicht | si possible | tu peux | vous pouvez | pas besoin | n'as pas besoin | si es posible | puedes | no es necesario | no hace falta | se possivel | pode | nao e necessario | nao precisa | se possibile | puoi | non e necessario | non serve
IF: falls | wenn | si | quand | lorsque | cuando | quando | caso | anstatt | statt | au lieu de | en lugar de | em vez de | invece di | ob
MAX: hochstens | maximal | nicht mehr als | bis zu | keine mehr als | nicht langer als | maximum | au plus | au maximum | pas plus de | plus de pas | ne depasse pas | ne depassez pas | ne depassant pas | como maximo | maximo | maximo de | un maximo de | no mas de | hasta | no supere | no exceda | no maximo | um maximo de | nao mais de | nao mais do que | ate | nao ultrapasse | al massimo | massimo | un massimo di | non piu di | fino a | non superare | jusqu'a | nicht uberschreiten | maximal noch
LT: weniger als | unter | moins de | menos de | menos que | meno di | menos do que
MIN: mindestens | wenigstens | nicht weniger als | minimum | au moins | pas moins de | au minimum | por lo menos | al menos | como minimo | minimo | un minimo de | no menos de | pelo menos | no minimo | ao menos | um minimo de | almeno | come minimo | un minimo di | non meno di | minimo de
GT: mehr als | uber | plus de | plus que | mas de | mais de | mais do que | piu di
EXACT: genau | exakt | exactement | precisement | exactamente | exatamente | esattamente | precisamente | justo
ABOUT: ungefahr | etwa | circa | rund | environ | a peu pres | aproximadamente | alrededor de | cerca de | unos | unas | por volta de | circa | all'incirca
BETWEEN: zwischen | entre | tra | fra
TO: bis | a | et | y | und | e | o
ORMORE: oder mehr | ou plus | o mas | ou mais | o piu
ORLESS: oder weniger | ou moins | o menos | ou menos | o meno
ONLY: nur | ausschliesslich | lediglich | uniquement | seulement | exclusivement | rien que | solo | solamente | unicamente | exclusivamente | apenas | somente | soltanto | solamente | esclusivamente
EACH: jede | jeder | jedes | jeden | pro | chaque | cada | ogni | ciascun
REPORT: sagte | sagt | meinte | verlangt | wollte | mochte | schrieb | dit | a dit | demande | exige | veut | dijo | dice | pidio | quiere | exige | disse | pediu | quer | ha detto | chiede | vuole | schreibt
INDIC: ist | sind | war | waren | hat | hatte | enthalt | enthielt | besteht | est | sont | etait | contient | contenait | avait | compte | es | son | era | tiene | tenia | contiene | contenia | tem | tinha | contem | continha | e' | ha | aveva | conteneva | sono
HOW: wie | warum | wieso | was | wer | wann | wo | welche | welcher | comment | pourquoi | qui | quel | quelle | qu'est-ce | como | por que | que | quien | cual | cuantas | cuantos | quantas | quantos | qual | quem | come | perche | quale | quanti | quante | chi | cosa | wieviele | combien | est-ce
REQ: bitte | kannst du | konntest du | konnen sie | konnten sie | s'il te plait | s'il vous plait | peux-tu | pouvez-vous | pourrais-tu | pourriez-vous | por favor | puedes | podrias | puede | voce pode | poderia | per favore | potresti | puoi
IMP: schreibe | schreib | schreiben sie | antworte | antworten sie | gib | geben sie | verwende | verwenden sie | nutze | nutzen sie | benutze | benutzen sie | erstelle | erstellen sie | liste | nenne | erklare | erklaren sie | beschreibe | fasse | formuliere | halte | beginne | beende | ecris | ecrivez | redige | redigez | reponds | repondez | donne | donnez | utilise | utilisez | explique | expliquez | decris | resume | resumez | liste | listez | fais | faites | limite | limitez | commence | termine | escribe | escriba | redacta | responde | responda | da | dame | usa | use | utiliza | utilice | explica | explique | describe | resume | resuma | haz | enumera | limita | empieza | comienza | termina | escreva | utilize | descreva | faca | comece | scrivi | scriva | rispondi | risponda | dammi | usa | utilizza | spiega | descrivi | riassumi | elenca | inizia | comincia | termina | finisci
INCLUDE: enthalten | erwahne | erwahnen | vorkommen | verwende das | verwende die | benutze das | benutze die | inclus | incluez | mentionne | mentionnez | contenir | utilise le | utilisez le | utilise les | utiliser le | incluye | incluya | menciona | contener | contenga | usa la | usar la | utiliza la | inclua | mencione | conter | contenha | use a | usar a | includi | menziona | contenere | contenga | usa la | usare la | das wort zu benutzen | das wort zu verwenden | le mot | la palabra | a palavra | la parola | das wort | die worter
ANSWER: antwort | text | deine antwort | ihre antwort | reponse | respuesta | resposta | risposta
WHOLE: gesamte | ganze | komplett | komplette | vollstandig | toute | tout | entierement | toda | todo | entera | completa | completamente | inteira | tutto | tutta | intera | interamente | gesamten | ganzen | im gesamten text | insgesamt
WORD: wort | worter | worten | wortern | mot | mots | palabra | palabras | palavra | palavras | parola | parole
KEYWORD: schlusselwort | schlusselworter | begriff | begriffe | mot-cle | mots-cles | terme | termes | expression | palabra clave | palabras clave | termino | palavra-chave | palavras-chave | termo | parola chiave | parole chiave | termine
LETTER: buchstabe | buchstaben | lettre | la letra | letra | lettera
SENT: satz | satze | satzen | phrase | phrases | oracion | oraciones | frase | frases | frasi
PARA: absatz | absatze | absatzen | paragraphe | paragraphes | parrafo | parrafos | paragrafo | paragrafos | paragrafi | capoverso | capoversi
BULLET: stichpunkt | stichpunkte | stichpunkten | aufzahlungspunkt | aufzahlungspunkte | aufzahlungspunkten | aufzahlungszeichen | bulletpoint | puces | puce | points cles sous forme de puces | liste a puces | vinetas | vineta | puntos con vinetas | marcadores | topicos | pontos | elenco puntato | punti elenco | punti | puntos | elenchi puntati
LINE: zeile | zeilen | ligne | lignes | linea | lineas | linha | linhas | riga | righe | versi | versos | vers
CHAR: zeichen | caracteres | caracteres | caratteri
SECTION: abschnitt | abschnitte | abschnitten | sections | secciones | seccion | secoes | secao | sezioni | sezione
TIMES: mal | fois | veces | vezes | volte
ALLCAPS: in grossbuchstaben | nur grossbuchstaben | durchgehend gross | en majuscules | tout en majuscules | toute en majuscules | uniquement des majuscules | en mayusculas | todo en mayusculas | solo mayusculas | em maiusculas | em letras maiusculas | tudo em maiusculas | in maiuscolo | tutto maiuscolo | tutto in maiuscolo | in lettere maiuscole | ausschliesslich grossbuchstaben | en lettres majuscules | en letras mayusculas | in lauter grossbuchstaben
CAPITALS: grossbuchstaben | majuscules | majuscule | mayusculas | maiusculas | maiuscole | letras maiusculas | letras mayusculas | lettres majuscules | lettere maiuscole
ALLLOWER: in kleinbuchstaben | nur kleinbuchstaben | ausschliesslich kleinbuchstaben | alles klein | en minuscules | tout en minuscules | uniquement des minuscules | en minusculas | todo en minusculas | solo minusculas | em minusculas | em letras minusculas | in minuscolo | tutto minuscolo | tutto in minuscolo | in lettere minuscole | en lettres minuscules | en letras minusculas
COMMA: komma | kommas | kommata | virgule | virgules | la virgule | coma | comas | virgula | virgulas | virgola | virgole
EXCLAM: ausrufezeichen | point d'exclamation | points d'exclamation | signos de exclamacion | pontos de exclamacao | punti esclamativi
QMARK: fragezeichen | points d'interrogation | signos de interrogacion | punti interrogativi
START: beginne | beginnen sie | fange an | commence | commencez | empieza | comienza | empiece | comience | comece | inicie | inizia | comincia | beginnt | beginnen
END: beende | beenden sie | ende | schliesse | termine | terminez | finis | finissez | termina | termine | acaba | encerre | concluye | finisci | concludi | endet
WITH: mit | par | avec | con | com
FORMAT: formato | objet | objeto | oggetto | objekt | format
TABLE: tabelle | tableau | tabla | tabela | tabella
TITLE: titel | titre | titulo | titolo | uberschrift
DQUOTES: anfuhrungszeichen | guillemets | comillas | aspas | virgolette
WRAP: setze | umschliesse | entoure | entourez | mets | encierra | pon | coloque | racchiudi | metti
YESNO: ja oder nein | oui ou non | si o no | sim ou nao | si o no
SPEAK: antworte | schreibe | schreib | reponds | repondez | ecris | ecrivez | responde | escribe | responda | escreva | rispondi | scrivi | gib | erklare | explique | explica | spiega | antworten | repondre | responder | geschrieben | beschreibe | redige
TRANSLATE: ubersetze | traduis | traduisez | traduce | traduza | traduci | ubersetzung | traduction | traduccion | traducao | traduzione | heisst
THE: die | der | das | diese | dieser | den | le | la | les | ces | cette | el | los | las | estos | estas | os | as | estes | i | gli | questi | queste | il
FIRST: erste | ersten | premier | primer | primero | primeira | primeiro | primo | prima
LAST: letzte | letzten | dernier | derniere | ultimo | ultima
DIGITS: zahl | der zahl | nombre | le nombre | el numero | numero | o numero | il numero | chiffre | ziffer
OPTION: buchstaben der | la lettre | la letra | a letra | la lettera | dem buchstaben
THEY: mein lehrer | mein chef | er | sie sagte | mon professeur | mon chef | il a | elle a | mi profesor | mi jefe | meu professor | meu chefe | il mio capo | il professore | la mia insegnante | meine lehrerin
"""

ASIAN = (
    ("不超过", " at most "), ("不多于", " at most "), ("不得超过", " at most "), ("不要超过", " at most "),
    ("最多", " at most "), ("至多", " at most "), ("不少于", " at least "), ("不低于", " at least "),
    ("至少", " at least "), ("最少", " at least "), ("超过", " more than "), ("少于", " less than "), ("多于", " more than "),
    ("大约", " about "), ("左右", " about "), ("约", " about "), ("恰好", " exactly "), ("正好", " exactly "),
    ("刚好", " exactly "), ("以内", " orless "), ("之内", " orless "), ("以下", " orless "), ("以上", " ormore "),
    ("未満", " below_that "), ("以内で", " orless "), ("ちょうど", " exactly "), ("最大", " at most "), ("少なくとも", " at least "),
    ("最低", " at least "), ("約", " about "), ("程度", " about "), ("超える", " more than "),
    ("如果", " if "), ("假如", " if "), ("假设", " if "), ("もし", " if "), ("场合", " if "), ("場合", " if "),
    ("为什么", " why ? "), ("怎么", " how ? "), ("如何", " how "), ("なぜ", " why ? "), ("どうやって", " how ? "),
    ("他说", " he said "), ("她说", " she said "), ("老师说", " he said "), ("老板说", " he said "), ("要求我", " he said "),
    ("老师要求", " he said "), ("老板要求", " he said "), ("先生は", " he said "), ("上司は", " he said "), ("と言った", " he said "), ("と言いました", " he said "), ("と言われ", " he said "),
    ("不需要", " no need "), ("不必", " no need "), ("不用", " no need "), ("必要はありません", " no need "), ("なくてもいい", " no need "), ("可以", " may "), ("てもいい", " may "), ("てもよい", " may "), ("尽量", " try to "), ("できれば", " if possible "),
    ("不要", " do not "), ("不能", " do not "), ("不得", " do not "), ("不可", " do not "), ("请勿", " do not "), ("禁止", " do not "),
    ("避免", " avoid "), ("不使用", " do not use "), ("不含", " without "), ("没有", " without "), ("不带", " without "),
    ("使わないで", " after_not "), ("使わず", " after_not "), ("使用しないで", " after_not "), ("使用せず", " after_not "), ("含めないで", " after_not "), ("入れないで", " after_not "), ("なしで", " after_not "),
    ("必须", " must "), ("务必", " make sure "), ("应该", " should "), ("请", " please "), ("ください", " please "), ("下さい", " please "),
    ("只用", " only "), ("仅用", " only "), ("只", " only "), ("仅", " only "), ("だけ", " only "), ("のみ", " only "),
    ("每个", " each "), ("每条", " each "), ("每段", " each paragraph "), ("每", " each "), ("それぞれ", " each "), ("各", " each "), ("ごと", " each "),
    ("全部大写", " in all capital letters "), ("全大写", " in all capital letters "), ("大写字母", " capital letters "), ("全部小写", " in all lowercase letters "), ("全小写", " in all lowercase letters "), ("小写字母", " lowercase letters "), ("すべて大文字", " in all capital letters "), ("全て大文字", " in all capital letters "), ("大文字のみ", " in all capital letters "), ("すべて小文字", " in all lowercase letters "), ("全て小文字", " in all lowercase letters "), ("小文字のみ", " in all lowercase letters "),
    ("逗号", " commas "), ("読点", " commas "), ("コンマ", " commas "), ("カンマ", " commas "), ("感叹号", " exclamation marks "), ("感嘆符", " exclamation marks "),
    ("个要点", " bullet points "), ("条要点", " bullet points "), ("个项目符号", " bullet points "), ("项目符号", " bullet points "), ("要点", " bullet points "), ("箇条書き", " bullet points "), ("つの箇条書き", " bullet points "),
    ("个句子", " sentences "), ("句话", " sentences "), ("句", " sentences "), ("つの文で", " sentences "), ("文以内", " sentences orless "), ("文で", " sentences "),
    ("个段落", " paragraphs "), ("段落", " paragraphs "), ("段", " paragraphs "), ("つの段落", " paragraphs "),
    ("个字符", " characters "), ("个字", " hanzi "), ("文字", " hanzi "), ("字", " hanzi "), ("个词", " words "), ("个单词", " words "), ("单词", " words "), ("単語", " words "),
    ("用中文", " in chinese "), ("用英语", " in english "), ("用英文", " in english "), ("用日语", " in japanese "), ("用德语", " in german "), ("用法语", " in french "), ("用西班牙语", " in spanish "), ("中文", " chinese "), ("英语", " english "), ("日本語で", " in japanese "), ("英語で", " in english "), ("中国語で", " in chinese "), ("ドイツ語で", " in german "), ("フランス語で", " in french "), ("韓国語で", " in korean "), ("スペイン語で", " in spanish "),
    ("翻译", " translate "), ("翻訳", " translate "), ("訳して", " translate "),
    ("回答", " answer "), ("回复", " answer "), ("答えて", " answer "), ("写", " write "), ("書いて", " write "), ("输出", " output "), ("返回", " return "), ("出力", " output "), ("格式", " format "), ("形式", " format "), ("表格", " in a table "), ("表形式", " in a table "),
    ("以", " in "), ("单词", " words "), ("个", " "), ("つ", " "), ("条", " "), ("的", " "),
)  # fmt: skip
"""What is read in Chinese and Japanese, as the English it stands for; longer ones go first."""

ASIAN_NUMBERS = {
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
}
"""Numbers of one sign."""
