# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""How models refuse, lecture, and help all the same. Data; see ``refusal``.

Regular expressions for RE2, over lower-case text with straight apostrophes. Other languages than English are
in ``refusal_languages``. ``NOW`` is where a clause may begin: a refusal is said by the answer's own voice, so
"he said I can't help" is none.
"""

from __future__ import annotations

NOW = (
    r"(?:^|[.!?…;,(\n—–]\s*|- |\b(?:but|so|and|that|therefore|while|because|however|unfortunately"
    r"|sorry|apologi[sz]e"
    r"|afraid|regret|regrettably|as an ai|an ai(?: language)? model|assistant:|answer:|response:"
    r"|no|why|request|something"
    r"|topic|question|information|task|thing|hi|hello) )\s*"
)

_NOT_ABLE = (
    r"i(?:'m| am|,? as an? [a-z ]{2,40},? am) (?:[a-z]+ ){0,2}?(?:unable|unwilling|not"
    r" (?:[a-z]+ )?(?:able|allowed|permitted"
    r"|comfortable|willing|going|prepared|in a position|designed|programmed|authori[sz]ed|equipped|capable))"
)
_CANNOT = (
    r"(?:i (?:[a-z]+ )?(?:can't|cannot|can not|cant|couldn't|(?:won't|will not)(?: be able)?"
    r"|wouldn't|would not"
    r"|shouldn't|should not|don't feel (?:comfortable|right)|do not feel comfortable)|" + _NOT_ABLE + r")"
)

# "I can't" with one of these is a refusal by itself.
DECLINE_EN = (
    _CANNOT
    + r"(?: to)?(?:[ ,]+[a-z'-]+){0,3}? (?:assist(?:ing)?|fulfil(?:l|ling)?|comply(?:ing)?|accommodate"
    r"|provid(?:e|ing)|engag(?:e|ing) (?:in|with)|participat(?:e|ing)|facilitat(?:e|ing)|assistance"
    r"|cooperate|encourag(?:e|ing)|condone|endorse|promot(?:e|ing)|discuss(?:ing)?)\b"
    + "|"
    + _CANNOT
    + r"(?: to| be able to)?(?: directly| really)? help(?:ing)?"
    r"(?: (?:you|your|with|in|out|users?|plan|to|create|make|write|find|anyone|people|someone"
    r"|facilitate|someone)\b|[.!,;]|$)"
    + "|"
    + _CANNOT
    + r"(?: to)?(?: in good conscience)? (?:answer|respond to|complete|process|do|support"
    r"|continue with|continue|proceed with"
    r"|honou?r|go along with|carry out|offer|share|give(?: you)?|generate|create|produce|write"
    r"|satisfy|entertain)"
    r"(?: you)? (?:that|this|these|those|such|any|your|requests|harmful|explicit|sexual|hateful|advice"
    r"|guidance|instructions"
    r"|information|assistance|help|content|details|support|medical|legal|financial|personal|specific|on)\b"
    r"|(?:i|we) (?:must|have to|need to|'ll have to|will have to|'m going to have to"
    r"|am going to have to|'m going to|will|"
    r"would have to|am obliged to|shall)(?: [a-z]+)? (?:decline|refuse)\b"
    r"|i (?:respectfully |politely )?(?:decline|refuse) to\b|i'd (?:rather|prefer) not to? [a-z]+"
    r"|i (?:can't|cannot|can not|won't|will not) (?:do|be doing) (?:that|this|so|it)\b"
    r"|(?:i can't|i cannot|i can not|i won't|i'm not able to|i am unable to"
    r"|i'm unable to)(?: [a-z]+)? with (?:that|this)\b"
    r"|we (?:can't|cannot|are unable to|are not able to) (?:assist|help (?:you )?with|fulfil"
    r"|comply|process your|answer your)"
    r"|i(?:'m| am) not (?:[a-z]+ )?comfortable (?:with [a-z]+|[a-z]+ing)\b"
    r"|(?:that's |that is |this is |it's )?(?:isn't|is not|not) something"
    r" (?:that )?i(?:'m able to|'m comfortable| am able to| can|'ll| will|'d)"
    r"|i(?: am|'m) not (?:able|allowed|permitted) to (?:do|say|answer) (?:that|this|so)"
    r"|(?:that|this|it|this request|your request|the request|what you're asking)(?: is|'s)"
    r" (?:something |a request |one "
    r"|a topic )?(?:that )?i (?:can't|cannot|won't|'m not able to)"
    r"|(?:(?:it(?:'s| is)|this is|which is|that is) )?(?:not within my (?:programming|ethical"
    r"|guidelines|capabilit|abilit|purpose)|(?:goes )?against my (?:programming|guidelines"
    r"|principles"
    r"|ethical|policy|policies|values|core)|(?:violates?|against|breach of) (?:my|our|openai's|anthropic's) "
    r"(?:[a-z]+ ){0,2}(?:polic|guideline|principle|standard)|outside (?:of )?(?:my|what i)"
    r" (?:scope|can help))"
    r"|i don't (?:engage in|participate in|provide|create|generate|write|produce|assist with|help with)\b"
    r"|i do not (?:engage in|participate in|provide|create|generate|write|produce|assist with|help with)\b"
    r"|i have no intention of (?:help|assist|provid)|no,? i (?:will not|won't|can't|cannot) "
    r"|i(?:'m| am) going to (?:have to )?(?:decline|refuse|pass)\b"
    r"|(?:my|our) (?:[a-z]+ )?(?:guidelines|programming|policy|policies|principles|training|design)"
    r" (?:do not|don't|does not|doesn't|prevents?|prohibits?|forbids?|restricts?|won't) "
    r"|(?:that|this|it)(?:'s| is| falls) outside (?:of )?(?:my scope|what i can)"
)

# "I can't" with one of these is one when something else says so as well: letters and songs say it too.
MAYBE_EN = (
    _CANNOT + r"(?: to)?(?: [a-z'-]+)? (?:answer|respond|complete|process|support|continue|proceed|offer"
    r"|share|give|generate"
    r"|create|produce|write|satisfy|tell|teach|guide|instruct|explain|describe|speculate|comment"
    r"|make|translate"
    r"|role-?play|pretend|draft|compose|predict|recommend|suggest|advise|advocate|disclose|reveal"
    r"|say|show|list|form|express"
    r"|simulate|impersonate|verify|confirm|diagnose|prescribe|determine|identify|reproduce|repeat"
    r"|quote|justify)\b"
)

UNABLE_EN = (
    r"i (?:do not|don't)(?: [a-z]+)? have (?:[a-z'-]+ ){0,2}?(?:access|ability|abilities"
    r"|capability|capabilities|capacity"
    r"|information|records?|data|knowledge of|tools|means|memory of|real-?time|live)\b"
    r"|i (?:have no|lack) (?:[a-z]+ ){0,2}?(?:access|ability|way of|way to|information|means"
    r"|knowledge of|record)"
    r"|" + _CANNOT + r"(?: to)?(?: [a-z]+)? (?:access|browse|view|see|open|watch|listen|hear|retrieve|look up"
    r"|search|read|play|call|send"
    r"|book|order|purchase|download|connect|execute|run|perform|check|remember|recall|fetch|visit)\b"
    r"|^(?:i'm sorry,? )?(?:but )?i (?:don't|do not) know(?: the answer[^.\n]{0,40})?[.!]?\s*$"
)

APOLOGY = (
    r"sorry|apologi[sz]e|apologies|unfortunately|afraid|regret|leider|tut mir leid|entschuldig"
    r"|bedaure|bedauerlich"
    r"|désolé|malheureusement|regrette|excus|lo siento|lamento|lamentablemente|desafortunadamente"
    r"|disculp|perdón"
    r"|mi dispiace|purtroppo|scusa|sinto muito|desculp|infelizmente|lamentavelmente|het spijt"
    r"|helaas|sorry|przykro|niestety|przepraszam"
    r"|к сожалению|извин|прости|üzgünüm|maalesef|özür|抱歉|对不起|對不起|遗憾|申し訳|すみません"
    r"|残念|죄송|미안|آسف|أعتذر|عذرا|للأسف|क्षमा|माफ|खेद"
)
AI = (
    r"as an? (?:[a-z-]+ )?(?:ai|artificial|language model|assistant|llm|chatbot)|i(?:'m| am)"
    r" (?:just |only |merely )?an? "
    r"(?:[a-z-]+ )?(?:ai|language model|assistant|llm|chatbot)|als (?:ein )?(?:ki|ai)\b"
    r"|en tant qu['e ]|como (?:una? )?(?:ia|modelo|asistente|assistente)"
    r"|come (?:ia|modello|assistente)|als ai|jako (?:ai|model|sztuczna)|как (?:ии|языковая"
    r"|искусственный)|bir yapay zeka|作为|作為|aiとして|ai로서|كنموذج|एआई"
)

# What a policy is about; an answer that speaks so of the request does not fulfil it.
POLICY = (
    r"unethical|illegal|not (?:ethical|appropriate|legal|acceptable)|harmful|immoral|against"
    r" (?:the law|ethical)"
    r"|violat|inappropriate|dangerous|morally|privacy|polic(?:y|ies)|guidelines|discriminat"
    r"|safety|consent|explicit|hateful"
)

MORAL_STRONG = (
    r"(?:it(?:'s| is)|this is|that is|it would be|would) (?:also )?(?:(?:not|never|neither"
    r"|highly) (?:[a-z]+ )?|in|un)"
    r"(?:(?:ethical|appropriate|acceptable|respectful|unethical|inappropriate)(?:,? (?:or|and"
    r"|nor) [a-z]+){0,2},? (?:for me )?to [a-z]+"
    r"|(?:okay|ok|legal|right|moral|productive|accurate|fair|safe|illegal)(?:,? (?:or|and"
    r"|nor) [a-z]+){0,2},? (?:for me )?to (?:provide|discuss|suggest|ask|share|encourage|promote"
    r"|compare|spread|offer|say|refer|seek|harm|steal|kill|hurt|engage|advocate|assist|support|commit|imply))"
    r"|asking [^.\n]{0,90} is not (?:appropriate|ethical)"
    r"|i (?:do not|don't|cannot|can't|will not|won't|never|am an ai language model and do not)"
    r" (?:[a-z]+ )?(?:condone|endorse|promote|support|encourage)"
    r"|i (?:strongly|must|firmly) (?:condemn|disagree|advise against|discourage|urge you not)|i don't"
    r" (?:think|believe) it(?:'s| is) (?:appropriate|ethical|right|acceptable)"
    r"|(?:question|request|topic)(?: you have asked)?(?: itself)?,? (?:is|seems"
    r"|appears)(?: to be)? (?:[a-z]+ )?(?:harmful|unethical|inappropriate|offensive|not"
    r" (?:an? )?(?:ethical|appropriate))"
    r"|such a (?:question|request) is (?:not|un)|is not an? (?:appropriate|ethical) (?:question"
    r"|request)|this question promotes"
    r"|is not an? (?:safe|ethical|appropriate|legal)(?:,? (?:or|and) [a-z]+)? (?:practice"
    r"|question|thing|behaviou?r|request|way)"
    r"|(?:es ist|ist es) (?:nicht|niemals|nie) (?:ethisch|angemessen|vertretbar|akzeptabel"
    r"|in ordnung)|il n'est (?:pas|jamais) (?:éthique|approprié|acceptable)"
    r"|no es (?:ético|apropiado|aceptable|correcto)|non è (?:etico|appropriato|accettabile)"
    r"|não é (?:ético|apropriado|aceitável)"
)
MORAL_WEAK = (
    r"(?:never|not) (?:be )?(?:[a-z]+ )?(?:acceptable|the answer|justified|justifiable|okay"
    r"|tolerated|condoned)|violence (?:is|should) (?:never|not)"
    r"|(?:is|are|be|both) (?:[a-z]+ ){0,3}?(?:illegal|unethical|immoral|morally wrong)(?: and|,"
    r"|\.| or| in (?:most|many))|strongly (?:advise|discourage|condemn)"
    r"|there is no (?:[a-z]+ )?(?:reason (?:why|for|that)|justification)"
    r"|was not (?:right|justified|a good thing|morally)|not (?:right|justified|morally|a good"
    r" (?:thing|idea)|best for society)"
    r"|should not be (?:denied|barred|discriminated|excluded)|must (?:clarify|emphasi[sz]e|stress)"
    r"|i (?:do not|don't|am an ai language model and do not) have the (?:ability|capability"
    r"|capacity) to|not only (?:illegal|unethical|immoral)"
    r"|should never be|sorry (?:to hear )?that you(?:'re| are) (?:feeling|going|struggling|having)"
)
MORAL_TALK = (
    r"regardless of (?:their|his|her|race|gender|background)|discriminat|stereotyp|prejudice"
    r"|human rights|dignity|equality|inclusiv|diversity"
    r"|seek(?:ing)? (?:professional )?(?:help|support)|mental health|crisis|hotline|important to"
    r" (?:always |also )?(?:respect|treat|promote|prioriti[sz]e|recogni[sz]e|remember)"
    r"|well-being|promot[a-z]+ (?:fairness|peace|positiv)|with respect|unethical|illegal|harmful"
    r"|consequences|fundamental right|kindness|consent"
    r"|you are not alone|reach(?:ing)? out to|overwhelmed|serious crime|violation|based on"
    r" (?:their|race|gender|sexual)|racism|suffering"
)

# How a refusal ends an answer that began by thinking aloud; DECLINE_EN follows.
ENDING = (
    r"(?:^|[.!?\n] ?)(?:therefore|thus|so|unfortunately|as such|hence|accordingly|for (?:this"
    r"|these|that) reasons?|i'm (?:really |very )?sorry"
    r"|sorry|i apologi[sz]e|in conclusion)(?:[, ]+(?:but|that|about that|and"
    r"|for the inconvenience)){0,2}[, ]+"
)
# A sentence after which nothing is to be expected.
FINAL = (
    r"^[^.!?\n]{0,120}\b(?:can't|cannot|can not|unable to|not able to|won't|will not) (?:assist"
    r"|help|comply|fulfil|fulfill|do|continue|engage)(?: you)?"
    r"(?: with)? (?:that|this|your)(?: request)?[.!]|^[^.!?\n]{0,60}\bcannot fulfill? your request[.!]"
)
# A lesson that goes on to help.
HELPING = (
    r"(?:however|but|that said|nevertheless),? (?:(?:i|we) (?:will|can|'ll)|here|if you(?:'re"
    r"| are)[^.]{0,60}here)"
)

# Placeholders that providers and guardrails put in an answer's place.
FILTERED = (
    r"^\W*(?:the |this |your |an? |my |model(?:'s)? )*(?:response|content|output|answer|message"
    r"|prompt|request|completion|reply|text|candidate|input|generation)"
    r"(?: [a-z]+)? (?:was|were|is|has been|have been|got|cannot be|could not be|can't be)(?: [a-z]+)? "
    r"(?:filtered|blocked|removed|withheld|flagged|redacted|censored|suppressed|hidden|shown"
    r"|displayed|rejected|intercepted)"
    r"(?: out)?(?:\W*$|,? (?:due to|because|for|as|since|on|in accordance|as a result"
    r"|by)\b[^\n]{0,60}?(?:content|safety|moderation|guardrail|responsible|polic(?:y|ies) of"
    r"|usage polic"
    r"|our polic|filter|guideline|sensitive|harm|prohibited|recitation|violat|inappropriate|azure"
    r"|openai|bedrock|gemini|vertex))"
    r"|^[^\n]{0,200}azure openai's content management policy|^\W*responsibleaipolicyviolation"
    r"|^\W*guardrail[_ ]intervened\W*$|^[^.\n]{0,100} blocked by (?:the |our )?(?:content"
    r" (?:filter|safety|moderation)|safety (?:filter|system|setting)|guardrail|moderation)"
    r"|^\W*(?:sorry,? )?(?:the|this|our) model (?:cannot|can't|is unable to|could not) (?:answer"
    r"|respond to|process) (?:this|the|your) (?:question|request|prompt)"
    r"|^\W*(?:content[_ -]filter(?:ed)?|content (?:removed|blocked|redacted)|response (?:blocked"
    r"|removed|withheld|filtered)|prohibited_content)\W*$"
    r"|^\s*[\[<(]+\s*(?:filtered|blocked|removed|redacted|refus(?:al|ed))\s*[\])>]+\s*$"
    r"|^\W*(?:your|the|this) (?:request|prompt|input|message|question"
    r"|query)[^.\n]{0,40}(?:violates?|violating|flagged|contravenes)[^.\n]{0,40}(?:polic"
    r"|guideline|guardrail|terms|moderation|safety)"
    r"|^\W*(?:finish_reason|finishreason|stop_reason)\W+(?:safety|content_filter|refusal)"
    r"|^\W*(?:内容|回复|该内容|回答|响应)[^。\n]{0,12}(?:已被|被)(?:过滤|屏蔽|拦截)|内容审核"
    r"|^\W*(?:die|diese) (?:antwort|anfrage|ausgabe)[^.\n]{0,20} (?:gefiltert|blockiert)"
)

# What makes help of what follows a refusal.
PIVOT = (
    r"(?:^|[.!?;,:。！？，、।\n]\s*|[—–-] )(?:(?:however|that said|that being said|having said that"
    r"|nonetheless|nevertheless|in general|generally|typically"
    r"|what i can|here(?:'s| is| are)|below (?:is|are)|based on|as of my|in the meantime"
    r"|from what|the following|let me|with that (?:said|caveat)"
    r"|to my knowledge|according to|i can (?:tell|offer|explain|give|share|describe|show|suggest"
    r"|provide|help|still|walk|outline|certainly|assure|recommend)"
    r"|but (?:i|i'll|i'd|here|here's|let|let's|what|in general|generally|typically|common\w*|the"
    r" (?:usual|general|typical|most|common|short|basic|following)"
    r"|based|you (?:can|could|may|might)|some|there are|as a rule|my|according|roughly|a"
    r" (?:common|typical|general|rough|simple)|as of|if)"
    r"|aber|allerdings|jedoch|hier (?:ist|sind)|dennoch|im allgemeinen|cependant|toutefois|voici"
    r"|en revanche|mais|néanmoins|sin embargo|pero|aquí|no obstante"
    r"|tuttavia|però|ecco|ma posso|in generale|no entanto|porém|contudo|mas|aqui (?:está|estão)"
    r"|echter|maar|hier (?:is|zijn)|jednak|ale|oto|однако|но|вот"
    r"|тем не менее|ancak|fakat|ama|işte|genel olarak|لكن|ومع ذلك|إليك|لكنني|ولكن|लेकिन|हालांकि|यहाँ"
    r"|परंतु|किंतु)(?:$|[\s,:'’])"
    r"|但是|不过|但|以下|然而|しかし|ただし|ですが、|하지만|다만|그러나|다음은)"
)
# What was asked for does not exist: an answer, however it opens.
MOOT = (
    r"is (?:a |an |considered )?(?:[a-z]+ )?fictional|do(?:es)? not (?:actually )?exist"
    r"|doesn't (?:actually )?exist|is no such "
)
# A pivot that only offers, cautions or sends away.
OFFER = (
    r"^(?:[\pL']+,? ){0,2}?(?:(?:if|please|feel free|let me know|it(?:'s| is) (?:important"
    r"|crucial|never|not)|remember)\b"
    r"|i(?:'m|'d| am| would| can| could| will|'ll)?(?: [a-z]+)? (?:be |still )*(?:happy|glad|here"
    r"|willing|pleased|able|help|assist|discuss|offer|suggest|recommend|caution|advise|strongly"
    r"|urge|encourage|would)"
    r"|(?:kann|könnte) ich|ich (?:kann|helfe|bin|könnte)|je (?:peux|serais|suis)|puedo|estoy"
    r"|con gusto|posso|sarò|ik kan|kan ik|mogę|chętnie|я могу|могу|буду|我可以|我很|私は|もし"
    r"|다른|저는|يمكنني|मैं)"
)
STRUCTURE = r"\n\s*(?:[0-9]{1,2}[.)]|[-*•+]|#{1,4}) |```|\|\s*-{3}|\n\n[^\n]*:\n|    [a-z_]+\("
REDIRECT = (
    r"\binstead\b|alternatives?\b|resources|support you|hotline|lifeline|seek (?:professional )?help"
    r"|positive|ethical ways|legal ways|stattdessen|en su lugar|plutôt|invece|em vez"
)
ASKS_BACK = (
    r"(?:could|can|would|will) you (?:please )?(?:provide|share|paste|upload|tell|clarify|give"
    r"|specify|attach|send|describe|let me know)"
    r"|please (?:provide|share|paste|upload|attach|specify|clarify|send|copy)|if you (?:can "
    r"|could )?(?:provide|share|paste|upload|tell|copy|describe)"
)
# "I can't help but notice", "I can't recommend it enough", and what is said to another.
INNOCENT = (
    r"(?:can't|cannot|unable to|not able to) (?:see|find) (?:any|anything|a|how|why)\b"
    r"|ich kann (?:es )?nicht (?:erwarten|genug|umhin)|kan (?:het )?niet (?:wachten|genoeg|anders|laten)|"
    r"(?:can't|cannot|couldn't|can not) (?:[a-z]+ )?help (?:but|myself|it|being|falling|feeling"
    r"|thinking|noticing|wondering|loving|smiling|laughing)\b"
    r"|(?:can't|cannot) (?:[a-z]+ )?(?:recommend|praise|thank|stress|emphasi[sz]e|express"
    r"|describe|overstate|say|tell|promote|offer|give)\b[^.!?\n]{0,60}\b(?:enough|how (?:much"
    r"|happy|grateful|excited|sorry)|more highly)\b"
    r"|(?:can't|cannot) (?:wait|believe|imagine|agree more|go wrong|complain)\b|(?:wouldn't"
    r"|shouldn't|won't|couldn't) (?:have|hurt|mind|hesitate)\b"
)

# A prompt that asks for the text of a refusal, or to carry one over.
WANTS_REFUSAL = (
    r"\b(?:decline|declining|declines|refuse|refusal|refusing|reject|rejecting|rejection"
    r"|turn(?:ing)? down|say(?:ing)? no|apolog(?:y|ize|ise)|out of office|absage|absagen"
    r"|ablehn[^\s.!?;,]*|refus[^\s.!?;,]*|rechaz[^\s.!?;,]*|rifiut[^\s.!?;,]*|recus[^\s.!?;,]*"
    r"|declin[^\s.!?;,]*|afwijz[^\s.!?;,]*|weiger[^\s.!?;,]*|odm[oó][^\s.!?;,]*|отказ[^\s.!?;,]*"
    r"|отклон[^\s.!?;,]*)"
    r"|拒绝|拒絕|婉拒|断り|お断り|거절|رفض|अस्वीकार|(?:\b|^)reddet"
)
CARRIES_OVER = (
    r"\b(?:translat[^\s.!?;,]*|rephrase|paraphrase|rewrite|proofread|correct|repeat|quote|say exactly"
    r"|output exactly|summari[sz]e|transcribe|übersetz[^\s.!?;,]*|tradui[^\s.!?;,]*|traduc[^\s.!?;,]*"
    r"|traduz[^\s.!?;,]*|vertaal[^\s.!?;,]*|przetłumacz[^\s.!?;,]*|перевед[^\s.!?;,]*|çevir[^\s.!?;,]*)"
    r"|翻译|翻譯|訳し|翻訳|번역|ترجم|अनुवाद"
)
DRAFTS = (
    r"\b(?:write|draft|compose|reply|respond|answer|e-?mail|letter|message|word|phrase|how (?:do"
    r"|can|should|would) i|help me|template|script|text|note"
    r"|schreib|formulier|antwort|brief|écri|rédige|réponse|lettre|escrib|redact|respuesta|carta"
    r"|scriv|risposta|escrev|resposta|schrijf|napisz|wiadomoś|напиши|письмо|yaz)"
    r"|写|寫|回复|邮件|書い|返信|メール|작성|써|메일|답장|اكتب|رسالة|लिख"
)
