/* The search for places in a shape.
 *
 *   shape -> bounding rectangle in degrees -> one or two rectangles of cells (two where it crosses the date line)
 *         -> spans of scores -> elements -> exact test
 *
 * A span is walked in the order of scores. An element outside of the rectangle tells, by geo_rect_next, the score at
 * which the rectangle goes on; what lies before it is passed over, and when that takes too long the tree is searched
 * for it. So the number of jumps follows from how densely the elements lie: no size of cells has to be chosen. */
#include "value/geo_search.h"

#include <assert.h>
#include <math.h>

enum {
    PATIENCE = 24,        /* passing so many costs about what a search in a large tree does */
    SMALL_SET_LEN = 1000, /* where searching is not cheaper than walking: listpacks */
};
#define DEGREES (180.0 / M_PI)
#define SLACK (1 + 1e-9) /* the test of each place decides; the rectangle must only not be too small */

struct geo_point geo_polygon_center(const struct geo_point *vertices, size_t count)
{
    double x = 0, y = 0, z = 0;
    for (size_t i = 0; i < count; i++) {
        double lon = geo_radians(vertices[i].lon), lat = geo_radians(vertices[i].lat);
        x += cos(lat) * cos(lon);
        y += cos(lat) * sin(lon);
        z += sin(lat);
    }
    double n = (double)count;
    x /= n, y /= n, z /= n;
    return (struct geo_point){atan2(y, x) * DEGREES, atan2(z, sqrt(x * x + y * y)) * DEGREES};
}

/* --- the bounding rectangle --- */

struct bounds { /* degrees; longitudes may lie beyond the date line, latitudes beyond the poles */
    double west, east, south, north;
};

/* Half of the longitudes that a circle with this angular radius covers; 180 where it contains a pole. */
static double circle_half_width(double lat, double radius)
{
    if (fabs(lat) + radius >= M_PI / 2) return 180;
    double s = sin(radius) / cos(lat);
    return s >= 1 ? 180 : asin(s) * DEGREES;
}

static double box_half_width(double width, double lat_far)
{
    double quarter = width / 4 / GEO_EARTH_RADIUS_M * SLACK;
    if (quarter >= M_PI / 2) return 180;
    double s = sin(quarter) / cos(lat_far);
    return s >= 1 ? 180 : 2 * asin(s) * DEGREES;
}

static struct bounds polygon_bounds(const struct geo_query *q)
{
    struct bounds b = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < q->vertex_count; i++) {
        b.west = fmin(b.west, q->vertices[i].lon);
        b.east = fmax(b.east, q->vertices[i].lon);
        b.south = fmin(b.south, q->vertices[i].lat);
        b.north = fmax(b.north, q->vertices[i].lat);
    }
    return b;
}

static struct bounds query_bounds(const struct geo_query *q)
{
    if (q->shape == GEO_POLYGON) return polygon_bounds(q);
    double lat = geo_radians(q->center.lat);
    double up = (q->shape == GEO_CIRCLE ? q->radius_m : q->height_m / 2) / GEO_EARTH_RADIUS_M * SLACK;
    double half = q->shape == GEO_CIRCLE ? circle_half_width(lat, up)
                                         : box_half_width(q->width_m, fmin(fabs(lat) + up, geo_radians(GEO_LAT_MAX)));
    return (struct bounds){q->center.lon - half, q->center.lon + half, q->center.lat - up * DEGREES,
                           q->center.lat + up * DEGREES};
}

/* --- spans --- */

static uint32_t one_less(uint32_t v)
{
    return v > 0 ? v - 1 : 0;
}

static uint32_t one_more(uint32_t v)
{
    return v < 1u << GEO_AXIS_BITS ? v + 1 : v;
}

/* Adds a rectangle, a cell wider on all sides. The walk of the one with the centre begins with the square of cells
 * around it. */
static void add_rect(struct geo_search *s, struct bounds b)
{
    uint32_t x_low = one_less(geo_axis_cut(b.west, GEO_LON_MAX)), x_high = one_more(geo_axis_cut(b.east, GEO_LON_MAX));
    uint32_t y_low = one_less(geo_axis_cut(b.south, GEO_LAT_MAX));
    uint32_t y_high = one_more(geo_axis_cut(b.north, GEO_LAT_MAX));
    struct geo_rect rect = geo_rect_of(x_low, x_high, y_low, y_high);
    uint32_t size = (y_high - y_low) / 2;
    uint64_t square = 4ull << 2 * (31 - __builtin_clz(size | 1)); /* cells in it */
    struct geo_point c = s->query->center;
    uint64_t center = geo_rect_of(geo_axis_cut(c.lon, GEO_LON_MAX), 0, geo_axis_cut(c.lat, GEO_LAT_MAX), 0).low;
    uint64_t start = center & ~(square - 1);
    bool cuts = geo_rect_has(rect, center) && start > rect.low;
    s->spans[s->span_count++] = (struct geo_span){rect, cuts ? start : rect.low, rect.high};
    if (cuts) s->spans[s->span_count++] = (struct geo_span){rect, rect.low, start - 1};
}

/* What reaches the date line goes on behind it. */
static void add_bounds(struct geo_search *s, struct bounds b)
{
    const double rim = 1e-4; /* degrees; more than the cells that add_rect adds */
    if (b.south > GEO_LAT_MAX || b.north < -GEO_LAT_MAX) return;
    struct bounds over = b;
    bool crosses = false;
    if (b.east - b.west >= GEO_LON_MAX * 2 - rim) {
        b.west = -GEO_LON_MAX, b.east = GEO_LON_MAX;
    } else if (b.west <= -GEO_LON_MAX) {
        over.west = b.west + 2 * GEO_LON_MAX, over.east = GEO_LON_MAX;
        crosses = true;
    } else if (b.east >= GEO_LON_MAX) {
        over.west = -GEO_LON_MAX, over.east = b.east - 2 * GEO_LON_MAX;
        crosses = true;
    }
    add_rect(s, b);
    if (crosses) add_rect(s, over);
}

void geo_search_init(struct geo_search *s, const struct record *r, const struct geo_query *query)
{
    double lat = geo_radians(query->center.lat);
    s->query = query;
    s->r = r;
    s->lon = geo_radians(query->center.lon);
    s->lat = lat;
    s->cos_lat = cos(lat);
    s->span = s->span_count = 0;
    s->walking = false;
    s->patience = zset_len(r) <= SMALL_SET_LEN ? SMALL_SET_LEN : PATIENCE;
    s->skip_to = 0;
    add_bounds(s, query_bounds(query));
}

/* --- the exact test --- */

/* As geo_distance from the centre, with the centre's part computed once. */
static double distance(const struct geo_search *s, struct geo_point p)
{
    double lat = geo_radians(p.lat), v = sin((geo_radians(p.lon) - s->lon) / 2);
    if (v == 0.0) return GEO_EARTH_RADIUS_M * fabs(lat - s->lat);
    double u = sin((lat - s->lat) / 2);
    return 2.0 * GEO_EARTH_RADIUS_M * asin(sqrt(u * u + s->cos_lat * cos(lat) * v * v));
}

static bool in_box(const struct geo_search *s, struct geo_point p)
{
    const struct geo_query *q = s->query;
    double lat_distance = GEO_EARTH_RADIUS_M * fabs(geo_radians(p.lat) - s->lat);
    return lat_distance <= q->height_m / 2 &&
           geo_distance(p, (struct geo_point){q->center.lon, p.lat}) <= q->width_m / 2;
}

/* Whether a ray to the east crosses the border an odd number of times. */
static bool in_polygon(const struct geo_query *q, struct geo_point p)
{
    bool inside = false;
    const struct geo_point *a = &q->vertices[q->vertex_count - 1];
    for (const struct geo_point *b = q->vertices; b < q->vertices + q->vertex_count; a = b++)
        if ((b->lat > p.lat) != (a->lat > p.lat) &&
            p.lon < (a->lon - b->lon) * (p.lat - b->lat) / (a->lat - b->lat) + b->lon)
            inside = !inside;
    return inside;
}

static bool is_hit(const struct geo_search *s, uint64_t cell, struct geo_hit *hit)
{
    const struct geo_query *q = s->query;
    hit->at = geohash_decode(cell);
    if (q->shape == GEO_BOX && !in_box(s, hit->at)) return false;
    if (q->shape == GEO_POLYGON && !in_polygon(q, hit->at)) return false;
    hit->distance_m = distance(s, hit->at);
    return q->shape != GEO_CIRCLE || hit->distance_m <= q->radius_m;
}

/* --- the walk --- */

static void seek(struct geo_search *s, double score)
{
    struct scoretree_bound bound = scoretree_by_score(score, false);
    zset_seek(s->r, &bound, &s->place);
    s->patience_left = s->patience;
}

/* Elements below skip_to are known to be outside of the rectangle. */
static void pass_over(struct geo_search *s)
{
    if (--s->patience_left == 0) seek(s, s->skip_to);
}

/* The rest of the current span. */
static bool span_next(struct geo_search *s, struct geo_hit *out)
{
    const struct geo_span *span = &s->spans[s->span];
    struct zset_item item;
    while (zset_next(&s->place, &item)) {
        if (item.score < s->skip_to) {
            pass_over(s);
            continue;
        }
        if (item.score >= 0x1p55) return false; /* no place */
        uint64_t cell = (uint64_t)item.score;
        if (cell > span->to) return false;
        if (!geo_rect_has(span->rect, cell)) {
            uint64_t next;
            if (!geo_rect_next(span->rect, cell, &next) || next > span->to) return false;
            s->skip_to = (double)next;
            s->patience_left = s->patience;
        } else if (is_hit(s, cell, out)) {
            out->member = item.member;
            out->score = item.score;
            return true;
        }
    }
    return false;
}

bool geo_search_next(struct geo_search *s, struct geo_hit *out)
{
    for (; s->span < s->span_count; s->span++) {
        if (!s->walking) {
            s->skip_to = (double)s->spans[s->span].from;
            seek(s, s->skip_to);
            s->walking = true;
        }
        if (span_next(s, out)) return true;
        s->walking = false;
    }
    return false;
}
