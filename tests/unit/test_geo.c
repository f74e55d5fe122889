/* Geohashes and the search for places in a shape, against known values and against looking at every place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "value/geo_search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash_seed seed = {1, 2};
static const struct value_limits plain = {.seed = &seed, .zset_listpack_entries = 128, .zset_listpack_value = 64};

static double uniform(struct prng *prng, double low, double high)
{
    return low + (high - low) * ((double)prng_below(prng, 1u << 30) / (1u << 30));
}

/* ---- hashes ---- */

static void test_known_cells(void **state)
{
    (void)state;
    assert_int_equal(geohash_encode((struct geo_point){13.361389, 38.115556}), 3479099956230698);
    assert_int_equal(geohash_encode((struct geo_point){15.087269, 37.502669}), 3479447370796909);
    assert_int_equal(geohash_encode((struct geo_point){-74.0131604, 40.7126674}), 1791873972053020);
    assert_int_equal(geohash_encode((struct geo_point){-180, -GEO_LAT_MAX}), 0);
    assert_int_equal(geohash_encode((struct geo_point){180, 0}), 10133099161583616);
    assert_int_equal(geohash_encode((struct geo_point){180, GEO_LAT_MAX}), 13510798882111488);
    struct geo_point p = geohash_decode(3479099956230698);
    assert_true(p.lon == 13.361389338970184 && p.lat == 38.1155563954963);
    p = geohash_decode(10133099161583616);
    assert_true(p.lon == 180 && fabs(p.lat) < 1e-5);
}

static void test_cells_of_any_score(void **state)
{
    (void)state;
    assert_int_equal(geohash_of_score(123.5), 123);
    assert_int_equal(geohash_of_score(-0.0), 0);
    assert_int_equal(geohash_of_score(-1), UINT64_MAX);
    assert_int_equal(geohash_of_score(INFINITY), 0);
    assert_int_equal(geohash_of_score(1e300), 0);
    assert_int_equal(geohash_of_score(-INFINITY), 1ull << 63);
    assert_int_equal(geohash_of_score(0x1p63), 1ull << 63);
}

static void test_known_texts(void **state)
{
    static const struct {
        struct geo_point p;
        const char *text;
    } known[] = {{{-5.6, 42.6}, "ezs42e44yx0"},
                 {{13.361389, 38.115556}, "sqc8b49rny0"},
                 {{180, GEO_LAT_MAX}, "bp05b5048p0"},
                 {{-180, -GEO_LAT_MAX}, "00bh0hbj200"}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[GEOHASH_TEXT_LEN];
        geohash_text(geohash_decode(geohash_encode(known[i].p)), text);
        assert_memory_equal(text, known[i].text, GEOHASH_TEXT_LEN);
    }
}

static void test_cells_come_back(void **state)
{
    struct prng prng;
    (void)state;
    prng_init(&prng, 1);
    for (int i = 0; i < 20000; i++) {
        struct geo_point p = {uniform(&prng, -180, 180), uniform(&prng, -GEO_LAT_MAX, GEO_LAT_MAX)};
        uint64_t cell = geohash_encode(p);
        struct geo_point middle = geohash_decode(cell);
        assert_int_equal(geohash_encode(middle), cell);
        assert_true(fabs(middle.lon - p.lon) < 360 / 0x1p26 && fabs(middle.lat - p.lat) < 171 / 0x1p26);
    }
}

static void test_known_distances(void **state)
{
    (void)state;
    struct geo_point palermo = geohash_decode(3479099956230698), catania = geohash_decode(3479447370796909);
    assert_true(fabs(geo_distance(palermo, catania) - 166274.15156960039) < 1e-6);
    assert_true(geo_distance(palermo, palermo) == 0);
    struct geo_point north = {10, 80}, south = {10, -80}, east = {179, 0}, west = {-179, 0};
    assert_true(fabs(geo_distance(north, south) / GEO_EARTH_RADIUS_M - geo_radians(160)) < 1e-12);
    assert_true(fabs(geo_distance(east, west) / GEO_EARTH_RADIUS_M - geo_radians(2)) < 1e-9);
}

/* ---- rectangles ---- */

enum { GRID = 32 }; /* the whole plane that the brute force walks */

static void check_rect(struct geo_rect r, uint32_t x0, uint32_t x1, uint32_t y0, uint32_t y1)
{
    bool found = false;
    uint64_t next = 0;
    for (uint64_t cell = GRID * GRID; cell-- > 0;) {
        uint32_t x = 0, y = 0;
        for (int bit = 0; bit < 5; bit++) {
            y |= (uint32_t)(cell >> (2 * bit) & 1) << bit;
            x |= (uint32_t)(cell >> (2 * bit + 1) & 1) << bit;
        }
        bool inside = x >= x0 && x <= x1 && y >= y0 && y <= y1;
        assert_int_equal(geo_rect_has(r, cell), inside);
        if (inside) {
            found = true;
            next = cell;
        }
        uint64_t got;
        assert_int_equal(geo_rect_next(r, cell, &got), found);
        if (found) assert_int_equal(got, next);
    }
}

static void test_rectangles(void **state)
{
    struct prng prng;
    (void)state;
    prng_init(&prng, 2);
    for (int i = 0; i < 300; i++) {
        uint32_t x0 = (uint32_t)prng_below(&prng, GRID), x1 = x0 + (uint32_t)prng_below(&prng, GRID - x0);
        uint32_t y0 = (uint32_t)prng_below(&prng, GRID), y1 = y0 + (uint32_t)prng_below(&prng, GRID - y0);
        check_rect(geo_rect_of(x0, x1, y0, y1), x0, x1, y0, y1);
    }
    uint64_t cell;
    struct geo_rect top = geo_rect_of(1u << 26, 1u << 26, 5, 1u << 26);
    assert_true(geo_rect_next(top, 0, &cell) && cell == top.low);
    assert_false(geo_rect_next(top, top.high + 1, &cell));
}

/* ---- searches ---- */

enum { PLACES_MAX = 4000 };

static double axis_distance(double a, double b)
{
    return GEO_EARTH_RADIUS_M * fabs(geo_radians(a) - geo_radians(b));
}

/* An odd number of edges lies east of the place. */
static bool naive_in_polygon(const struct geo_query *q, struct geo_point p)
{
    int crossed = 0;
    for (size_t i = 0; i < q->vertex_count; i++) {
        struct geo_point a = q->vertices[i], b = q->vertices[(i + 1) % q->vertex_count];
        if ((a.lat <= p.lat) == (b.lat <= p.lat)) continue;
        double t = (p.lat - a.lat) / (b.lat - a.lat);
        crossed += a.lon + t * (b.lon - a.lon) > p.lon;
    }
    return crossed % 2 == 1;
}

/* 1: inside; 0: outside; -1: too near to the border for the arithmetic to tell */
static int naive(const struct geo_query *q, struct geo_point p)
{
    double off, tiny = 1e-3;
    if (q->shape == GEO_POLYGON) return naive_in_polygon(q, p);
    if (q->shape == GEO_CIRCLE) {
        off = geo_distance(q->center, p) - q->radius_m;
    } else {
        double x = geo_distance(p, (struct geo_point){q->center.lon, p.lat}) - q->width_m / 2;
        double y = axis_distance(q->center.lat, p.lat) - q->height_m / 2;
        off = x > y ? x : y;
    }
    return fabs(off) < tiny ? -1 : off < 0;
}

struct world {
    struct record *r;
    struct geo_point at[PLACES_MAX];
    bool seen[PLACES_MAX];
    int count;
};

static void world_fill(struct world *w, struct prng *prng, int count, struct geo_point near, double spread)
{
    w->r = zset_new(SLICE("places"));
    w->count = count;
    for (int i = 0; i < count; i++) {
        double lon = near.lon + uniform(prng, -2 * spread, 2 * spread), lat = near.lat + uniform(prng, -spread, spread);
        struct geo_point p = {remainder(lon, 360), fmax(-GEO_LAT_MAX, fmin(GEO_LAT_MAX, lat))};
        if (prng_below(prng, 100) == 0) p.lon = 180;
        char name[12];
        int len = snprintf(name, sizeof name, "%d", i);
        double score = (double)geohash_encode(p);
        w->at[i] = geohash_decode(geohash_of_score(score));
        zset_put(w->r, slice_of(name, (size_t)len), score, NULL, &plain);
    }
    /* What is no place is never found. */
    zset_put(w->r, SLICE("below"), -5, NULL, &plain);
    zset_put(w->r, SLICE("above"), 1e300, NULL, &plain);
    zset_put(w->r, SLICE("far above"), INFINITY, NULL, &plain);
}

static struct geo_query random_query(struct prng *prng, const struct world *w, struct geo_point near, double spread,
                                     struct geo_point *vertices)
{
    struct geo_query q = {.shape = (enum geo_shape)prng_below(prng, 3)};
    double size = spread * 111000 * uniform(prng, 0, 1) * uniform(prng, 0, 1) * 3;
    q.center = (struct geo_point){remainder(near.lon + uniform(prng, -2 * spread, 2 * spread), 360),
                                  fmax(-GEO_LAT_MAX, fmin(GEO_LAT_MAX, near.lat + uniform(prng, -spread, spread)))};
    if (prng_below(prng, 2) == 0) q.center = w->at[prng_below(prng, (uint64_t)w->count)];
    if (prng_below(prng, 50) == 0) size = INFINITY;
    if (prng_below(prng, 50) == 0) size = 0;
    q.radius_m = size;
    q.width_m = size * uniform(prng, 0.1, 3);
    q.height_m = size * uniform(prng, 0.1, 3);
    if (size == 0 || isinf(size)) q.width_m = q.height_m = size;
    if (q.shape != GEO_POLYGON) return q;
    q.vertex_count = GEO_VERTICES_MIN + prng_below(prng, 8);
    q.vertices = vertices;
    for (size_t i = 0; i < q.vertex_count; i++)
        vertices[i] = (struct geo_point){fmax(-180, fmin(180, near.lon + uniform(prng, -2 * spread, 2 * spread))),
                                         fmax(-85, fmin(85, near.lat + uniform(prng, -spread, spread)))};
    q.center = geo_polygon_center(vertices, q.vertex_count);
    return q;
}

static void check_search(struct world *w, const struct geo_query *q)
{
    struct geo_search walk;
    struct geo_hit hit;
    for (int i = 0; i < w->count; i++) w->seen[i] = false;
    geo_search_init(&walk, w->r, q);
    while (geo_search_next(&walk, &hit)) {
        char name[24] = "";
        memcpy(name, hit.member.ptr, hit.member.len);
        int i = atoi(name);
        assert_true(name[0] >= '0' && name[0] <= '9' && !w->seen[i]);
        w->seen[i] = true;
        assert_true(hit.at.lon == w->at[i].lon && hit.at.lat == w->at[i].lat);
        assert_true(hit.distance_m == geo_distance(q->center, w->at[i]));
    }
    for (int i = 0; i < w->count; i++) {
        int expected = naive(q, w->at[i]);
        if (expected >= 0 && expected != w->seen[i])
            fail_msg("place %d at %.17g %.17g: shape %d at %.17g %.17g, radius %.17g, box %.17g %.17g", i, w->at[i].lon,
                     w->at[i].lat, q->shape, q->center.lon, q->center.lat, q->radius_m, q->width_m, q->height_m);
    }
}

static void test_searches(void **state)
{
    static struct world w;
    static const int counts[] = {1, 20, 100, 500, PLACES_MAX};
    static const double spreads[] = {0.001, 0.1, 5, 90};
    static const struct geo_point nears[] = {{0, 0}, {180, 10}, {-180, -60}, {13, 85}, {-100, -85}, {45, 60}, {90, 0}};
    const char *more = getenv("CAIRN_MODEL_STEPS");
    int rounds = more != NULL ? atoi(more) / 100 : 250;
    struct prng prng;
    (void)state;
    prng_init(&prng, 3);
    for (int i = 0; i < rounds; i++) {
        struct geo_point near = nears[prng_below(&prng, 7)], vertices[20];
        double spread = spreads[prng_below(&prng, 4)];
        world_fill(&w, &prng, counts[prng_below(&prng, 5)], near, spread);
        for (int k = 0; k < 40; k++) {
            struct geo_query q = random_query(&prng, &w, near, spread, vertices);
            check_search(&w, &q);
        }
        record_free(w.r);
    }
}

/* Distances of Valkey's documentation of BYPOLYGON. */
static void test_polygon_center(void **state)
{
    static const struct geo_point v[] = {{12.41098696654226, 38.05033923003755},
                                         {15.107936245794182, 38.00616649901906},
                                         {18.148439288534455, 38.63804787603499},
                                         {17.80831874257693, 39.50316813110968},
                                         {12.458468633214036, 38.57719533463012}};
    (void)state;
    struct geo_point c = geo_polygon_center(v, 5);
    struct geo_point palermo = {13.36138933897018433, 38.11555639549629859};
    struct geo_point edge = {17.24151045083999634, 38.78813451624225195};
    assert_true(fabs(geo_distance(c, palermo) - 166482.0159) < 1e-4);
    assert_true(fabs(geo_distance(c, edge) - 180861.7725) < 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_cells),     cmocka_unit_test(test_cells_of_any_score),
        cmocka_unit_test(test_known_texts),     cmocka_unit_test(test_cells_come_back),
        cmocka_unit_test(test_known_distances), cmocka_unit_test(test_rectangles),
        cmocka_unit_test(test_searches),        cmocka_unit_test(test_polygon_center),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
