/* Reading a data set: header, aux fields, databases, keys, end. Every record is inserted as soon as it is complete. */
#include "persist/rdb_file.h"

#include "base/num.h"
#include "persist/rdb_format.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

struct loading {
    struct rdb_reader *r;
    struct store *store;
    const struct rdb_load_file *load;
    struct rdb_loaded *out;
    int db;
    uint64_t expire_ms; /* of the next key; 0: none */
    uint32_t clock;
    bool has_clock;
    uint64_t next_progress;
    struct buf name, spare;
};

static bool read_header(struct rdb_reader *r, bool relaxed)
{
    char magic[RDB_MAGIC_SIZE + 1] = "";
    if (!rdb_read(r, magic, RDB_MAGIC_SIZE)) return false;
    int64_t version = 0;
    r->valkey = memcmp(magic, "VALKEY", 6) == 0;
    if (!r->valkey && memcmp(magic, "REDIS", 5) != 0) return rdb_fail(r, "Wrong signature trying to load DB from file");
    const char *digits = magic + (r->valkey ? 6 : 5);
    for (; *digits >= '0' && *digits <= '9'; digits++) version = version * 10 + (*digits - '0');
    bool known = r->valkey ? version == RDB_VERSION_VALKEY : version >= 1 && version <= RDB_VERSION_READ_MAX;
    if (*digits != '\0' || version < 1 || (!known && !relaxed))
        return rdb_fail(r, "Can't handle RDB format version %lld", (long long)version);
    r->version = (int)version;
    return true;
}

static bool aux_u64(struct slice value, uint64_t *out)
{
    return slice_to_u64(value, out) == ST_OK;
}

static void copy_text(char *out, size_t size, struct slice text)
{
    size_t n = text.len < size - 1 ? text.len : size - 1;
    memcpy(out, text.ptr, n);
    out[n] = '\0';
}

/* Fields that are not known are skipped: they are made to be. */
static bool read_aux(struct loading *l)
{
    struct rdb_loaded *out = l->out;
    struct slice value;
    uint64_t number = 0;
    int64_t offset;
    /* Files so old have neither these nor a checksum: it is the version that was damaged. */
    if (l->r->version < RDB_VERSION_CHECKSUM) return rdb_fail(l->r, "RDB version %d has no aux fields", l->r->version);
    if (!rdb_read_string(l->r, &l->name) || !rdb_read_view(l->r, &l->spare, &value)) return false;
    struct slice name = buf_slice(&l->name);
    if (l->load->aux != NULL) l->load->aux(l->load->arg, name, value);
    if (slice_eq(name, SLICE("redis-ver")) || slice_eq(name, SLICE("valkey-ver"))) {
        copy_text(out->version, sizeof(out->version), value);
    } else if (slice_eq(name, SLICE("ctime")) && aux_u64(value, &number)) {
        out->ctime_s = number;
    } else if (slice_eq(name, SLICE("used-mem")) && aux_u64(value, &number)) {
        out->memory_used = number;
    } else if (slice_eq(name, SLICE("aof-base")) && aux_u64(value, &number)) {
        out->aof_base = number != 0;
    } else if (slice_eq(name, SLICE("repl-stream-db")) && aux_u64(value, &number)) {
        out->repl_db = number <= INT32_MAX ? (int)number : -1;
    } else if (slice_eq(name, SLICE("repl-id"))) {
        copy_text(out->repl_id, sizeof(out->repl_id), value);
    } else if (slice_eq(name, SLICE("repl-offset")) && slice_to_i64(value, &offset) == ST_OK) {
        out->repl_offset = offset;
    }
    return true;
}

static bool read_select(struct loading *l)
{
    uint64_t db;
    if (!rdb_read_len(l->r, &db)) return false;
    if (l->load->database != NULL) l->load->database(l->load->arg, db);
    if (l->store == NULL) return true;
    if (db >= (uint64_t)store_databases(l->store))
        return rdb_fail(l->r, "database %llu: this server is configured for %d", (unsigned long long)db,
                        store_databases(l->store));
    l->db = (int)db;
    return true;
}

/* A hint, and not more: what the numbers promise is not taken before it comes. */
static bool read_resize(struct loading *l)
{
    enum { KEY_BYTES_MIN = 3 }; /* type, lengths of key and value */
    uint64_t keys, volatile_keys;
    if (!rdb_read_len(l->r, &keys) || !rdb_read_len(l->r, &volatile_keys)) return false;
    if (l->store != NULL) store_reserve(l->store, l->db, rdb_expected(l->r, KEY_BYTES_MIN, keys));
    return true;
}

static bool read_function(struct loading *l)
{
    struct slice source;
    if (!rdb_read_view(l->r, &l->spare, &source)) return false;
    uint64_t len = source.len;
    buf_append(&l->out->functions, &len, sizeof(len));
    buf_append_slice(&l->out->functions, source);
    return true;
}

/* The ID of a module's type is its name, 9 characters of 6 bits, and 10 bits of version. */
static void module_name(uint64_t id, char out[10])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < 9; i++) out[i] = digits[id >> (10 + 6 * (8 - i)) & 63];
    out[9] = '\0';
}

/* What a module wrote beside its keys frames itself: opcodes with their values, up to an end. */
static bool skip_module_aux(struct rdb_reader *r, struct rdb_loaded *out)
{
    uint64_t id, word;
    if (!rdb_read_len(r, &id) || !rdb_read_len(r, &word) || !rdb_read_len(r, &word)) return false; /* word: when */
    if (out->module[0] == '\0') module_name(id, out->module);
    for (;;) {
        double real;
        float single;
        if (!rdb_read_len(r, &word)) return false;
        switch (word) {
        case 0: return true;
        case 1: case 2:
            if (!rdb_read_len(r, &word)) return false;
            break;
        case 3:
            if (!rdb_read(r, &single, sizeof(single))) return false;
            break;
        case 4:
            if (!rdb_read_double(r, &real)) return false;
            break;
        case 5:
            if (!rdb_skip_string(r)) return false;
            break;
        default: return rdb_fail(r, "unknown part %llu of a module's data", (unsigned long long)word);
        }
    }
}

static bool read_clock(struct loading *l, enum rdb_clocks kind)
{
    uint64_t value;
    uint8_t byte;
    if (kind == RDB_CLOCKS_IDLE) {
        if (!rdb_read_len(l->r, &value)) return false;
    } else {
        if (!rdb_read_byte(l->r, &byte)) return false;
        value = byte;
    }
    if (l->load->clocks == kind) {
        l->clock = l->load->clock_of(l->load->arg, kind, value);
        l->has_clock = true;
    }
    return true;
}

static bool read_slot_info(struct rdb_reader *r)
{
    uint64_t skipped;
    return rdb_read_len(r, &skipped) && rdb_read_len(r, &skipped) && rdb_read_len(r, &skipped);
}

static bool put(struct loading *l, struct store_key key, struct record *owned_r)
{
    if (l->store == NULL) {
        record_free(owned_r);
        l->out->keys++;
        return true;
    }
    struct record *old = store_find(l->store, l->db, key);
    if (old != NULL && !l->load->allow_duplicates) {
        record_free(owned_r);
        return rdb_fail(l->r, "Duplicated key found in RDB file");
    }
    if (old != NULL) record_free(store_remove(l->store, l->db, key));
    if (l->expire_ms != 0) owned_r = record_set_expire(owned_r, l->expire_ms);
    record_set_clock(owned_r, l->has_clock ? l->clock : l->load->clock_new(l->load->arg));
    store_insert(l->store, l->db, key, owned_r);
    l->out->keys++;
    return true;
}

static bool read_key(struct loading *l, uint8_t type)
{
    struct buf *key_text = &l->out->key;
    l->out->type = type;
    l->out->doing = RDB_DOING_KEY;
    if (!rdb_read_string(l->r, key_text)) return false;
    if (key_text->len >= UINT32_MAX) return rdb_fail(l->r, "a key of %zu bytes", key_text->len);
    struct slice name = buf_slice(key_text);
    struct store_key key = {0};
    if (l->store != NULL) {
        key = store_key(l->store, name);
        store_prefetch(l->store, l->db, key.hash);
    }
    l->out->doing = RDB_DOING_VALUE;
    struct record *r = rdb_value_read(l->r, type, name, &l->load->value);
    if (r == NULL && l->r->failed) return false;
    if (l->expire_ms != 0) l->out->volatile_keys++;
    bool ok = true;
    if (r == NULL) {
        l->out->empty++;
        if (l->load->skipped != NULL) l->load->skipped(l->load->arg, name);
    } else if (!l->load->keep_expired && l->expire_ms != 0 && l->expire_ms <= l->load->value.now_ms) {
        record_free(r);
        l->out->expired++;
    } else {
        ok = put(l, key, r);
    }
    l->expire_ms = 0;
    l->has_clock = false;
    if (l->load->key_read != NULL) l->load->key_read(l->load->arg);
    return ok;
}

static bool read_expire(struct loading *l, uint8_t opcode)
{
    uint32_t seconds;
    if (opcode == RDB_OP_EXPIRE_MS) {
        if (!rdb_read_u64(l->r, &l->expire_ms)) return false;
        if (l->expire_ms == UINT64_MAX) /* -1: what servers mean by none */
            l->expire_ms = 0;
        else if (l->expire_ms == 0 || l->expire_ms > INT64_MAX) /* signed, and long ago */
            l->expire_ms = 1;
        return true;
    }
    if (!rdb_read_u32(l->r, &seconds)) return false;
    l->expire_ms = seconds == 0 || seconds > INT32_MAX ? 1 : (uint64_t)seconds * 1000; /* signed as well */
    return true;
}

static bool read_end(struct loading *l)
{
    struct rdb_reader *r = l->r;
    uint64_t made = rdb_reader_crc(r), stored;
    if (r->version < RDB_VERSION_CHECKSUM) return true;
    l->out->doing = RDB_DOING_CHECKSUM;
    if (!rdb_read_u64(r, &stored)) return false;
    l->out->checksummed = stored != 0;
    if (r->checksum && stored != 0 && stored != made)
        return rdb_fail(r, "RDB CRC error: the file says %016llx, its bytes make %016llx", (unsigned long long)stored,
                        (unsigned long long)made);
    return true;
}

/* One element of the file. *more: it was not the end. */
static bool read_element(struct loading *l, bool *more)
{
    static const uint8_t doing[256] = {
        [RDB_OP_EXPIRE_MS] = RDB_DOING_EXPIRE,     [RDB_OP_EXPIRE_S] = RDB_DOING_EXPIRE,
        [RDB_OP_IDLE] = RDB_DOING_NUMBER,          [RDB_OP_FREQ] = RDB_DOING_NUMBER,
        [RDB_OP_SELECT_DB] = RDB_DOING_NUMBER,     [RDB_OP_RESIZE_DB] = RDB_DOING_NUMBER,
        [RDB_OP_SLOT_INFO] = RDB_DOING_NUMBER,     [RDB_OP_AUX] = RDB_DOING_AUX,
        [RDB_OP_FUNCTION2] = RDB_DOING_FUNCTION,   [RDB_OP_MODULE_AUX] = RDB_DOING_MODULE,
    };
    uint8_t opcode;
    l->out->doing = RDB_DOING_TYPE;
    if (!rdb_read_byte(l->r, &opcode)) return false;
    l->out->doing = doing[opcode];
    switch (opcode) {
    case RDB_OP_EOF: *more = false; return read_end(l);
    case RDB_OP_EXPIRE_MS: case RDB_OP_EXPIRE_S: return read_expire(l, opcode);
    case RDB_OP_IDLE: return read_clock(l, RDB_CLOCKS_IDLE);
    case RDB_OP_FREQ: return read_clock(l, RDB_CLOCKS_FREQUENCY);
    case RDB_OP_SELECT_DB: return read_select(l);
    case RDB_OP_RESIZE_DB: return read_resize(l);
    case RDB_OP_AUX: return read_aux(l);
    case RDB_OP_FUNCTION2: return read_function(l);
    case RDB_OP_MODULE_AUX: return skip_module_aux(l->r, l->out);
    case RDB_OP_SLOT_INFO: return read_slot_info(l->r);
    default:
        l->out->doing = RDB_DOING_TYPE;
        if (!rdb_type_known(opcode)) return rdb_fail(l->r, "Invalid object type: %u", opcode);
        return read_key(l, opcode);
    }
}

static bool progress(struct loading *l)
{
    uint64_t offset = rdb_reader_offset(l->r);
    if (offset < l->next_progress || l->load->progress == NULL) return true;
    l->next_progress = offset + l->load->progress_bytes;
    return l->load->progress(l->load->arg, offset, l->out) ? true : rdb_fail(l->r, "stopped");
}

bool rdb_load_store(struct rdb_reader *r, struct store *store, const struct rdb_load_file *load, struct rdb_loaded *out)
{
    struct loading l = {.r = r, .store = store, .load = load, .out = out, .next_progress = load->progress_bytes};
    *out = (struct rdb_loaded){.repl_db = -1, .repl_offset = -1};
    bool more = true, ok = read_header(r, load->relaxed);
    if (store != NULL) store_unit_open(store);
    while (ok && more) ok = read_element(&l, &more) && progress(&l);
    if (store != NULL) store_unit_close(store);
    buf_deinit(&l.name);
    buf_deinit(&l.spare);
    return ok;
}

void rdb_loaded_deinit(struct rdb_loaded *out)
{
    buf_deinit(&out->functions);
    buf_deinit(&out->key);
}
