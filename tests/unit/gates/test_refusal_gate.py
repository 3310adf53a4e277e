# ruff: noqa: E501, RUF001 - whole answers, a line each, in many languages
"""Refusals, and answers that resemble them, in many languages."""

import gzip
import json
import os
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.core.features import PromptText, RequestFeatures, TaskType
from litellm_tiering.core.gate import Exchange, Ruling, Said, ToolCall, Verdict
from litellm_tiering.gates.refusal import RefusalGate

DATA = pathlib.Path(os.environ.get("TIERING_DATA", pathlib.Path(__file__).parents[4] / "shared" / "data"))
GATE = RefusalGate()

# Said by the model itself.
REFUSALS = (
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I can’t help with that request.",
    "I cannot fulfill this request.",
    "Sorry, I can't do that.",
    "I won't be able to help you with this.",
    "As an AI language model, I cannot provide instructions for making weapons.",
    "I must decline to write that.",
    "I'm not able to help with creating malware. If you're interested in security, I'd be happy to discuss defensive practices instead.",
    "I'm not comfortable writing that kind of content.",
    "That's not something I can help with.",
    "I appreciate you asking, but I can't write that story.",
    "Thank you for your question! Unfortunately, I'm unable to provide legal advice on this matter.",
    "I understand your frustration, but I can't help you get into someone else's account.",
    "I can't create content that sexualizes minors.",
    "I will not provide that information.",
    "I'm just an AI, I can't satisfy your request, I'm just here to be helpful.",
    "I don't have access to real-time data, so I cannot tell you the current price of Bitcoin.",
    "I'm designed to be helpful and harmless, so I can't engage with that.",
    "I have to respectfully decline this request as it violates my guidelines.",
    "<think>The user wants X. It is disallowed.</think> I'm sorry, but I can't help with that.",
    "I can't help with that. However, I can help you with something else if you like.",
    "No, I won't help you stalk someone.",
    "I'd prefer not to write that.",
    "I can’t discuss that topic.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Tut mir leid, ich kann dir bei dieser Anfrage leider nicht weiterhelfen.",
    "Ich kann diese Anfrage nicht erfüllen.",
    "Leider bin ich nicht in der Lage, diese Frage zu beantworten.",
    "Als KI-Sprachmodell kann ich keine Anleitungen zum Bau von Waffen geben.",
    "Ich habe keinen Zugriff auf Echtzeitdaten und kann das aktuelle Wetter daher nicht nennen.",
    "Je suis désolé, mais je ne peux pas vous aider avec cette demande.",
    "Désolé, je ne peux pas répondre à cette question.",
    "Je ne suis pas en mesure de fournir ces informations.",
    "En tant que modèle de langage, je ne peux pas fournir de conseils illégaux.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "No puedo cumplir con esta solicitud.",
    "Lamentablemente, no puedo proporcionar esa información.",
    "Como modelo de lenguaje, no puedo dar instrucciones para fabricar explosivos.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Non sono in grado di fornire queste informazioni.",
    "Mi spiace, non posso soddisfare questa richiesta.",
    "Desculpe, mas não posso ajudar com isso.",
    "Sinto muito, mas não posso fornecer essas informações.",
    "Não consigo ajudar com esse pedido.",
    "Het spijt me, maar ik kan je daar niet bij helpen.",
    "Sorry, ik kan niet voldoen aan dit verzoek.",
    "Helaas kan ik deze vraag niet beantwoorden.",
    "Przykro mi, ale nie mogę w tym pomóc.",
    "Niestety nie mogę spełnić tej prośby.",
    "Przepraszam, ale nie mogę udzielić takich informacji.",
    "К сожалению, я не могу помочь с этим запросом.",
    "Извините, но я не могу предоставить эту информацию.",
    "Я не могу выполнить эту просьбу.",
    "Üzgünüm, ancak bu konuda yardımcı olamam.",
    "Maalesef bu isteği yerine getiremiyorum.",
    "Üzgünüm, bu talebe yardımcı olamıyorum.",
    "抱歉，我无法协助完成这个请求。",
    "很抱歉，我不能提供这方面的帮助。",
    "对不起，我无法回答这个问题。",
    "對不起，我無法提供協助。",
    "作为一个AI语言模型，我无法提供此类信息。",
    "申し訳ありませんが、そのリクエストにはお応えできません。",
    "申し訳ございませんが、お手伝いすることはできません。",
    "すみませんが、その質問にはお答えできません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "죄송합니다. 해당 정보를 제공할 수 없습니다.",
    "죄송하지만, 그 부분에 대해서는 도움을 드릴 수 없습니다.",
    "عذرًا، لا أستطيع مساعدتك في ذلك.",
    "آسف، لا يمكنني تقديم هذه المعلومات.",
    "أعتذر، لكن لا يمكنني تلبية هذا الطلب.",
    "क्षमा करें, मैं इसमें आपकी मदद नहीं कर सकता।",
    "मुझे खेद है, लेकिन मैं यह जानकारी प्रदान नहीं कर सकता।",
    "माफ़ कीजिए, मैं इस अनुरोध में सहायता नहीं कर सकती।",
    "Tyvärr kan jag inte hjälpa dig med det.",
    "Maaf, saya tidak dapat membantu permintaan tersebut.",
    "Rất tiếc, tôi không thể giúp bạn với yêu cầu này.",
    "I’m really sorry, but I’m not able to help with that.",
    "Sorry, I can't comply with that request.",
    "Apologies, but I'm going to have to decline.",
    "I can't support requests that involve violence.",
    "My guidelines don't allow me to help with that.",
    "Unfortunately that's outside what I can help with.",
    "I won't engage with this topic.",
    "I can't share information about private individuals.",
    "I’m not going to help with this.",
    "**I can't help with that.** If you're in crisis, please call 988.",
    "Let's talk about something else. I can't discuss that.",
    "This request goes against my guidelines, so I won't be completing it.",
    "I need to decline this request.",
    "I have to stop here. I can't continue with this.",
    "As an artificial intelligence, I'm not programmed to produce such content.",
    "I'm sorry, but as an AI I don't have the ability to generate images.",
    "Ich kann dir dabei nicht helfen.",
    "Ich möchte diese Geschichte nicht schreiben.",
    "Dazu kann ich leider keine Auskunft geben.",
    "Je ne peux pas t'aider à faire ça.",
    "Je préfère ne pas répondre à cette question.",
    "No puedo asistirte con eso.",
    "Lo siento, no puedo hacer eso.",
    "Disculpa, pero no puedo generar ese contenido.",
    "Mi dispiace, non posso farlo.",
    "Não posso ajudar com isso.",
    "Desculpe, não posso fazer isso.",
    "Ik kan je daar helaas niet mee helpen.",
    "Sorry, daar kan ik niet mee helpen.",
    "Nie mogę Ci w tym pomóc.",
    "Я не могу вам в этом помочь.",
    "Извините, я не могу этого сделать.",
    "Bu isteği gerçekleştiremem.",
    "Üzgünüm, bunu yapamam.",
    "我不能帮助你做这件事。",
    "抱歉，我不能这样做。",
    "很抱歉，这个问题我无法回答。",
    "ごめんなさい、それはお手伝いできません。",
    "そのようなご依頼にはお応えできません。",
    "그 요청에는 응할 수 없습니다.",
    "죄송하지만 도와드릴 수 없어요.",
    "لا أستطيع المساعدة في هذا الطلب.",
    "عذراً، لكن لا يمكنني المساعدة في ذلك.",
    "मैं इस अनुरोध को पूरा नहीं कर सकता।",
    "माफ़ करें, मैं इसमें मदद नहीं कर सकता।",
)

# What a model lacks, and nothing beside it.
UNABLE = (
    "I'm unable to browse the internet.",
    "Je n’ai pas accès à Internet.",
    "I don't have access to your calendar.",
    "Ich habe keinen Zugriff auf das Internet.",
    "No tengo acceso a internet.",
    "У меня нет доступа к интернету.",
    "我没有权限。我无法访问互联网。",
)

# Put in the answer's place by a filter.
PLACEHOLDERS = (
    "Sorry, the model cannot answer this question.",
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    "The response was blocked for safety reasons.",
    "[Content filtered]",
    "Your request was flagged by our safety system as violating our usage policies.",
    "[blocked]",
    "Content filtered.",
    "The output was blocked by the safety system.",
    "该内容已被过滤",
)

# Answers that resemble refusals.
ANSWERS = (
    "I can't stress enough how important backups are. Always keep three copies on two media, one of them offsite.",
    "I can't wait to show you this recipe! Start with two cups of flour.",
    "I can't help but notice that your loop never ends: the counter is not incremented.",
    "You cannot assign to a tuple; use a list instead.",
    "The function cannot provide a result when the input is empty, so it raises ValueError.",
    '"I can\'t help with that," said the wizard, and turned back to his book. The girl sighed and walked on.',
    "He said I can't help him, which hurt, but I smiled and went home.",
    "The phrase “I’m sorry, but I can’t assist with that” is a typical refusal by an AI model.",
    '```python raise PermissionError("I cannot help with that") ```',
    "I don't have access to real-time data, but here is how you can check it: run `curl wttr.in` and read the first line of what it prints.",
    "I can't diagnose you, but common causes of a sore throat are viral infections, allergies and dry air.",
    "While I can't browse the web, I can tell you that Python 3.12 was released in October 2023 with better error messages.",
    "I'm not a lawyer and can't give legal advice. In general, a tenant must be given notice in writing, and the period depends on how long the lease has run; in most states it is thirty days, and longer where the tenancy has lasted more than a year.",
    "Alice: I can't help with that. Bob: Why not?",
    "No, you can't mix bleach and ammonia; the fumes are toxic.",
    "Unfortunately, the API does not provide such an endpoint. Use the batch endpoint and filter on the client.",
    "The study could not provide evidence for the claim.",
    "Penguins cannot fly, but they swim very well.",
    "Limits of the free plan: you cannot share dashboards, you cannot export data, and support will not answer tickets.",
    "Sorry for the confusion! The correct answer is 42.",
    "I'm sorry to hear about your dog. Here are some ways to cope: talk to friends, keep routines, and give it time.",
    "Der Server kann die Anfrage nicht beantworten, weil der Port belegt ist.",
    "Das Modul kann nicht geladen werden. Prüfen Sie den Pfad und starten Sie neu.",
    "Ich kann Ihnen dafür das Restaurant am See empfehlen, es hat bis 22 Uhr geöffnet.",
    "Je ne peux pas vous donner de conseil médical, mais voici les causes les plus fréquentes : la fatigue, le stress et la déshydratation.",
    "Vous ne pouvez pas modifier un tuple en Python.",
    "No puedes modificar una tupla en Python; usa una lista.",
    "El servidor no puede responder a la solicitud porque el puerto está ocupado.",
    "Non puoi modificare una tupla in Python.",
    "Você não pode modificar uma tupla em Python.",
    "Je kunt een tuple niet wijzigen in Python.",
    "Nie możesz zmienić krotki w Pythonie.",
    "Вы не можете изменить кортеж в Python; используйте список.",
    "Python'da bir demeti değiştiremezsiniz; liste kullanın.",
    "在Python中，元组不能修改，请使用列表。",
    "该服务器无法提供此功能，请升级到最新版本。",
    "Pythonではタプルを変更することはできません。リストを使ってください。",
    "파이썬에서 튜플은 수정할 수 없습니다. 리스트를 사용하세요.",
    "لا يمكنك تعديل الصف في بايثون، استخدم قائمة.",
    "पायथन में आप टपल को बदल नहीं सकते; सूची का उपयोग करें।",
    "The response was filtered by a low-pass stage with a cut-off of 2 kHz.",
    "The request was blocked by CORS policy because the server sends no Access-Control-Allow-Origin header.",
    "I cannot recommend this book highly enough. It is funny, warm and wise.",
    "Refusals by models often read: I can't help with that.",
    "I can't believe it's not butter! That slogan dates from 1979.",
    "Dear Ms Lee, thank you for the invitation. Unfortunately I cannot attend on Friday, but I would love to join next month.",
    "Rape is defined in law as sexual intercourse without consent; it is a serious crime in every jurisdiction.",
    "We can't provide a closed form, so we use Newton's method: x1 = x0 - f(x0)/f'(x0).",
    "Could you please share the file? I don't have access to it.",
    "I am unable to find any error in your code; it looks correct and handles the empty list.",
    "I can't see anything wrong with the contract, except that clause 4 contradicts clause 9.",
    "I don't have any preference, but tea is the safer choice for guests.",
    "I cannot say for certain, but the mushroom looks like a chanterelle: false gills, apricot smell.",
    "I won't go into all details. The main steps are: unplug, open the lid, remove the filter, rinse, close.",
    "Sorry, I made a mistake above. The result is 17, not 71.",
    'If you cannot answer the question, write "I don\'t know".',
    "You should never provide your password to anyone.",
    "Python can't help you here; use a shell script.",
    "I couldn't find a closed form, so here is a numeric one: 3.14.",
    "Das kann ich bestätigen: Der Vertrag endet nicht automatisch, er muss gekündigt werden.",
    "Ich kann nicht genug betonen, wie wichtig Backups sind.",
    "Je ne peux que vous conseiller ce livre, il est excellent.",
    "No puedo estar más de acuerdo: el informe es claro y completo.",
    "Non posso che essere d'accordo con te: la soluzione è corretta.",
    "Não posso deixar de recomendar este livro.",
    "Ik kan niet wachten om je dit recept te geven: neem 200 g bloem.",
    "Nie mogę się doczekać! Oto przepis: 200 g mąki.",
    "Не могу не согласиться: отчёт ясный и полный.",
    "我不能不说，这本书很好看。",
    "このライブラリは非同期処理に対応していません。",
    "이 라이브러리는 비동기를 지원하지 않습니다.",
    "لا يمكن تعديل الملف لأنه للقراءة فقط.",
    "यह फ़ाइल केवल पढ़ने के लिए है, इसे बदला नहीं जा सकता।",
    "The court cannot provide relief because the claim is time-barred.",
    "It is illegal to park in front of a hydrant; the fine is 115 dollars in New York.",
    "Stealing is a crime. In Germany theft is punished under section 242 of the criminal code by up to five years.",
    "No, it's not safe to eat raw chicken. It may hold salmonella; heat it to 74 degrees.",
    "I don't think it's right to call him a tyrant; most historians point to his reforms.",
    "It is important to note that lists are mutable. Therefore a default argument of [] is shared.",
)

# A caveat, and then help.
HELPED = (
    "I can't open your file. However, the error you quote means that the path is wrong: use an absolute one.",
    "I don't have access to your files, but here is how to find the largest ones: `du -a . | sort -n | tail`.",
    "Ich kann keine Rechtsberatung geben. Allerdings gilt im Allgemeinen eine Frist von drei Monaten zum Monatsende.",
    "Lo siento, no puedo acceder a internet, pero la capital de Australia es Canberra y su población ronda los 450 000 habitantes.",
    "抱歉，我无法访问实时数据，但是根据我的知识，巴黎的人口大约是两百一十万，整个大都市区大约有一千二百万人，是欧洲最大的城市之一，也是法国的政治和文化中心。",
)


def judged(text: str, *, partial: bool = False, question: str = "", **said: object) -> Verdict:
    return GATE.judge(Exchange(Said(text, **said), prompt=PromptText(question=question), partial=partial))


@pytest.mark.parametrize("text", REFUSALS)
def test_refusal_is_rejected(text):
    verdict = judged(text)
    assert verdict.rejects
    assert verdict.reason in {"declined", "unable"}
    assert verdict.p_bad >= 0.65


@pytest.mark.parametrize("text", UNABLE)
def test_inability_without_help_is_rejected(text):
    assert judged(text).rejects
    assert judged(text).reason == "unable"


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_placeholder_of_a_filter_is_rejected(text):
    assert (judged(text).ruling, judged(text).reason) == (Ruling.REJECT, "filtered")


@pytest.mark.parametrize("text", [*ANSWERS, *HELPED])
def test_answer_that_resembles_a_refusal_is_accepted(text):
    assert judged(text).ruling is Ruling.ACCEPT


@pytest.mark.parametrize("text", [*ANSWERS, *HELPED])
def test_no_prefix_of_an_answer_is_rejected(text):
    assert [n for n in range(1, len(text)) if judged(text[:n], partial=True).rejects] == []


@pytest.mark.parametrize("text", REFUSALS)
def test_refused_prefix_stays_refused(text):
    """What is said of a prefix is never a rejection that the whole answer is spared."""
    rejected = [n for n in range(1, len(text) + 1) if judged(text[:n], partial=True).rejects]
    assert all(judged(text[:n]).rejects for n in rejected)
    accepted = [n for n in range(1, len(text) + 1) if judged(text[:n], partial=True).ruling is Ruling.ACCEPT]
    assert accepted == []


def test_plain_refusal_is_known_from_its_first_sentence():
    assert judged("I'm sorry, but I can't assist with that.", partial=True).rejects
    assert not judged("I'm sorry, but I can't assist with", partial=True).rejects
    assert judged("I cannot provide instructions for that. It is important to stay", partial=True).rejects
    assert not judged("I cannot provide a diagnosis. However, a sore", partial=True).rejects


def test_prefix_is_accepted_once_its_opening_is_clear():
    words = "The capital of Australia is Canberra, chosen in 1908 between Sydney and Melbourne. " * 2
    assert judged(words[:139], partial=True).ruling is Ruling.ABSTAIN
    assert judged(words[:140], partial=True).ruling is Ruling.ACCEPT


def test_prefix_within_a_thought_is_not_judged():
    assert judged("<think>" + "The user asks for the capital. " * 20, partial=True).ruling is Ruling.ABSTAIN
    assert judged("<think>I can't help with that?</think>The capital is Canberra.").ruling is Ruling.ACCEPT


def test_provider_marks_come_first():
    call = ToolCall("f", "{}")
    assert judged("Fine.", refusal="no", tool_calls=(call,)).reason == "provider"
    assert judged("", finish_reason="content_filter").reason == "filtered"
    assert judged("Half an ans", finish_reason="content_filter").reason == "filtered"
    assert judged("", finish_reason="refusal").rejects
    assert judged("", finish_reason="SAFETY").rejects


def test_tool_calls_are_accepted_and_emptiness_is_left_to_others():
    assert judged("I can't help with that.", tool_calls=(ToolCall("f", "{}"),)).ruling is Ruling.ACCEPT
    for text in ("", "   \n\t ", "<think>hm</think>"):
        assert judged(text, finish_reason="stop").ruling is Ruling.ABSTAIN


def test_refusal_that_was_asked_for_is_accepted():
    draft = "I'm sorry, but I can't help with that project this month."
    assert judged(draft, question="Write a polite reply to decline extra work.").ruling is Ruling.ACCEPT
    assert judged(draft, question="Write a poem.").rejects
    german = "Dabei kann ich leider nicht helfen."
    assert judged(german, question="Translate to German: I can't help with that.").ruling is Ruling.ACCEPT
    assert judged(german, question="Translate to German: good morning.").rejects
    own = "As an AI language model, I cannot provide that."
    assert judged(own, question="Write a polite reply to decline extra work.").rejects


def test_caveat_is_help_only_when_help_follows():
    opening = "I can't help with that."
    assert judged(opening + " However, I can help you with other topics.").rejects
    assert (
        judged(opening + " However, the usual way is to call the registry office and ask.").ruling
        is Ruling.ACCEPT
    )
    assert judged(opening + " However, try the town hall.").rejects, "so little is no help"
    hedged, plain = judged(opening + " However, I can discuss other topics."), judged(opening)
    assert hedged.p_bad < plain.p_bad


def test_what_is_asked_back_is_no_refusal():
    assert judged("I don't have access to the file. Could you please paste it?").ruling is Ruling.ACCEPT


def test_lecture_in_the_place_of_an_answer_is_rejected():
    lecture = (
        "It is never appropriate to take what belongs to others. Theft is illegal and harmful, and it can have"
        " serious consequences. Instead, consider seeking support."
    )
    assert judged(lecture).reason == "declined"
    assert judged("It is not appropriate to wear white to a wedding in Europe.").ruling is Ruling.ACCEPT


def test_songs_and_letters_say_that_they_cannot():
    said = Said("I can't give you my heart, I can't show you my home, dangerous as I am; sorry.")
    song = Exchange(said, RequestFeatures(task_type=TaskType.CREATIVE))
    assert GATE.judge(song).ruling is Ruling.ACCEPT
    assert judged("Sorry, I can't show anyone that.").rejects


def test_refusal_at_the_end_of_a_thought_aloud():
    thought = "The request names a person and a place, and it asks how to follow them about. " * 9
    assert judged(thought + "Therefore, I cannot provide an answer.").rejects
    assert judged(thought + "Therefore, it cannot be answered briefly.").ruling is Ruling.ACCEPT
    assert judged(thought * 3 + "Therefore, I cannot provide an answer.").ruling is Ruling.ACCEPT


def test_refusal_deep_inside_a_long_answer_is_not_its_own():
    filler = "The committee met on Monday and settled the agenda for the spring. " * 12
    assert judged(filler + "I can't help with that. " + filler).ruling is Ruling.ACCEPT


def test_verdict_never_quotes():
    reasons = {judged(text).reason for text in (*REFUSALS, *UNABLE, *PLACEHOLDERS, *ANSWERS, *HELPED)}
    assert reasons <= {"declined", "unable", "filtered", "provider", ""}


@pytest.mark.parametrize(
    "text",
    [
        "\ud800\udfff" * 500,
        "\x00\xff" * 1000,
        "I cannot " * 200_000,
        "\"“'`«" * 300_000,
        "ich kann nicht " * 100_000,
        " " * 2_000_000,
        "<think>" * 200_000,
        "I'm sorry, but I can't " + "x" * 2_000_000,
        "抱歉，我" * 300_000,
        "i\u0307" * 1000,
    ],
    ids=lambda text: ascii(text[:8]),
)
@pytest.mark.parametrize("partial", [False, True])
def test_junk_is_judged(text, partial):
    assert judged(text, partial=partial, question=text).ruling in {Ruling.ACCEPT, Ruling.ABSTAIN}


def test_only_the_beginning_of_a_long_answer_is_read():
    tail = "Canberra is the capital of Australia. " * 50_000
    assert judged("I'm sorry, but I can't assist with that. It is illegal. " + tail).rejects
    assert judged(tail + "I'm sorry, but I can't assist with that.").ruling is Ruling.ACCEPT


@given(text=st.text(), partial=st.booleans(), question=st.text(), finish=st.text())
def test_anything_gets_a_verdict(text, partial, question, finish):
    verdict = judged(text, partial=partial, question=question, finish_reason=finish)
    assert verdict.p_bad is None or 0 <= verdict.p_bad <= 1


@pytest.mark.skipif(not (DATA / "refusals.jsonl.gz").exists(), reason="no labelled refusals here")
def test_labelled_answers():
    with gzip.open(DATA / "refusals.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rejected = {row["id"]: judged(row["response"], question=row["prompt"]).rejects for row in rows}
    hits = sum(rejected[row["id"]] for row in rows if row["label"] == "refusal")
    alarms = sum(rejected[row["id"]] for row in rows if row["label"] == "compliance")
    assert hits / (hits + alarms) >= 0.97
    assert hits / sum(row["label"] == "refusal" for row in rows) >= 0.93


def test_another_voice_beside_a_sign_is_no_refusal():
    text = "There is no reason why he left. She said I can't help you, and closed the door."
    assert judged(text).ruling is Ruling.ACCEPT


def test_what_does_not_exist_cannot_be_given():
    text = "I cannot provide Gandalf's telephone number. He is a fictional character and has none."
    assert judged(text).ruling is Ruling.ACCEPT


def test_lecture_is_weighed_against_help():
    lecture = "It is not ethical to compare people so. Such talk is harmful and has consequences."
    assert judged(lecture).rejects
    assert judged(lecture + "\n\n1. Measure both.\n2. Note the mean.").ruling is Ruling.ACCEPT
    assert judged(lecture + " However, I can explain how the figures are made.").ruling is Ruling.ACCEPT
    assert judged(lecture + " The figures are from the census." * 50).ruling is Ruling.ACCEPT


def test_refusal_after_the_opening_or_before_the_end_is_not_the_answer():
    filler = "The committee met on Monday and settled the agenda for the spring. "
    assert judged(filler * 5 + "I can't help with that. " + filler * 5).ruling is Ruling.ACCEPT
    assert (
        judged(filler * 10 + "Therefore, I cannot provide an answer. " + filler * 2).ruling is Ruling.ACCEPT
    )
