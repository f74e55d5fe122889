/* Geospatial indexes by member: adding, positions, distances. They are sorted sets whose scores are geohashes. Searches
 * are in geo_search_cmds.c. */
#include "cmd/geo_cmds.h"

#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/geo_args.h"
#include "value/zset.h"

#include <math.h>

/* --- arguments and replies --- */

bool arg_geo_point(struct ctx *ctx, int i, struct geo_point *out)
{
    if (slice_to_double(arg(ctx, i), &out->lon) != ST_OK || slice_to_double(arg(ctx, i + 1), &out->lat) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_FLOAT);
        return false;
    }
    if (geo_point_valid(*out)) return true;
    reply_errorf(ctx->reply, "ERR invalid longitude,latitude pair %f,%f", out->lon, out->lat);
    return false;
}

bool arg_geo_unit(struct ctx *ctx, int i, double *metres)
{
    struct slice word = arg(ctx, i);
    if (slice_is(word, "m")) *metres = 1;
    else if (slice_is(word, "km")) *metres = 1000;
    else if (slice_is(word, "ft")) *metres = 0.3048;
    else if (slice_is(word, "mi")) *metres = 1609.34;
    else {
        reply_error(ctx->reply, SLICE("ERR unsupported unit provided. please use M, KM, FT, MI"));
        return false;
    }
    return true;
}

bool arg_geo_length(struct ctx *ctx, int i, const char *error, double *out)
{
    if (slice_to_double(arg(ctx, i), out) == ST_OK) return true;
    reply_error(ctx->reply, slice_cstr(error));
    return false;
}

void reply_geo_point(struct reply *reply, struct geo_point p)
{
    reply_array(reply, 2);
    reply_double(reply, p.lon);
    reply_double(reply, p.lat);
}

/* As "%.4f". Where the product is far enough from the middle between two integers, its error can't matter. */
void reply_geo_distance(struct reply *reply, double distance)
{
    double scaled = distance * 10000, whole = floor(scaled), rest = scaled - whole;
    if (!(distance >= 0 && distance < 1e9 && fabs(rest - 0.5) > 1e-2)) {
        reply_bulkf(reply, "%.4f", distance);
        return;
    }
    uint64_t digits = (uint64_t)whole + (rest > 0.5), below = digits % 10000;
    char text[NUM_I64_TEXT_MAX + 5];
    int len = u64_to_text(text, digits / 10000);
    text[len++] = '.';
    for (unsigned unit = 1000; unit > 0; unit /= 10) text[len++] = (char)('0' + below / unit % 10);
    reply_bulk(reply, slice_of(text, (size_t)len));
}

/* --- GEOADD --- */

struct geoadd {
    bool nx, xx, ch;
    int first; /* argument: the first longitude */
    int count; /* of members */
};

static bool geoadd_parse(struct ctx *ctx, struct geoadd *a)
{
    int i = 2;
    for (; i < ctx->argc; i++) {
        if (slice_is(arg(ctx, i), "nx")) a->nx = true;
        else if (slice_is(arg(ctx, i), "xx")) a->xx = true;
        else if (slice_is(arg(ctx, i), "ch")) a->ch = true;
        else break;
    }
    a->first = i;
    a->count = (ctx->argc - i) / 3;
    if (a->count > 0 && (ctx->argc - i) % 3 == 0 && !(a->nx && a->xx)) return true;
    reply_syntax(ctx);
    return false;
}

/* The log gets a ZADD with the scores: they say the same to whoever reads it, and need no geohash. */
static void geoadd_effect(struct ctx *ctx, const struct geoadd *a, const uint64_t *cells)
{
    int argc = a->first + 2 * a->count;
    struct slice *argv = mem_alloc((size_t)argc * sizeof *argv);
    struct number_word *scores = mem_alloc((size_t)a->count * sizeof *scores);
    memcpy(argv, ctx->argv, (size_t)a->first * sizeof *argv);
    argv[0] = SLICE("zadd");
    for (int i = 0; i < a->count; i++) {
        argv[a->first + 2 * i] = number_word(&scores[i], cells[i]);
        argv[a->first + 2 * i + 1] = arg(ctx, a->first + 3 * i + 2);
    }
    effect_as(ctx, argc, argv);
    mem_free(scores);
    mem_free(argv);
}

/* Whether the set changed; *replied counts what the command answers. */
static bool geoadd_put(struct ctx *ctx, const struct geoadd *a, struct record *r, const uint64_t *cells,
                       int64_t *replied)
{
    bool changed = false;
    for (int i = 0; i < a->count; i++) {
        struct slice member = arg(ctx, a->first + 3 * i + 2);
        double old;
        if ((a->nx || a->xx) && zset_score(r, member, &old) == a->nx) continue;
        enum zset_change change = zset_put(r, member, (double)cells[i], NULL, ctx_limits(ctx));
        changed |= change != ZSET_SAME;
        *replied += change == ZSET_ADDED || (a->ch && change == ZSET_UPDATED);
    }
    return changed;
}

static void geoadd_run(struct ctx *ctx, const struct geoadd *a, const uint64_t *cells)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t replied = 0;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
    if (r == NULL && !a->xx && (r = collection_create(ctx, key, zset_new)) == NULL) return;
    if (r != NULL && geoadd_put(ctx, a, r, cells, &replied)) {
        key_changed(ctx, key.name, EV_ZSET, "zadd");
        geoadd_effect(ctx, a, cells);
    }
    reply_int(ctx->reply, replied);
}

void cmd_geoadd(struct ctx *ctx)
{
    struct geoadd a = {0};
    if (!geoadd_parse(ctx, &a)) return;
    uint64_t few[16], *cells = a.count > 16 ? mem_alloc((size_t)a.count * sizeof *cells) : few;
    bool ok = true;
    for (int i = 0; ok && i < a.count; i++) {
        struct geo_point p;
        ok = arg_geo_point(ctx, a.first + 3 * i, &p);
        if (ok) cells[i] = geohash_encode(p);
    }
    if (ok) geoadd_run(ctx, &a, cells);
    if (cells != few) mem_free(cells);
}

/* --- asking --- */

static bool member_point(const struct record *r, struct slice member, struct geo_point *out)
{
    double score;
    if (r == NULL || !zset_score(r, member, &score)) return false;
    *out = geohash_decode(geohash_of_score(score));
    return true;
}

void cmd_geohash(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) {
        struct geo_point p;
        char text[GEOHASH_TEXT_LEN];
        if (!member_point(r, arg(ctx, i), &p)) {
            reply_null(ctx->reply);
            continue;
        }
        geohash_text(p, text);
        reply_bulk(ctx->reply, slice_of(text, sizeof text));
    }
}

void cmd_geopos(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) {
        struct geo_point p;
        if (member_point(r, arg(ctx, i), &p))
            reply_geo_point(ctx->reply, p);
        else
            reply_null_array(ctx->reply);
    }
}

void cmd_geodist(struct ctx *ctx)
{
    struct record *r;
    struct geo_point a, b;
    double unit = 1;
    if (ctx->argc == 5 && !arg_geo_unit(ctx, 4, &unit)) return;
    if (ctx->argc > 5) {
        reply_syntax(ctx);
        return;
    }
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    if (member_point(r, arg(ctx, 2), &a) && member_point(r, arg(ctx, 3), &b))
        reply_geo_distance(ctx->reply, geo_distance(a, b) / unit);
    else
        reply_null(ctx->reply);
}
