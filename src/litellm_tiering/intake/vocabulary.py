"""Words that tell what kind of work is asked for and how hard it is, in many languages. Data; see ``tasks``.

Written without accents and in lower case; ``*`` stands for any ending. A word alone decides nothing: hard
verbs count in full only beside something technical to do them to.
"""

from __future__ import annotations

import enum


class Cue(enum.IntFlag):
    """What a word hints at."""

    NONE = 0
    SUMMARY = enum.auto()
    TRANSLATION = enum.auto()
    CLASSIFICATION = enum.auto()
    EXTRACTION = enum.auto()
    CODE = enum.auto()
    MATHS = enum.auto()
    ANALYSIS = enum.auto()
    PLANNING = enum.auto()
    CREATIVE = enum.auto()
    ASKING = enum.auto()
    VERB = enum.auto()
    HARD = enum.auto()
    PROOF = enum.auto()
    TECHNICAL = enum.auto()
    WHY = enum.auto()
    LOOKUP = enum.auto()
    CONSTRAINT = enum.auto()
    POLITE = enum.auto()
    DOCUMENT = enum.auto()


WORDS: tuple[tuple[Cue, str], ...] = (
    (
        Cue.SUMMARY | Cue.VERB,
        """summari* tldr condense recap zusammenfass* zusammenzufassen fasse fass resume resumez resumer
        resumir resuma resumen resumo riassum* sintetizza samenvat* vat streszcz* streszcze* sammanfatta
        ozetle* kratko резюмир* суммир* обобщ* 요약* 정리해* لخص تلخيص ringkas* rangkum* सारांश संक्षेप
        abstract gist synopsis paraphras*""",
    ),
    (
        Cue.TRANSLATION | Cue.VERB,
        """translat* ubersetz* uebersetz* traduis traduire traduisez traduction traduc* traduz* traduir
        tradurre traduci* traduzione vertaal vertalen vertaling tlumacz* przetlumacz* oversatt* cevir*
        перевед* перевод* перекла* 번역* ترجم* terjemah* अनुवाद* localize localise transliterat*""",
    ),
    (
        Cue.CLASSIFICATION | Cue.VERB,
        """classif* categori* label tag klassifizier* kategorisier* einordnen ordne clasific* clasifica
        classez classer classificare classifica classificar sentiment spam classificeer* sklasyfikuj*
        klassificera siniflandir* классифицир* 분류* صنف klasifikas* वर्गीकृत वर्गीकरण""",
    ),
    (
        Cue.EXTRACTION | Cue.VERB,
        """extract* pull list-all extrahier* extrae extraer extraiga extrais extraire extrayez estrai
        estrarre extraia extrair haal wyodrebnij wyciagnij extrahera cikar извлек* выдел* 추출* استخرج
        ekstrak* निकालें निकालो parse proofread*""",
    ),
    (
        Cue.CODE | Cue.VERB | Cue.HARD,
        """fix implement* refactor* debug* compile transpile programmier* implementier* codea programa*
        programm* coder implementa* implementer deboguer depurar depura programmeer* zaimplementuj napraw
        kodla* реализуй* напрограммир* отлад* 구현* 디버그* 리팩토링* برمج""",
    ),
    (
        Cue.CODE,
        """cli flag readme sso graphql webhook payload* pointer null hook monad jwt oauth ci dockerfile
        python javascript typescript java rust golang kotlin haskell php ruby sql postgres* mysql sqlite
        bash regex api json yaml html css react django flask fastapi kubernetes docker terraform git
        function functions method class script code codebase algorithm* compiler bug bugs stacktrace
        traceback exception typeerror keyerror segfault endpoint backend frontend middleware unittest*
        pytest async await mutex funktion* skript klasse fehlermeldung fonction fonctions algorithme
        funcion funciones algoritmo* codigo funzione codice funcao funktion functie funkcj* kod fonksiyon*
        функци* код скрипт алгоритм* 함수* 코드* 알고리즘* دالة كود خوارزمية फ़ंक्शन कोड програм* programa
        programm program numpy pandas linux cron query schema limiter server parser component test tests
        app website microservice* cpp lambda recursion recursive""",
    ),
    (
        Cue.MATHS | Cue.VERB,
        """solve* calculat* comput* simplif* integrate differentiate factorise factorize berechne* lose
        loese calcul* calcola* resuelv* resolv* resous resoudre risolv* bereken* oblicz* rozwiaz* berakna
        los hesapla* coz* вычисл* реши решите рассчит* посчита* 계산* 풀어* احسب حل hitung* selesaikan
        गणना हल""",
    ),
    (
        Cue.MATHS | Cue.VERB | Cue.PROOF,
        """prove proves disprove derive deduce beweis* widerleg* herleit* leite demontr* demostr*
        demuestr* deriva derive dimostr* deriv* demonstre demonstrar prove bewijs* afleid* udowodnij wykaz
        wyprowadz bevisa harled ispatla* kanitla* докаж* выведи* опроверг* 증명* 유도* برهن أثبت اثبت اشتق
        buktikan turunkan सिद्ध chung-minh""",
    ),
    (
        Cue.MATHS,
        """equation* theorem* lemma corollary polynomial* integral* derivative* matri* eigenvalue*
        probabilit* algebra* geometr* calculus modulo prime primes arithmetic* logarithm* trigonometr*
        gleichung* wahrscheinlich* primzahl* teorema* ecuacion* equazion* equac* primo primos numeri primi
        nombres premiers permutation* combinatori* triangle* circle* fraction* stelling vergelijking
        rownani* liczb ekvation* denklem* asal teorem* уравнен* теорем* простых интеграл* вероятност*
        방정식* 정리* 소수* 적분* 확률* معادلة مبرهنة الأعداد تكامل समीकरण प्रमेय अभाज्य vector* topolog*
        lim sqrt frac congruen* divisible integer integers sum product""",
    ),
    (
        Cue.ANALYSIS | Cue.VERB | Cue.HARD,
        """analys* analyz* evaluat* assess critique criticise criticize diagnos* investigat* scrutini*
        reconcile synthesi* argue argumentier* argumenta* justify justif* contrast analysier* bewert*
        beurteil* diagnostizier* untersuch* begrund* analiz* evalua evaluar evalue critica* diagnostica*
        analise avalie avaliar analizza* valuta* evalue evaluez critiquez beoordeel* przeanalizuj ocen
        zdiagnozuj analysera utvardera degerlendir* karsilastir* проанализир* оцени* диагностир* 분석*
        평가* 진단* حلل قيم شخص analisis evaluasi विश्लेषण मूल्यांकन troubleshoot* audit pinpoint""",
    ),
    (
        Cue.ANALYSIS | Cue.VERB | Cue.HARD,
        """compare comparing comparison review vergleich* compara comparar comparez comparer confronta*
        vergelijk* porownaj jamfor сравн* 비교* قارن bandingkan तुलना discuss diskutier* erorter*""",
    ),
    (
        Cue.PLANNING | Cue.VERB | Cue.HARD,
        """design* architect* devise formulat* optimi* strategi* orchestrat* migrate entwirf* entwerf*
        konzipier* optimier* disen* disena* optimiza* concois concevez concevoir conception progett*
        ottimizz* projete projetar desenvolva ontwerp* optimaliseer zaprojektuj zoptymalizuj utforma
        designa optimera tasarla* eniyile* спроектир* разработай* разработать оптимизир* 설계* 최적화* صمم
        حسن rancang* optimalkan डिज़ाइन अनुकूलित formali* reverse-engineer parallelis* paralleliz*
        moderni*""",
    ),
    (
        Cue.PLANNING | Cue.VERB,
        """plan plane planen schedule outline organise organize prioriti* planifi* planific* pianific*
        planej* planlegg plannen zaplanuj planera planla* спланир* составь 계획* خطط rencanakan योजना
        itinerary roadmap agenda""",
    ),
    (
        Cue.CREATIVE,
        """poem* haiku story stories song lyrics joke jokes limerick sonnet novel tale ballad slogan
        tagline rap fiction gedicht* geschichte witz lied marchen poeme histoire blague chanson conte
        poema* cuento historia chiste cancion poesia storia racconto barzelletta canzone conto piada
        cancao gedicht verhaal grap liedje wiersz* opowiad* zart dikt saga skamt siir* hikaye* saka стих*
        стихотвор* рассказ истори* шутк* сказк* песн* 시를 시 이야기* 농담* 소설* قصيدة قصة نكتة puisi
        cerita कविता कहानी चुटकुला essay blog email letter tweet caption speech toast""",
    ),
    (
        Cue.CREATIVE | Cue.VERB,
        """compose brainstorm imagine rewrite rephrase reword draft schreib* verfass* dichte ecris ecrivez
        redige* invente* escrib* redact* inventa scrivi* escreva escrever crie schrijf* napisz* skriv*
        yaz* напиши* сочини* придумай* 써줘 작성* اكتب tulis* buatkan लिखो लिखें लिखिए write writing
        generate create build develop construct bau* baue* developpe* desarrolla* construi* construye
        sviluppa* desenvolv* ontwikkel* zbuduj utveckla gelistir* напис* постро*""",
    ),
    (
        Cue.ASKING,
        """what which who whom whose when where how explain describe tell was welche* wer wen wann wo wie
        erklar* beschreib* que quel* qui quand ou comment explique* expliquez decri* cual* quien* cuando
        donde como explica* descri* che cosa quale quali chi dove spiega* qual quais quem quando onde wat
        welke wie hoe leg jaki* kto kiedy gdzie jak wyjasnij opisz vad vilken vem hur forklara beskriv ne
        hangi kim nasil nerede acikla* что какой какая какие кто когда где как объясни* опиши* 무엇* 뭐*
        누구* 언제* 어디* 어떻게* 설명* ما من متى أين كيف اشرح apa siapa kapan dimana bagaimana jelaskan
        क्या कौन कब कहाँ कैसे समझाओ समझाइए is are does do can""",
    ),
    (
        Cue.WHY | Cue.ASKING,
        """why explain* erklar* explique* expliquez explica* spiega* leg-uit wyjasnij forklara acikla*
        объясн* 설명* اشرح jelaskan समझाइए warum wieso weshalb pourquoi perche porque waarom hoezo
        dlaczego czemu varfor neden nicin почему зачем 왜 لماذا mengapa kenapa क्यों""",
    ),
    (
        Cue.LOOKUP,
        """define definition meaning mean means synonym* antonym* spell spelling capital capitale
        hauptstadt hoofdstad stolica huvudstad baskent столица столицу population pronounce acronym
        abbreviation stand stands bedeut* definier* definiere signifi* significa* definis definir
        definicion definizione definisci synonyme betekent znaczy betyder anlami означает значит 뜻* 수도*
        يعني معنى عاصمة artinya अर्थ मतलब राजधानी invented born typo lowercase uppercase capitalize plural""",
    ),
    (
        Cue.CONSTRAINT,
        """must exactly least most without only avoid ensure never always maximum minimum limit contain
        contains include including exclude each every format bullet sentences paragraphs words letters
        keyword keywords commas lowercase uppercase capital placeholder* postscript mindestens hochstens
        genau ohne muss mussen darf maximal minimal nur exactement moins sans doit uniquement maximum
        exactamente menos sin debe solo maximo minimo esattamente almeno senza deve soltanto massimo
        exatamente pelo sem apenas precies zonder minstens dokladnie bez tylko exakt utan tam en-az sadece
        ровно без только минимум максимум 정확히 없이 반드시 بالضبط بدون फक्त केवल""",
    ),
    (
        Cue.POLITE,
        """please can could would will must should you i want need to help me kindly us we let lets let's
        just also now then first next finally hi hello hey i'd like bitte kannst konnen konntest konnten
        du sie mir ich mochte peux tu pouvez vous pourriez moi je voudrais puedes podrias puede por favor
        quiero necesito puoi potresti vorrei pode poderia quero voce kun kunt je wil graag mozesz prosze
        czy chce kan du snalla lutfen misin bana можешь можете пожалуйста мне помоги tolong bisakah s'il
        te plait""",
    ),
    (
        Cue.DOCUMENT,
        """following text below above document article passage email transcript letter contract report
        attached this paragraph log logs transcript conversation essay review meeting notes folgende*
        folgender text dokument artikel vertrag bericht oben unten suivant* texte document contrat
        ci-dessous siguiente* texto documento contrato arriba abajo seguente testo contratto abaixo acima
        seguinte volgende tekst nastepujac* tekst foljande asagidaki metin следующ* текст документ договор
        ниже 다음* 아래* 문서* 글을 النص التالي निम्नलिखित नीचे लेख""",
    ),
    (
        Cue.TECHNICAL,
        """paradox* np homolog* cohomolog* homotop* fundamental quicksort worst-case asynchron*
        circumstance* assumption* mechanism* plausible infer inference robust* rigor* perspective* despite
        whether simultaneous* counterfactual* heterogen* confound* identif* econom* jurisprud* statutor*
        constitution* contingen* asymmetr* nonlinear* chaotic attractor* malware forensic* incident*
        governance stakeholder* ecosystem* incentive* cohort* churn retention pricing negotiat* merger
        acquisition* litigation patent* clause* diagnosis prognosis monolith* websocket* kafka redis
        dynamodb bigquery clickhouse event-sourcing authoriz* production outage* retry umstande* annahme*
        mechanismus widerspruchlich ursache* folgen wirtschaft* hypothese* circonstances consequences
        hypothes* economi* causes circunstancias consecuencias hipotesis causas circostanze conseguenze
        ipotesi cause consequencias hipoteses oorza* gevolgen przyczyn* skutk* orsak* neden-sonuc причин*
        последств* экономик* 원인* 영향* أسباب عواقب कारण परिणाम theorem* lemma* proof* conjecture* axiom*
        invariant* asymptot* eigen* polynomial* integral* topolog* manifold* homomorph* isomorph*
        bijection* irrational* prime primes infinit* convergen* diverg* continuous* differenti* stochast*
        bayes* markov* martingale* hypothes* regression* variance likelihood posterior causal*
        counterexample* combinatori* recurrence* induction np-hard np-complete complexity o(n
        polynomial-time undecidab* turing distributed concurren* deadlock* livelock race-condition
        lock-free thread* consensus raft paxos byzantin* consisten* linearizab* serializab* sharding
        replicat* partition* idempoten* transaction* throughput latency scalab* fault-toleran*
        microservice* kubernetes architecture* multi-tenant zero-downtime backpressure cach* compiler*
        parser* garbage crdt causal* commut* recursive* coalition* quorum snapshot* rollback idempot* planner
        optimizer garbage-collect* gc mvcc wal lsm bloom skip-list b-tree trie automat* grammar*
        semaphore* atomic* barrier* homeomorph* diffeomorph* ideal ideals ring rings galois sylow abelian
        eigenvector* hilbert banach lebesgue borel metric compact* measure* congruence* zeta modular
        elliptic* lemma* cardinal* ordinal* forcing axiomatic oracle relativi*
        renormali* gauge qcd boson* fermion* spinor* propagator* parser* kernel* allocator* memory-leak
        overflow* buffer encrypt* cryptograph* cipher*
        exploit* vulnerab* zero-trust threat authentica* oauth tls quantum* entangle* relativ*
        thermodynam* entrop* hamiltonian* lagrangian* schrodinger* maxwell* navier* tensor* field-theory
        perturbation* semiconductor* orbital* stoichiomet* enzym* kinase* pharmaco* pathophys*
        differential patient* dosage contraindic* genom* crispr epidemi* immun* jurisdict* liabilit*
        statut* constitutional* antitrust fiduciary indemn* tort gdpr compliance regulat* macroeconom*
        monetary inflation* equilibri* elasticit* derivative* hedg* arbitrage portfolio* valuation*
        amorti* epistem* ontolog* kant* utilitarian* deontolog* dialectic* hermeneut* phenomenolog*
        geopolit* trade-off* tradeoff* implication* root-cause edge-case* rigorous* formal formally
        neural* transformer* gradient* backpropagat* reinforcement embedding* attention-mechanism
        algorithm* scheduler* database* schema* query postgres* sql api protocol* pipeline* migration*
        infrastructure framework* strategy function functions code codebase class module queue heap tree
        graph* hash* pointer* regex traceback exception typeerror segfault satz theorem theoreme* theorie*
        teorema* primzahl* gleichung* nebenlauf* verteilt* konsens* datenbank* irrational* unendlich*
        komplexit* architektur* stetig* wahrscheinlich* algorithmus algorithmen sperrfrei* widerspruch*
        vertragsrecht haftung* premiers infini* concurrenc* distribue* donnees algorithme* complexite*
        irrationnel* continue* probabilit* preuve* contradiction* juridi* responsabilite* primos infinit*
        distribuid* concurrent* algoritmo* complejidad irracional* continua* ecuacion* arquitectura* bases
        contrapos* convergencia primi distribuit* complessita irrazional* equazion* architettur* numeri
        complexidade irracional arquitetura banco concorrenc* stelling* priemgetal* oneindig*
        gedistribueer* gelijktijdig* complexiteit* twierdzen* pierwszych nieskonczen* rozproszon*
        wspolbiezn* zlozonosc* niewymiern* sats* primtal* oandlig* distribuera* teorem* asal sonsuz*
        dagitik* karmasiklik* irrasyonel* es-zamanli теорем* простых бесконечн* распределенн*
        распределённ* алгоритм* иррационал* сложност* архитектур* консенсус* параллел* непрерывн* уравнен*
        систем* 정리* 소수* 무한* 분산* 동시성* 알고리즘* 복잡도* 무리수* 아키텍처* 합의* 방정식* 교착*
        مبرهنة نظرية الأولية نهائي موزع* خوارزم* تعقيد نسبي معمارية لانهائي* نظام* متسق* احتمال* دالة معادل*
        خطية قواعد بيانات अभाज्य अनंत वितरित एल्गोरिदम
        अपरिमेय प्रमेय जटिलता teorema* prima terdistribusi algoritma* kompleksitas""",
    ),
)
"""Cues by word. A word may stand in several groups; its cues add up."""

UNSPACED: tuple[tuple[Cue, str], ...] = (
    (Cue.SUMMARY | Cue.VERB, "总结 概括 摘要 归纳 總結 要約 まとめて サマリー สรุป ย่อความ"),
    (Cue.TRANSLATION | Cue.VERB, "翻译 译成 译为 翻譯 翻訳 訳して แปล"),
    (Cue.CLASSIFICATION | Cue.VERB, "分类 归类 分類 情感 カテゴリ 感情分析 จำแนก จัดประเภท"),
    (Cue.EXTRACTION | Cue.VERB, "提取 抽取 找出所有 抽出 取り出 列出文中 ดึงข้อมูล"),
    (Cue.CODE, "代码 函数 程序 算法 脚本 代碼 コード 関数 プログラム アルゴリズム スクリプト バグ โค้ด ฟังก์ชัน"),
    (Cue.MATHS | Cue.VERB, "计算 求解 求出 解方程 計算 解いて 求めよ 求めて คำนวณ"),
    (Cue.MATHS | Cue.VERB | Cue.PROOF, "证明 證明 推导 推導 証明 導出 導いて พิสูจน์"),
    (Cue.MATHS, "方程 定理 积分 概率 素数 质数 矩阵 微分 積分 確率 行列 不等式 方程式 ทฤษฎีบท จำนวนเฉพาะ"),
    (
        Cue.ANALYSIS | Cue.VERB | Cue.HARD,
        "分析 评估 評估 诊断 論證 论证 评价 評価 診断 検討 考察 วิเคราะห์ ประเมิน",
    ),
    (Cue.ANALYSIS | Cue.VERB | Cue.HARD, "比较 比較 对比 對比 เปรียบเทียบ"),
    (
        Cue.PLANNING | Cue.VERB | Cue.HARD,
        "设计 設計 优化 優化 最適化 实现 實現 実装 重构 调试 デバッグ ออกแบบ",
    ),
    (Cue.PLANNING | Cue.VERB, "计划 規劃 规划 方案 計画 プラン วางแผน"),
    (Cue.CREATIVE, "写一首 诗 故事 笑话 俳句 作文 物語 詩を 歌詞 ジョーク 小説 แต่งกลอน เรื่องสั้น"),
    (
        Cue.ASKING,
        "什么 哪 谁 多少 怎么 怎样 如何 吗 何 誰 いつ どこ どの ですか 教えて อะไร อย่างไร ที่ไหน",
    ),
    (Cue.WHY | Cue.ASKING, "解释 解釋 説明 为什么 為什麼 为何 なぜ どうして ทำไม อธิบาย"),
    (Cue.LOOKUP, "什么意思 的意思 首都 定义是 同义词 意味は とは何 首都は แปลว่า เมืองหลวง"),
    (Cue.CONSTRAINT, "必须 不超过 至少 最多 不要 不得 以内 以上 ただし 必ず 以下の形式 文字以内"),
    (Cue.DOCUMENT, "以下 下面 上文 文章 文本 合同 次の文 以下の 本文 ต่อไปนี้"),
    (
        Cue.TECHNICAL,
        """定理 素数 质数 无穷 無窮 无限 無限 分布式 分散 并发 並行 并行 共识 合意 一致性 死锁
        デッドロック 算法 アルゴリズム 复杂度 計算量 无理数 無理数 架构 アーキテクチャ 方程 方程式
        收敛 収束 连续 連続 矩阵 行列 特征值 固有値 概率 確率 量子 原因 影响 影響 经济 経済 后果
        数据库 データベース 微服务 マイクロサービス 编译器 コンパイラ 加密 暗号 反例 归纳法 帰納法
        机制 因果 贝叶斯 ベイズ 条款 系统 システム 函数 関数 代码 コード จำนวนเฉพาะ อนันต์
        อัลกอริทึม ระบบ จำนวนอตรรกยะ""",
    ),
)
"""Cues by substring, for scripts that put no spaces between words."""

INFLATED = (
    "complexity",
    "difficulty",
    "best",
    "strongest",
    "complex",
    "difficult",
    "hard",
    "challenging",
    "advanced",
    "sophisticated",
    "important",
    "critical",
    "urgent",
    "model",
    "models",
    "tier",
    "router",
    "routing",
    "escalate",
    "expert",
    "genius",
    "phd",
    "opus",
    "reasoning",
    "step",
    "breath",
    "komplex",
    "komplexe",
    "schwierig",
    "modell",
    "complexe",
    "difficile",
    "modele",
    "complejo",
    "compleja",
    "dificil",
    "modelo",
    "complesso",
    "modello",
    "complexo",
    "сложный",
    "сложная",
    "модель",
    "assistant",
    "helpful",
)
"""Words that a sentence must hold before it is suspected of talking the router up."""
