# ruff: noqa: RUF001 - marks and letters of many languages are what this module is about
"""Short turns that ask for nothing new, in the languages that most traffic is in. Data; see ``turns``.

One phrase between bars. Punctuation and case do not matter.
"""

from __future__ import annotations

# "Do more of what I asked": the turn stands for the earlier one.
GO_ON = """
go on|continue|please continue|keep going|carry on|proceed|go ahead|resume|next|next step|next one
|next part|more|and|and then|then|then what|what next|what else|anything else|and now|now what|so|why
|why not|why so|how|how so|how come|the rest|finish|finish it|finish that|do it|please do|do that|do so
|just do it|go for it|let s go|let s do it|let s continue|try again|again|retry|try it again|once more
|one more time|one more|another|another one|and the rest|elaborate|please elaborate|can you elaborate
|could you elaborate|explain|explain more|explain further|explain please|tell me more|say more
|more details|more detail|in more detail|in detail|give me more|show me more|show me|can you continue
|could you continue|continue please|continue from where you left off|where were we|keep writing
|are you sure|really|is that right|is that correct|wrong|that s wrong|that is wrong|still wrong|not quite
|incorrect|that s not right|that s incorrect|it doesn t work|doesn t work|does not work|still doesn t work
|not working|still not working|still failing|it failed|same error|fix it|fix that|please fix|please fix it
|what do you mean|for example|such as|like what|an example|give me an example|go deeper|dig deeper
|be specific|step by step|weiter|mach weiter|bitte weiter|fahr fort|fahre fort|fahren sie fort
|machen sie weiter|weiter so|nächster schritt|und|und dann|und weiter|und jetzt|was noch|noch mehr|mehr
|mehr davon|warum|wieso|weshalb|wie|wie das|nochmal|noch mal|noch einmal|versuch es nochmal|genauer
|ausführlicher|erklär das genauer|mehr details|bist du sicher|sind sie sicher|wirklich|falsch
|das ist falsch|stimmt nicht|das stimmt nicht|geht nicht|funktioniert nicht|das funktioniert nicht
|mach das|mach es|tu das|leg los|los|los geht s|den rest|zum beispiel|kannst du weitermachen|weitermachen
|continue stp|continuez|continuer|poursuis|poursuivez|vas y|allez y|allez|la suite|suite|ensuite|et
|et ensuite|et après|et alors|et puis|encore|encore un|pourquoi|comment|comment ça|réessaie|réessayez
|essaie encore|développe|développez|plus de détails|en détail|dis m en plus|explique|explique davantage
|tu es sûr|vous êtes sûr|vraiment|c est faux|faux|ça ne marche pas|ne marche pas|fais le|faites le
|le reste|par exemple|tu peux continuer|peux tu continuer|continúa|continua|continúe|sigue|siga|sigue así
|adelante|prosigue|y|y luego|y entonces|y después|y ahora|qué más|más|otra vez|de nuevo|inténtalo de nuevo
|por qué|porqué|cómo|cómo así|explica más|explícate|más detalles|con más detalle|cuéntame más|dime más
|estás seguro|de verdad|está mal|eso está mal|incorrecto|no funciona|sigue sin funcionar|hazlo|hágalo
|el resto|termina|por ejemplo|puedes continuar|puedes seguir|siguiente|el siguiente|otro|otro más|continui
|prosegui|prosegua|vai avanti|avanti|vada avanti|va avanti|e|e poi|e quindi|e adesso|e ora|poi|ancora
|di più|perché|come mai|come|riprova|di nuovo|spiega meglio|più dettagli|in dettaglio|dimmi di più
|sei sicuro|davvero|sbagliato|è sbagliato|non funziona|fallo|il resto|per esempio|puoi continuare|prossimo
|il prossimo|un altro|approfondisci|continue por favor|continua por favor|prossiga|pode continuar
|podes continuar|segue|siga em frente|vá em frente|e depois|e então|e agora|então|mais|mais um|outra|outro
|de novo|outra vez|tente novamente|tenta de novo|por quê|por que|porquê|como assim|explique melhor
|mais detalhes|com mais detalhes|fala mais|conte mais|tem certeza|tens a certeza|sério|errado|está errado
|não funciona|faça isso|faz isso|o resto|por exemplo|próximo|o próximo|continua aí|ga door|ga verder
|doorgaan|verder|ga maar door|en|en dan|en nu|waarom|hoezo|nog een keer|opnieuw|nog een|meer|meer details
|leg uit|weet je het zeker|echt|klopt niet|dat klopt niet|werkt niet|doe maar|de rest|bijvoorbeeld
|volgende|kontynuuj|dalej|idź dalej|jedziemy dalej|a potem|i co dalej|i|dlaczego|czemu|jak to|jeszcze raz
|spróbuj ponownie|więcej|więcej szczegółów|jesteś pewien|naprawdę|źle|nie działa|zrób to|reszta
|na przykład|następny|kontynuować|fortsätt|vidare|gå vidare|och sen|och|varför|hur|en gång till|igen|mer
|är du säker|fel|det fungerar inte|gör det|resten|devam|devam et|devam edin|devam edelim|lütfen devam et
|sonra|ya sonra|peki sonra|neden|niye|nasıl|tekrar|tekrar dene|bir daha|daha fazla|daha detaylı|emin misin
|gerçekten mi|yanlış|çalışmıyor|yap|gerisi|örneğin|sıradaki|продолжай|продолжайте|продолжи|продолжить
|дальше|давай дальше|далее|и|и что дальше|и дальше|а дальше|что дальше|ещё|еще|еще раз|ещё раз|почему
|зачем|как|как так|подробнее|поподробнее|расскажи подробнее|ты уверен|вы уверены|правда|неверно
|неправильно|это неправильно|не работает|сделай|сделай это|остальное|например|следующий|попробуй еще раз
|продовжуй|далі|чому|ще раз|детальніше|继续|请继续|接着|接着说|接着写|继续写|继续说|往下|下一步|下一个
|然后呢|然后|还有呢|还有吗|还有|再来|再来一个|再试一次|再试试|重试|为什么|为何|怎么会|详细点|详细一点
|详细说明|说详细点|多说点|你确定吗|确定吗|真的吗|不对|错了|不行|不能用|举个例子|例如|比如|剩下的|繼續
|請繼續|然後呢|為什麼|下一個|再試一次|還有呢|不對|錯了|続けて|続けてください|続き|続きを
|続きをお願いします|続きは|続けて下さい|次|次へ|次は|次をお願いします|それで|それから|もっと|もっと詳しく
|詳しく|詳しくお願いします|もう一度|もう一回|やり直して|なぜ|どうして|なんで|本当に|本当ですか|本当|違う
|違います|間違ってる|動かない|動きません|例えば|残りも|ほかには|他には|進めて|進めてください|계속|계속해
|계속해줘|계속해 줘|계속해주세요|계속해 주세요|계속하세요|이어서|이어서 해줘|다음|다음은|그리고|그래서
|그다음|그 다음은|더|더 자세히|자세히|더 알려줘|다시|다시 해줘|한번 더|한 번 더|왜|왜요|어떻게|정말|정말요
|진짜|확실해|틀렸어|아니야|안 돼|안돼|예를 들면|استمر|أكمل|اكمل|تابع|واصل|أكمل من فضلك|وبعد|وبعدين|ثم
|ثم ماذا|وماذا بعد|لماذا|ليش|كيف|مرة أخرى|أعد|المزيد|مزيد من التفاصيل|بالتفصيل|هل أنت متأكد|حقا|خطأ
|هذا خطأ|لا يعمل|التالي|مثلا|जारी रखें|जारी रखो|आगे|आगे बढ़ो|आगे बढ़ें|आगे बताओ|और|और बताओ|फिर|फिर क्या
|क्यों|कैसे|फिर से|दोबारा|विस्तार से|गलत|lanjut|lanjutkan|teruskan|terus|lalu|kenapa|mengapa|bagaimana
|lagi|coba lagi|tiếp tục|tiếp|tiếp đi|tại sao|vì sao|thử lại|thêm|rồi sao
"""

# "Yes": inherits, unless it comes with thanks or a goodbye.
ASSENT = """
yes|yes please|yep|yeah|yup|ya|sure|sure thing|of course|ok|okay|okey|k|kk|alright|all right|right
|correct|exactly|agreed|agree|absolutely|definitely|sounds good|looks good|that works|fine|that s fine|no
|nope|nah|not really|please|y|n|true|i agree|i think so|hmm|hm|uh huh|lgtm|ja|ja bitte|jawohl|jep|klar
|na klar|natürlich|genau|richtig|stimmt|einverstanden|in ordnung|gut|passt|nein|nee|nö|bitte|oui|ouais
|bien sûr|d accord|exact|exactement|non|s il te plaît|s il vous plaît|stp|svp|sí|si|claro|claro que sí
|por supuesto|vale|de acuerdo|exacto|correcto|por favor|bueno|sì|certo|certamente|va bene|esatto|giusto
|d accordo|per favore|per piacere|sim|com certeza|isso|exato|não|tá|tá bom|está bem|beleza|jawel|zeker
|prima|oké|akkoord|alsjeblieft|alstublieft|tak|jasne|oczywiście|dobrze|zgoda|nie|proszę|dobra|japp|visst
|okej|nej|självklart|snälla|evet|tamam|tabii|elbette|olur|hayır|lütfen|peki|да|ага|конечно|хорошо|ладно
|ок|окей|нет|пожалуйста|верно|точно|так|согласен|是|是的|对|對|好|好的|可以|行|嗯|没错|當然|当然|不|不是|没有|请|はい|ええ|うん|もちろん
|いいえ|いや|お願いします|お願い|いいですよ|オーケー|네|예|응|그래|그래요|좋아|좋아요|물론|물론이죠|아니|아니요|부탁해|부탁합니다|오케이|نعم|أجل|ايوه|تمام|حسنا|طيب
|بالتأكيد|لا|من فضلك|हाँ|हां|जी|जी हाँ|ठीक है|ठीक|ज़रूर|नहीं|कृपया|iya|oke|baik|tidak|tolong|vâng|dạ|được
|không|đúng rồi
"""

# "Got it": what was said is understood, and nothing is asked.
HEARD = """
i see|got it|understood|makes sense|fair enough|verstanden|alles klar|compris|entendu|entendido|capito
|entendi|begrepen|rozumiem|anladım|понятно|понял|поняла|明白|明白了|知道了|了解|了解です|わかりました|分かりました|알겠어|알겠습니다|فهمت
|समझ गया|noted|i understand|i get it|that makes sense|ah i see|good to know|interesting|ich verstehe
|gut zu wissen|je vois|je comprends|c est noté|ya veo|comprendo|tiene sentido|ho capito|faz sentido
|ik snap het|jag förstår|ясно|я понял|я понимаю|懂了|原来如此|なるほど|이해했어요|이해했습니다
"""

# Greetings, thanks and goodbyes: nothing is asked, and any model can answer.
SOCIAL = """
thanks|thank you|thank u|thx|ty|tysm|thanks a lot|thanks so much|many thanks|thank you so much
|thank you very much|much appreciated|appreciate it|i appreciate it|cheers|hello|hi|hey|hiya|hello there
|hi there|hey there|howdy|yo|good morning|good afternoon|good evening|good night|goodnight|good day|bye
|goodbye|good bye|bye bye|see you|see ya|see you later|see you tomorrow|talk to you later|ttyl|take care
|have a nice day|have a good day|have a great day|have a nice weekend|have a great weekend|that s all
|that is all|that s it|that will be all|that ll be all|all for now|that s all for now|nothing else
|i m done|we re done|how are you|how are you doing|how are you today|what s up|sup|nice to meet you
|you re welcome|welcome|no thanks|no thank you|you re the best|you are the best|you rock|never mind
|nevermind|good job|well done|nice work|good work|great job|great work|great answer|good answer|danke
|danke dir|danke schön|dankeschön|danke sehr|vielen dank|herzlichen dank|besten dank|tausend dank
|danke dafür|hallo|hi du|guten tag|guten morgen|guten abend|gute nacht|moin|servus|grüß gott|tschüss
|tschüß|auf wiedersehen|bis bald|bis später|bis dann|schönen tag|schönen tag noch|einen schönen tag noch
|schönes wochenende|das war s|das war alles|nein danke|wie geht s|wie geht es dir|gut gemacht|merci
|merci beaucoup|merci bien|mille mercis|grand merci|je te remercie|je vous remercie|bonjour|bonsoir|salut
|coucou|bonne nuit|bonne journée|bonne soirée|au revoir|à bientôt|à plus|à demain|adieu|c est tout
|non merci|ça va|comment ça va|comment vas tu|comment allez vous|bien joué|gracias|muchas gracias
|mil gracias|muchísimas gracias|te lo agradezco|se lo agradezco|hola|buenos días|buen día|buenas tardes
|buenas noches|buenas|adiós|hasta luego|hasta pronto|hasta mañana|chao|chau|nos vemos|eso es todo
|no gracias|qué tal|cómo estás|cómo está|buen trabajo|que tengas un buen día|grazie|grazie mille
|molte grazie|tante grazie|ti ringrazio|la ringrazio|ciao|buongiorno|buonasera|buonanotte|salve
|arrivederci|a presto|a dopo|buona giornata|buona serata|è tutto|no grazie|come stai|come sta|come va
|ottimo lavoro|obrigado|obrigada|muito obrigado|muito obrigada|valeu|agradeço|olá|oi|bom dia|boa tarde
|boa noite|tchau|adeus|até logo|até mais|até amanhã|até breve|é só isso|isso é tudo|não obrigado
|não obrigada|tudo bem|como vai|como está|dank je|dank je wel|dankjewel|dank u|dank u wel|bedankt
|hartelijk dank|goedemorgen|goedemiddag|goedenavond|doei|dag|tot ziens|fijne dag|dat was het|hoe gaat het
|nee bedankt|dziękuję|dzięki|dziękuję bardzo|wielkie dzięki|cześć|dzień dobry|dobry wieczór|dobranoc
|do widzenia|pa|na razie|to wszystko|miłego dnia|jak się masz|tack|tack så mycket|stort tack|hej|hejsan
|god morgon|god kväll|hej då|adjö|det var allt|ha en bra dag|teşekkürler|teşekkür ederim|çok teşekkürler
|çok teşekkür ederim|sağ ol|sağol|sağ olun|merhaba|selam|günaydın|iyi akşamlar|iyi geceler|iyi günler
|hoşça kal|görüşürüz|nasılsın|hepsi bu|спасибо|большое спасибо|спасибо большое|огромное спасибо|благодарю
|привет|здравствуй|здравствуйте|добрый день|доброе утро|добрый вечер|спокойной ночи|до свидания|пока
|до встречи|это всё|это все|как дела|нет спасибо|дякую|привіт|谢谢|谢谢你|谢谢您|多谢|非常感谢|感谢|谢了
|太感谢了|你好|您好|嗨|早上好|下午好|晚上好|晚安|再见|拜拜|回头见|就这些|没事了|辛苦了|不用了|謝謝|謝謝你
|多謝|再見|早安|ありがとう|ありがとうございます|ありがとうございました|どうも|どうもありがとう
|どうもありがとうございます|感謝します|助かりました|こんにちは|こんばんは|おはよう|おはようございます
|おやすみ|おやすみなさい|さようなら|さよなら|またね|また明日|以上です|お疲れ様|お疲れ様でした|元気ですか
|감사합니다|고마워|고마워요|고맙습니다|정말 감사합니다|안녕|안녕하세요|안녕히 계세요|안녕히 가세요|잘 가
|잘 자|또 봐|수고하셨습니다|수고했어|됐어|됐습니다|잘 지내|شكرا|شكرا لك|شكرا جزيلا|ألف شكر|مرحبا|أهلا
|السلام عليكم|صباح الخير|مساء الخير|تصبح على خير|مع السلامة|وداعا|إلى اللقاء|هذا كل شيء|كيف حالك|धन्यवाद
|बहुत धन्यवाद|शुक्रिया|बहुत शुक्रिया|नमस्ते|नमस्कार|सुप्रभात|शुभ रात्रि|अलविदा|बस इतना ही|आप कैसे हैं
|terima kasih|makasih|halo|selamat pagi|selamat malam|sampai jumpa|apa kabar|cảm ơn|cảm ơn bạn|xin chào
|tạm biệt|chào bạn
"""

# Words that change nothing beside the ones above; alone they are praise.
FILLER = """
and|so|und|et|y|e|en|i|och|и|और|great|perfect|awesome|excellent|cool|nice|wonderful|amazing|brilliant
|fantastic|lovely|super|good|very good|very|so much|really|well|wow|haha|lol|oh|ah|ooh|you|it|that|this
|was|is|it s|that s|that was|very helpful|really helpful|helpful|so helpful|for your help|for the help
|for that|for this|for now|a lot|again|everyone|all|everybody|there|team|buddy|dear|friend|mate|man|bro
|sir|claude|chatgpt|gpt|gemini|assistant|bot|now|just|today|tomorrow|later|answer|explanation|prima|toll
|klasse|perfekt|ausgezeichnet|wunderbar|spitze|sehr|dir|ihnen|für|deine|hilfe|für deine hilfe
|für ihre hilfe|noch|mir|parfait|génial|très|bien|très bien|beaucoup|pour ton aide|pour votre aide
|ton aide|votre aide|moi|perfecto|genial|excelente|estupendo|muy bien|muy|por tu ayuda|por su ayuda|amigo
|todo|perfetto|ottimo|benissimo|molto|per l aiuto|per il tuo aiuto|amico|perfeito|ótimo|maravilha
|muito bem|pela ajuda|por sua ajuda|perfect dit|geweldig|super goed|voor je hulp|świetnie|bardzo|za pomoc
|wspaniale|jättebra|för hjälpen|harika|mükemmel|süper|çok|отлично|супер|прекрасно|замечательно|очень
|большое|за помощь|тебе|вам|太好了|很好|非常好|太棒了|棒|你的帮助|帮助|你|您|了|吧|吗|啊|呢|的|すごい
|素晴らしい|素晴らしいです|完璧|完璧です|とても|です|ね|よ|助かります|좋네요|완벽해|훌륭해요|정말|너무
|도와주셔서|ممتاز|رائع|جدا|على مساعدتك|बहुत|बढ़िया|अच्छा|बहुत अच्छा
"""
