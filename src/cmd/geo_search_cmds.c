/* The searches of geospatial indexes: GEOSEARCH and its older sisters, which only spell the same search otherwise.
 *
 * What is wanted in no order is replied while it is found. Otherwise the hits are collected; where only the `count`
 * nearest (or farthest) of them are wanted, no more are kept, in a heap with the first to go on top. */
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/geo_args.h"
#include "cmd/geo_cmds.h"
#include "value/geo_search.h"
#include "value/zset_build.h"

#include <stdlib.h>

enum order { UNSORTED, NEAREST_FIRST, FARTHEST_FIRST };

struct search {
    struct geo_query query;
    struct geo_point *vertices; /* ours, of the query */
    double unit;                /* metres */
    const struct record *source; /* NULL: absent */
    bool by_member, by_position, has_shape;
    bool with_coord, with_dist, with_hash;
    enum order order;
    int64_t count; /* 0: all */
    bool any;
    int store_at;  /* argument that names the destination; 0: none */
    bool store_distance;
    const char *event;
};

/* --- arguments --- */

/* What a command takes; all take order, count and WITH*. */
enum grammar { SEARCH = 1 << 0, RADIUS_STORE = 1 << 1, SEARCH_STORE = 1 << 2 };

static bool member_center(struct ctx *ctx, struct search *s, int i)
{
    double score;
    if (s->source == NULL) return true; /* nothing will be found */
    if (!zset_score(s->source, arg(ctx, i), &score)) {
        reply_error(ctx->reply, SLICE("ERR could not decode requested zset member"));
        return false;
    }
    s->query.center = geohash_decode(geohash_of_score(score));
    return true;
}

static bool parse_circle(struct ctx *ctx, struct search *s, int i)
{
    double radius;
    if (!arg_geo_length(ctx, i, "ERR need numeric radius", &radius)) return false;
    if (radius < 0) {
        reply_error(ctx->reply, SLICE("ERR radius cannot be negative"));
        return false;
    }
    if (!arg_geo_unit(ctx, i + 1, &s->unit)) return false;
    s->query.shape = GEO_CIRCLE;
    s->query.radius_m = radius * s->unit;
    return true;
}

static bool parse_box(struct ctx *ctx, struct search *s, int i)
{
    double width, height;
    if (!arg_geo_length(ctx, i, "ERR need numeric width", &width) ||
        !arg_geo_length(ctx, i + 1, "ERR need numeric height", &height))
        return false;
    if (width < 0 || height < 0) {
        reply_error(ctx->reply, SLICE("ERR height or width cannot be negative"));
        return false;
    }
    if (!arg_geo_unit(ctx, i + 2, &s->unit)) return false;
    s->query.shape = GEO_BOX;
    s->query.width_m = width * s->unit;
    s->query.height_m = height * s->unit;
    return true;
}

/* The number of vertices in argument *i, and the vertices; moves *i to the last of them. */
static bool parse_polygon(struct ctx *ctx, struct search *s, int *i)
{
    int64_t count;
    enum status st = arg_i64(ctx, *i, &count);
    if (st == ST_OK && count < GEO_VERTICES_MIN) {
        reply_error(ctx->reply, SLICE("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"));
        return false;
    }
    if (st == ST_OK && count > (ctx->argc - 1 - *i) / 2) st = ST_SYNTAX;
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return false;
    }
    mem_free(s->vertices);
    s->vertices = mem_alloc((size_t)count * sizeof *s->vertices);
    for (int64_t v = 0; v < count; v++)
        if (!arg_geo_point(ctx, *i + 1 + (int)(2 * v), &s->vertices[v])) return false;
    *i += (int)(2 * count);
    s->query.shape = GEO_POLYGON;
    s->query.vertices = s->vertices;
    s->query.vertex_count = (size_t)count;
    s->query.center = geo_polygon_center(s->vertices, (size_t)count);
    return true;
}

/* Whether the shape that is about to be parsed goes with what was given before. */
static bool shape_fits(const struct search *s, enum geo_shape shape)
{
    if (shape == GEO_POLYGON && (s->by_member || s->by_position)) return false;
    return !s->has_shape || s->query.shape == shape;
}

static bool center_fits(const struct search *s)
{
    return !(s->has_shape && s->query.shape == GEO_POLYGON);
}

static bool parse_count(struct ctx *ctx, struct search *s, int i)
{
    if (arg_i64(ctx, i, &s->count) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return false;
    }
    if (s->count > 0) return true;
    reply_error(ctx->reply, SLICE("ERR COUNT must be > 0"));
    return false;
}

/* The words of GEOSEARCH that say where. *i moves to the last argument that was taken; *taken says whether any was.
 * False: an error was replied. */
static bool parse_where(struct ctx *ctx, struct search *s, int *i, bool *taken)
{
    struct slice word = arg(ctx, *i);
    int left = ctx->argc - 1 - *i, at = *i + 1;
    bool ok = true;
    *taken = true;
    if (slice_is(word, "frommember") && left >= 1 && !s->by_position && center_fits(s)) {
        ok = member_center(ctx, s, at);
        s->by_member = true;
        *i += 1;
    } else if (slice_is(word, "fromlonlat") && left >= 2 && !s->by_member && center_fits(s)) {
        ok = arg_geo_point(ctx, at, &s->query.center);
        s->by_position = true;
        *i += 2;
    } else if (slice_is(word, "byradius") && left >= 2 && shape_fits(s, GEO_CIRCLE)) {
        ok = s->has_shape = parse_circle(ctx, s, at);
        *i += 2;
    } else if (slice_is(word, "bybox") && left >= 3 && shape_fits(s, GEO_BOX)) {
        ok = s->has_shape = parse_box(ctx, s, at);
        *i += 3;
    } else if (slice_is(word, "bypolygon") && left >= 1 && shape_fits(s, GEO_POLYGON)) {
        *i = at;
        ok = s->has_shape = parse_polygon(ctx, s, i);
    } else {
        *taken = false;
    }
    return ok;
}

static bool parse_options(struct ctx *ctx, struct search *s, int i, unsigned grammar)
{
    for (; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        bool valued = i + 1 < ctx->argc, taken = false;
        if (slice_is(word, "withdist")) s->with_dist = true;
        else if (slice_is(word, "withhash")) s->with_hash = true;
        else if (slice_is(word, "withcoord")) s->with_coord = true;
        else if (slice_is(word, "any")) s->any = true;
        else if (slice_is(word, "asc")) s->order = NEAREST_FIRST;
        else if (slice_is(word, "desc")) s->order = FARTHEST_FIRST;
        else if (slice_is(word, "count") && valued) {
            if (!parse_count(ctx, s, ++i)) return false;
        } else if (grammar & RADIUS_STORE && valued && (slice_is(word, "store") || slice_is(word, "storedist"))) {
            s->store_at = ++i;
            s->store_distance = slice_is(word, "storedist");
        } else if (grammar & SEARCH_STORE && slice_is(word, "storedist")) {
            s->store_distance = true;
        } else {
            if (grammar & SEARCH && !parse_where(ctx, s, &i, &taken)) return false;
            if (taken) continue;
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

static bool options_complete(struct ctx *ctx, const struct search *s, unsigned grammar)
{
    struct slice name = arg(ctx, 0);
    int len = name.len < 100 ? (int)name.len : 100;
    if (s->store_at != 0 && (s->with_dist || s->with_hash || s->with_coord)) {
        reply_errorf(ctx->reply, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                     grammar & SEARCH_STORE ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        return false;
    }
    bool polygon = s->has_shape && s->query.shape == GEO_POLYGON;
    if (grammar & SEARCH && !s->by_member && !s->by_position && !polygon) {
        reply_errorf(ctx->reply, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s", len,
                     name.ptr);
        return false;
    }
    if (grammar & SEARCH && !s->has_shape) {
        reply_errorf(ctx->reply, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s", len, name.ptr);
        return false;
    }
    if (s->any && s->count == 0) {
        reply_error(ctx->reply, SLICE("ERR the ANY argument requires COUNT argument"));
        return false;
    }
    return true;
}

/* --- hits --- */

struct hits {
    struct geo_hit *hit;
    size_t len, cap;
    struct member_texts texts;
};

static int by_distance(const void *a, const void *b)
{
    const struct geo_hit *x = a, *y = b;
    return (x->distance_m > y->distance_m) - (x->distance_m < y->distance_m);
}

static int by_distance_down(const void *a, const void *b)
{
    return by_distance(b, a);
}

/* Moves the hit at i down to where nothing below it comes later in the order. */
static void sift_down(struct hits *h, size_t i, int (*cmp)(const void *, const void *))
{
    struct geo_hit moved = h->hit[i];
    for (size_t child; (child = 2 * i + 1) < h->len; i = child) {
        if (child + 1 < h->len && cmp(&h->hit[child + 1], &h->hit[child]) > 0) child++;
        if (cmp(&h->hit[child], &moved) <= 0) break;
        h->hit[i] = h->hit[child];
    }
    h->hit[i] = moved;
}

static void hits_push(struct hits *h, const struct geo_hit *hit)
{
    if (h->len == h->cap) {
        h->cap = h->cap == 0 ? 32 : 2 * h->cap;
        h->hit = mem_realloc(h->hit, h->cap * sizeof *h->hit);
    }
    h->hit[h->len++] = *hit;
}

/* The first `count` in the order. */
static void collect_first(struct hits *h, struct geo_search *walk, size_t count, int (*cmp)(const void *, const void *))
{
    struct geo_hit hit;
    while (geo_search_next(walk, &hit)) {
        if (h->len == count && cmp(&hit, &h->hit[0]) >= 0) continue;
        if (!geo_search_keeps_member(walk, hit.member)) hit.member = member_texts_keep(&h->texts, hit.member);
        if (h->len < count) {
            hits_push(h, &hit);
            if (h->len == count)
                for (size_t i = count / 2; i-- > 0;) sift_down(h, i, cmp);
        } else {
            h->hit[0] = hit;
            sift_down(h, 0, cmp);
        }
    }
}

/* Any `count` (0: all). */
static void collect_any(struct hits *h, struct geo_search *walk, size_t count)
{
    struct geo_hit hit;
    while ((count == 0 || h->len < count) && geo_search_next(walk, &hit)) {
        if (!geo_search_keeps_member(walk, hit.member)) hit.member = member_texts_keep(&h->texts, hit.member);
        hits_push(h, &hit);
    }
}

static void hits_collect(struct hits *h, const struct search *s)
{
    struct geo_search walk;
    geo_search_init(&walk, s->source, &s->query);
    int (*cmp)(const void *, const void *) = s->order == FARTHEST_FIRST ? by_distance_down : by_distance;
    size_t count = (uint64_t)s->count < SIZE_MAX ? (size_t)s->count : SIZE_MAX;
    bool all_kept = s->count == 0 || s->any;
    if (all_kept)
        collect_any(h, &walk, count);
    else
        collect_first(h, &walk, count, cmp);
    if ((s->order != UNSORTED || !all_kept) && h->len > 1) qsort(h->hit, h->len, sizeof *h->hit, cmp);
}

static void hits_deinit(struct hits *h)
{
    mem_free(h->hit);
    member_texts_deinit(&h->texts);
}

/* --- answers --- */

static void reply_hit(struct ctx *ctx, const struct search *s, const struct geo_hit *hit)
{
    struct reply *reply = ctx->reply;
    int extras = s->with_dist + s->with_hash + s->with_coord;
    if (extras > 0) reply_array(reply, 1 + extras);
    reply_bulk(reply, hit->member);
    if (s->with_dist) reply_geo_distance(reply, hit->distance_m / s->unit);
    if (s->with_hash) reply_int(reply, (int64_t)hit->score);
    if (s->with_coord) reply_geo_point(reply, hit->at);
}

static void answer_unsorted(struct ctx *ctx, const struct search *s)
{
    struct geo_search walk;
    struct geo_hit hit;
    int64_t found = 0;
    geo_search_init(&walk, s->source, &s->query);
    struct reply_mark mark = reply_defer(ctx->reply);
    while ((s->count == 0 || found < s->count) && geo_search_next(&walk, &hit)) {
        reply_hit(ctx, s, &hit);
        found++;
    }
    reply_defer_array(ctx->reply, mark, found);
}

static void answer_sorted(struct ctx *ctx, const struct search *s)
{
    struct hits h = {0};
    hits_collect(&h, s);
    reply_array(ctx->reply, (int64_t)h.len);
    for (size_t i = 0; i < h.len; i++) reply_hit(ctx, s, &h.hit[i]);
    hits_deinit(&h);
}

static void answer_stored(struct ctx *ctx, const struct search *s)
{
    struct store_key to = ctx_key(ctx, s->store_at);
    struct hits h = {0};
    struct zset_items items = {0};
    struct record *r = NULL;
    if (s->source != NULL) hits_collect(&h, s);
    for (size_t i = 0; i < h.len; i++)
        zset_items_add(&items, h.hit[i].member, s->store_distance ? h.hit[i].distance_m / s->unit : h.hit[i].score,
                       false);
    zset_items_sort(&items);
    if (to.name.len <= KEY_LEN_MAX) r = zset_build(to.name, &items, ctx_limits(ctx));
    if (r == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
    } else {
        collection_store(ctx, to, r, EV_ZSET, s->event);
        reply_int(ctx->reply, (int64_t)items.len);
    }
    zset_items_deinit(&items);
    hits_deinit(&h);
}

static void answer(struct ctx *ctx, const struct search *s)
{
    if (s->store_at != 0)
        answer_stored(ctx, s);
    else if (s->source == NULL)
        reply_array(ctx->reply, 0);
    else if (s->order == UNSORTED && (s->count == 0 || s->any))
        answer_unsorted(ctx, s);
    else
        answer_sorted(ctx, s);
}

/* --- the commands --- */

static bool source_find(struct ctx *ctx, struct search *s, int key)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, key), FOR_READ, TYPE_ZSET, &r)) return false;
    s->source = r;
    return true;
}

static void search(struct ctx *ctx, int source, int store_at, unsigned grammar)
{
    struct search s = {.unit = 1, .store_at = store_at, .event = "geosearchstore"};
    if (source_find(ctx, &s, source) && parse_options(ctx, &s, source + 1, grammar) &&
        options_complete(ctx, &s, grammar))
        answer(ctx, &s);
    mem_free(s.vertices);
}

void cmd_geosearch(struct ctx *ctx)
{
    search(ctx, 1, 0, SEARCH);
}

void cmd_geosearchstore(struct ctx *ctx)
{
    search(ctx, 2, 1, SEARCH | SEARCH_STORE);
}

static void radius(struct ctx *ctx, unsigned grammar)
{
    struct search s = {.unit = 1, .event = "georadiusstore"};
    if (source_find(ctx, &s, 1) && arg_geo_point(ctx, 2, &s.query.center) && parse_circle(ctx, &s, 4) &&
        parse_options(ctx, &s, 6, grammar) && options_complete(ctx, &s, grammar))
        answer(ctx, &s);
}

void cmd_georadius(struct ctx *ctx)
{
    radius(ctx, RADIUS_STORE);
}

void cmd_georadius_ro(struct ctx *ctx)
{
    radius(ctx, 0);
}

/* Without the key neither the member nor the radius is looked at. */
static void radius_by_member(struct ctx *ctx, unsigned grammar)
{
    struct search s = {.unit = 1, .event = "georadiusstore"};
    if (!source_find(ctx, &s, 1)) return;
    if (s.source != NULL && !(member_center(ctx, &s, 2) && parse_circle(ctx, &s, 3))) return;
    if (parse_options(ctx, &s, 5, grammar) && options_complete(ctx, &s, grammar)) answer(ctx, &s);
}

void cmd_georadiusbymember(struct ctx *ctx)
{
    radius_by_member(ctx, RADIUS_STORE);
}

void cmd_georadiusbymember_ro(struct ctx *ctx)
{
    radius_by_member(ctx, 0);
}
