/** Who attacks, with its own name and password and any client, and whom; `port`: where the server listens. */
export type RedisAttacker = { name: string; other: string; database: number; port: number };

export type RedisAttacks = { group: string; commands(attacker: RedisAttacker): string[][] };

/** What a user of an environment tries: all of it is refused. Keys of `other` are there, one of each type. */
export const redisAttacks: readonly RedisAttacks[] = [
  {
    group: "Keys of another",
    commands: (attacker) => [...onTexts(attacker), ...onCollections(attacker), ...onSortedSets(attacker)],
  },
  {
    group: "Keys, their number, and the server",
    commands: ({ name, other }) => [
      ...[["KEYS", "*"], ["SCAN", "0"], ["SCAN", "0", "MATCH", `${name}:*`], ["RANDOMKEY"], ["DBSIZE"]],
      ...[["INFO"], ["INFO", "keyspace"], ["MEMORY", "STATS"], ["MEMORY", "DOCTOR"], ["LATENCY", "DOCTOR"]],
      ...[["SLOWLOG", "GET"], ["MONITOR"], ["ROLE"], ["LASTSAVE"], ["COMMAND", "COUNT"], ["OBJECT", "HELP"]],
      ...[
        ["CLIENT", "LIST"],
        ["CLIENT", "ID"],
        ["CLIENT", "INFO"],
        ["ACL", "LIST"],
        ["ACL", "USERS"],
      ],
      ...[
        ["ACL", "WHOAMI"],
        ["ACL", "GETUSER", other],
        ["ACL", "LOG"],
        ["CONFIG", "GET", "*"],
      ],
    ],
  },
  {
    group: "Another database",
    commands: ({ name, other, database, port }) => {
      const elsewhere = [0, 1, 3, 15].filter((number) => number !== database).map(String);
      return [
        ...elsewhere.map((number) => ["SELECT", number]),
        ...[
          ["MOVE", `${name}:a`, "1"],
          ["COPY", `${name}:a`, `${name}:b`, "DB", "1"],
          ["SWAPDB", "0", "1"],
        ],
        ...[["MIGRATE", "127.0.0.1", String(port), `${name}:a`, "1", "1000"]],
        ...[["MIGRATE", "127.0.0.1", String(port), "", "1", "1000", "KEYS", `${other}:text`]],
      ];
    },
  },
  {
    group: "Scripts and functions",
    commands: ({ other }) => {
      const key = `${other}:text`;
      return [
        ...[
          ["EVAL", "return redis.call('GET', KEYS[1])", "1", key],
          ["EVAL", "return 1", "0"],
        ],
        ...[
          ["EVAL", `return redis.call('GET', '${key}')`, "0"],
          ["EVAL_RO", "return 1", "0"],
        ],
        ...[
          ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
          ["SCRIPT", "LOAD", "return 1"],
        ],
        ...[
          ["SCRIPT", "FLUSH"],
          ["SCRIPT", "KILL"],
          ["SCRIPT", "EXISTS", "e0e1f9fa"],
        ],
        ...[
          ["FUNCTION", "LIST"],
          ["FUNCTION", "DUMP"],
          ["FUNCTION", "FLUSH"],
          ["FCALL", "f", "0"],
        ],
        ...[["FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('f', function() return 1 end)"]],
      ];
    },
  },
  {
    group: "Administering",
    commands: ({ name, other }) => [
      ...[
        ["FLUSHDB"],
        ["FLUSHALL"],
        ["SHUTDOWN"],
        ["SAVE"],
        ["BGSAVE"],
        ["BGREWRITEAOF"],
        ["DEBUG", "SLEEP", "1"],
      ],
      ...[
        ["DEBUG", "JMAP"],
        ["CONFIG", "SET", "maxmemory", "1"],
        ["CONFIG", "RESETSTAT"],
        ["CONFIG", "REWRITE"],
      ],
      ...[
        ["ACL", "SETUSER", name, "allkeys"],
        ["ACL", "DELUSER", other],
        ["ACL", "SAVE"],
        ["ACL", "LOAD"],
      ],
      ...[
        ["CLIENT", "KILL", "TYPE", "normal"],
        ["CLIENT", "PAUSE", "100"],
        ["CLIENT", "NO-EVICT", "on"],
      ],
      ...[
        ["CLIENT", "UNBLOCK", "1"],
        ["CLIENT", "TRACKING", "on", "BCAST"],
        ["CLIENT", "REPLY", "OFF"],
      ],
      ...[["REPLICAOF", "127.0.0.1", "1"], ["PSYNC", "?", "-1"], ["SYNC"], ["CLUSTER", "INFO"], ["FAILOVER"]],
      ...[
        ["MODULE", "LIST"],
        ["MODULE", "LOAD", "/tmp/x.so"],
        ["WAIT", "0", "1"],
        ["READONLY"],
        ["PFDEBUG", "x", "y"],
      ],
    ],
  },
  {
    group: "Channels and notifications",
    commands: ({ other, database }) => [
      ...[
        ["PUBSUB", "CHANNELS"],
        ["PUBSUB", "NUMSUB", `${other}:news`],
        ["PUBSUB", "NUMPAT"],
      ],
      ...[
        ["PUBLISH", `${other}:news`, "x"],
        ["SPUBLISH", `${other}:news`, "x"],
        ["SSUBSCRIBE", `${other}:news`],
      ],
      ...[
        ["SUBSCRIBE", `${other}:news`],
        ["PSUBSCRIBE", "*"],
        ["PSUBSCRIBE", "__keyspace@*__:*"],
      ],
      ...[
        ["SUBSCRIBE", `__keyspace@${database}__:${other}:text`],
        ["PSUBSCRIBE", "__keyevent@*"],
      ],
      ...[["SUBSCRIBE", "__redis__:invalidate"]],
    ],
  },
];

function onTexts({ name, other }: RedisAttacker): string[][] {
  const text = `${other}:text`;
  return [
    ...[
      ["GET", text],
      ["MGET", `${name}:a`, text],
      ["SET", text, "x"],
      ["GETEX", text],
      ["GETDEL", text],
    ],
    ...[
      ["GETRANGE", text, "0", "-1"],
      ["STRLEN", text],
      ["APPEND", text, "x"],
      ["INCR", text],
    ],
    ...[
      ["SETRANGE", text, "0", "x"],
      ["MSET", `${name}:a`, "1", text, "x"],
      ["MSETNX", text, "x"],
    ],
    ...[
      ["GETSET", text, "x"],
      ["SETBIT", text, "0", "1"],
      ["BITFIELD_RO", text, "GET", "u8", "0"],
    ],
    ...[
      ["BITOP", "NOT", `${name}:a`, text],
      ["BITOP", "NOT", text, `${name}:a`],
      ["BITCOUNT", text],
    ],
    ...[
      ["EXISTS", text],
      ["TYPE", text],
      ["TTL", text],
      ["TOUCH", text],
      ["DEL", text],
      ["UNLINK", text],
    ],
    ...[
      ["EXPIRE", text, "1"],
      ["PERSIST", text],
      ["RENAME", text, `${name}:a`],
      ["RENAME", `${name}:a`, text],
    ],
    ...[
      ["RENAMENX", text, `${name}:a`],
      ["DUMP", text],
      ["RESTORE", text, "0", "x"],
      ["OBJECT", "ENCODING", text],
    ],
    ...[
      ["OBJECT", "FREQ", text],
      ["MEMORY", "USAGE", text],
      ["WATCH", text],
      ["PFADD", text, "x"],
    ],
  ];
}

function onCollections({ name, other }: RedisAttacker): string[][] {
  const [hash, list, set] = [`${other}:hash`, `${other}:list`, `${other}:set`];
  return [
    ...[
      ["HGETALL", hash],
      ["HSCAN", hash, "0"],
      ["HSET", hash, "a", "x"],
      ["HRANDFIELD", hash],
    ],
    ...[
      ["LRANGE", list, "0", "-1"],
      ["LPOP", list],
      ["LMOVE", list, `${name}:a`, "LEFT", "LEFT"],
    ],
    ...[
      ["RPOPLPUSH", list, `${name}:a`],
      ["BLPOP", list, "1"],
      ["BLMOVE", list, `${name}:a`, "LEFT", "LEFT", "1"],
    ],
    ...[
      ["LMPOP", "1", list, "LEFT"],
      ["LPUSH", list, "x"],
      ["LPOS", list, "x"],
    ],
    ...[
      ["SMEMBERS", set],
      ["SSCAN", set, "0"],
      ["SUNIONSTORE", `${name}:a`, set],
      ["SMOVE", set, `${name}:a`, "x"],
    ],
    ...[
      ["SINTER", `${name}:a`, set],
      ["SINTERCARD", "1", set],
      ["SPOP", set],
      ["SADD", set, "x"],
    ],
  ];
}

function onSortedSets({ name, other }: RedisAttacker): string[][] {
  const [sorted, stream] = [`${other}:sorted`, `${other}:stream`];
  const [text, list] = [`${other}:text`, `${other}:list`];
  return [
    ...[
      ["PFMERGE", `${name}:a`, text],
      ["PFCOUNT", text],
    ],
    ...[
      ["ZRANGE", sorted, "0", "-1"],
      ["ZRANGESTORE", `${name}:a`, sorted, "0", "-1"],
      ["ZSCAN", sorted, "0"],
    ],
    ...[
      ["ZUNIONSTORE", `${name}:a`, "1", sorted],
      ["ZUNION", "1", sorted],
      ["ZDIFF", "1", sorted],
    ],
    ...[
      ["ZMPOP", "1", sorted, "MIN"],
      ["BZPOPMIN", sorted, "1"],
      ["GEOSEARCHSTORE", `${name}:a`, sorted, "FROMMEMBER", "x", "BYRADIUS", "1", "m"],
    ],
    ...[
      ["XREAD", "STREAMS", stream, "0"],
      ["XRANGE", stream, "-", "+"],
      ["XADD", stream, "*", "a", "b"],
    ],
    ...[
      ["XINFO", "STREAM", stream],
      ["XGROUP", "CREATE", stream, "g", "0"],
      ["XREADGROUP", "GROUP", "g", "c", "STREAMS", stream, ">"],
    ],
    ...[
      ["SORT", list],
      ["SORT", `${name}:l`, "BY", `${other}:*`],
      ["SORT", `${name}:l`, "GET", `${other}:*`],
    ],
    ...[
      ["SORT_RO", `${name}:l`, "GET", text],
      ["LCS", text, `${name}:a`],
      ["COPY", text, `${name}:a`],
    ],
  ];
}
