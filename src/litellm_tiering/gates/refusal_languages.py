# ruff: noqa: RUF001 - letters of many languages are what this module is about
"""How models refuse in languages other than English. Data; see ``refusal``.

Regular expressions for RE2, over lower-case text. ``_`` stands for up to eight words of the same clause.
Turkish and Korean refuse in the verb's ending; Chinese, Japanese and Hindi need the "I" or the apology beside
it, for without one it may be anybody who cannot.
"""

from __future__ import annotations

_W = r"(?:[ ,]+[^\s.!?;,]+){0,8}?[ ,]+"
_LATIN = (
    # German
    r"(?:kann|können|darf|möchte|werde|will) (?:ich|wir|ihnen|dir)_?(?:nicht|kein[^\s.!?;,]*|nichts)_"
    r"(?:helfen|weiterhelfen|unterstütz[^\s.!?;,]*|beantworten|bereitstellen|geben|erfüllen"
    r"|nachkommen|schreiben"
    r"|erstellen|anbieten|teilen|ausführen|behilflich|liefern|verfassen|dienen|entsprechen|machen"
    r"|tun|eingehen|leisten|generieren)"
    r"|ich (?:kann|darf|werde|möchte|will)(?:[ ,]+[^\s.!?;,]+){0,8}? (?:nicht|kein[^\s.!?;,]*)_"
    r"(?:helfen|weiterhelfen|unterstütz[^\s.!?;,]*|beantworten|bereitstellen|geben|erfüllen"
    r"|nachkommen|schreiben"
    r"|erstellen|anbieten|teilen|ausführen|behilflich|liefern|verfassen|dienen|entsprechen"
    r"|leisten|generieren)"
    r"|(?:bin ich|ich bin)_?nicht in der lage|ist es mir(?: [^\s.!?;,]+){0,2} nicht (?:möglich"
    r"|erlaubt|gestattet)"
    r"|(?:muss ich|ich muss)_?(?:ablehnen|verweigern)|ich lehne_?ab\b"
    # French
    r"|je (?:ne |n')(?:(?:vous|te|t'|y|le|les) ?)?(?:peux|puis|pourrai|pourrais|saurais"
    r"|vais)(?: [^\s.!?;,]+)?(?: pas)?(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+"
    r"(?:d'|t'|l'|m'|y |vous |te |)?(?:aider|assister|répondre|fournir|accéder|donner|satisfaire|écrire|créer"
    r"|générer|traiter|partager|participer|faire|proposer|rédiger|produire|accomplir|soutenir"
    r"|donner suite|poursuivre|offrir)"
    r"|je ne suis(?: [^\s.!?;,]+)? pas (?:en mesure|capable|autorisée?|habilitée?|à même)"
    r"|il m'est(?: [^\s.!?;,]+)? impossible"
    r"|je (?:dois|me vois contrainte? de|suis contrainte? de|suis obligée? de)(?: [^\s.!?;,]+)?"
    r" (?:refuser|décliner)|je refuse d|je préfère ne pas"
    # Spanish
    r"|\bno (?:te |le |les |os )?(?:puedo|podemos|podré|podría|voy a|me es posible"
    r"|estoy en condiciones de|estoy autorizad[oa] (?:a|para)"
    r"|estoy capacitad[oa] para|estoy diseñad[oa] para|tengo permitido|se me permite|soy capaz de"
    r"|será posible)"
    r"(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+(?:ayudar[^\s.!?;,]*|asistir[^\s.!?;,]*"
    r"|proporcionar[^\s.!?;,]*|brindar[^\s.!?;,]*|ofrecer[^\s.!?;,]*|responder[^\s.!?;,]*"
    r"|cumplir[^\s.!?;,]*"
    r"|dar(?:te|le|les)?|generar|crear|escribir|compartir|facilitar[^\s.!?;,]*|realizar|hacer"
    r" (?:eso|esto)|hacerlo|apoyar[^\s.!?;,]*|atender|completar|participar"
    r"|continuar|satisfacer|redactar|producir|procesar)"
    r"|(?:debo|tengo que|me veo obligad[oa] a)(?: [^\s.!?;,]+)? (?:rechazar|declinar|negarme)"
    # Italian
    r"|\bnon (?:ti |vi |le )?(?:posso|possiamo|potrò|potrei|sono in grado di|mi è possibile"
    r"|sono autorizzat[oa] a|mi è consentito|sono programmat[oa] per)"
    r"(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+(?:aiutar[^\s.!?;,]*|assister[^\s.!?;,]*|fornir[^\s.!?;,]*"
    r"|risponder[^\s.!?;,]*|soddisfare|dar(?:ti|vi|le|e)|generare|creare"
    r"|scrivere|condividere|offrir[^\s.!?;,]*|eseguire|procedere|farlo|fare (?:questo|ciò)"
    r"|supportar[^\s.!?;,]*|accogliere|esaudire|completare|proseguire)"
    r"|(?:devo|sono costrett[oa] a|sono tenut[oa] a)(?: [^\s.!?;,]+)? (?:rifiutare|declinare"
    r"|rifiutarmi)|non posso (?:aiutarti|aiutarla|aiutarvi|farlo)"
    # Portuguese
    r"|(?:^|[\s,.;!?])não (?:te |lhe |o )?(?:posso|podemos|poderei|consigo|vou|sou capaz de"
    r"|estou apt[oa] a|tenho permissão para|tenho como"
    r"|me é possível|é possível para mim|estou autorizad[oa] a"
    r"|estou em condições de)(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+"
    r"(?:ajud[^\s.!?;,]*|auxili[^\s.!?;,]*|fornec[^\s.!?;,]*|respond[^\s.!?;,]*|atend[^\s.!?;,]*"
    r"|cumprir|dar|dar-lhe|gerar|criar|escrever|compartilh[^\s.!?;,]*|partilh[^\s.!?;,]*"
    r"|oferec[^\s.!?;,]*"
    r"|fazer (?:isso|isto)|fazê-lo|realizar|prestar|continuar|apoiar|assist[^\s.!?;,]*|redigir"
    r"|produzir|processar)"
    r"|(?:devo|preciso|tenho (?:de|que))(?: [^\s.!?;,]+)? (?:recusar|declinar)|não posso"
    r" (?:ajudar|ajudá-lo|ajudá-la|ajudar-te)"
    # Dutch
    r"|(?:ik (?:kan|mag|wil|zal)|(?:kan|mag|wil|zal) ik)_?(?:niet|geen)_"
    r"(?:helpen|assisteren|beantwoorden|voldoen|verstrekken|geven|bieden|schrijven|maken|delen"
    r"|genereren|ondersteunen|uitvoeren"
    r"|behulpzaam|ingaan|meewerken|doen|verlenen)"
    r"|(?:ik ben|ben ik)_?niet (?:in staat|bevoegd|gemachtigd)|(?:ik moet|moet ik)_?(?:weigeren|afwijzen)"
    # Polish
    r"|nie (?:mogę|możemy|jestem w stanie|potrafię|będę mógł|będę mogła"
    r"|wolno mi)(?:[ ,]+[^\s.!?;,]+){0,5}?[ ,]+"
    r"(?:pomóc|pomagać|udzieli[ćc]|udzielać|spełnić|odpowiedzieć|odpowiadać|dostarczyć|dostarczać"
    r"|podać|napisać|stworzyć|tworzyć|wygenerować"
    r"|generować|zrealizować|udostępni[^\s.!?;,]*|wykonać|asystować|wspierać|zapewnić|zrobić"
    r"|przedstawić|wesprzeć)|muszę(?: [^\s.!?;,]+)? odmówić"
    r"|nie (?:mogę|jestem w stanie) (?:ci |w tym |panu |pani )*pomóc"
    # Czech, Swedish, Danish, Norwegian
    r"|(?:nemohu|nemůžu|nejsem schopen|nejsem schopna)(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+(?:pomoci"
    r"|pomoct|poskytnout|odpovědět|splnit|vyhovět|vytvořit|napsat)"
    r"|(?:jag|jeg) (?:kan|får|må)(?: [^\s.!?;,]+)? (?:inte|ikke)(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+"
    r"(?:hjälpa|hjelpe|hjælpe|assistera|besvara|besvare|svara|svare|ge|gi|give|tillhandahålla"
    r"|skriva|skrive|bistå|uppfylla|bidra|levere)"
    r"|(?:kan jag|kan jeg)(?: [^\s.!?;,]+)? (?:inte|ikke)(?:[ ,]+[^\s.!?;,]+){0,4}?[ ,]+(?:hjälpa"
    r"|hjelpe|hjælpe|assistera|besvara|besvare|bistå)"
    # Turkish: the refusal is in the verb's end, of the first person
    r"|(?:olam|edem|bulunam|sağlayam|yanıtlayam|verem|cevaplayam|getirem|oluşturam|üretem|yazam"
    r"|paylaşam|sunam"
    r"|destekleyem|yapam|gerçekleştirem|karşılayam|açıklayam|öneremem|önerem)"
    r"(?:am|em|ıyoru[mz]|iyoru[mz]|ayacağ[ıi][mz]|eyeceğ[iı][mz]|ayız|eyiz)(?:[^\pL]|$)|reddetmek zorundayım"
    r"|yardımcı olmam(?: [^\s.!?;,]+)? mümkün değil|yanıt vermem mümkün değil"
    # Indonesian, Malay, Vietnamese
    r"|(?:saya|aku|kami) (?:tidak|tak) (?:dapat|bisa|mampu|boleh)(?:[ ,]+[^\s.!?;,]+){0,3}?[ ,]+"
    r"(?:membantu|memberikan|menjawab|memenuhi|menyediakan|membuat|menulis|melakukan)"
    r"|(?:tôi|mình|em)(?: [^\s.!?;,]+){0,2} không thể(?: [^\s.!?;,]+){0,3}? (?:giúp|hỗ trợ"
    r"|cung cấp|trả lời|đáp ứng|thực hiện|viết|tạo)"
)

_OTHER = (
    # Russian, Ukrainian
    r"(?:не могу|не можем|не смогу|не сможем|не в состоянии|не имею (?:возможности|права)|не буду"
    r"|не вправе|не способ(?:ен|на))"
    r"(?:[ ,]+[^\s.!?;,]+){0,6}?[ ,]+(?:помочь|помогать|предоставить|предоставлять|ответить"
    r"|отвечать|выполнить|выполнять|дать|давать|написать|писать"
    r"|создать|создавать|сгенерировать|обсуждать|делиться|поделиться|поддержать|содействовать"
    r"|оказать|сделать|предложить|рассказать|продолжить"
    r"|удовлетворить|участвовать|раскрыть)|(?:вынужден|вынуждена|должен|должна)(?: [^\s.!?;,]+)? отказа"
    r"|(?:^|[\s,.;])(?:этого|с этим) (?:я )?(?:сделать )?не (?:могу|смогу)(?: вам"
    r"| тебе)?(?: сделать| помочь)?"
    r"|не (?:можу|зможу|маю змоги)(?:[ ,]+[^\s.!?;,]+){0,5}?[ ,]+(?:допомогти|надати|надавати"
    r"|відповісти|виконати|написати|створити|дати)"
    # Chinese: somebody must say it, "I" or an apology
    r"|(?:我|抱歉|对不起|對不起|遗憾|遺憾|不好意思|作为ai|作為ai)[^。！？!?\n]{0,24}?(?:无法|不能"
    r"|没办法|没有办法|不会|不便|不可以|無法|沒辦法|不會|难以|難以)"
    r"[^。！？!?\n]{0,24}?(?:帮助|帮|协助|提供|回答|满足|完成|回应|生成|创作|撰写|支持|讨论|分享"
    r"|执行|透露|处理|协作|给出|继续|参与|编写|答复"
    r"|處理|協助|幫|滿足|執行|給出|繼續|參與|回應|討論|撰寫|創作|編寫|這樣做|这样做|这么做)"
    r"|(?:我|必须|只能|不得不)[^。！？\n]{0,6}拒绝(?:您|你|这|该|回答|提供|此)|无可奉告"
    # Japanese
    r"|(?:申し訳|すみません|すいません|恐れ入り|恐縮|残念ながら|ごめんなさい|遺憾ながら"
    r"|あいにく)[^。！？\n]{0,60}?(?:できません|できかねます|いたしかねます|致しかねます"
    r"|出来ません|られません|しかねます|控えさせて|お断り|できないの|わかりかねます|ございません)"
    r"|(?:お手伝い|お答え|ご要望|リクエスト|ご質問|ご依頼|お応え|ご協力|ご提供|お力になる|支援"
    r"|サポート)[^。！？\n]{0,24}?(?:できません|できかねます"
    r"|いたしかねます|致しかねます|出来ません|応じられません|お受けできません|お断り)"
    r"|応じることはできません|お答えできません"
    # Korean
    r"|(?:도와\s?드릴|도움을? (?:드릴|줄|제공할|제공해 드릴)|도움이 되어 드릴|답변(?:을"
    r"|해)? ?(?:드릴|할|제공할)|답변드릴|제공(?:해 드릴|할|해드릴)|응할|응해 드릴|들어\s?드릴"
    r"|수행할|작성(?:해 드릴|할|해드릴)|도울|알려\s?드릴|지원(?:할|해 드릴)|처리(?:할|해 드릴)"
    r"|생성(?:할|해 드릴)|답할|대답할|따를|이행할|말씀드릴|공유할|해드릴)"
    r" 수(?:는|가)? ?없(?:습니다|어요|네요|음|는 점)|(?:죄송|미안|유감"
    r"|아쉽)[^.!?\n]{0,60}? 수(?:는|가)? ?없(?:습니다|어요|네요|는)|어렵습니다[^.\n]{0,4}양해"
    # Arabic
    r"|(?:لا (?:أستطيع|استطيع|يمكنني|يمكننى|أقدر|يمكننا|نستطيع|أتمكن)|لست قادر|غير قادر|لن أتمكن"
    r"|لن أستطيع|ليس بإمكاني|ليس بوسعي|يتعذر علي)"
    r"[^.!؟\n]{0,40}?(?:مساعد|تقديم|الإجابة|الاجابة|إجابة|تلبية|توفير|تنفيذ|الرد|إنشاء|كتابة"
    r"|مشاركة|إعطاء|دعم|القيام|أساعد|أقدم|أجيب|فعل ذلك|الامتثال)"
    r"|(?:أعتذر|يجب أن أرفض|أرفض)(?: عن)? (?:تقديم|تلبية|الإجابة|المساعدة|مساعد)"
    # Hindi
    r"|(?:मैं|हम|मुझे|क्षमा|माफ|माफ़|खेद)[^।!?\n]{0,70}?(?:मदद|सहायता|जानकारी|उत्तर|जवाब|प्रदान|पूरा|अनुरोध"
    r"|लिख|बना|दे|कर|बता|साझा)[^।!?\n]{0,25}?"
    r"(?:नहीं[^।!?\n]{0,8}?(?:सकता|सकती|सकते|पाऊंगा|पाऊँगा|पाऊंगी|पाऊँगी|पाएंगे|करूंगा|करूँगा)|असमर्थ)"
    r"|मैं[^।!?\n]{0,40}?(?:असमर्थ|सक्षम नहीं)"
)

DECLINE_OTHERS = _LATIN.replace("_?", _W).replace("_", _W) + "|" + _OTHER

# What an assistant lacks, in other languages: access, real-time data.
UNABLE_OTHERS = (
    r"(?:ich habe|habe ich)(?: [^\s.!?;,]+)? keinen? (?:direkten )?(?:zugriff|zugang|echtzeit)"
    r"|je n'ai pas accès|je ne dispose pas"
    r"|no tengo acceso|no dispongo de|non ho accesso|não tenho acesso|ik heb geen toegang"
    r"|heb ik geen toegang|nie mam dostępu"
    r"|у меня нет доступа|не имею доступа|erişimim yok|erişim(?:e|im) sahip değilim|我(?:没有"
    r"|沒有|无法)(?:访问|存取|获取|權限|权限|实时)"
    r"|アクセス(?:する)?(?:権限)?(?:ことは|は|が)?(?:でき|あり|持って)(?:ません|いません)"
    r"|접근할 수 없|액세스할 수 없|ليس لدي (?:إمكانية )?(?:الوصول|وصول)"
    r"|मेरे पास[^।\n]{0,40}(?:पहुंच|पहुँच|एक्सेस|जानकारी) नहीं"
)
