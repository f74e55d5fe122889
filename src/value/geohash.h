/* Places on the earth as scores of a sorted set. A longitude and a latitude become 26 bits each, cut into equal parts
 * of -180..180 and of -85.05112878..85.05112878 degrees, and are interleaved with the longitude's bits uppermost: 52
 * bits, which a double holds exactly, so that places near each other mostly have scores near each other.
 *
 * The upper borders themselves are one beyond the last cell, and so take a 27th bit: 54 bits are "cells" below. */
#ifndef CAIRN_VALUE_GEOHASH_H
#define CAIRN_VALUE_GEOHASH_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_LON_MAX 180.0
#define GEO_LAT_MAX 85.05112878
#define GEO_EARTH_RADIUS_M 6372797.560856 /* of the sphere on which distances are taken */

enum { GEOHASH_TEXT_LEN = 11, GEO_AXIS_BITS = 26 };

struct geo_point { /* degrees */
    double lon, lat;
};

bool geo_point_valid(struct geo_point p); /* within the limits; false for NaN */
/* Great-circle distance in metres (haversine). */
double geo_distance(struct geo_point a, struct geo_point b);
double geo_radians(double degrees);

uint64_t geohash_encode(struct geo_point p); /* p is valid */
/* The cell of any score; what no GEOADD made (fractions, negative or huge ones) gives some cell, too. */
uint64_t geohash_of_score(double score);
struct geo_point geohash_decode(uint64_t cell); /* its middle, within the limits */
/* The place as the geohash.org text, whose latitude is cut from -90..90. The last letter, for which there are no bits,
 * is 0. */
void geohash_text(struct geo_point p, char out[GEOHASH_TEXT_LEN]);

/* A rectangle of cells, corners included, as the interleaved numbers of its lowest and its highest corner. */
struct geo_rect {
    uint64_t low, high;
};
/* From cut coordinates, each 0..2^26. */
struct geo_rect geo_rect_of(uint32_t x_low, uint32_t x_high, uint32_t y_low, uint32_t y_high);
bool geo_rect_has(struct geo_rect r, uint64_t cell);
/* The lowest cell of the rectangle that is not below `cell`; false: none. */
bool geo_rect_next(struct geo_rect r, uint64_t cell, uint64_t *out);
/* The cut coordinate of degrees in -max..max; what is outside is moved to the border. */
uint32_t geo_axis_cut(double degrees, double max);

#endif
