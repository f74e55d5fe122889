/* Finding the places of a sorted set that lie in a shape. The search walks the scores that the shape's bounding
 * rectangle can have, jumps over what lies outside of it, and looks at each place that is left: O(log n) for each jump,
 * no allocation. The members come without a useful order, except that those around the centre come early. */
#ifndef CAIRN_VALUE_GEO_SEARCH_H
#define CAIRN_VALUE_GEO_SEARCH_H

#include "value/geohash.h"
#include "value/zset.h"

enum geo_shape { GEO_CIRCLE, GEO_BOX, GEO_POLYGON };
enum { GEO_VERTICES_MIN = 3 };

struct geo_query {
    enum geo_shape shape;
    struct geo_point center;          /* distances are taken from here; valid */
    double radius_m;                  /* circle; >= 0, may be infinite, as the next two */
    double width_m, height_m;         /* box: along the parallel of each place, and along the meridian */
    const struct geo_point *vertices; /* polygon on the flat map of degrees, borrowed; crossed areas count as outside */
    size_t vertex_count;
};
/* The point below the mean of the vertices in space: what distances of a polygon search are taken from. */
struct geo_point geo_polygon_center(const struct geo_point *vertices, size_t count);

struct geo_hit {
    struct slice member; /* view, as zset_next gives it */
    double score, distance_m;
    struct geo_point at;
};

struct geo_span { /* the cells from..to of a rectangle */
    struct geo_rect rect;
    uint64_t from, to;
};
struct geo_search { /* private */
    const struct geo_query *query;
    const struct record *r;
    double lon, lat, cos_lat; /* of the centre, radians */
    struct geo_span spans[4];
    int span, span_count;
    bool walking;
    unsigned patience, patience_left; /* elements to pass one by one before the tree is searched again */
    double skip_to;
    struct zset_place place;
};
void geo_search_init(struct geo_search *s, const struct record *r, const struct geo_query *query);
bool geo_search_next(struct geo_search *s, struct geo_hit *out); /* false: no more */
static inline bool geo_search_keeps_member(const struct geo_search *s, struct slice member)
{
    return member.ptr != s->place.scratch; /* else the next call overwrites its text */
}

#endif
