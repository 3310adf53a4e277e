CREATE TABLE known ( store TEXT NOT NULL, identity TEXT NOT NULL, key TEXT NOT NULL, spent INTEGER NOT NULL, expires_s INTEGER NOT NULL, PRIMARY KEY (store, identity, key) ) WITHOUT ROWID;
INSERT INTO "known" VALUES('27399e8594c34d7c','1ec24d59dd597d99','global|*|day:2027-01-15@UTC',700,1800086400);
CREATE TABLE owed ( store TEXT NOT NULL, attempt TEXT NOT NULL, reservation TEXT NOT NULL, cost INTEGER NOT NULL, tally TEXT, claimed_s REAL NOT NULL DEFAULT 0, PRIMARY KEY (store, attempt) ) WITHOUT ROWID;
INSERT INTO "owed" VALUES('27399e8594c34d7c','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','{"attempt":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","keys":["global|*|day:2027-01-15@UTC","team|red|day:2027-01-15@UTC"],"expires_s":[1800086400,1800086400],"amount":500,"lapses_s":1800000660}',450,'{"day":"2027-01-15","hour":8,"expires_s":1803110400,"route":"auto","tier":"simple","model":"small","team":"red","reason":"learned","requests":1,"refused":0,"attempts":1,"cost":700,"baseline":2800,"waste":0}',0.0);
CREATE TABLE stores (store TEXT PRIMARY KEY, identity TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "stores" VALUES('27399e8594c34d7c','1ec24d59dd597d99');
