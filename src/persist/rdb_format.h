/* The bytes of RDB files and DUMP payloads: types, opcodes, length prefixes. The format is Redis's; sources: its
 * published descriptions, and files of servers of each version.
 *
 *   "REDIS0011"  9 bytes: magic and version ("VALKEY080" above 79)
 *   FA name value ...                          aux fields
 *   FE db  FB keys expires                     a database: sizes follow
 *   [FC ms | FD s] [F8 idle] [F9 freq] type key value
 *   FF crc64                                   8 bytes, little endian, of all before; 0: none was made
 *
 * A length is 6 bits (00......), 14 bits (01......), 32 bits (80) or 64 bits (81), big endian; 11...... instead marks a
 * string in a special form: an integer of 8, 16 or 32 bits (little endian), or LZF (compressed length, length, bytes).
 * A DUMP payload is a type byte, the value, 2 bytes of version and a crc64, both little endian. */
#ifndef CAIRN_PERSIST_RDB_FORMAT_H
#define CAIRN_PERSIST_RDB_FORMAT_H

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3, /* scores as text */
    RDB_HASH = 4,
    RDB_ZSET_2 = 5, /* scores as 8 bytes */
    RDB_MODULE_2 = 7,
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14, /* of ziplists */
    RDB_STREAM_LISTPACKS = 15,
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18, /* of listpacks and plain nodes */
    RDB_STREAM_LISTPACKS_2 = 19,
    RDB_SET_LISTPACK = 20,
    RDB_STREAM_LISTPACKS_3 = 21,
    RDB_HASH_2_VALKEY = 22,         /* in files of Valkey */
    RDB_HASH_METADATA_PRE_GA = 22,  /* in files of Redis's release candidates: refused */
    RDB_HASH_LISTPACK_EX_PRE_GA = 23,
    RDB_HASH_METADATA = 24,
    RDB_HASH_LISTPACK_EX = 25,
    RDB_TYPE_NONE = 255,
};

enum rdb_opcode {
    RDB_OP_SLOT_INFO = 244,
    RDB_OP_FUNCTION2 = 245,
    RDB_OP_FUNCTION_PRE_GA = 246,
    RDB_OP_MODULE_AUX = 247,
    RDB_OP_IDLE = 248,
    RDB_OP_FREQ = 249,
    RDB_OP_AUX = 250,
    RDB_OP_RESIZE_DB = 251,
    RDB_OP_EXPIRE_MS = 252,
    RDB_OP_EXPIRE_S = 253,
    RDB_OP_SELECT_DB = 254,
    RDB_OP_EOF = 255,
};

enum rdb_string_form { RDB_INT8, RDB_INT16, RDB_INT32, RDB_LZF }; /* the low 6 bits behind 11 */
enum rdb_quicklist_node { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

enum {
    RDB_VERSION_CHECKSUM = 5,   /* the first that ends with one */
    RDB_VERSION_MIN_WRITTEN = 10,
    RDB_VERSION = 11,           /* what holds everything but field expiries */
    RDB_VERSION_FIELD_TTL = 12,
    RDB_VERSION_READ_MAX = 12,
    RDB_VERSION_VALKEY = 80,
    RDB_MAGIC_SIZE = 9,
    DUMP_FOOTER_SIZE = 10,
};

#endif
